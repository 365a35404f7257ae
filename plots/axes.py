"""Axes of the house: logarithmic time and regret, readable moments on top, zero on a logarithmic scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    NullFormatter,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_YEAR = 365.25 * _DAY
_UNITS = ((_YEAR, "y"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1.0, "s"))
_READABLE = (
    *(1.0, 10.0),
    *(_MINUTE, 10 * _MINUTE),
    *(_HOUR, 6 * _HOUR),
    *(_DAY, 7 * _DAY, 30 * _DAY, 100 * _DAY),
    *(_YEAR, 10 * _YEAR, 100 * _YEAR),
)


def human_time(seconds: float) -> str:
    """Seconds in the largest unit that leaves at least one: ``"10 min"``, ``"2.5 h"``, ``"12 d"``, ``"1 y"``."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds)} s"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def time_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round moments between two times in seconds, spread over a log axis, `most` at the most."""
    inside = [t for t in _READABLE if low * 0.999 <= t <= high * 1.001]
    gap = np.log(high / low) / (most + 1) if high > low else 0.0
    kept: list[float] = []
    for moment in inside:
        if not kept or np.log(moment / kept[-1]) >= gap:
            kept.append(moment)
    return kept


def time_axis(axes: Axes, low: float, high: float, *, most: int = 6) -> None:
    """A logarithmic axis of simulated seconds below, the same in minutes, hours and days above."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    log_axis(axes, "x", low, high)
    axes.set_xlabel("Simulated wall-clock time (s)")
    top = axes.secondary_xaxis("top")
    ticks = time_ticks(low, high, most)
    top.xaxis.set_major_locator(FixedLocator(ticks))
    top.xaxis.set_major_formatter(FuncFormatter(lambda value, _: human_time(value)))
    top.xaxis.set_minor_locator(FixedLocator([]))
    top.tick_params(axis="x", length=2, pad=1)


def log_axis(axes: Axes, which: str, low: float, high: float) -> None:
    """Ticks for a logarithmic axis: decades, and 2 and 5 between them where the decades alone are too few."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    decades = np.floor(np.log10(high) + 1e-9) - np.ceil(np.log10(low) - 1e-9) + 1
    axis.set_major_locator(LogLocator(numticks=12))
    axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=100))
    if decades >= 3:
        axis.set_minor_formatter(NullFormatter())
        return
    steps = (2, 5) if decades >= 1 and np.log10(high / low) > 1 else (2, 3, 5, 7)

    plain = low >= 1e-4 and high < 1e4

    def label(value: float, _: int) -> str:
        mantissa = value / 10 ** np.floor(np.log10(value) + 1e-9)
        return f"{value:g}" if any(abs(mantissa - step) < 1e-6 for step in (1, *steps)) else ""

    axis.set_major_formatter(FuncFormatter(label) if plain else LogFormatterSciNotation())
    if plain:
        axis.set_minor_formatter(FuncFormatter(label))
    else:
        axis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(np.inf, 1.0)))


def title(axes: Axes, words: str, reconstruction: str = "") -> None:
    """Title of a panel; modelled numbers say "reconstruction" in the picture itself."""
    axes.set_title(f"{words}\nreconstruction" if reconstruction else words, pad=6)


def marker_positions(
    values: Any, low: float, high: float, nth: int, of: int, count: int = 7
) -> list[int]:
    """Indices of a curve's points that carry markers: evenly spread over the log axis, staggered
    between curves.

    Parameters
    ----------
    values
        The curve's positions, ascending and positive: shape ``[k]``.
    low, high
        The axis's limits.
    nth, of
        Which of how many curves it is.
    count
        Markers along the axis.
    """
    places = np.geomspace(low, high, count + 1)[:-1] * (high / low) ** (
        (nth + 0.5) / max(of, 1) / count
    )
    values = np.asarray(values)
    places = places[(places >= values[0]) & (places <= values[-1])] if len(values) else places[:0]
    return sorted({int(i) for i in np.searchsorted(values, places, side="right") - 1})


def mark_zero(axes: Axes, which: str, line: float, smallest: float) -> None:
    """Name the place on a logarithmic axis where values of zero and less are drawn, and set it
    apart.

    Call it when the axis has its limits and ticks.

    Parameters
    ----------
    which
        ``"x"`` or ``"y"``.
    line
        Where such values are drawn.
    smallest
        The smallest positive value; the scale ends below it.
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    edge = smallest / 1.6
    low = (axes.get_xlim() if which == "x" else axes.get_ylim())[0]
    (axes.axvspan if which == "x" else axes.axhspan)(
        low, edge, color="#F2F2F2", linewidth=0, zorder=0
    )
    if which == "y":
        axes.axhline(line, color="#777777", linewidth=0.6, linestyle=(0, (2, 2)), zorder=1)
        axes.text(
            -0.012,
            line,
            "\u2264 0",
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=7,
        )
    else:
        axes.text(
            line,
            -0.025,
            "\u2264 0",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=7,
        )
    major, minor = axis.get_major_formatter(), axis.get_minor_formatter()
    axis.set_major_locator(FixedLocator([tick for tick in axis.get_majorticklocs() if tick > edge]))
    axis.set_minor_locator(FixedLocator([tick for tick in axis.get_minorticklocs() if tick > edge]))
    axis.set_major_formatter(major)
    axis.set_minor_formatter(minor)
