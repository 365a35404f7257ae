"""NAS-Bench-101's figures of searches (7, S2 to S6, S8), drawn from a suite's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from regretta.harness.regret import TOLERANCE
from regretta.harness.result import RunResult
from regretta.harness.store.folder import SuiteResults
from regretta.plots.axes import human_time
from regretta.plots.ecdf import RegretDistributions, distributions, draw_ecdf, ecdf_caption
from regretta.plots.paper.columns import Anchor, FigureError
from regretta.plots.paper.figure import SuiteFigure
from regretta.plots.paper.nasbench101.settings import Settings, by_setting, draw_settings
from regretta.plots.regret_curve import (
    RegretCurve,
    RegretCurves,
    draw_regret,
    regret_caption,
    regret_curves,
)
from regretta.plots.style import MethodStyle, human_name, method_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED_PASSING = 5e4
"""Simulated seconds after which regularized evolution, BOHB and SMAC are better than random search (section 4.1)."""

PROTOCOL = "nb101-paper"
"""Name of the paper's protocol."""

SENSITIVITY: Mapping[str, str] = {
    "S2": "smac",
    "S3": "bohb",
    "S4": "regularized_evolution",
    "S5": "reinforce",
}
"""Figure of the supplement → the only optimizer of a suite that studies its settings."""

_PASSING = ("regularized_evolution", "bohb", "smac")
_LIMIT = 1e7
_S8 = {"random_search", "regularized_evolution", "reinforce"}


@dataclass(frozen=True, eq=False)
class Searches:
    """What one figure of searches shows of one table.

    Attributes
    ----------
    number
        The figure's number.
    shown
        Mean regret over time, or for 7-right the distribution of final regret.
    styles
        By label.
    passing
        Optimizer → simulated seconds from which on its mean regret stays below random search's,
        infinite where it does not at the end; only for 7-left, and only what the paper names.
    missing
        What of the paper's figure the suite does not have.
    settings
        Of a study of one method's settings: setting → labels and values.
    """

    number: str
    shown: RegretCurves | RegretDistributions
    styles: Mapping[str, MethodStyle]
    passing: Mapping[str, float]
    missing: tuple[str, ...]
    settings: Settings = field(default_factory=dict)


def compute(number: str, suite: SuiteResults, table: str) -> Searches:
    """What a figure shows of a suite's runs on a table.

    Parameters
    ----------
    number
        ``"7-left"``, ``"7-right"``, ``"S2"`` to ``"S6"`` or ``"S8"``.

    Raises
    ------
    FigureError
        If the suite is another study than the figure's, or none of its runs on the table finished
        an evaluation.
    """
    runs = {label: group for label, group in suite.runs[table].items() if group}
    if not any(len(run.trajectory) for group in runs.values() for run in group):
        raise FigureError(
            f"{suite.folder} has no finished evaluation on {table}; run the suite first"
        )
    optimizers = {label: group[0].optimizer for label, group in runs.items()}
    encoding = suite.identity.encoding or "A"
    kinds = set(optimizers.values())
    missing = []
    if number in SENSITIVITY:
        fits = kinds == {SENSITIVITY[number]} and len(runs) > 1
    elif number == "S6":
        fits = encoding == "C" and len(kinds) > 1
        missing = ["Vizier, which is not public"]
    else:
        unaged = any(_never_ages(group[0]) for group in runs.values())
        fits = encoding != "C" and (
            kinds == _S8 and unaged if number == "S8" else len(kinds) > 1 and not unaged
        )
    if not fits:
        raise FigureError(f"{suite.folder} is not the study of figure {number}")
    protocols = {str(run.protocol.get("name", "")) for group in runs.values() for run in group}
    if protocols != {PROTOCOL}:
        missing.append(
            f"the paper's protocol ({PROTOCOL}): the suite follows {', '.join(sorted(protocols))}"
        )
    limit = max(run.time_limit for group in runs.values() for run in group)
    if limit < _LIMIT:
        missing.append(f"the paper's {_LIMIT:,.0f} simulated seconds: the runs have {limit:,.0f}")
    short = {label: len(group) for label, group in runs.items() if len(group) < suite.planned}
    if short:
        behind = ", ".join(f"{label} {count}" for label, count in short.items())
        missing.append(f"runs: of {suite.planned} planned there are {behind}")
    styles = method_styles(list(optimizers.items()))
    if number == "7-right":
        return Searches(number, distributions(runs), styles, {}, tuple(missing))
    curves = regret_curves(runs)
    passing: dict[str, float] = {}
    baseline = next(
        (c for c in curves.curves if optimizers[c.label] == "random_search" and c.runs), None
    )
    if number == "7-left" and baseline is not None:
        for curve in curves.curves:  # of several labels of one optimizer the first
            if (
                optimizers[curve.label] in _PASSING
                and optimizers[curve.label] not in passing
                and curve.runs
            ):
                passing[optimizers[curve.label]] = passes(curve, baseline)
    settings = by_setting(runs) if number in SENSITIVITY else {}
    return Searches(number, curves, styles, passing, tuple(missing), settings)


