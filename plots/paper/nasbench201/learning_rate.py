"""REINFORCE of NAS-Bench-201's table 5 under several learning rates; not a figure of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regretta.harness.store.results import SuiteResults
from regretta.plots.axes import title
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.figure import StudyFigure
from regretta.plots.paper.nasbench201.final_accuracy import (
    Entry,
    final_accuracies,
    left_out,
    other_protocols,
)
from regretta.plots.style import METHODS, house, panels, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class LearningRates:
    """Final accuracies.

    Attributes
    ----------
    entries
        Table → learning rate, ascending → accuracies.
    reconstruction
        Table → what of it is modelled, empty for measured tables.
    """

    entries: Mapping[str, Mapping[float, Entry]]
    reconstruction: Mapping[str, str]


def compute(suite: SuiteResults) -> LearningRates:
    """Accuracy of the final incumbents by learning rate.

    Raises
    ------
    FigureError
        If the suite is not of REINFORCE alone under several learning rates, and otherwise alike, on
        data sets of NAS-Bench-201.
    """
    entries = [entry for entry in final_accuracies(suite) if entry.runs]
    others = {
        (e.optimizer, *((k, v) for k, v in sorted(e.settings.items()) if k != "learning_rate"))
        for e in entries
    }
    found: dict[str, dict[float, Entry]] = {}
    for entry in sorted(entries, key=lambda e: float(e.settings.get("learning_rate", np.nan))):
        found.setdefault(entry.table, {})[float(entry.settings.get("learning_rate", np.nan))] = (
            entry
        )
    if len(others) != 1 or entries[0].optimizer != "reinforce" or len(found[entries[0].table]) < 2:
        raise FigureError(
            f"{suite.folder.name} is not the study of REINFORCE's learning rate on NAS-Bench-201"
        )
    tables = {name: found[name] for name in suite.tables if name in found}
    return LearningRates(
        tables, {name: suite.identity.tables[name].reconstruction for name in tables}
    )


def caption(found: LearningRates) -> str:
    """What the figure shows, and which rates come near the published values."""
    entries = [entry for of_table in found.entries.values() for entry in of_table.values()]
    warning = other_protocols(entries)
    near = "" if warning else f" {closest(found)}"
    modelled = dict.fromkeys(filter(None, found.reconstruction.values()))
    return (
        "Not a figure of the paper: REINFORCE under NAS-Bench-201's table 5 protocol by learning"
        " rate, which the paper does not state. Mean and standard deviation of the final"
        f" incumbent's validation and test accuracy over n ="
        f" {span([e.runs for e in entries])} runs."
        " Bands: published mean and standard deviation (500 runs; partly quoted from memory)."
        f"{near}{warning}{left_out(entries)}"
        f"{''.join(f' Reconstruction: {words}.' for words in modelled)}"
    )


def closest(found: LearningRates) -> str:
    """Each rate's largest distance of a mean from the published one, in published deviations."""
    distance: dict[float, list[float]] = {}
    for of_table in found.entries.values():
        for rate, entry in of_table.items():
            for which, ours in enumerate((entry.validation, entry.test)):
                if entry.published and np.isfinite(ours[0]):
                    theirs = entry.published[which]
                    distance.setdefault(rate, []).append(
                        abs(ours[0] - theirs.mean) / theirs.deviation
                    )
    if not distance:
        return ""
    told = ", ".join(f"{rate:g}: {max(some):.2f}" for rate, some in sorted(distance.items()))
    return (
        "Largest distance of a mean from the published one, in published standard deviations, by"
        f" learning rate: {told}."
    )


def draw(found: LearningRates, width: float) -> Figure:
    """Draw a panel a data set: accuracy against the learning rate, over the published band."""
    looks = (
        ("validation", 0, METHODS["regularized_evolution"][1], "o"),
        ("test", 1, METHODS["reinforce"][1], "s"),
    )
    with house():
        figure, axes = panels(len(found.entries), width, 2.5)
        for ax, (table, of_table) in zip(axes, found.entries.items(), strict=True):
            published = next(iter(of_table.values())).published
            for name, which, color, marker in looks:
                values = np.array([getattr(entry, name) for entry in of_table.values()])
                if np.isnan(values[:, 0]).all():
                    continue
                if published:
                    mean, deviation = published[which].mean, published[which].deviation
                    ax.axhspan(
                        mean - deviation, mean + deviation, color=color, alpha=0.12, linewidth=0
                    )
                    ax.axhline(mean, color=color, linewidth=0.8, linestyle=(0, (2, 2)))
                ax.errorbar(
                    *(list(of_table), values[:, 0]),
                    yerr=np.nan_to_num(values[:, 1]),
                    color=color,
                    marker=marker,
                    capsize=2,
                    label=name.capitalize(),
                )
            ax.set_xscale("log")
            ax.set_xticks(list(of_table), [f"{rate:g}" for rate in of_table])
            ax.minorticks_off()
            ax.set_xlabel("Learning rate")
            ax.set_ylabel("Accuracy (%)")
            ax.grid(True)
            title(ax, table, found.reconstruction[table])
        axes[0].legend(loc="lower left")
    return figure


FIGURE = StudyFigure(
    *("reinforce-learning-rate", "REINFORCE of table 5 by learning rate", "nasbench201-reinforce"),
    *(compute, caption, draw),
)
