"""The command ``regretta table info``, and what is said of a table wherever one is listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from regretta.cli import completion
from regretta.cli.arguments import command, json_option
from regretta.cli.output import print_json, tell

if TYPE_CHECKING:
    from regretta.tabular_data.table import Table


@command("info")
@click.argument("name", metavar="NAME", shell_complete=completion.tables)
@json_option
def info(name: str, as_json: bool) -> int:
    """Show a table's cells, budgets, columns, optimum, what is missing and its provenance.

    NAME is a table's name (see `regretta tables`) or folder. In Python: regretta.open_table.
    """
    from regretta.tabular_data.catalog import find_table
    from regretta.tabular_data.table import Table

    folder = find_table(name)
    table = Table.open(folder)
    about = described(table) | {
        "folder": folder,
        "bytes": table.nbytes,
        "optimum": _optimum(table),
        "missing": _missing(table),
    }
    if as_json:
        print_json(about)
        return 0
    for line in _lines(about):
        tell(line)
    return 0


def described(table: Table) -> dict[str, Any]:
    """What a table is."""
    return {
        "name": table.name,
        "dataset": table.dataset,
        "metric": table.metric.name,
        "higher_is_better": table.metric.higher_is_better,
        "collection": table.collection,
        "space": table.space.name,
        "cells": table.n_cells,
        "budgets": list(table.budgets),
        "budget_unit": table.budget_unit,
        "repeats": table.repeats,
        "columns": list(table.columns),
        "test_accuracy": table.has_test,
        "source": table.provenance.source,
        "licence": table.provenance.licence,
        "reconstruction": table.provenance.reconstruction,
        "notes": list(table.provenance.notes),
        "checksum": table.checksum,
    }


def _optimum(table: Table) -> dict[str, Any]:
    """The best cell by the mean, and the best single repeat, at the largest budget."""
    import numpy as np

    found: dict[str, Any] = {"budget": table.budgets[-1], "validation": None, "test": None}
    for kind, errors in (
        ("validation", table.mean_validation_error),
        ("test", table.mean_test_error),
    ):
        if errors is None or np.isnan(errors[:, -1]).all():
            continue
        row = int(np.nanargmin(errors[:, -1]))
        found[kind] = {"mean": _best(table, kind, row), "single": None}
        column = table.columns.get(f"{kind}_accuracy")
        if column is not None and not np.isnan(column[:, -1]).all():
            row, repeat = divmod(int(np.nanargmax(column[:, -1])), column.shape[2])
            found[kind]["single"] = _best(table, kind, row, repeat)
    return found


def _best(table: Table, kind: str, row: int, repeat: int | None = None) -> dict[str, Any]:
    answer = table.query(row=row, budget=table.budgets[-1], repeat=repeat)
    measured = answer.validation if kind == "validation" else answer.test
    assert measured is not None
    which = {} if repeat is None else {"repeat": repeat}
    value = measured.mean if repeat is None else measured.values[0]
    return {"value": value, "row": row, **which, "architecture": answer.architecture}


def _missing(table: Table) -> list[dict[str, Any]]:
    return [
        {
            "budget": budget,
            "repeats": int((table.repeats - table.available[:, k].astype(int)).sum()),
            "cells": int((table.available[:, k] == 0).sum()),
        }
        for k, budget in enumerate(table.budgets)
    ]


def _lines(about: dict[str, Any]) -> Iterator[str]:
    unit = about["budget_unit"]
    better = "higher" if about["higher_is_better"] else "lower"
    shown = {
        **about,
        "metric": f"{about['metric']}, {better} is better",
        "budgets": ", ".join(f"{budget:.12g}" for budget in about["budgets"]),
        "columns": ", ".join(about["columns"]),
        "test_accuracy": "yes" if about["test_accuracy"] else "no",
    }
    longer = ("notes", "optimum", "missing", "higher_is_better")
    for key, value in shown.items():
        if key not in longer and value not in ("", None):
            yield f"{key}: {value}"
    optimum = about["optimum"]
    yield f"optimum at {optimum['budget']:.12g} {unit}:"
    for kind in ("validation", "test"):
        for how, best in (optimum[kind] or {}).items():
            if best is not None:
                repeat = f", repeat {best['repeat']}" if "repeat" in best else ""
                yield (
                    f"    {how} {kind} {about['metric']}: {best['value']:.6f}, row"
                    f" {best['row']}{repeat} ({best['architecture']})"
                )
    yield "missing:"
    for lack in about["missing"]:
        yield (
            f"    {lack['budget']:.12g} {unit}: {lack['repeats']} repeats, {lack['cells']} cells"
        )
    if about["notes"]:
        yield "notes:"
        yield from (f"    {note}" for note in about["notes"])
