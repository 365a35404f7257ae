"""What a reader must know to read curves of regret."""

from __future__ import annotations

from collections.abc import Sequence

from regretta.plots.axes import human_position
from regretta.plots.regret_curve import MOST_BANDS, RegretCurve, RegretCurves
from regretta.plots.spread import STATISTICS, band_name
from regretta.plots.style import human_names, span


def regret_caption(panels_: Sequence[RegretCurves]) -> str:
    """What a reader must know to read the figure: kind of regret, runs, band, starts, zeros."""
    first = panels_[0]
    what = STATISTICS[first.statistic]
    drawn = [curve for panel in panels_ for curve in panel.curves if curve.runs]
    measures = {panel.measure for panel in panels_}
    where = first.table if len(panels_) == 1 else f"{len(panels_)} tables"
    parts = [
        f"{what.capitalize()} {' or '.join(sorted(measures))} over runs against"
        f" {first.axis.words} on {where}; {_runs(drawn)}."
    ]
    if any(curve.runs > 1 for curve in drawn):
        most = max(sum(curve.runs > 0 for curve in panel.curves) for panel in panels_)
        parts.append(
            f"Bands: {band_name(first.statistic, first.band)}."
            if most <= MOST_BANDS
            else f"No bands: they would hide the {most} curves."
        )
    parts.append(
        "Curves are right-continuous steps. A run has no value before its first finished"
        " evaluation, so each curve starts where every run of its method has one."
    )
    parts += _about_ends(panels_)
    if "validation regret" in measures:
        parts.append(
            "Validation regret: mean validation error of the incumbent over its repeats at the"
            " reported budget, minus that of the best cell."
        )
    if "test regret" in measures:
        parts.append(
            "Test regret: test error of the incumbent minus that of the best cell; no search saw"
            " test data."
        )
    if any(measure.endswith("error") for measure in measures):
        parts.append("Errors: nobody knows the best there is, so that there is no regret.")
    if any((curve.value <= 0).any() for curve in drawn):
        parts.append(
            f"A {what} regret of zero or less has no place on a log axis: it is drawn on the line"
            " marked \u2264 0."
        )
    elif any((curve.low <= 0).any() for curve in drawn):
        parts.append("Bands that reach zero are cut at the lower edge.")
    silent = sum(curve.silent for panel in panels_ for curve in panel.curves)
    if silent:
        runs = "1 run" if silent == 1 else f"{silent} runs"
        parts.append(f"Left out: {runs} that finished no evaluation within the limit.")
    parts += [
        f"Reconstruction ({panel.table}): {panel.reconstruction}"
        for panel in panels_
        if panel.reconstruction
    ]
    return " ".join(parts)


def _runs(curves: Sequence[RegretCurve]) -> str:
    counts = sorted({curve.runs for curve in curves})
    if not counts:
        return "no finished run"
    return f"n = {span(counts)} runs per method"


def _about_ends(panels_: Sequence[RegretCurves]) -> list[str]:
    """What a reader must know where curves do not all reach the end of the axis."""
    said = []
    axis = panels_[0].axis
    if axis.name == "epochs":
        said.append(
            "Epochs are the budgets of all evaluations together, each trained from the start."
        )
    for panel in panels_:
        ends = {curve.label: curve.end for curve in panel.curves if curve.runs}
        where = f" on {panel.table}" if len(panels_) > 1 else ""
        if ends and min(ends.values()) < panel.end * (1 - 1e-9):
            shown = ", ".join(
                f"{name} {human_position(end, axis)}"
                for name, end in zip(human_names(list(ends)), ends.values(), strict=True)
            )
            if len(ends) > MOST_BANDS:
                low, high = (human_position(f(ends.values()), axis) for f in (min, max))
                shown = f"from {low} to {high}"
            said.append(
                "A curve ends where the first of its method's runs does, and nothing is said about"
                f" it beyond; ends{where}: {shown}."
            )
        gone = {curve.label: curve.absent for curve in panel.curves if curve.absent}
        names = human_names(list(gone))
        said += [
            f"No curve{where}: {name} {why}."
            for name, why in zip(names, gone.values(), strict=True)
        ]
    return said
