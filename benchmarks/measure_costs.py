"""Measures what `regretta.harness.launch` knows: processor time of one run of every optimizer.

``python benchmarks/measure_costs.py TABLE [OPTIMIZER …]`` runs each optimizer with its defaults on
NAS-Bench-101 (the folder TABLE) to 3, 10, 30 and 100 % of 10⁷ simulated seconds, and writes its
line of ``harness/costs.json``. With ``--check`` nothing is written: a run of another seed is
compared with what would have been said before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from regretta.experiments.pages.machine import machine
from regretta.harness.executors.worker import one_thread
from regretta.harness.launch import expected_costs, mean_seconds, unit_seconds
from regretta.harness.planning import plan
from regretta.harness.run import run
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.suite import Suite, Task
from regretta.optimizers.registry import BUILT_IN

COSTS = Path(__file__).parents[1] / "harness" / "costs.json"
PARTS = (0.03, 0.1, 0.3, 1.0)
LIMIT = 1e7
LEAST_SECONDS = 0.5


def suite(table: str, optimizer: str, seed: int) -> Suite:
    """One run of the paper's comparison."""
    return plan(
        SuiteSpec(
            "costs",
            (str(Path(table).resolve()),),
            (OptimizerEntry(optimizer),),
            protocol="nb101-paper",
            encoding="A",
            time_limit=LIMIT,
            runs=1,
            seed=seed,
        )
    )


def timed(planned: Suite, part: float) -> tuple[int, float]:
    """Proposals and processor seconds of a run to a part of the limit; of short ones, means."""
    ((name, _),) = planned.tables.items()
    ((label, _),) = planned.methods.items()
    proposals, number = 0, 0
    start = time.process_time()
    while number == 0 or time.process_time() - start < LEAST_SECONDS:
        todo = replace(planned.run_of(Task(name, label, number)), time_limit=part * LIMIT)
        proposals += run(todo).proposals
        number += 1
    return round(proposals / number), (time.process_time() - start) / number


def measure(table: str, optimizer: str) -> None:
    """Write the line of one optimizer."""
    planned = suite(table, optimizer, 0)
    ((_, about),) = planned.tables.items()
    with one_thread():
        timed(planned, 0.002)
        proposals, units = [], []
        for part in PARTS:
            before = unit_seconds()
            count, seconds = timed(planned, part)
            unit = (before + unit_seconds()) / 2
            proposals.append(count)
            units.append(round(seconds / unit, 2))
            print(f"{optimizer}: {count} proposals, {seconds:.2f} s, unit {unit:.5f} s", flush=True)
    assert about.search_table.name
    evaluations = LIMIT / mean_seconds(about.search_table, planned.protocol)  # type: ignore[arg-type]
    costs = json.loads(COSTS.read_text()) if COSTS.exists() else {"optimizers": {}}
    costs["machine"] = machine()
    costs["optimizers"][optimizer] = {
        "proposals_an_evaluation": round(proposals[-1] / evaluations, 4),
        "proposals": proposals,
        "units": units,
    }
    COSTS.write_text(json.dumps(costs, indent=1) + "\n")


def check(table: str, optimizer: str) -> None:
    """Compare what is expected of a run with what it takes."""
    planned = suite(table, optimizer, 1)
    ((name, _),) = planned.tables.items()
    with one_thread():
        timed(planned, 0.002)
        (cost,) = expected_costs(planned, {(name, optimizer): 1})
        _, seconds = timed(planned, 1.0)
    assert cost.seconds is not None
    print(
        f"{optimizer}: {cost.seconds:.2f} s expected, {seconds:.2f} s taken, factor"
        f" {seconds / cost.seconds:.2f}",
        flush=True,
    )


def main() -> None:
    """Measure or check each optimizer in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("optimizers", nargs="*")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    names = given.optimizers or [name for name in BUILT_IN if name != "smac_stock"]
    if len(names) == 1:
        (check if given.check else measure)(given.table, names[0])
        return
    more = ["--check"] if given.check else []
    for name in names:
        subprocess.run([sys.executable, __file__, given.table, name, *more], check=True)


if __name__ == "__main__":
    main()
