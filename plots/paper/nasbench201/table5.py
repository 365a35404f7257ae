"""NAS-Bench-201, table 5: accuracy of what each method finds, published beside measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regretta.harness.store.folder import SuiteResults
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.figure import StudyTable
from regretta.plots.style import human_name
from regretta.plots.tables import ReportTable

DATASETS = ("cifar100", "cifar10", "imagenet16-120")
"""Parts of table names, the longer of two first."""

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

Confirmed from a secondary copy: random search on CIFAR-10; REINFORCE on CIFAR-10, and its test
accuracy on the other two. The others are quoted from memory and await a check against the paper.
"""


PROTOCOL = "nb201-iclr2020"
"""Name of the paper's protocol."""


@dataclass(frozen=True)
class Entry:
    """One method on one data set, percent.

    Attributes
    ----------
    table, label, optimizer
        Whose runs they are.
    runs
        Number of runs that finished an evaluation.
    validation, test
        Mean and standard deviation (n - 1) over runs of the final incumbent's accuracy; NaN where
        unknown.
    published
        `PUBLISHED`'s four numbers, None where there are none.
    protocol
        Name of the protocol of the runs.
    """

    table: str
    label: str
    optimizer: str
    runs: int
    validation: tuple[float, float]
    test: tuple[float, float]
    published: tuple[float, float, float, float] | None
    protocol: str = ""


def compute(suite: SuiteResults) -> tuple[Entry, ...]:
    """Accuracy of the final incumbents at the largest budget.

    Data sets are recognized by the tables' names.

    Raises
    ------
    FigureError
        If no table is of a data set of NAS-Bench-201.
    """
    found = []
    for table, group in suite.runs.items():
        dataset = next((name for name in DATASETS if name in table), None)
        if dataset is None:
            continue
        for label, runs in group.items():
            ended = [run for run in runs if len(run.trajectory)]
            optimizer = ended[0].optimizer if ended else label
            validation = [1 - float(run.trajectory.mean_validation_error[-1]) for run in ended]
            test = [
                1 - float(run.trajectory.test_error[-1])
                for run in ended
                if run.trajectory.test_error is not None
            ]
            published = PUBLISHED[dataset].get(optimizer)
            protocol = str(ended[0].protocol.get("name", "")) if ended else ""
            found.append(
                Entry(
                    table,
                    label,
                    optimizer,
                    len(ended),
                    _spread(validation),
                    _spread(test),
                    published,
                    protocol,
                )
            )
    if not found:
        raise FigureError(
            f"table 5 needs runs on {', '.join(sorted(DATASETS))}; there are"
            f" {', '.join(suite.runs) or 'none'}"
        )
    return tuple(found)


def _spread(values: Sequence[float]) -> tuple[float, float]:
    mean = 100 * float(np.mean(values)) if values else np.nan
    return mean, 100 * float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def report_table(found: Sequence[Entry]) -> ReportTable:
    """The table with measured and published columns."""
    others = sorted({e.protocol for e in found if e.runs and e.protocol != PROTOCOL})
    warning = ""
    if others:
        warning = (
            f" The runs follow the protocol {', '.join(others)}, not the paper's ({PROTOCOL}): the"
            " published "
        )
        warning += "numbers are not to be compared with them."
    return ReportTable(
        name="nasbench201-table5",
        title="NAS-Bench-201, table 5: accuracy in percent, measured and published",
        caption=(
            "Mean \u00b1 standard deviation over runs. Published: 500 runs; most values are not"
            " yet checked against the paper. Not run, since they share weights between"
            f" architectures: RSPS, DARTS-V1, DARTS-V2, GDAS, SETN, ENAS.{warning}"
        ),
        columns=("Method", "Table", "Runs", "Validation", "published", "Test", "published"),
        rows=[
            (
                *(human_name(e.label), e.table, str(e.runs), _shown(*e.validation)),
                _shown(*e.published[:2]) if e.published else "\u2014",
                _shown(*e.test),
                _shown(*e.published[2:]) if e.published else "\u2014",
            )
            for e in found
        ],
        data_columns=(
            *("table", "label", "runs", "validation", "validation_sd", "test", "test_sd"),
            *(
                "published_validation",
                "published_validation_sd",
                "published_test",
                "published_test_sd",
            ),
        ),
        data_rows=[
            (
                e.table,
                e.label,
                e.runs,
                *map(_known, (*e.validation, *e.test)),
                *(e.published or (None,) * 4),
            )
            for e in found
        ],
    )


def _shown(mean: float, deviation: float) -> str:
    if np.isnan(mean):
        return "\u2014"
    return f"{mean:.2f}" + ("" if np.isnan(deviation) else f" \u00b1 {deviation:.2f}")


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


FIGURE = StudyTable("table-5", "methods by data sets", "nasbench201-table5", compute, report_table)
