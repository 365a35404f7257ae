"""NAS-Bench-201, table 5: accuracy of what each method finds, published beside measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regretta.harness.store.results import SuiteResults
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.figure import StudyTable
from regretta.plots.paper.nasbench201.final_accuracy import (
    PUBLISHED,
    Entry,
    final_accuracies,
    left_out,
    other_protocols,
)
from regretta.plots.style import human_name
from regretta.plots.tables import NONE, ReportTable, finite


@dataclass(frozen=True)
class Methods:
    """The table.

    Attributes
    ----------
    entries
        By table, and within it by label.
    sources
        Table → where its numbers come from.
    """

    entries: tuple[Entry, ...]
    sources: Mapping[str, str]


def compute(suite: SuiteResults) -> Methods:
    """Accuracy of the final incumbents of several methods.

    Raises
    ------
    FigureError
        If the suite is of one method only, or no table is of a data set of NAS-Bench-201.
    """
    entries = final_accuracies(suite)
    if not entries:
        raise FigureError(
            f"table 5 needs runs on {', '.join(sorted(PUBLISHED))}; there are"
            f" {', '.join(suite.runs) or 'none'}"
        )
    if len({entry.optimizer for entry in entries}) < 2:
        raise FigureError(
            f"{suite.folder.name} is not the study of table 5, which compares methods"
        )
    tables = dict.fromkeys(entry.table for entry in entries)
    return Methods(entries, {name: suite.identity.tables[name].source for name in tables})


def report_table(found: Methods) -> ReportTable:
    """The table with measured and published columns."""
    return ReportTable(
        name="nasbench201-table5",
        title="NAS-Bench-201, table 5: accuracy in percent, measured and published",
        caption=_caption(found),
        columns=(
            *("Method", "Table", "Runs", "Validation", "Published validation", "Test"),
            "Published test",
        ),
        rows=[
            (
                *(human_name(e.label), e.table, str(e.runs), _shown(*e.validation)),
                _shown(*e.published[:2]) if e.published else NONE,
                _shown(*e.test),
                _shown(*e.published[2:]) if e.published else NONE,
            )
            for e in found.entries
        ],
        data_columns=(
            *("table", "label", "runs", "validation", "validation_sd", "test", "test_sd"),
            *("published_validation", "published_validation_sd"),
            *("published_test", "published_test_sd"),
        ),
        data_rows=[
            (
                *(e.table, e.label, e.runs, *map(finite, (*e.validation, *e.test))),
                *(e.published or (None,) * 4),
            )
            for e in found.entries
        ],
    )


def _caption(found: Methods) -> str:
    sources = "; ".join(f"{table}: {words}" for table, words in found.sources.items() if words)
    rates = sorted(
        {e.settings["learning_rate"] for e in found.entries if "learning_rate" in e.settings}
    )
    parts = [
        "Mean \u00b1 standard deviation over runs. Published: 500 runs; most values are quoted from"
        " memory and not yet checked against the paper. Not run, since they share weights between"
        " architectures: RSPS, DARTS-V1, DARTS-V2, GDAS, SETN, ENAS."
        f"{other_protocols(found.entries)}{left_out(found.entries)}"
    ]
    if not other_protocols(found.entries):
        parts += [
            _differences(found.entries),
            "Upstream chains the seeds of its runs, so that about 349 of its 500 are distinct.",
        ]
    if rates:
        parts.append(
            "The paper does not state REINFORCE's learning rate; here it is"
            f" {', '.join(f'{rate:g}' for rate in rates)}."
        )
    if sources:
        parts.append(f"Sources of the tables: {sources}.")
    return " ".join(filter(None, parts))


def _differences(entries: Sequence[Entry]) -> str:
    """By how much each method's means and deviations differ from the published ones."""
    told = []
    for label in dict.fromkeys(e.label for e in entries):
        pairs = [
            (ours, e.published[start : start + 2])
            for e in entries
            if e.label == label and e.published
            for start, ours in ((0, e.validation), (2, e.test))
            if np.isfinite(ours[1])
        ]
        if pairs:
            points = [ours[0] - published[0] for ours, published in pairs]
            ratios = [ours[1] / published[1] for ours, published in pairs]
            told.append(
                f"{human_name(label)} {_range(points, '+.2f')} points, its deviation"
                f" {_range(ratios, '.2f')} times the published"
            )
    if not told:
        return ""
    return f"Ours less published, over data sets and both accuracies: {'; '.join(told)}."


def _range(values: Sequence[float], form: str) -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return (low if low == high else f"{low} to {high}").replace("-", "\u2212")


def _shown(mean: float, deviation: float) -> str:
    if np.isnan(mean):
        return NONE
    return f"{mean:.2f}" + ("" if np.isnan(deviation) else f" \u00b1 {deviation:.2f}")


FIGURE = StudyTable("table-5", "methods by data sets", "nasbench201-table5", compute, report_table)
