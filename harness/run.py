"""One run: an optimizer, a seed, a table and a protocol, from the first proposal to the time limit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from regretta.harness import simulator
from regretta.harness.dialogue import (
    answered,
    guarded,
    proposed,
    refuse_free_proposals,
)
from regretta.harness.oracle import FEW, Oracle
from regretta.harness.protocol import Protocol
from regretta.harness.record import Record
from regretta.harness.result import RunResult
from regretta.optimizers.base import Observation, Optimizer, Problem
from regretta.tabular_data.table import Table


@dataclass(frozen=True, eq=False)
class Run:
    """Everything that determines a run's result.

    Attributes
    ----------
    table
        The table that incumbents are judged on.
    search_table
        The table that is searched; mostly the same one.
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
        Simulated seconds.
    workers
        Simulated workers that evaluate side by side, as `regretta.harness.simulator` says.
    """

    table: Table
    search_table: Table
    protocol: Protocol
    optimizer: type[Optimizer]
    settings: Any
    label: str
    number: int
    seed: int
    time_limit: float
    workers: int = 1

    def streams(self) -> tuple[np.random.Generator, np.random.Generator]:
        """The run's two random streams: the optimizer's, and the oracle's draws of repeats.

        Their address is (seed, table, label, number), so that a run draws the same numbers in any
        order and on any machine, and adding runs or methods changes no other run.
        """
        words = np.frombuffer(
            sha256(f"{self.table.name}/{self.label}".encode()).digest()[:16], dtype="<u4"
        )
        address = np.random.SeedSequence(self.seed, spawn_key=(*words.tolist(), self.number))
        searching, repeating = address.spawn(2)
        return np.random.default_rng(searching), np.random.default_rng(repeating)


def run(spec: Run) -> RunResult:
    """Search until the simulated time is over.

    Real time is never looked at: the result is a pure function of `spec`.

    Raises
    ------
    OptimizerError
        If the optimizer raises, or proposes what is no configuration or budget, or proposes a
        million configurations in a row that cost nothing.
    WorkersError
        If the optimizer cannot search on that many simulated workers.
    """
    simulator.check_workers(spec.optimizer, spec.workers)
    searching, repeating = spec.streams()
    oracle = Oracle(spec.search_table, spec.protocol, repeating)
    record = Record(spec.protocol, oracle.budgets)
    where = f"{spec.label}, run {spec.number} on {spec.table.name}"
    problem = Problem(oracle.space, oracle.budgets)
    optimizer = guarded(where, "__init__", spec.optimizer, problem, searching, spec.settings)
    limit, crossing = spec.time_limit, spec.protocol.crossing
    if spec.workers == 1:
        clock = _search(optimizer, oracle, record, limit, crossing, where)
    else:
        clock = simulator.search(
            optimizer,
            oracle,
            record,
            workers=spec.workers,
            limit=limit,
            crossing=crossing,
            where=where,
        )
    trajectory = record.trajectory(spec.protocol, spec.table, spec.search_table)
    checksums = dict.fromkeys([spec.table.checksum, spec.search_table.checksum])
    reconstruction = dict.fromkeys(
        [spec.table.provenance.reconstruction, spec.search_table.provenance.reconstruction]
    )
    return RunResult(
        table=spec.table.name,
        label=spec.label,
        number=spec.number,
        optimizer=spec.optimizer.name,
        settings=asdict(spec.settings),
        protocol=spec.protocol.as_dict(),
        seed=spec.seed,
        time_limit=float(spec.time_limit),
        workers=spec.workers,
        table_checksum="+".join(checksums),
        reconstruction="; ".join(filter(None, reconstruction)),
        reference=record.reference(spec.protocol, spec.table),
        evaluations=record.evaluations,
        proposals=record.proposals,
        unique_cells=record.unique_cells,
        elapsed=clock,
        evaluations_by_budget={
            f"{b:g}": n for b, n in zip(oracle.budgets, record.by_level, strict=True)
        },
        notes=(*oracle.notes, *optimizer.notes),
        trajectory=trajectory,
        versions=versions(),
    )


def _search(
    optimizer: Optimizer, oracle: Oracle, record: Record, limit: float, crossing: bool, where: str
) -> float:
    """Ask, answer and tell with one worker; returns the simulated time when the last evaluation finished."""
    clock = 0.0
    free = 0
    while clock < limit:
        asked = guarded(where, "ask", optimizer.ask)
        if asked is None:
            break
        configurations, level, tag = proposed(asked, oracle, where)
        if len(configurations) <= FEW:
            few: list[tuple[int, int, float, float]] = answered(
                where, oracle.answer_few, configurations, level
            )
            for row, repeat, error, cost in few:
                finish = clock + cost
                if finish > limit and not crossing:
                    return clock
                record.add_one(row, repeat, error, level, finish)
                if finish > limit:
                    return finish
                free = 0 if finish > clock else free + 1
                clock = finish
            errors, costs = (
                np.array([answer[2] for answer in few]),
                np.array([answer[3] for answer in few]),
            )
            valid = np.array([answer[0] >= 0 for answer in few])
        else:
            answers = answered(where, oracle.answer, configurations, level)
            # Added one after another, as a clock does, so that batches and single proposals agree
            # to the last bit.
            times = answers.costs.copy()
            times[0] += clock
            np.add.accumulate(times, out=times)
            if times[-1] > limit:
                done = int(np.searchsorted(times, limit, side="right")) + crossing
                answers = type(answers)(
                    answers.rows[:done],
                    answers.repeats[:done],
                    answers.errors[:done],
                    answers.costs[:done],
                )
                record.add(answers, level, times[:done])
                return float(times[done - 1]) if done else clock
            record.add(answers, level, times)
            free = 0 if times[-1] > clock else free + len(times)
            clock = float(times[-1])
            errors, costs, valid = answers.errors, answers.costs, answers.rows >= 0
        refuse_free_proposals(where, free)
        budget = oracle.budgets[level]
        guarded(
            where,
            "tell",
            optimizer.tell,
            Observation(configurations, budget, errors, costs, valid, tag),
        )
    return clock


@cache
def _versions() -> Mapping[str, str]:
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for package in (
        "regretta",
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
