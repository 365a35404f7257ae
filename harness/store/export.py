"""Results in the formats of others.

A column or key has one meaning, whatever the format: `COLUMNS` says which.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from regretta.harness.identity import SuiteError
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.tabular_data.names import file_name, unknown
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.spaces import Space, SpaceError, get_space
from regretta.tabular_data.storage import folder_below, write_atomically
from regretta.tabular_data.text import spreadsheet_cell

FORMATS = ("nas_benchmarks", "csv")

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "table": "table that incumbents are judged on",
        "label": "label of the method",
        "optimizer": "name of its optimizer",
        "settings": "all settings of the optimizer, as JSON",
        "protocol": "name of the protocol",
        "seed": "seed of the suite",
        "run": "number of the run, from 0",
        "time_limit": "simulated seconds that the search had",
        "elapsed": "simulated seconds when its last evaluation finished",
        "ended_early": "whether the optimizer had nothing more to propose before the limit",
        "time": "simulated seconds at which the incumbent became it",
        "evaluation": "valid evaluations finished by then",
        "budget": "budget at which the incumbent was observed",
        "cell": "row of the incumbent's cell in the table",
        "architecture": "the cell, as the field writes it",
        "configuration": "the configuration that was proposed, as JSON",
        "validation_error": "validation error that the search observed",
        "mean_validation_error": "mean validation error, which no search sees",
        "test_error": "test error as the protocol reports it",
        "regret_observed": "validation_error less the lowest mean validation error of any cell",
        "regret_validation": "mean_validation_error less the lowest of any cell",
        "regret_test": "test_error less the lowest of any cell",
    }
)
"""Columns of ``incumbents.csv``, and what each means, here and in any other format."""

_PEER_NAMES: Mapping[str, str] = MappingProxyType({"reinforce": "rl"})


def export_suite(
    suite: SuiteResults, folder: str | Path, form: str = "nas_benchmarks"
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
        more keys; of a suite with several tables, each in a folder of its own. ``csv``: one file
        ``incumbents.csv``, a row an incumbent, with the columns of `COLUMNS`; a run without an
        evaluation and a method without a run have a row too, which ends where there is nothing to
        say.

    Raises
    ------
    SuiteError
        If the format is unknown, the suite has no run, or the folder cannot be written.
    """
    folder = Path(folder)
    if form not in FORMATS:
        raise SuiteError(unknown("export format", form, FORMATS))
    if not any(suite.runs[table][label] for table in suite.tables for label in suite.labels):
        raise SuiteError(f"{suite.folder} has no finished run to export; run the suite first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clear_leftovers(folder)
        if form == "csv":
            path = folder / "incumbents.csv"
            write_atomically(path, _csv(suite))
            return [path]
        written = []
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
        "regret_validation": _numbers(result.regret("validation")),
        "regret_observed": _numbers(result.regret("observed")),
        "regret_test": _numbers(result.regret("test")) if result.has_test else None,
    }
    if runtime and runtime[-1] < result.elapsed:
        runtime.append(result.elapsed)
        for values in lists.values():
            if values is not None:
                values.append(values[-1])
    about = {
        key: getattr(result, key)
        for key in ("table", "label", "optimizer", "seed", "time_limit", "elapsed", "ended_early")
    }
    return {
        **lists,
        "runtime": runtime,
        **about,
        "run": result.number,
        "settings": dict(result.settings),
        "protocol": result.protocol["name"],
    }


def _numbers(values: Any) -> list[float | None]:
    return [value if value == value else None for value in values.tolist()]  # NaN is no number


def _csv(suite: SuiteResults) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for table in suite.tables:
        space = _space(suite.identity.tables[table].space_spec)
        for label in suite.labels:
            method = suite.identity.methods[label]
            about = {
                "table": table,
                "label": label,
                "optimizer": method.optimizer,
                "settings": json.dumps(dict(method.settings)),
                "protocol": suite.identity.protocol.name,
                "seed": suite.identity.seed,
                "time_limit": suite.identity.tables[table].time_limit,
            }
            runs = suite.runs[table][label]
            for row in (r for run in runs for r in _rows(run, space)) if runs else [{}]:
                cells = {**about, **row}
                writer.writerow({key: spreadsheet_cell(cell) for key, cell in cells.items()})
    return text.getvalue().encode()


def _space(spec: str | Mapping[str, Any]) -> Space | None:
    try:
        return get_space(spec)
    except SpaceError:  # that of a benchmark of the user's own
        return None


def _rows(result: RunResult, space: Space | None) -> Iterator[dict[str, Any]]:
    """A row an incumbent; one for a run without any."""
    about = {"run": result.number, "elapsed": result.elapsed, "ended_early": result.ended_early}
    steps = result.trajectory
    n = len(steps)
    columns: dict[str, Sequence[Any]] = {
        "time": steps.time.tolist(),
        "evaluation": steps.evaluation.tolist(),
        "budget": _numbers(steps.budget),
        "cell": [None] * n if steps.cell is None else steps.cell.tolist(),
        "architecture": [None] * n,
        "configuration": [json.dumps(entries.tolist()) for entries in steps.configuration],
        "validation_error": _numbers(steps.validation_error),
        "mean_validation_error": _numbers(steps.mean_validation_error),
        "test_error": [None] * n if steps.test_error is None else _numbers(steps.test_error),
        "regret_observed": _numbers(result.regret("observed")),
        "regret_validation": _numbers(result.regret("validation")),
        "regret_test": _numbers(result.regret("test")) if result.has_test else [None] * n,
    }
    if space is not None:
        columns["configuration"] = [json.dumps(space.to_values(c)) for c in steps.configuration]
        if steps.cell is not None:
            columns["architecture"] = [space.describe(row) for row in steps.cell.tolist()]
    for i in range(n):
        yield {**about, **{key: values[i] for key, values in columns.items()}}
    if not n:
        yield about
