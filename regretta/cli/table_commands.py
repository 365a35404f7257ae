"""``regretta table …``: import, build, cut, describe and verify tables."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from regretta.tabular_data.catalog import find_table
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.importing import Imported, import_table
from regretta.tabular_data.restriction import cut_table
from regretta.tabular_data.table import Table


def table_import(options: argparse.Namespace) -> int:
    """``regretta table import``: `regretta.import_table`."""
    keywords = {
        key: value
        for key, value in (
            ("dataset", options.dataset),
            ("partial", options.partial or None),
            ("halfway", options.halfway or None),
            ("mid_schedule", options.mid_schedule or None),
        )
        if value is not None
    }
    with tqdm(desc=options.form, unit="B", unit_scale=True, disable=None, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        imported = import_table(options.form, options.source, options.name, progress, **keywords)
    _print_installed(imported)
    return 0


def table_cut(options: argparse.Namespace) -> int:
    """``regretta table cut``: `regretta.cut_table`."""
    _print_installed(cut_table(options.table, options.vertices, options.name))
    return 0


def _print_installed(installed: Imported) -> None:
    print(f"{installed.table.name} in {installed.folder}")
    for note in installed.table.provenance.notes:
        print(f"note: {note}")


def table_build(options: argparse.Namespace) -> int:
    """``regretta table build``: `regretta.tabular_data.measure.build_table`."""
    from regretta.tabular_data.measure import build_table

    try:
        budgets = tuple(int(budget) for budget in options.budgets.split(","))
    except ValueError:
        raise UserError(
            f"budgets are whole numbers of epochs such as 1,3,9,27, got {options.budgets!r}"
        ) from None
    folder = build_table(
        options.space,
        options.data,
        options.out,
        workers=options.workers,
        seed=options.seed,
        budgets=budgets,
        repeats=options.repeats,
        device=options.device,
        licence=options.licence,
        commit=options.commit,
    )
    print(folder)
    return 0


def table_info(options: argparse.Namespace) -> int:
    """``regretta table info``: `regretta.open_table` and its attributes."""
    table = Table.open(find_table(options.name))
    row = described(table) | _statistics(table)
    if options.json:
        print(json.dumps(row, indent=1, ensure_ascii=False))
        return 0
    for key, value in row.items():
        if isinstance(value, list):
            value = (
                ", ".join(str(item) for item in value)
                if key != "notes"
                else "".join(f"\n    {v}" for v in value)
            )
        if isinstance(value, dict):
            value = "".join(f"\n    {name}: {shown}" for name, shown in value.items())
        if value not in ("", None):
            print(f"{key}: {value}")
    return 0


def table_verify(options: argparse.Namespace) -> int:
    """``regretta table verify``: `Table.verify`."""
    table = Table.open(find_table(options.name))
    table.verify()
    print(
        f"{table.name}: {len(table.columns)} columns and all invariants are in order; checksum"
        f" {table.checksum}"
    )
    return 0


def described(table: Table) -> dict[str, Any]:
    """What a table is, as JSON can hold it."""
    return {
        "name": table.name,
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


def _statistics(table: Table) -> dict[str, Any]:
    """The optimum and what is missing."""
    best: dict[str, str] = {}
    for kind, errors in (
        ("validation", table.mean_validation_error),
        ("test", table.mean_test_error),
    ):
        if errors is not None:
            cell = int(np.nanargmin(errors[:, -1]))
            best[f"mean {kind} accuracy"] = (
                f"{1 - errors[cell, -1]:.6f}, cell {cell} ({table.space.describe(cell)})"
            )
        if f"{kind}_accuracy" in table.columns:
            column = table.columns[f"{kind}_accuracy"][:, -1]
            cell, repeat = divmod(int(np.nanargmax(column)), column.shape[1])
            best[f"single {kind} accuracy"] = (
                f"{column[cell, repeat]:.6f}, cell {cell}, repeat {repeat}"
            )
    missing = {
        f"{budget:g} {table.budget_unit}": (
            f"{int((table.repeats - table.available[:, k].astype(int)).sum())} repeats, "
            f"{int((table.available[:, k] == 0).sum())} cells"
        )
        for k, budget in enumerate(table.budgets)
    }
    return {
        "optimum at the largest budget": best,
        "missing": missing,
        "bytes": sum(column.nbytes for column in table.columns.values()),
    }
