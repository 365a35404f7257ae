"""NAS-Bench-101's figures of searches (7, S2 to S6, S8), drawn from a suite's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.harness.axis import first_position, regret_matrix, run_end
from regretta.harness.regret import TOLERANCE, at_most, final_regret
from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.plots.axes import human_time
from regretta.plots.curve_caption import regret_caption
from regretta.plots.ecdf import RegretDistributions, distributions, draw_ecdf, ecdf_caption
from regretta.plots.paper.columns import Anchor, FigureError
from regretta.plots.paper.figure import SuiteFigure
from regretta.plots.paper.nasbench101.settings import (
    Settings,
    by_setting,
    draw_settings,
    is_published,
)
from regretta.plots.paper.nasbench101.swayed import Swayed, swayed
from regretta.plots.regret_curve import RegretCurve, RegretCurves, draw_regret, regret_curves
from regretta.plots.statistics import Interval
from regretta.plots.style import MethodStyle, human_name, method_styles, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED_PASSING, PUBLISHED_SPEED_UP = 5e4, 5
"""Simulated seconds after which regularized evolution, BOHB and SMAC are better than random search,
and how many times faster they reach its final value (section 4.1)."""

PROTOCOL = "nb101-paper"
"""Name of the paper's protocol."""

SENSITIVITY: Mapping[str, str] = {
    "S2": "smac",
    "S3": "bohb",
    "S4": "regularized_evolution",
    "S5": "reinforce",
}
"""Figure of the supplement → the only optimizer of a suite that studies its settings."""

