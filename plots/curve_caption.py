"""What a reader must know to read curves of regret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regretta.plots.axes import human_position
from regretta.plots.regret_curve import MOST_BANDS, RegretCurve, RegretCurves
from regretta.plots.spread import STATISTICS, band_name
from regretta.plots.style import human_names, span


@dataclass(frozen=True)
class CurveCaption:
    """What a reader must know to read the figure, in parts that hold of some ways to draw it only.

    Attributes
    ----------
    what
        Kind of regret, axis, tables and runs.
    bands
        What bands are; empty where no curve can have one.
    rules
        How curves are drawn, where they start and end, and what regret is.
    zero
        Where values of zero and less are drawn on a logarithmic axis.
    silent
        How many runs are left out; mostly empty.
    modelled
        What is a reconstruction; mostly empty.
    """

    what: str
    bands: str
    rules: str
    zero: str
    silent: str
    modelled: str


CUT = "Bands that reach zero are cut at the lower edge."
"""Of a logarithmic axis without a place for zero."""


NO_BANDS = "No bands: they would hide the {} curves."
"""Where there are more than `MOST_BANDS`."""


def regret_caption(panels_: Sequence[RegretCurves]) -> str:
    """What a reader must know to read the still figure."""
    parts = caption_parts(panels_)
    drawn = [curve for panel in panels_ for curve in panel.curves if curve.runs]
    most = max(sum(curve.runs > 0 for curve in panel.curves) for panel in panels_)
    zero = ""
    if any((curve.value <= 0).any() for curve in drawn):
        zero = parts.zero
    elif any((curve.low <= 0).any() for curve in drawn):
        zero = CUT
    bands = NO_BANDS.format(most) if parts.bands and most > MOST_BANDS else parts.bands
    said = (parts.what, bands, parts.rules, zero, parts.silent, parts.modelled)
    return " ".join(part for part in said if part)


def caption_parts(panels_: Sequence[RegretCurves]) -> CurveCaption:
    """The caption's parts, whatever of the curves is shown."""
    first = panels_[0]
    what = STATISTICS[first.statistic]
    drawn = [curve for panel in panels_ for curve in panel.curves if curve.runs]
    measures = {panel.measure for panel in panels_}
    where = first.table if len(panels_) == 1 else f"{len(panels_)} tables"
    rules = [
        "Curves are right-continuous steps. A run has no value before its first finished"
        " evaluation, so each curve starts where every run of its method has one.",
        *_about_ends(panels_),
    ]
    if "validation regret" in measures:
        rules.append(
            "Validation regret: mean validation error of the incumbent over its repeats at the"
            " reported budget, minus that of the best cell."
        )
    if "test regret" in measures:
        rules.append(
            "Test regret: test error of the incumbent minus that of the best cell; no search saw"
            " test data."
        )
    if any(measure.endswith("error") for measure in measures):
        rules.append("Errors: nobody knows the best there is, so that there is no regret.")
    return CurveCaption(
        what=f"{what.capitalize()} {' or '.join(sorted(measures))} over runs against"
        f" {first.axis.words} on {where}; {_runs(drawn)}.",
        bands=f"Bands: {band_name(first.statistic, first.band)}."
        if any(curve.runs > 1 for curve in drawn)
        else "",
        rules=" ".join(rules),
        zero=f"A {what} regret of zero or less has no place on a log axis: it is drawn on the line"
        " marked \u2264 0.",
        silent=_silence(panels_),
        modelled=" ".join(
            f"Reconstruction ({panel.table}): {panel.reconstruction}"
            for panel in panels_
            if panel.reconstruction
        ),
    )


def _silence(panels_: Sequence[RegretCurves]) -> str:
    silent = sum(curve.silent for panel in panels_ for curve in panel.curves)
    runs = "1 run" if silent == 1 else f"{silent} runs"
    return f"Left out: {runs} that finished no evaluation within the limit." if silent else ""


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
