"""Time and memory of a report on 7 methods × 500 runs; to stay within 30 s and 2 GB.

Run it as ``python benchmarks/bench_report.py``.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from regretta.harness.identity import MethodIdentity, SuiteIdentity, TableIdentity
from regretta.harness.protocol import get_protocol
from regretta.harness.result import Reference, RunResult, Trajectory
from regretta.harness.store.folder import SuiteResults
from regretta.plots.report import write_report

METHODS = (
    "random_search",
    "regularized_evolution",
    "reinforce",
    "hyperband",
    "smac",
    "bohb",
    "tpe",
)
RUNS = 500
STEPS = 40
LIMIT = 1e7


def synthetic_run(rng: np.random.Generator, method: str, number: int) -> RunResult:
    """A run with as many incumbents as real ones have."""
    moments = np.sort(10 ** rng.uniform(3, 7, STEPS))
    regret = np.minimum.accumulate(
        0.3 * (moments / 1e3) ** -0.5 * np.exp(rng.normal(0, 0.4, STEPS))
    )
    trajectory = Trajectory(
        time=moments,
        evaluation=np.arange(1, STEPS + 1),
        budget=np.full(STEPS, 108.0),
        configuration=np.arange(STEPS)[:, None],
        cell=np.arange(STEPS),
        validation_error=0.05 + regret,
        mean_validation_error=0.05 + regret,
        test_error=0.06 + regret,
    )
    return RunResult(
        table="synthetic",
        label=method,
        number=number,
        optimizer=method,
        settings={},
        protocol={"name": "nb101-paper"},
        seed=0,
        time_limit=LIMIT,
        simulated_workers=1,
        table_checksum="0" * 64,
        reconstruction="every number is synthetic",
        reference=Reference(0.05, 0.06),
        evaluations=5000,
        proposals=20000,
        unique_cells=4000,
        elapsed=float(moments[-1]),
        search_seconds=0.0,
        ended_early=False,
        evaluations_by_budget={"108": 5000},
        notes=(),
        trajectory=trajectory,
    )


def main() -> None:
    """Measure one report and print what it took."""
    rng = np.random.default_rng(0)
    runs = {
        method: tuple(synthetic_run(rng, method, number) for number in range(RUNS))
        for method in METHODS
    }
    with tempfile.TemporaryDirectory() as folder:
        table = TableIdentity("", "", float(LIMIT), 1, (108.0,), 1, "synthetic", "", "", "")
        identity = SuiteIdentity(
            name="bench",
            title="Synthetic runs",
            protocol=get_protocol("default"),
            seed=0,
            simulated_workers=1,
            encoding="",
            runs=RUNS,
            tables={"synthetic": table},
            methods={method: MethodIdentity(method, {}) for method in METHODS},
        )
        suite = SuiteResults(Path(folder), identity, {"synthetic": runs})
        wall, cpu = time.perf_counter(), time.process_time()
        page = write_report(suite)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = page.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"report on {len(METHODS)} methods x {RUNS} runs: {wall:.1f} s ({cpu:.1f} s of CPU),"
        f" {peak:.2f} GiB at most"
    )
    print(f"report.html: {size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
