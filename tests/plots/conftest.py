"""Synthetic runs and suites: just what the figures and reports read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.harness.identity import MethodIdentity, SuiteIdentity, TableIdentity
from regretta.harness.protocols import get_protocol
from regretta.harness.result import Reference, RunResult, Trajectory
from regretta.harness.store.results import SuiteResults
from regretta.plots.report import write_report
from tests.plots.browser import Page, browser

LIMIT = 1e6


def make_run(
    time: Sequence[float] | Any = (10.0, 100.0),
    regret: Sequence[float] | Any = (0.3, 0.1),
    *,
    label: str = "random_search",
    number: int = 0,
    table: str = "toy",
    test: bool = True,
    time_limit: float = LIMIT,
    **changes: Any,
) -> RunResult:
    """A run whose incumbents have the given regret, validation and test; references are 0.05."""
    values = 0.05 + np.asarray(regret, dtype=np.float64)
    k = len(values)
    trajectory = Trajectory(
        time=np.asarray(time, dtype=np.float64),
        evaluation=np.arange(1, k + 1),
        budget=np.full(k, 108.0),
        configuration=np.arange(k)[:, None],
        cell=np.arange(k),
        validation_error=values,
        mean_validation_error=values,
        test_error=values if test else None,
        unique_cells=np.arange(1, k + 1),
        epochs=108.0 * np.arange(1, k + 1),
    )
    fields: dict[str, Any] = {
        "reference": Reference(0.05, 0.05 if test else None),
        "optimizer": label,
        "settings": {"population": 100},
        "protocol": {"name": "default"},
        "seed": 1,
        "simulated_workers": 1,
        "table_checksum": "c" * 64,
        "reconstruction": "",
        "evaluations": 10 * k,
        "proposals": 12 * k,
        "unique_cells": 8 * k,
        "epochs": 1080.0 * k,
        "elapsed": float(trajectory.time[-1]) if k else 0.0,
        "search_seconds": 0.0,
        "ended_early": False,
        "evaluations_by_budget": {"108": 10 * k},
        "notes": (),
    }
    return RunResult(
        table=table,
        label=label,
        number=number,
        time_limit=time_limit,
        trajectory=trajectory,
        **{**fields, **changes},
    )


def random_run(
    rng: np.random.Generator, scale: float = 1.0, steps: int = 40, **changes: Any
) -> RunResult:
    """A run that improves now and then, as searches do."""
    time = np.sort(10 ** rng.uniform(2.5, 6, steps))
    regret = np.maximum(
        0.3 * scale * (time / 300.0) ** -0.55 * np.exp(rng.normal(0, 0.4, steps)), 1e-4
    )
    return make_run(time, np.minimum.accumulate(regret), **changes)


METHODS = (
    "random_search",
    "regularized_evolution",
    "reinforce",
    "hyperband",
    "smac",
    "bohb",
    "tpe",
)


TABLE = TableIdentity(
    checksum="c" * 64,
    search_checksum="c" * 64,
    time_limit=1000.0,
    cells=15625,
    budgets=(12.0, 200.0),
    repeats=3,
    space="nasbench201",
    source="",
    licence="",
    reconstruction="",
)


DATASETS = {"nats-cifar10": "cifar10", "nats-cifar100": "cifar100"}


def make_suite(
    folder: Path,
    runs: Mapping[str, Mapping[str, Sequence[RunResult]]],
    *,
    planned: int | None = None,
    spaces: Mapping[str, str] | None = None,
    **changes: Any,
) -> SuiteResults:
    """What `regretta.load_suite` gives, of runs in memory."""
    labels = list(dict.fromkeys(label for group in runs.values() for label in group))
    runs = {
        table: {
            label: tuple(
                replace(
                    run, table=table, label=label, number=number, optimizer=_optimizer(run, label)
                )
                for number, run in enumerate(group.get(label, ()))
            )
            for label in labels
        }
        for table, group in runs.items()
    }
    optimizers = {run.label: run.optimizer for g in runs.values() for m in g.values() for run in m}
    most = max((len(many) for group in runs.values() for many in group.values()), default=0)
    identity = SuiteIdentity(
        name="toy-suite",
        title="A toy suite",
        protocol=get_protocol("default"),
        seed=1,
        simulated_workers=1,
        encoding="",
        runs=most if planned is None else planned,
        tables={table: replace(TABLE, dataset=DATASETS.get(table, "")) for table in runs},
        methods={
            label: MethodIdentity(optimizers.get(label, label), {"population": 100})
            for label in labels
        },
    )
    return on_spaces(SuiteResults(folder, identity, runs, **changes), spaces or {})


def on_spaces(suite: SuiteResults, spaces: Mapping[str, str]) -> SuiteResults:
    """The suite with its tables' spaces named so."""
    tables = {
        name: replace(table, space=spaces.get(name, table.space))
        for name, table in suite.identity.tables.items()
    }
    return replace(suite, identity=replace(suite.identity, tables=tables))


def _optimizer(run: RunResult, label: str) -> str:
    return label if run.optimizer == run.label else run.optimizer


def random_suite(
    folder: Path,
    *,
    tables: Sequence[str] = ("toy",),
    methods: Sequence[str] = METHODS,
    n: int = 20,
    seed: int = 0,
    **changes: Any,
) -> SuiteResults:
    """A whole suite of random runs; later methods are better."""
    rng = np.random.default_rng(seed)
    runs = {
        table: {
            method: [
                random_run(rng, 0.9**m, label=method, number=i, table=table, **changes)
                for i in range(n)
            ]
            for m, method in enumerate(methods)
        }
        for table in tables
    }
    return make_suite(folder, runs)


@pytest.fixture(scope="session")
def run_of() -> Callable[..., RunResult]:
    return make_run


@pytest.fixture(scope="session")
def suite_of() -> Callable[..., Any]:
    return make_suite


@pytest.fixture(scope="session")
def random_suite_of() -> Callable[..., Any]:
    return random_suite


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a suite with two tables, long words and a reconstruction."""
    suite = random_suite(
        tmp_path_factory.mktemp("report"),
        tables=("nb201-cifar10", "nb201-imagenet16-120"),
        methods=("random_search", "regularized_evolution", "bohb"),
        n=6,
        notes=("a-very-long-word-" * 20,),
        reconstruction="everything",
    )
    return write_report(suite)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page