def _never_ages(run: RunResult) -> bool:
    return run.optimizer == "regularized_evolution" and run.settings.get("ageing") is False


def passes(curve: RegretCurve, baseline: RegretCurve) -> float:
    """Simulated seconds from which on a curve's mean stays below the baseline's; infinite if it is not at the end."""
    time = np.union1d(curve.time, baseline.time)
    time = time[time >= max(curve.time[0], baseline.time[0])]
    ours, theirs = (
        c.mean[np.searchsorted(c.time, time, side="right") - 1] for c in (curve, baseline)
    )
    above = np.flatnonzero(ours >= theirs - TOLERANCE)
    if not len(above):
        return float(time[0])
    return float(time[above[-1] + 1]) if above[-1] + 1 < len(time) else np.inf


def anchors(found: Searches) -> tuple[Anchor, ...]:
    """When methods pass random search."""
    return tuple(
        Anchor(
            f"{human_name(optimizer)} stays below random search's mean regret from",
            human_time(at) if np.isfinite(at) else "not within the limit",
            f"about {human_time(PUBLISHED_PASSING)}",
        )
        for optimizer, at in found.passing.items()
    )


def caption(found: Searches) -> str:
    """What the figure shows, with the published value beside ours and what is missing."""
    if isinstance(found.shown, RegretDistributions):
        words = ecdf_caption(found.shown)
        if found.shown.reconstruction:
            words += f" Reconstruction: {found.shown.reconstruction}."
    else:
        words = regret_caption([found.shown]).removesuffix(".") + "."
    published = " Published: 500 runs of 10,000,000 s each." if found.number.startswith("7") else ""
    beside = "".join(f" {a.quantity} {a.ours} (published {a.published})." for a in anchors(found))
    missing = f" Missing: {'; '.join(found.missing)}." if found.missing else ""
    kind = "supplement figure " if found.number.startswith("S") else "figure "
    return (
        f"NAS-Bench-101, {kind}{found.number.removeprefix('S').replace('-', ', ')}."
        f" {words}{published}{beside}{missing}"
    )


def draw(found: Searches, width: float) -> Figure:
    """Draw it as the report draws it; a study of settings with a panel for each of them."""
    if isinstance(found.shown, RegretDistributions):
        return draw_ecdf(found.shown, found.styles, width)
    if found.settings:
        return draw_settings(found.shown, found.settings, width)
    return draw_regret([found.shown], found.styles, width)


def _figure(number: str, title: str, suite: str) -> SuiteFigure[Searches]:
    return SuiteFigure(number, title, suite, partial(compute, number), caption, draw, anchors)


COMPARISON = _figure("7-left", "the comparison", "nasbench101-paper")
ROBUSTNESS = _figure("7-right", "robustness of the comparison", "nasbench101-paper")
SMAC = _figure("S2", "SMAC's settings", "sensitivity-smac")
BOHB = _figure("S3", "BOHB's settings", "sensitivity-bohb")
EVOLUTION = _figure("S4", "evolution's settings", "sensitivity-evolution")
REINFORCE = _figure("S5", "REINFORCE's settings", "sensitivity-reinforce")
ENCODING_C = _figure("S6", "encoding C", "nasbench101-encoding-c")
WITHOUT_AGEING = _figure("S8", "REINFORCE against evolution", "nasbench101-reinforce")