_COMPARED = (
    *("random_search", "regularized_evolution", "reinforce", "hyperband", "smac", "bohb", "tpe"),
)
_PASSING = ("regularized_evolution", "bohb", "smac")
_VALIDATION = "7-validation"
_LIMIT = 1e7
_POINTS, _RESAMPLES = 400, 1000
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
    faster
        The same optimizers → how many times faster than random search they reach its final mean
        regret; an estimate of zero where they do not.
    missing
        What of the paper's figure the suite does not have.
    settings
        Of a study of one method's settings: setting → labels and values.
    published
        Whether the first label of such a study has the paper's settings.
    swayed
        The cell that sways a mean, if one does; None for 7-right.
    """

    number: str
    shown: RegretCurves | RegretDistributions
    styles: Mapping[str, MethodStyle]
    passing: Mapping[str, float]
    missing: tuple[str, ...]
    faster: Mapping[str, Interval] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)
    published: bool = False
    swayed: Swayed | None = None


def compute(number: str, suite: SuiteResults, table: str) -> Searches:
    """What a figure shows of a suite's runs on a table.

    Parameters
    ----------
    number
        ``"7-left"``, ``"7-right"``, ``"7-validation"``, ``"S2"`` to ``"S6"`` or ``"S8"``.

    Raises
    ------
    FigureError
        If the suite is another study than the figure's, or none of its runs on the table finished
        an evaluation; for 7-validation also if runs have no test error, since 7-left is the same.
    """
    runs = {label: group for label, group in suite.runs[table].items() if group}
    if not any(len(run.trajectory) for group in runs.values() for run in group):
        raise FigureError(
            f"{suite.folder.name} has no finished evaluation on {table}; run the suite first"
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
        raise FigureError(f"{suite.folder.name} is not the study of figure {number}")
    if number.startswith("7") and (absent := [m for m in _COMPARED if m not in kinds]):
        missing.append(f"runs of {', '.join(human_name(name) for name in absent)}")
    protocols = {str(run.protocol.get("name", "")) for group in runs.values() for run in group}
    if protocols != {PROTOCOL}:
        missing.append(
            f"the paper's protocol ({PROTOCOL}): the suite follows {', '.join(sorted(protocols))}"
        )
    limit = max(run_end(run) for group in runs.values() for run in group)
    if limit < _LIMIT:
        missing.append(f"the paper's {_LIMIT:,.0f} simulated seconds: the runs have {limit:,.0f}")
    planned = {label: suite.planned(label) for label in runs}
    short = {label: len(group) for label, group in runs.items() if len(group) < planned[label]}
    if short:
        behind = ", ".join(f"{label} {count}" for label, count in short.items())
        if len(short) == len(runs):
            behind = f"{span(list(short.values()))} of each label"
        missing.append(f"runs: of {span(list(planned.values()))} planned there are {behind}")
    styles = method_styles(list(optimizers.items()))
    if regret_kind(runs) == "validation":
        if number == _VALIDATION:
            raise FigureError(f"figure 7 left of {suite.folder.name} shows validation regret")
        missing.append("test error of every incumbent: validation regret is shown")
    if number == "7-right":
        return Searches(number, distributions(runs), styles, {}, tuple(missing))
    curves = regret_curves(runs, kind="validation" if number == _VALIDATION else None)
    passing: dict[str, float] = {}
    faster: dict[str, Interval] = {}
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
                name = optimizers[curve.label]
                passing[name] = passes(curve, baseline)
                faster[name] = speed_up(runs[curve.label], runs[baseline.label], curves.kind)
    settings = by_setting(runs) if number in SENSITIVITY else {}
    published = bool(settings) and is_published(next(iter(runs.values()))[0])
    outlier = swayed(runs, curves.kind)
    return Searches(
        *(number, curves, styles, passing, tuple(missing), faster, settings, published, outlier)
    )


def _never_ages(run: RunResult) -> bool:
    return run.optimizer == "regularized_evolution" and run.settings.get("ageing") is False


def passes(curve: RegretCurve, baseline: RegretCurve) -> float:
    """Simulated seconds from which on a curve's mean stays below the baseline's.

    Infinite if it is not below at the end.
    """
    time = np.union1d(curve.position, baseline.position)
    time = time[time >= max(curve.position[0], baseline.position[0])]
    ours, theirs = (
        c.value[np.searchsorted(c.position, time, side="right") - 1] for c in (curve, baseline)
    )
    above = np.flatnonzero(ours >= theirs - TOLERANCE)
    if not len(above):
        return float(time[0])
    return float(time[above[-1] + 1]) if above[-1] + 1 < len(time) else np.inf


def speed_up(
    runs: Sequence[RunResult], baseline: Sequence[RunResult], kind: str, seed: int = 0
) -> Interval:
    """How many times faster a method's mean regret reaches the baseline's final mean, to stay.

    The baseline's time is the limit, at which its final mean is taken. Zero where the method's mean
    is above it at the end. The interval is the 95 % percentile bootstrap over the runs of both.
    """
    ended, others = ([run for run in some if len(run.trajectory)] for some in (runs, baseline))
    limit = max(run_end(run) for run in ended)
    start = min(max(map(first_position, ended)), limit)
    grid = np.geomspace(start, limit, _POINTS)
    grid[-1] = limit
    own, target = regret_matrix(ended, grid, kind), final_regret(others, kind)

    def ratios(means: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
        above = ~at_most(means - targets[:, None], 0.0)
        later = np.where(above.any(axis=1), _POINTS - np.argmax(above[:, ::-1], axis=1), 0)
        return np.where(later < _POINTS, limit / grid[np.minimum(later, _POINTS - 1)], 0.0)

    estimate = float(ratios(own.mean(axis=0)[None], target.mean()[None])[0])
    count = min(len(ended), len(others))
    if count == 1:
        return Interval(estimate, np.nan, np.nan, count)
    rng = np.random.default_rng(seed)
    weights = [
        rng.multinomial(n, np.full(n, 1 / n), size=_RESAMPLES) / n for n in (len(own), len(target))
    ]
    resampled = ratios(weights[0] @ own, weights[1] @ target)
    low, high = np.quantile(resampled, [0.025, 0.975], method="inverted_cdf")
    return Interval(estimate, float(low), float(high), count)


def anchors(found: Searches) -> tuple[Anchor, ...]:
    """When methods pass random search, and how much faster they reach its final value."""
    passing = tuple(
        Anchor(
            f"{human_name(optimizer)} stays below random search's mean regret from",
            human_time(at) if np.isfinite(at) else "not within the limit",
            f"about {human_time(PUBLISHED_PASSING)}",
        )
        for optimizer, at in found.passing.items()
    )
    return passing + tuple(
        Anchor(
            f"{human_name(optimizer)} reaches random search's final mean regret",
            _times(faster),
            f"about {PUBLISHED_SPEED_UP} times faster",
        )
        for optimizer, faster in found.faster.items()
    )


def _times(faster: Interval) -> str:
    if not faster.estimate:
        return "not within the limit"
    low = f"{faster.low:.1f}" if faster.low else "never"
    interval = "" if np.isnan(faster.high) else f" (95 % interval {low} to {faster.high:.1f})"
    return f"{faster.estimate:.1f} times faster{interval}"


def caption(found: Searches) -> str:
    """What the figure shows, with the published value beside ours and what is missing."""
    if isinstance(found.shown, RegretDistributions):
        words = ecdf_caption(found.shown)
        if found.shown.reconstruction:
            words += f" Reconstruction: {found.shown.reconstruction}."
    else:
        words = regret_caption([found.shown]).removesuffix(".") + "."
    published = " Published: 500 runs of 10,000,000 s each." if found.number.startswith("7") else ""
    if found.number == _VALIDATION:
        published += (
            " Not in the paper, whose figure shows test regret: one of its authors posted this"
            " version (google-research/nasbench#10), with somewhat better settings found since."
        )
    beside = "".join(f" {a.quantity} {a.ours} (published {a.published})." for a in anchors(found))
    missing = f" Missing: {'; '.join(found.missing)}." if found.missing else ""
    sway = ""
    if found.swayed:
        sway = f" {found.swayed.told(human_name(found.swayed.label))}"
    kind = "supplement figure " if found.number.startswith("S") else "figure "
    return (
        f"NAS-Bench-101, {kind}{found.number.removeprefix('S').replace('-', ', ')}."
        f" {words}{sway}{published}{beside}{missing}"
    )


def draw(found: Searches, width: float) -> Figure:
    """Draw it as the report draws it; a study of settings with a panel for each of them."""
    if isinstance(found.shown, RegretDistributions):
        return draw_ecdf(found.shown, found.styles, width)
    if found.settings:
        return draw_settings(found.shown, found.settings, width, found.published)
    return draw_regret([found.shown], found.styles, width)


def _figure(number: str, title: str, suite: str) -> SuiteFigure[Searches]:
    return SuiteFigure(number, title, suite, partial(compute, number), caption, draw, anchors)


COMPARISON = _figure("7-left", "the comparison", "nasbench101-paper")
ROBUSTNESS = _figure("7-right", "robustness of the comparison", "nasbench101-paper")
BY_VALIDATION = _figure(_VALIDATION, "the comparison by validation regret", "nasbench101-paper")
SMAC = _figure("S2", "SMAC's settings", "sensitivity-smac")
BOHB = _figure("S3", "BOHB's settings", "sensitivity-bohb")
EVOLUTION = _figure("S4", "evolution's settings", "sensitivity-evolution")
REINFORCE = _figure("S5", "REINFORCE's settings", "sensitivity-reinforce")
ENCODING_C = _figure("S6", "encoding C", "nasbench101-encoding-c")
WITHOUT_AGEING = _figure("S8", "REINFORCE against evolution", "nasbench101-reinforce")
