"""Results in the formats of others.

A column or key has one meaning, whatever the format: `MEANINGS` of `columns` says which.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from regretta.harness.identity import SuiteError
from regretta.harness.result import RunResult
from regretta.harness.store.columns import EVALUATION_TYPES, FRAMES
from regretta.harness.store.frames import (
    Columns,
    Untraced,
    evaluation_columns,
    numbers,
    refuse_joined,
    suite_columns,
)
from regretta.harness.store.results import SuiteResults
from regretta.tabular_data.names import file_name, unknown
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.storage import atomic_file, folder_below, write_atomically
from regretta.tabular_data.text import spreadsheet_cell

FORMATS = ("nas_benchmarks", "csv", "parquet")

_PEER_NAMES: Mapping[str, str] = MappingProxyType({"reinforce": "rl"})


def export_suite(
    suite: SuiteResults,
    folder: str | Path,
    form: str = "nas_benchmarks",
    untraced: Untraced | None = None,
) -> list[Path]:
    """Write a suite's runs in another format and return the files.

    Parameters
    ----------
    suite
        From `load_suite`.
    folder
        Where to write; made if it is not there.
    form
        ``nas_benchmarks``: ``<method>/run_<id>.json``, the schema of automl/nas_benchmarks with
        more keys; of a suite with several tables, each in a folder of its own. ``csv`` and
        ``parquet``: a file for each of `regretta.harness.store.columns.FRAMES`, such as
        ``trajectory.csv``, with what `SuiteResults.frame` shows; runs without a trace have one line
        each among the evaluations, which ends where there is nothing to say.
    untraced
        Gets what is to be said of these.

    Raises
    ------
    SuiteError
        If the format is unknown or not installed, the suite has no run, or the folder cannot be
        written.
    """
    folder = Path(folder)
    if form not in FORMATS:
        raise SuiteError(unknown("export format", form, FORMATS))
    refuse_joined(suite)
    if not any(suite.runs[table][label] for table in suite.tables for label in suite.labels):
        raise SuiteError(f"{suite.folder} has no finished run to export; run the suite first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clear_leftovers(folder)
        written = []
        if form in _WRITERS:
            for kind in FRAMES:
                path = folder / f"{kind}.{form}"
                with atomic_file(path) as file:
                    if kind == "evaluations":
                        parts = evaluation_columns(suite, untraced or Untraced())
                        _WRITERS[form](parts, file, EVALUATION_TYPES)
                    else:
                        _WRITERS[form](iter([suite_columns(suite, kind)]), file, None)
                written.append(path)
            return written
        names = _method_folders(suite.labels)
        for table in suite.tables:
            root = [file_name(table)] if len(suite.tables) > 1 else []
            for label in suite.labels:
                if not suite.runs[table][label]:
                    continue
                place = folder_below(folder, *root, names[label])
                clear_leftovers(place)
                for result in suite.runs[table][label]:
                    path = place / f"run_{result.number}.json"
                    lists = nas_benchmarks_lists(result)
                    write_atomically(path, json.dumps(lists, allow_nan=False).encode())
                    written.append(path)
    except OSError as error:
        raise SuiteError(
            f"cannot write to {folder}: {error.strerror or error}; choose another --out"
        ) from error
    return written


def _method_folders(labels: Sequence[str]) -> dict[str, str]:
    """Label → folder: the peers' name for it where they have one and no other label is it."""
    taken = {label.casefold() for label in labels}
    return {
        label: file_name(
            label if _PEER_NAMES.get(label, label) in taken else _PEER_NAMES.get(label, label)
        )
        for label in labels
    }


def nas_benchmarks_lists(result: RunResult) -> dict[str, Any]:
    """The run in the schema of automl/nas_benchmarks, with more keys.

    One entry an incumbent, and one when the last evaluation finished: between them the peers' lists
    repeat themselves. What their own code calls ``regret_validation`` is `regret_observed` here,
    the regret of the error that the search saw, which a lucky repeat makes negative. Test regret is
    None where there is no test accuracy, an observed one where the search recommended what it had
    not evaluated.
    """
    runtime = result.trajectory.time.tolist()
    lists = {
        "regret_validation": numbers(result.regret("validation")),
        "regret_observed": numbers(result.regret("observed")),
        "regret_test": numbers(result.regret("test")) if result.has_test else None,
    }
    if runtime and runtime[-1] < result.elapsed:
        runtime.append(result.elapsed)
        for values in lists.values():
            if values is not None:
                values.append(values[-1])
    about = {
        key: getattr(result, key)
        for key in (
            "table",
            "label",
            "optimizer",
            "seed",
            "time_limit",
            "evaluation_limit",
            "elapsed",
            "ended_early",
        )
    }
    return {
        **lists,
        "runtime": runtime,
        **about,
        "run": result.number,
        "settings": dict(result.settings),
        "protocol": result.protocol["name"],
    }


def _csv(parts: Iterator[Columns], file: BinaryIO, types: Mapping[str, type] | None) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    for number, columns in enumerate(parts):
        if not number:
            writer.writerow(columns)
        for line in zip(*columns.values(), strict=True):
            writer.writerow(map(spreadsheet_cell, line))
    text.flush()
    text.detach()


def _parquet(parts: Iterator[Columns], file: BinaryIO, types: Mapping[str, type] | None) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise SuiteError(
            "Parquet needs pyarrow, which is not installed: pip install 'regretta[parquet]', or"
            " choose --format csv"
        ) from None
    kinds = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    schema = pyarrow.schema([(key, kinds[kind]) for key, kind in types.items()]) if types else None
    first = pyarrow.table(next(parts), schema=schema)
    with pyarrow.parquet.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for columns in parts:
            writer.write_table(pyarrow.table(columns, schema=schema))


_Writer = Callable[[Iterator[Columns], BinaryIO, Mapping[str, type] | None], None]
_WRITERS: Mapping[str, _Writer] = MappingProxyType({"csv": _csv, "parquet": _parquet})
