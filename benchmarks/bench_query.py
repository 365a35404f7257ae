"""What it costs to ask a table: one row, string, matrix or hash; encodings of all rows.

    python benchmarks/bench_query.py                       # NAS-Bench-201 and digits101
    python benchmarks/bench_query.py --table nasbench101   # and any other

CPU microseconds a call, the best of nine rounds, because other work on a machine only adds.
"""

from __future__ import annotations

import argparse
import time
import timeit
from collections.abc import Callable

import numpy as np

from regretta.experiments.pages.machine import machine
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table

TARGETS = {"row": 5, "string": 20, "matrix": 20, "nested lists": 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="append", default=[], help="a further table")
    options = parser.parse_args()
    print(machine("numpy", "regretta"))
    print("\n| table | asked for | µs | target |\n|---|---|---|---|")
    for name in ["nb201-cifar10", "digits101", *options.table]:
        questions(open_table(name))
    print("\n| table | encoding of all rows | shape | s |\n|---|---|---|---|")
    for name in ["nb201-cifar10", "digits101", *options.table]:
        table = open_table(name)
        for encoding in ("adjacency", "paths", "vector"):
            start = time.process_time()
            encoded = table.space.encode(np.arange(table.n_cells), encoding)
            print(f"| {name} | {encoding} | {encoded.shape} | {time.process_time() - start:.2f} |")


def questions(table: Table) -> None:
    space, row = table.space, table.n_cells // 3
    report(table, "row", lambda: table.query(row=row))
    report(table, "row, and its mean", lambda: table.query(row=row).validation.mean)
    if isinstance(space, NasBench101):
        cell = space.cell(row)
        lists, operations = cell.matrix.tolist(), ["input", *cell.operations, "output"]
        module_hash = cell.module_hash()
        report(table, "matrix", lambda: table.query((cell.matrix, operations)))
        report(table, "nested lists", lambda: table.query((lists, operations)))
        report(table, "hash", lambda: table.query(module_hash), 50)
    else:
        text = space.describe(row)
        report(table, "string", lambda: table.query(text))
        report(table, "index", lambda: table.query(index=row))
    report(table, "everything (as_dict)", lambda: table.query(row=row).as_dict(), 50)


def report(table: Table, what: str, ask: Callable[[], object], number: int = 2_000) -> None:
    ask()
    rounds = timeit.repeat(ask, timer=time.process_time, number=number, repeat=9)
    best = min(rounds) / number
    print(f"| {table.name} | {what} | {best * 1e6:.1f} | {TARGETS.get(what, '')} |")


if __name__ == "__main__":
    main()
