"""The original tables of NAS-Bench-201: the ``.pth`` files v1_0 and v1_1, read without PyTorch.

Dong and Yang, ICLR 2020 (D-X-Y/NAS-Bench-201). ``torch.save`` writes either pickles one after
another (a magic number, a version, system information, then the object) or, since 1.6, a ZIP
archive whose ``data.pkl`` is the object. Tensors lie outside of the object and are never read: no
value of the table is one.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from regretta.tabular_data.sources.base import FileFormat, Progress, SourceError
from regretta.tabular_data.sources.nasbench201.runs import Runs
from regretta.tabular_data.sources.nasbench201.stream import Told, read_stream, read_to_end
from regretta.tabular_data.sources.pickles import STAND_INS, StandIns
from regretta.tabular_data.table import Table

SCHEDULES = ("full", "less")
_LEGACY_HEADER = 3
"""Pickles before the object in the format without an archive."""


def _nothing(*_: Any) -> None:
    """Stands in for a tensor."""


_TENSORS: StandIns = {
    **STAND_INS,
    ("torch._utils", "_rebuild_tensor"): _nothing,
    ("torch._utils", "_rebuild_tensor_v2"): _nothing,
    **{
        ("torch", f"{kind}Storage"): _nothing
        for kind in ("Float", "Double", "Half", "Long", "Int", "Byte", "Bool")
    },
}


def import_table(
    source: str | Path,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    dataset: str = "cifar10",
    partial: bool = False,
    mid_schedule: bool = False,
) -> Table:
    """The table of one data set of ``NAS-Bench-201-v1_0-e61699.pth`` or
    ``NAS-Bench-201-v1_1-096897.pth``.

    Parameters
    ----------
    source
        The file.
    name
        The table's name; ``nasbench201-`` and the data set where None.
    progress
        Told the bytes read and their number.
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
        If the file is missing, damaged, asks for code to run, lacks architectures or has a value
        out of range.
    """
    source = Path(source)
    runs = Runs(dataset, str(source), mid_schedule)
    try:
        _read(source, runs, progress)
    except OSError as error:
        raise SourceError(f"cannot read {source}: {error.strerror or error}") from None
    return runs.table(
        name or f"nasbench201-{dataset}",
        f"NAS-Bench-201 (Dong and Yang, ICLR 2020), {dataset}, from {source.name}",
        "MIT",
        "nasbench201",
        partial,
    )


FORMAT = FileFormat(
    "nasbench201",
    "NAS-Bench-201-v1_0-e61699.pth or NAS-Bench-201-v1_1-096897.pth",
    import_table,
)


def _read(source: Path, runs: Runs, progress: Progress | None) -> None:
    where = str(source)
    with source.open("rb") as file:
        archive = file.read(4) == b"PK\3\4"
        file.seek(0)
        size = source.stat().st_size
        if not archive:
            told = Told(file, lambda: progress(file.tell(), size) if progress is not None else None)
            read_stream(told, where, runs, SCHEDULES, _TENSORS, before=_LEGACY_HEADER)
            return
        try:
            with zipfile.ZipFile(file) as entries:
                (entry,) = [name for name in entries.namelist() if name.endswith("/data.pkl")]
                with entries.open(entry) as data:
                    size = entries.getinfo(entry).file_size
                    told = Told(
                        data, lambda: progress(data.tell(), size) if progress is not None else None
                    )
                    read_stream(told, where, runs, SCHEDULES, _TENSORS)
                    read_to_end(data, where)
        except SourceError:
            raise
        except (
            zipfile.BadZipFile,
            ValueError,
            NotImplementedError,
            RuntimeError,
            KeyError,
        ) as error:
            raise SourceError(f"{where} is no whole archive of torch.save ({error})") from None
