"""How a suite's cost grows with runs, methods, cells and workers, and what resuming, compacting and
loading it takes.

``python benchmarks/bench_campaign.py [--part NAME] [--small]``

Parts: efficiency, resume, scale, cluster. Times are wall-clock seconds, which mean little on a busy
machine, and processor seconds of this process and its workers, which hardly depend on who else is
there. Tables are made up.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import resource
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from regretta.experiments.pages.machine import machine
from regretta.harness.campaign import run_suite
from regretta.harness.executors import Dask, Pool
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import RunOutcome, do_run
from regretta.harness.planning import plan
from regretta.harness.result import RunResult
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.files import compact
from regretta.harness.store.results import load_suite
from regretta.harness.suite import Suite, Task
from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table

Lengths = list[tuple[Task, float]]
"""Runs of a batch, and the seconds of each."""

PAPER = {
    "random_search": 0.05,
    "regularized_evolution": 0.2,
    "hyperband": 0.6,
    "reinforce": 1.0,
    "bohb": 15.0,
    "tpe": 22.0,
    "smac": 40.0,
}
"""Seconds of one core for a run of 10⁷ simulated seconds: see benchmarks/README.md."""


def made_up_table(folder: Path, vertices: int) -> Path:
    """All NAS-Bench-101 cells of up to that many vertices, with random accuracies and times."""
    space = NasBench101(vertices)
    rng = np.random.default_rng(0)
    budgets = (4.0, 12.0, 36.0, 108.0)
    shape = (space.n_cells, 4, 3)
    accuracy = 0.6 + 0.3 * rng.random((space.n_cells, 1, 1)) + 0.01 * rng.random(shape)
    return Table.from_arrays(
        f"made-up-{vertices}v",
        space,
        budgets,
        validation_accuracy=accuracy,
        test_accuracy=accuracy - 0.01,
        training_seconds=np.array(budgets)[None, :, None] * (1 + rng.random(shape)),
        provenance=Provenance(source="made up for benchmarks", licence="CC0"),
    ).write(folder / f"made-up-{vertices}v")


def suite(table: Path, runs: int, methods: int = 4, time_limit: float = 3e4) -> SuiteSpec:
    """Regularized evolution under several labels, all of them equally long."""
    entries = tuple(
        OptimizerEntry("regularized_evolution", f"evolution{k}") for k in range(methods)
    )
    return SuiteSpec("bench", (str(table),), entries, time_limit=time_limit, runs=runs)


def measured(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall-clock seconds, processor seconds of this process and its finished children, and the
    value of a call.
    """

    def processor() -> float:
        return sum(
            use.ru_utime + use.ru_stime
            for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )

    wall, used = time.perf_counter(), processor()
    value = function()
    return time.perf_counter() - wall, processor() - used, value


def row(*cells: Any) -> None:
    shown = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells]
    print("  " + "".join(f"{cell:>16}" for cell in shown), flush=True)


class Watched:
    """An executor whose workers' seconds within runs are added up."""

    def __init__(self, executor: Pool) -> None:
        self.executor = executor
        self.seconds = 0.0

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        for report in self.executor.work(suite, queue):
            self.seconds += report.seconds
            yield report


