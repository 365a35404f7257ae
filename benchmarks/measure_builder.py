"""Speed of `regretta table build`: cells per core-hour, and where the CPU time of a cell goes.

    python benchmarks/measure_builder.py [--cells 24] [--seed 0]

Cells of digits101 are drawn at random and measured as a build measures them (all budgets and
repeats, one thread, without writing). CPU time is counted, so that a busy machine hardly shows in
it.
"""

from __future__ import annotations

import argparse
import platform
import time

import numpy as np

from regretta.tabular_data.measure import load, make_plan, measure_cell
from regretta.tabular_data.measure.processor import processor_kind
from regretta.tabular_data.spaces import NasBench101


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    space = NasBench101(5)
    plan = make_plan(space, load("digits"), seed=101, device="cpu")
    rows = np.random.default_rng(options.seed).choice(space.n_cells, options.cells, replace=False)
    fingerprint = plan.fingerprint()
    measure_cell(plan, 0, fingerprint)  # what PyTorch does once a process is not the builder's

    start, wall = time.process_time(), time.perf_counter()
    records = [measure_cell(plan, int(row), fingerprint) for row in rows]
    cpu, passed = time.process_time() - start, time.perf_counter() - wall
    failed = [record for record in records if record.failure]
    if failed:
        raise SystemExit(f"row {failed[0].row} failed: {failed[0].failure}")
    training = sum(run.seconds for record in records for run in record.runs)
    evaluation = sum(run.evaluation_seconds for record in records for run in record.runs)
    times = np.array([record.cpu_seconds for record in records])
    epochs = plan.repeats * sum(plan.budgets)
    steps = epochs * (len(plan.data.train) // plan.recipe.batch) * len(rows)

    settings = plan.settings()
    print(f"machine            {processor_kind()}")
    print(
        f"versions           Python {platform.python_version()}, torch {settings['torch']}, numpy"
        f" {settings['numpy']}"
    )
    print(
        f"cells              {len(rows)} of {space.n_cells}: {len(plan.budgets)} budgets x"
        f" {plan.repeats} repeats each"
    )
    print(f"cells / core-hour  {3600 * len(rows) / cpu:,.0f}")
    print(f"CPU s / cell       {times.mean():.2f} (from {times.min():.2f} to {times.max():.2f})")
    print(f"whole table        {space.n_cells * cpu / len(rows) / 3600:.2f} core-hours")
    print(
        f"training           {training / cpu:6.1%} of CPU time, {training / steps * 1e3:.2f} ms a"
        " step"
    )
    print(
        f"evaluation         {evaluation / cpu:6.1%}, after every epoch of the longest budget and"
        " at every end"
    )
    print(f"everything else    {1 - (training + evaluation) / cpu:6.1%}")
    print(f"wall / CPU         {passed / cpu:.2f}")


if __name__ == "__main__":
    main()
