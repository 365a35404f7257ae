"""One run: an optimizer, a seed, a benchmark and a protocol, until its limit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

import regretta
from regretta.harness.limits import LimitError, check_limits, in_words
from regretta.harness.oracle import Oracle
from regretta.harness.protocol import Protocol
from regretta.harness.record import Record, reference
from regretta.harness.result import RunResult, log_of
from regretta.harness.search import Search, check_benchmark, check_workers, guarded
from regretta.harness.trace import Tracer
from regretta.optimizers.base import Optimizer, Problem
from regretta.optimizers.code import code_of
from regretta.optimizers.home import at_home
from regretta.tabular_data.benchmark import Benchmark


@dataclass(frozen=True, eq=False)
class Run:
    """Everything that determines a run's result.

    Attributes
    ----------
    benchmark
        What incumbents are judged on.
    searched
        What is searched; mostly the same.
    protocol
        The rules.
    optimizer, settings, label
        The algorithm's class, an instance of its ``Settings``, and how the suite calls the two
        together.
    number
        Number of the run, from 0.
    seed
        The suite's seed.
    time_limit
        Simulated seconds; None for no such limit.
    simulated_workers
        Workers that evaluate side by side, as `regretta.harness.search` says.
    evaluations
        Evaluations after which it ends, whatever time is left; None for no such limit.
    code
        Digest of the code that makes it, as its suite has it.
    folder
        Where an optimizer that `keeps_checkpoints` may keep them; it changes no result but the
        seconds that were measured.
    trace
        Whether every evaluation is kept; it changes nothing else of the result.
    """

    benchmark: Benchmark
    searched: Benchmark
    protocol: Protocol
    optimizer: type[Optimizer]
    settings: Any
    label: str
    number: int
    seed: int
    time_limit: float | None
    simulated_workers: int = 1
    evaluations: int | None = None
    code: str = ""
    folder: Path | None = None
    trace: bool = False

    def streams(self) -> tuple[np.random.Generator, np.random.Generator]:
        """The run's two random streams: the optimizer's, and the oracle's draws of repeats.

        Their address is (seed, table, label, number), so that a run draws the same numbers in any
        order and on any machine, and adding runs or methods changes no other run.
        """
        words = np.frombuffer(
            sha256(f"{self.benchmark.name}/{self.label}".encode()).digest()[:16], dtype="<u4"
        )
        address = np.random.SeedSequence(self.seed, spawn_key=(*words.tolist(), self.number))
        searching, repeating = address.spawn(2)
        return np.random.default_rng(searching), np.random.default_rng(repeating)


def run(spec: Run) -> RunResult:
    """Search until the simulated time is over or the evaluations are done.

    Real time is never looked at: the result is a pure function of `spec`, unless the optimizer
    measures seconds of its own, which its notes say.

    Raises
    ------
    UserError
        If the optimizer cannot search that benchmark, or there is no limit.
    OptimizerError
        If the optimizer raises, or proposes what is no configuration or budget, or proposes a
        million configurations in a row that cost nothing.
    WorkersError
        If the optimizer cannot search on that many simulated workers.
    """
    with ExitStack() as homes:
        for cls in dict.fromkeys((spec.optimizer, type(spec.benchmark), type(spec.searched))):
            homes.enter_context(at_home(cls))
        return _run(spec)


def _run(spec: Run) -> RunResult:
    where = f"{spec.label}, run {spec.number} on {spec.benchmark.name}"
    check_limits(spec.time_limit, spec.evaluations, where)
    if spec.time_limit is None and spec.evaluations is None:
        raise LimitError(f"{where}: it has no limit; give time_limit or evaluations")
    check_workers(spec.optimizer, spec.simulated_workers)
    check_benchmark(spec.optimizer, spec.settings, spec.label, spec.searched)
    searching, repeating = spec.streams()
    oracle = Oracle(spec.searched, spec.protocol, repeating)
    folder = spec.folder if spec.optimizer.keeps_checkpoints else None
    problem = Problem(oracle.space, oracle.budgets, folder)
    optimizer: Optimizer = guarded(
        where, "__init__", spec.optimizer, problem, searching, spec.settings
    )
    recommending = type(optimizer).recommend is not Optimizer.recommend
    record = Record(spec.protocol, spec.searched, oracle.budgets, recommending=recommending)
    search = Search(
        optimizer,
        oracle,
        record,
        limit=inf if spec.time_limit is None else spec.time_limit,
        evaluations=spec.evaluations,
        crossing=spec.protocol.crossing,
        where=where,
        tracer=Tracer(spec.searched, oracle.budgets) if spec.trace else None,
    )
    alone = spec.simulated_workers == 1
    elapsed = search.alone() if alone else search.side_by_side(spec.simulated_workers)
    notes = [*oracle.notes, *optimizer.notes]
    if optimizer.finite and not search.ended_early:
        notes.append(
            f"{optimizer.name} was not done: its limit of"
            f" {in_words(spec.time_limit, spec.evaluations)} ended it, at {elapsed:,.6g} s"
        )
    if spec.evaluations is not None and recommending and not record.evaluations:
        notes.append(
            f"{optimizer.name} evaluates no cell, so that a limit of evaluations does not end it"
        )
    both = (spec.benchmark, spec.searched)
    checksums = dict.fromkeys(benchmark.checksum for benchmark in both)
    modelled = dict.fromkeys(benchmark.provenance.reconstruction for benchmark in both)
    return RunResult(
        table=spec.benchmark.name,
        label=spec.label,
        number=spec.number,
        optimizer=spec.optimizer.name,
        settings=asdict(spec.settings),
        code=spec.code,
        protocol=spec.protocol.as_dict(),
        seed=spec.seed,
        time_limit=None if spec.time_limit is None else float(spec.time_limit),
        evaluation_limit=spec.evaluations,
        simulated_workers=spec.simulated_workers,
        table_checksum="+".join(checksums),
        reconstruction="; ".join(filter(None, modelled)),
        reference=reference(spec.protocol, spec.benchmark),
        evaluations=record.evaluations,
        proposals=record.proposals + optimizer.discarded,
        unique_cells=int(record.unique_cells()[-1]),
        epochs=float(record.epochs()[-1]),
        elapsed=elapsed,
        search_seconds=search.spent,
        ended_early=search.ended_early and not optimizer.finite,
        evaluations_by_budget={
            f"{budget:.12g}": n for budget, n in zip(oracle.budgets, record.by_level, strict=True)
        },
        notes=tuple(notes),
        trajectory=record.trajectory(spec.benchmark),
        versions={**code_of(spec.optimizer).packages, **versions()},
        log=log_of(search.log),
        trace=None if search.tracer is None else search.tracer.trace(),
    )


@cache
def _versions() -> Mapping[str, str]:
    found = {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "regretta": regretta.__version__,
    }
    for package in (
        "numpy",
        "scipy",
        "scikit-learn",
        "ConfigSpace",
        "smac",
        "hpbandster",
        "statsmodels",
    ):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can influence a result."""
    return dict(_versions())
