"""What it takes that nothing which happens to a table's files changes a result.

``python benchmarks/bench_table_files.py [--vertices 7]``: opening, verifying and keeping in memory
what runs look up, the look at the files after each run, and a run to compare it with. Processor
seconds; the table is made up.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from bench_campaign import made_up_table, suite

from regretta.experiments.pages.machine import machine
from regretta.harness.executors.worker import do_run
from regretta.harness.planning import plan
from regretta.tabular_data.table import Table


def seconds(function: Callable[[], object], times: int) -> float:
    """Processor seconds of a call: the least mean of five series."""
    means = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            function()
        means.append((time.process_time() - start) / times)
    return min(means)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vertices", type=int, default=7)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        path = made_up_table(Path(folder), options.vertices)
        print(f"opening: {seconds(lambda: Table.open(path), 20) * 1e3:.2f} ms")
        print(f"opening and verifying: {seconds(lambda: Table.open(path).verify(), 1):.2f} s")
        planned = plan(suite(path, runs=1000))
        before = psutil.Process().memory_full_info().uss
        table = Table.open(path)
        table.verify()
        kept = psutil.Process().memory_full_info().uss - before
        print(f"kept in memory: {kept / 1e6:.0f} MB of {table.nbytes / 1e6:.0f} MB")
        print(f"a look at the files: {seconds(table.check_unchanged, 2000) * 1e6:.1f} µs")
        tasks = iter(planned.tasks())
        done: set[str] = set()
        do_run(planned, next(tasks), done)
        print(f"a run: {seconds(lambda: do_run(planned, next(tasks), done), 20) * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
