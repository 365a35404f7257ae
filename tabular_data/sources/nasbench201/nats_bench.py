"""The topology tables of NATS-Bench: the ``-simple`` folder and the single ``.pickle.pbz2``.

Dong et al., "NATS-Bench", TPAMI 2021. The folder has ``meta.pickle.pbz2`` (the strings of all
15,625 architectures) and one ``NNNNNN.pickle.pbz2`` an architecture; the single file has all of it
in one pickle. Both are read in pieces by a reader that runs nothing.
"""

from __future__ import annotations

import bz2
import re
from pathlib import Path
from typing import Any

from regretta.tabular_data.sources.base import FileFormat, Progress, SourceError, open_source
from regretta.tabular_data.sources.nasbench201.runs import Runs
from regretta.tabular_data.sources.nasbench201.stream import Unpacked, read_all, table_of
from regretta.tabular_data.sources.pickles import read_pickle
from regretta.tabular_data.table import Table

SCHEDULES = ("12", "200")
_BZIP2 = b"BZh"
_KIND = "file of NATS-Bench, .pickle.pbz2"


def import_table(
    source: str | Path,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    dataset: str = "cifar10",
    partial: bool = False,
    mid_schedule: bool = False,
) -> Table:
    """The table of one data set, with the budgets 12 and 200 epochs.

    These are two schedules, each annealed to its own end, not two points of one training.

    Parameters
    ----------
    source
        The folder or the file.
    name
        The table's name; ``nats-`` and the data set where None.
    progress
        Told the architectures read and their number (folder), or the bytes read and the size of the
        file.
    dataset
        ``cifar10``, ``cifar100`` or ``imagenet16-120``.
    partial
        Allow missing architectures; a search meets them as invalid.
    mid_schedule
        Have budgets of 1 and 4 epochs too: where the 12-epoch runs stood then, as NATS-Bench's own
        comparison asks for.

    Raises
    ------
    SourceError
        If something is missing, damaged, asks for code to run, or has a value out of range.
    """
    return table_of(
        _read,
        source,
        "NATS-Bench topology (Dong et al., TPAMI 2021)",
        "nats-bench",
        name or f"nats-{dataset}",
        progress,
        dataset=dataset,
        partial=partial,
        mid_schedule=mid_schedule,
    )


FORMAT = FileFormat(
    "nats-bench",
    "NATS-tss-v1_0-3ffb9-simple, the folder, or NATS-tss-v1_0-3ffb9.pickle.pbz2",
    import_table,
    lambda head: head.startswith(_BZIP2),
)


def _read(source: Path, runs: Runs, progress: Progress | None, partial: bool) -> None:
    if source.is_dir():
        _read_folder(source, runs, progress, partial)
    else:
        _read_single(source, runs, progress)


def _read_folder(folder: Path, runs: Runs, progress: Progress | None, partial: bool) -> None:
    meta = folder / "meta.pickle.pbz2"
    if not meta.is_file():
        raise SourceError(f"{folder} is no NATS-Bench folder: it has no {meta.name}")
    archs = read_file(meta)
    if not isinstance(archs, dict) or not isinstance(archs.get("meta_archs"), list):
        raise SourceError(f"{meta} has no list of architectures")
    files = sorted(
        file for file in folder.iterdir() if re.fullmatch(r"\d{6}\.pickle\.pbz2", file.name)
    )
    if len(files) < len(archs["meta_archs"]) and not partial:
        raise SourceError(
            f"{folder} has {len(files)} of {len(archs['meta_archs'])} architectures; "
            "pass --partial to import what is there"
        )
    for done, file in enumerate(files, start=1):
        states = read_file(file)
        if not isinstance(states, dict) or set(states) != set(SCHEDULES):
            raise SourceError(
                f"{file} is no architecture of NATS-Bench: it must have the schedules 12 and 200"
            )
        if (index := runs.add(str(file), states.values())) != int(file.name[:6]):
            raise SourceError(f"{file} holds architecture {index}")
        if progress is not None:
            progress(done, len(files))
    runs.check(archs["meta_archs"], str(meta))


def read_file(file: Path) -> Any:
    """The object of one ``.pickle.pbz2``, whole."""
    with open_source(file, _KIND, _BZIP2) as packed, bz2.open(packed) as unpacked:
        return read_pickle(Unpacked(packed, unpacked, str(file)), str(file))


def _read_single(file: Path, runs: Runs, progress: Progress | None) -> None:
    size = file.stat().st_size
    with open_source(file, _KIND, _BZIP2) as packed, bz2.open(packed) as unpacked:
        stream = Unpacked(packed, unpacked, str(file), progress, size)
        read_all(stream, str(file), runs, SCHEDULES)