def efficiency(table: Path, scratch: Path, runs: int) -> None:
    """Two processes against one, on many short runs."""
    spec = suite(table, runs // 4, time_limit=6e4)
    pool = Watched(Pool(2))
    wall1, cpu1, _ = measured(lambda: run_suite(spec, scratch / "one"))
    wall2, cpu2, _ = measured(lambda: run_suite(spec, scratch / "two", executor=pool))
    print(f"{runs} runs of {1e3 * cpu1 / runs:.1f} ms in one process and in two")
    row("", "wall s", "processor s")
    row("one", wall1, cpu1)
    row("two", wall2, cpu2)
    print(f"  of twice one process, by the clock:                {wall1 / (2 * wall2):.1%}")
    print(
        f"  of the workers' time, from first to last, in runs: {pool.seconds / (2 * wall2):.1%} (on"
        " a busy machine too)"
    )
    print(f"  one process's processor time to two processes':    {cpu1 / cpu2:.1%}")


def resume(table: Path, scratch: Path, runs: int) -> None:
    """A finished suite: found to be done, loaded, compacted, and both again."""
    spec = suite(table, runs // 4)
    folder = scratch / f"resume{runs}"
    run_suite(spec, folder, executor=Copies(spec))
    print(f"A finished suite of {runs} runs")
    row("", "wall s", "processor s", "files", "MB")

    def line(what: str, function: Callable[[], Any]) -> None:
        wall, cpu, _ = measured(function)
        found = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        row(what, wall, cpu, len(found), sum(found) / 1e6)

    line("resume", lambda: run_suite(spec, folder))
    line("load", lambda: load_suite(folder))
    line("compact", lambda: compact(folder))
    line("resume again", lambda: run_suite(spec, folder))
    line("load again", lambda: load_suite(folder))


def scale(tables: Sequence[Path], scratch: Path, runs: int) -> None:
    """Cost along each axis, the others held.

    Processor milliseconds a run should stay what they are.
    """
    print("Growth along each axis")
    row("axis", "size", "wall s", "processor s", "ms a run")
    counter = iter(range(1000))

    def line(axis: str, size: Any, spec: SuiteSpec, workers: int = 1) -> None:
        count = spec.runs * len(spec.optimizers)
        wall, cpu, _ = measured(
            lambda: run_suite(spec, scratch / f"scale{next(counter)}", workers=workers)
        )
        row(axis, size, wall, cpu, 1e3 * cpu / count)

    for factor in (1, 4, 16):
        line("runs", runs * factor, suite(tables[0], runs * factor // 4))
    for methods in (2, 8, 32):
        line("methods", methods, suite(tables[0], runs // 8, methods))
    for table in tables:
        opened = Table.open(table)
        line("cells", opened.n_cells, suite(table, runs // 4))
    for workers in (1, 2, 4):
        line("workers", workers, suite(tables[0], runs, 4), workers)


class Copies:
    """Workers that do one run and give it back under every address.

    What is left is the client's own work.
    """

    def __init__(self, spec: SuiteSpec) -> None:
        planned = plan(spec)
        report = do_run(planned, planned.tasks()[0], set())
        assert report.data is not None
        self.report = replace(report, seconds=1.0)
        self.result = RunResult.from_json(report.data)

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        while batch := queue.take(1000):
            for task in batch:
                copy = replace(self.result, label=task.label, number=task.number)
                yield replace(self.report, task=task, data=copy.to_json())


def cluster(table: Path, scratch: Path, runs: int) -> None:
    """What the client can take, what a batch costs on Dask, and what 1,000 workers would make of
    it.
    """
    spec = suite(table, runs // 4)
    copies = Copies(spec)
    wall, cpu, _ = measured(lambda: run_suite(spec, scratch / "client", executor=copies))
    a_run = cpu / runs
    print(
        f"The client alone: {runs / wall:.0f} runs/s by the clock, {1e3 * a_run:.3f} ms of"
        " processor a run"
    )
    a_batch = dask_batch(table, scratch)
    print(
        f"A batch of one run on Dask (loopback, two workers): {1e3 * a_batch:.2f} ms of the"
        " client's processor"
    )
    print(
        "Simulated clusters (runs of 10 s ± half, 20 runs a worker; the client as measured, one"
        " batch after another)"
    )
    row("workers", "runs", "seconds", "efficiency", "client busy")
    for workers in (10, 100, 1000):
        row(workers, 20 * workers, *simulated(workers, {"all": 10.0}, 20 * workers, a_run, a_batch))
    print("The same with runs of 0.1 s, 2,000 a worker")
    for workers in (10, 100, 1000):
        runs = 2000 * workers
        row(workers, runs, *simulated(workers, {"all": 0.1}, runs, a_run, a_batch))
    hours = 500 * sum(PAPER.values()) / 3600
    print(f"nasbench101-paper, 500 runs of each of seven methods: {hours:.1f} core-hours")
    for workers in (2, 10, 100, 1000):
        row(workers, 500 * len(PAPER), *simulated(workers, PAPER, 500, a_run, a_batch))


def dask_batch(table: Path, scratch: Path) -> float:
    """Processor seconds of the client that a batch of one run costs on Dask."""
    from distributed import LocalCluster

    spec = suite(table, 50, 4, time_limit=100.0)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local:
        run_suite(spec, scratch / "dask0", executor=Dask(local.scheduler_address))
        start = time.process_time()
        many = replace(spec, runs=100)
        run_suite(many, scratch / "dask1", executor=One(Dask(local.scheduler_address)))
        return (time.process_time() - start) / 400


class One:
    """An executor that is handed single runs only."""

    def __init__(self, executor: Dask) -> None:
        self.executor = executor

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        queue.note = lambda task, seconds: None  # type: ignore[method-assign]
        yield from self.executor.work(suite, queue)


def simulated(
    workers: int, seconds: Mapping[str, float], runs: int, a_run: float, a_batch: float
) -> tuple[float, float, float]:
    """Seconds, efficiency and the client's share of busy time, by an event queue over the real
    `Queue`.

    Batches wait for whichever worker is free first, as Dask's scheduler sees to.

    Parameters
    ----------
    seconds
        A run of each method, within a half more or less.
    runs
        Of each method.
    a_run, a_batch
        The client's seconds for a result and for a batch.
    """
    rng = np.random.default_rng(0)
    queue = Queue(Task("t", label, number) for number in range(runs) for label in seconds)
    handed: deque[tuple[float, Lengths]] = deque()
    under_way: list[tuple[float, int, Lengths]] = []
    client = busy = worked = now = 0.0
    order = itertools.count()
    while True:
        ahead = 1 if queue.seconds_left() is None else 2
        while len(handed) + len(under_way) < ahead * workers and (batch := queue.take(workers)):
            client, busy = max(client, now) + a_batch / 2, busy + a_batch / 2
            lengths = [(task, seconds[task.label] * rng.uniform(0.5, 1.5)) for task in batch]
            handed.append((client, lengths))
        while handed and len(under_way) < workers:
            since, lengths = handed.popleft()
            length = sum(one for _, one in lengths)
            worked += length
            heapq.heappush(under_way, (max(since, now) + length, next(order), lengths))
        if not under_way:
            return client, worked / (client * workers), busy / client
        now, _, lengths = heapq.heappop(under_way)
        cost = a_batch / 2 + len(lengths) * a_run
        client, busy = max(client, now) + cost, busy + cost
        for task, one in lengths:
            queue.note(task, one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--part", choices=["efficiency", "resume", "scale", "cluster"], help="only this part"
    )
    parser.add_argument("--small", action="store_true", help="a tenth of the runs")
    options = parser.parse_args()
    share = 10 if options.small else 1
    print(machine("numpy", "distributed"))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        small = made_up_table(scratch, 4)
        if options.part in (None, "efficiency"):
            efficiency(small, scratch, 2000 // share)
        if options.part in (None, "resume"):
            for runs in (3000, 30_000, 100_000):
                resume(small, scratch, runs // share)
        if options.part in (None, "scale"):
            tables = [small, made_up_table(scratch, 5), made_up_table(scratch, 6)]
            scale(tables, scratch, 400 // share)
        if options.part in (None, "cluster"):
            cluster(small, scratch, 3000 // share)


if __name__ == "__main__":
    main()
