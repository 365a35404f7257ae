"""Accuracy of what searches find on NAS-Bench-201's data sets, beside the paper's Table 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults

PROTOCOL = "nb201-iclr2020"
"""Name of the paper's protocol."""

PUBLISHED: Mapping[str, Mapping[str, tuple[float, float, float, float]]] = {
    "cifar10": {
        "regularized_evolution": (91.19, 0.31, 93.92, 0.30),
        "random_search": (90.93, 0.36, 93.70, 0.36),
        "reinforce": (91.09, 0.37, 93.85, 0.37),
        "bohb": (90.82, 0.53, 93.61, 0.52),
    },
    "cifar100": {
        "regularized_evolution": (71.81, 1.12, 71.84, 0.99),
        "random_search": (70.93, 1.09, 71.04, 1.07),
        "reinforce": (71.61, 1.12, 71.71, 1.09),
        "bohb": (70.74, 1.29, 70.85, 1.28),
    },
    "imagenet16-120": {
        "regularized_evolution": (45.15, 0.89, 45.54, 1.03),
        "random_search": (44.45, 1.10, 44.57, 1.25),
        "reinforce": (45.05, 1.02, 45.24, 1.18),
        "bohb": (44.26, 1.36, 44.42, 1.49),
    },
}
"""Mean and standard deviation over 500 runs, percent: validation, then test (Dong and Yang, ICLR
2020, table 5).

Confirmed from secondary copies: random search's and REINFORCE's test accuracy on CIFAR-10, the mean
test accuracies there of evolution and BOHB, REINFORCE's validation accuracy on CIFAR-10 and its
test accuracy on the other two. The others are quoted from memory and await a check against the
paper.
"""


@dataclass(frozen=True)
class Entry:
    """One label on one data set, percent.

    Attributes
    ----------
    table, label, optimizer, settings, protocol
        Whose runs they are, and the name of their protocol.
    runs, silent
        Number of runs whose final incumbent has a value, and of those without one, left out.
    validation, test
        Mean and standard deviation (n - 1) over runs of the final incumbent's accuracy; NaN where
        unknown. Of `test` both are NaN unless every one of `runs` has it.
    published
        `PUBLISHED`'s four numbers, None where there are none.
    """

    table: str
    label: str
    optimizer: str
    settings: Mapping[str, Any]
    protocol: str
    runs: int
    silent: int
    validation: tuple[float, float]
    test: tuple[float, float]
    published: tuple[float, float, float, float] | None


def final_accuracies(suite: SuiteResults) -> tuple[Entry, ...]:
    """Accuracy of the final incumbents at the largest budget, for labels with runs.

    Tables of other data sets than the paper's are left out.
    """
    found = []
    for table, group in suite.runs.items():
        published = PUBLISHED.get(suite.identity.tables[table].dataset)
        for label, runs in group.items() if published else ():
            if runs and published:
                found.append(_entry(table, label, runs, published.get(runs[0].optimizer)))
    return tuple(found)


def _entry(
    table: str,
    label: str,
    runs: Sequence[RunResult],
    published: tuple[float, float, float, float] | None,
) -> Entry:
    last = [run.trajectory for run in runs if len(run.trajectory)]
    last = [steps for steps in last if not np.isnan(steps.mean_validation_error[-1])]
    test = [np.nan if steps.test_error is None else steps.test_error[-1] for steps in last]
    return Entry(
        *(table, label, runs[0].optimizer, runs[0].settings),
        protocol=str(runs[0].protocol.get("name", "")),
        runs=len(last),
        silent=len(runs) - len(last),
        validation=_spread([float(steps.mean_validation_error[-1]) for steps in last]),
        test=_spread([float(error) for error in test]),
        published=published,
    )


def _spread(errors: Sequence[float]) -> tuple[float, float]:
    values = 100 * (1 - np.array(errors))
    mean = float(values.mean()) if len(values) else np.nan
    return mean, float(values.std(ddof=1)) if len(values) > 1 else np.nan


def other_protocols(entries: Sequence[Entry]) -> str:
    """A warning where runs follow another protocol than the paper's; else empty."""
    others = sorted({e.protocol for e in entries if e.runs and e.protocol != PROTOCOL})
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
