"""Results in the formats of others."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from regretta.harness.identity import SuiteError
from regretta.harness.result import RunResult
from regretta.harness.store.files import label_folder
from regretta.harness.store.folder import SuiteResults
from regretta.tabular_data.names import unknown
from regretta.tabular_data.storage import write_atomically

FORMATS = ("nas_benchmarks", "csv")

_PEER_NAMES: Mapping[str, str] = MappingProxyType({"reinforce": "rl"})
_COLUMNS = (
    "table",
    "label",
    "run",
    "time",
    "evaluation",
    "budget",
    "cell",
    "validation_error",
    "mean_validation_error",
    "test_error",
    "regret_validation",
    "regret_test",
)


def export_suite(suite: SuiteResults, folder: Path, form: str = "nas_benchmarks") -> list[Path]:
    """Write a suite's runs in another format and return the files.

    Parameters
    ----------
    suite
        From `load_suite`.
    folder
        Where to write; made if it is not there.
    form
        ``nas_benchmarks``: ``<method>/run_<id>.json`` with the lists ``regret_validation``,
        ``regret_test`` and ``runtime``, the schema of automl/nas_benchmarks; of a suite with
        several tables, each in a folder of its own. ``csv``: one file ``incumbents.csv``, a row an
        incumbent.

    Raises
    ------
    SuiteError
        If the format is unknown, the suite has no run, or the folder cannot be written.
    """
    if form not in FORMATS:
        raise SuiteError(unknown("export format", form, FORMATS))
    runs = [r for table in suite.tables for label in suite.labels for r in suite.runs[table][label]]
    if not runs:
        raise SuiteError(f"{suite.folder} has no finished run to export; run the suite first")
    try:
        if form == "csv":
            path = folder / "incumbents.csv"
            write_atomically(path, _csv(runs))
            return [path]
        written = []
        for result in runs:
            root = folder / result.table if len(suite.tables) > 1 else folder
            path = (
                root
                / label_folder(_PEER_NAMES.get(result.label, result.label))
                / f"run_{result.number}.json"
            )
            write_atomically(path, json.dumps(nas_benchmarks_lists(result)).encode())
            written.append(path)
    except OSError as error:
        raise SuiteError(
            f"cannot write to {folder}: {error.strerror or error}; choose another --out"
        ) from error
    return written


def nas_benchmarks_lists(result: RunResult) -> dict[str, Any]:
    """The run in the schema of automl/nas_benchmarks.

    One entry an incumbent, and one when the last evaluation finished: between them the peers' lists
    repeat themselves. ``regret_validation`` is that of the observed error, which a lucky repeat
    makes negative; ``regret_test`` is None where the table has no test accuracy.
    """
    runtime = result.trajectory.time.tolist()
    validation = result.regret("observed").tolist()
    test = result.regret("test").tolist() if result.has_test else None
    if runtime and runtime[-1] < result.elapsed:
        runtime.append(result.elapsed)
        for values in filter(None, (validation, test)):
            values.append(values[-1])
    return {"regret_validation": validation, "regret_test": test, "runtime": runtime}


def _csv(runs: list[RunResult]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for result in runs:
        steps = result.trajectory
        empty = [""] * len(steps)
        test = empty if steps.test_error is None else steps.test_error.tolist()
        regret_test = result.regret("test").tolist() if result.has_test else empty
        writer.writerows(
            (result.table, result.label, result.number, *row)
            for row in zip(
                steps.time.tolist(),
                steps.evaluation.tolist(),
                steps.budget.tolist(),
                empty if steps.cell is None else steps.cell.tolist(),
                steps.validation_error.tolist(),
                steps.mean_validation_error.tolist(),
                test,
                result.regret("observed").tolist(),
                regret_test,
                strict=True,
            )
        )
    return text.getvalue().encode()
