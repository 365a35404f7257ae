"""Accuracy of what searches find on NAS-Bench-201's cells, beside the paper's Table 5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.plots.paper.nasbench201.beside import beside
from regretta.plots.paper.nasbench201.published import (
    DATASETS,
    SEQUENTIAL,
    WEIGHT_SHARING,
    Number,
    PublishedRow,
    published,
)
from regretta.tabular_data.table import Table

PROTOCOL = "nb201-iclr2020"
"""Name of the paper's protocol."""


@dataclass(frozen=True)
class Entry:
    """One label on one data set, percent.

    Attributes
    ----------
    table, label, optimizer, settings, protocol
        Whose runs they are, and the name of their protocol.
    dataset
        What the table was trained on.
    runs, silent
        Number of runs whose final incumbent has a value, and of those without one, left out.
    validation, test
        Mean and standard deviation (n - 1) over runs of the final incumbent's accuracy; NaN where
        unknown. Of `test` both are NaN unless every one of `runs` has it.
    seconds
        The same of the seconds that the search spent itself; NaN where it has none.
    published
        Validation and test accuracy of the paper on that data set; None where there are none.
    """

    table: str
    label: str
    optimizer: str
    settings: Mapping[str, Any]
    protocol: str
    dataset: str
    runs: int
    silent: int
    validation: tuple[float, float]
    test: tuple[float, float]
    seconds: tuple[float, float]
    published: tuple[Number, Number] | None

    @property
    def batch_norm(self) -> str:
        """Which estimates its supernet is evaluated with; empty for a method without one."""
        return batch_norm(self.optimizer, self.settings)

    @property
    def row(self) -> PublishedRow | None:
        """The paper's row of the method; None where it has none."""
        return published(self.optimizer, self.batch_norm)


def batch_norm(optimizer: str, settings: Mapping[str, Any]) -> str:
    """Which estimates a method's supernet is evaluated with; empty for one without a supernet."""
    return str(settings.get("batch_norm", "")) if optimizer in WEIGHT_SHARING else ""


def final_accuracies(suite: SuiteResults) -> tuple[Entry, ...]:
    """Accuracy of the final incumbents at the largest budget, for labels with runs.

    Tables of other cells are left out. What methods that share weights found on CIFAR-10 is looked
    up in the tables beside it too.
    """
    found = []
    for table, group in suite.runs.items():
        about = suite.identity.tables[table]
        for label, runs in group.items() if about.space.startswith("nasbench201") else ():
            if runs:
                found.append(_entry(table, about.dataset, label, runs, _last(runs)))
    for table, group in suite.runs.items():
        for dataset, other in beside(suite, table).items():
            for label, runs in group.items():
                if runs and runs[0].optimizer in WEIGHT_SHARING:
                    found.append(_entry(other.name, dataset, label, runs, _last_in(other, runs)))
    return tuple(found)


def _last(runs: Sequence[RunResult]) -> NDArray[np.float64]:
    """Validation and test error of each run's last incumbent: shape ``[runs, 2]``."""
    ends = [run.trajectory for run in runs if len(run.trajectory)]
    pairs = [
        (
            steps.mean_validation_error[-1],
            np.nan if steps.test_error is None else steps.test_error[-1],
        )
        for steps in ends
    ]
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _last_in(table: Table, runs: Sequence[RunResult]) -> NDArray[np.float64]:
    """The same of another table: shape ``[runs, 2]``."""
    cells = [run.trajectory.cell for run in runs if len(run.trajectory)]
    rows = np.array([cell[-1] for cell in cells if cell is not None], dtype=np.int64)
    test = table.mean_test_error
    pair = (table.mean_validation_error[:, -1], None if test is None else test[:, -1])
    found = [np.full(len(rows), np.nan) if errors is None else errors[rows] for errors in pair]
    return np.stack(found, axis=1).astype(np.float64)


def _entry(
    table: str, dataset: str, label: str, runs: Sequence[RunResult], last: NDArray[np.float64]
) -> Entry:
    optimizer, settings = runs[0].optimizer, runs[0].settings
    row = published(optimizer, batch_norm(optimizer, settings))
    last = last[~np.isnan(last[:, 0])]
    return Entry(
        *(table, label, optimizer, settings, str(runs[0].protocol.get("name", "")), dataset),
        runs=len(last),
        silent=len(runs) - len(last),
        validation=_spread(100 * (1 - last[:, 0])),
        test=_spread(100 * (1 - last[:, 1])),
        seconds=_spread(np.array([own_seconds(run) for run in runs])),
        published=None if row is None else row.accuracy.get(dataset),
    )


def own_seconds(run: RunResult) -> float:
    """Seconds that a search spent itself, NaN where it has none.

    Of a supernet, as the paper counts them, all its training and the last choice.
    """
    if {"seconds", "choice_seconds"} <= run.log.keys() and len(run.log["seconds"]):
        return float(np.nansum(run.log["seconds"]) + np.nan_to_num(run.log["choice_seconds"])[-1])
    return run.search_seconds or np.nan


def _spread(values: NDArray[np.float64]) -> tuple[float, float]:
    mean = float(values.mean()) if len(values) else np.nan
    return mean, float(values.std(ddof=1)) if len(values) > 1 else np.nan


def other_protocols(entries: Sequence[Entry]) -> str:
    """A warning where runs follow another protocol than the paper's; else empty."""
    others = sorted(
        {e.protocol for e in entries if e.runs and e.dataset in DATASETS and e.protocol != PROTOCOL}
    )
    if not others:
        return ""
    return (
        f" The runs follow the protocol {', '.join(others)}, not the paper's ({PROTOCOL}): the"
        " published numbers are not to be compared with them."
    )


def left_out(entries: Sequence[Entry]) -> str:
    """What runs are left out, since they ended without a value; empty where none is."""
    told = [f"{e.silent} of {e.label} on {e.table}" for e in entries if e.silent]
    return f" Left out, since they ended without a value: {'; '.join(told)}." if told else ""


def learnt_elsewhere(settings: Iterable[Mapping[str, Any]]) -> str:
    """What supernets learnt that were looked up in a table of any recipe; empty where none was."""
    data = dict.fromkeys(
        f"{some['data']} ({some.get('recipe') or 'the recipe of digits201'})"
        for some in settings
        if some.get("lookup") == "any" and "data" in some
    )
    if not data:
        return ""
    return (
        f"Supernets learnt {' and '.join(data)}; what they derived was looked up whatever recipe"
        " and data the table has."
    )


def not_run(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The paper's methods of which no entry has runs, in its order."""
    there = {e.optimizer for e in entries if e.runs}
    return tuple(name for name in (*WEIGHT_SHARING, *SEQUENTIAL) if name not in there)
