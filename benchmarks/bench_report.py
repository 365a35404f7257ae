"""Time and memory of reading results and writing their report: 7 methods × 500 runs, 200 methods
× 10, 20,000 runs.

To stay within 20 s of processor time each, and 300 MB for the 20,000 runs. Of 7 methods × 500 runs
the page with its scripts is to have 6 MB at most, and, where there is Chromium, to be interactive
in a second. Runs have 40 incumbents
of 26 parameters, as on NAS-Bench-101, and lie in files, one a run. Run it as ``python
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
from regretta.harness.protocols import get_protocol
from regretta.harness.result import Reference, RunResult, Trajectory
from regretta.harness.store.files import run_path
from regretta.harness.store.results import load_suite
from regretta.plots.report import write_report

sys.path.append(str(Path(__file__).parents[1]))
from tests.plots.browser import BROWSER, browser

SIZES = ((7, 500), (200, 10), (8, 2500))
"""Methods and runs a method: a paper's comparison, a sweep of many settings, a large campaign."""

KNOWN = (
    *("random_search", "regularized_evolution", "reinforce", "hyperband", "smac", "bohb", "tpe"),
)
STEPS = 40
LIMIT = 1e7
CHECKSUM = "0" * 64


def synthetic_run(
    rng: np.random.Generator, suite: SuiteIdentity, label: str, number: int
) -> RunResult:
    """A run with as many incumbents as real ones have."""
    moments = np.sort(10 ** rng.uniform(3, 7, STEPS))
    regret = np.minimum.accumulate(
        0.3 * (moments / 1e3) ** -0.5 * np.exp(rng.normal(0, 0.4, STEPS))
    )
    trajectory = Trajectory(
        time=moments,
        evaluation=np.arange(1, STEPS + 1),
        budget=np.full(STEPS, 108.0),
        configuration=rng.integers(0, 3, (STEPS, 26)),
        cell=np.arange(STEPS),
        validation_error=0.05 + regret,
        mean_validation_error=0.05 + regret,
        test_error=0.06 + regret,
        unique_cells=np.arange(1, STEPS + 1),
        epochs=108.0 * np.arange(1, STEPS + 1),
    )
    return RunResult(
        table="synthetic",
        label=label,
        number=number,
        optimizer=label,
        settings={},
        code=suite.methods[label].fingerprint,
        protocol=suite.protocol.as_dict(),
        seed=0,
        time_limit=LIMIT,
        simulated_workers=1,
        table_checksum=CHECKSUM,
        reconstruction="every number is synthetic",
        reference=Reference(0.05, 0.06),
        evaluations=5000,
        proposals=20000,
        unique_cells=4000,
        epochs=108.0 * 5000,
        elapsed=float(moments[-1]),
        search_seconds=0.0,
        ended_early=False,
        evaluations_by_budget={"108": 5000},
        notes=(),
        trajectory=trajectory,
    )


def write(folder: Path, methods: int, runs: int) -> None:
    """Write a suite's folder."""
    rng = np.random.default_rng(0)
    labels = [*KNOWN, *(f"setting={i}" for i in range(methods))][:methods]
    table = TableIdentity(CHECKSUM, CHECKSUM, LIMIT, 1, (108.0,), 1, "synthetic", "", "", "")
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
    (folder / "suite.json").write_bytes(identity.to_json())
    for label in labels:
        for number in range(runs):
            path = run_path(folder, "synthetic", label, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(synthetic_run(rng, identity, label, number).to_json())


def measure(folder: Path) -> None:
    """Measure one report and print what it took."""
    before = peak()
    wall, cpu = time.perf_counter(), time.process_time()
    suite = load_suite(folder)
    loaded, loading = peak(), time.process_time() - cpu
    page = write_report(suite)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    scripts = page.parent / "scripts"
    size = page.stat().st_size + sum(path.stat().st_size for path in scripts.glob("*"))
    done = sum(len(runs) for runs in suite.runs["synthetic"].values())
    print(
        f"report on {len(suite.labels)} methods, {done} runs: {wall:.1f} s ({cpu:.1f} s of CPU,"
        f" {loading:.1f} of them to read the runs), {peak():.0f} MiB at most, {loaded:.0f} MiB with"
        f" the runs alone, {before:.0f} MiB without; page {page.stat().st_size / 2**20:.2f} MiB,"
        f" with its scripts {size / 2**20:.2f} MiB"
    )
    if BROWSER is not None and scripts.is_dir():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            controls, drawn, thread, every = opened(page, Path(profile))
            print(
                f"    in Chromium controls and values after {controls:.2f} s, figure drawn after"
                f" {drawn:.2f} s: {thread:.2f} s of CPU of the page's thread, {every:.2f} s of all"
                " threads of its process"
            )


def opened(page: Path, profile: Path) -> tuple[float, float, float, float]:
    """Seconds from asking for a page until its controls answer and until its figure is drawn, and
    of CPU until then.
    """
    with browser(profile, watched=False) as tab:
        tab.show(1200)
        tab.call("Performance.enable", timeDomain="threadTicks")
        tab.call("Page.navigate", url=page.as_uri())
        ready = "document.querySelector('#explore-plot')?.dataset.ready === 'yes'"
        while not tab.evaluate(ready):
            time.sleep(0.3)  # asking takes the page's time
        metrics = {m["name"]: m["value"] for m in tab.call("Performance.getMetrics")["metrics"]}
        controls, drawn = tab.evaluate(
            "['controls', 'interactive'].map(n => performance.getEntriesByName(n)[0].startTime)"
        )
        thread, every = metrics["TaskDuration"], metrics["ProcessTime"]
        return controls / 1e3, drawn / 1e3, float(thread), float(every)


def peak() -> float:
    """The most memory that this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Measure the size given, or all of `SIZES`, each in a process of its own."""
    if len(sys.argv) == 2:
        measure(Path(sys.argv[1]))
        return
    for methods, runs in [tuple(map(int, sys.argv[1:]))] if sys.argv[1:] else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), methods, runs)
            subprocess.run([sys.executable, __file__, folder], check=True)


if __name__ == "__main__":
    main()
