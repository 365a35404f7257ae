"""Time and memory of reports: 7 methods × 500 runs, 200 methods × 10, 20,000 runs.

To stay within 20 s of processor time each, and 300 MB for the 20,000 runs. Run it as ``python
benchmarks/bench_report.py``, or with a number of methods and of runs.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from regretta.harness.identity import MethodIdentity, SuiteIdentity, TableIdentity
from regretta.harness.protocol import get_protocol
from regretta.harness.result import Reference, RunResult, Trajectory
from regretta.harness.store.results import SuiteResults
from regretta.plots.report import write_report

SIZES = ((7, 500), (200, 10), (8, 2500))
"""Methods and runs a method: a paper's comparison, a sweep of many settings, a large campaign."""

KNOWN = (
    *("random_search", "regularized_evolution", "reinforce", "hyperband", "smac", "bohb", "tpe"),
)
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


def measure(methods: int, runs: int) -> None:
    """Measure one report and print what it took."""
    rng = np.random.default_rng(0)
    labels = [*KNOWN, *(f"setting={i}" for i in range(methods))][:methods]
    done = {
        label: tuple(synthetic_run(rng, label, number) for number in range(runs))
        for label in labels
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    with tempfile.TemporaryDirectory() as folder:
        table = TableIdentity("", "", float(LIMIT), 1, (108.0,), 1, "synthetic", "", "", "")
        identity = SuiteIdentity(
            name="bench",
            title="Synthetic runs",
            protocol=get_protocol("default"),
            seed=0,
            simulated_workers=1,
            encoding="",
            runs=runs,
            tables={"synthetic": table},
            methods={label: MethodIdentity(label, {}) for label in labels},
        )
        suite = SuiteResults(Path(folder), identity, {"synthetic": done})
        wall, cpu = time.perf_counter(), time.process_time()
        page = write_report(suite)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = page.stat().st_size / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(
        f"report on {methods} methods x {runs} runs: {wall:.1f} s ({cpu:.1f} s of CPU), {peak:.0f}"
        f" MiB at most, {before:.0f} MiB with the runs alone; page {size:.2f} MiB"
    )


def main() -> None:
    """Measure the size given, or all of `SIZES`, each in a process of its own."""
    if len(sys.argv) == 3:
        measure(int(sys.argv[1]), int(sys.argv[2]))
        return
    for methods, runs in SIZES:
        subprocess.run([sys.executable, __file__, str(methods), str(runs)], check=True)


if __name__ == "__main__":
    main()
