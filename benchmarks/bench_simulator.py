"""Simulated workers: events a second, an event being a job that a worker started and that came
back.

``python benchmarks/bench_simulator.py [--events 100000]``

A table of NASBench-101's size and shape with made-up values: 423,624 cells, budgets 4, 12, 36 and
108, three repeats. Every configuration is valid where the table says so: random search proposes
valid ones only, because invalid ones never occupy a worker and would flatter the number. One core,
processor seconds, best of three.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from regretta.experiments.pages.machine import machine
from regretta.harness.protocols import get_protocol
from regretta.harness.run import Run, run
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import get_space
from regretta.tabular_data.table import Table

BUDGETS = np.array([4.0, 12.0, 36.0, 108.0])


def made_up_table() -> Table:
    """As large as NAS-Bench-101, with accuracies and times of no meaning."""
    space, rng = get_space("nasbench101/B"), np.random.default_rng(0)
    shape = (space.n_cells, len(BUDGETS), 3)
    accuracy = rng.random(shape, dtype=np.float32)
    return Table.from_arrays(
        "made-up101",
        space,
        BUDGETS.tolist(),
        validation_accuracy=accuracy,
        test_accuracy=accuracy,
        training_seconds=BUDGETS[:, None] * (5 + 20 * rng.random(shape, dtype=np.float32)),
        provenance=Provenance(source="made up for a benchmark", licence="CC0"),
    )


def measure(table: Table, name: str, workers: int, events: int) -> tuple[float, float]:
    """Events a second, and proposals a second with invalid configurations counted as well."""
    optimizer = get_optimizer(name)
    values = {"reject_invalid": True} if name == "random_search" else {}
    settings = optimizer.make_settings(values=values)
    mean_cost = 108 * 15.0 if not optimizer.uses_budgets else 20 * 15.0
    # The last jobs of all workers run past the limit: the search must be long beside a single
    # training.
    limit = mean_cost * max(events / workers, 20)
    spec = Run(
        table, table, get_protocol("default"), optimizer, settings, name, 0, 0, limit, workers
    )
    best = (0.0, 0.0)
    for _ in range(3):
        start = time.process_time()
        result = run(spec)
        seconds = time.process_time() - start
        best = max(best, (result.evaluations / seconds, result.proposals / seconds))
    return best


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--events", type=int, default=100_000, help="about how many events a search has"
    )
    options = parser.parse_args()
    print(machine("numpy"))
    table = made_up_table()
    run(
        Run(
            table,
            table,
            get_protocol("default"),
            get_optimizer("random_search"),
            get_optimizer("random_search").make_settings(),
            "warm",
            0,
            0,
            1e5,
            10,
        )
    )
    print(f"{'method':24s} {'workers':>8s} {'events/s':>10s} {'with invalid ones':>18s}")
    for name, workers in (
        *(("random_search", w) for w in (1, 10, 100, 1_000, 10_000)),
        *(
            (n, w)
            for n in ("regularized_evolution", "reinforce", "hyperband", "asha")
            for w in (1, 100)
        ),
    ):
        events, proposals = measure(table, name, workers, options.events)
        loop = "   (sequential loop)" if workers == 1 else ""
        print(f"{name:24s} {workers:8d} {events:10,.0f} {proposals:18,.0f}{loop}", flush=True)
