"""Axes of the house: round labels with room beside each other, and zero on a log scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import (
    Formatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from regretta.plots.text import POINTS, drawable, shorten, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from regretta.harness.axis import Axis

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_YEAR = 365.25 * _DAY
_UNITS = ((_YEAR, "y"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1.0, "s"))
_ROUND: Sequence[tuple[float, ...]] = (
    (1.0, _MINUTE, _HOUR, _DAY, _YEAR),
    (10.0, 10 * _MINUTE, 6 * _HOUR, 7 * _DAY, 30 * _DAY, 100 * _DAY),
    (30.0, 30 * _MINUTE, 2 * _HOUR, 12 * _HOUR, 2 * _DAY),
    (
        *(2.0, 5.0, 20.0, 2 * _MINUTE, 5 * _MINUTE, 20 * _MINUTE),
        *(3 * _HOUR, 4 * _HOUR, 8 * _HOUR, 3 * _DAY, 4 * _DAY, 14 * _DAY, 60 * _DAY, 200 * _DAY),
    ),
)
"""Moments people count in, the roundest first; below a second and above a year, the decades."""

_MOST = 6
"""Labels on an axis at the most."""

Labels = Callable[[Sequence[float]], list[str]]


def human_time(seconds: float) -> str:
    """Seconds in the largest unit that leaves at least one: ``"10 min"``, ``"2.5 h"``."""
    size, unit = _unit(seconds)
    return f"{_three_digits(seconds / size)} {unit}"


def human_position(value: float, axis: Axis) -> str:
    """A place on an axis: ``"2.5 h"``, ``"1,200 evaluations"``, ``"1 cell"``."""
    if axis.name == "seconds":
        return human_time(value)
    noun = axis.name[:-1] if value == 1 else axis.name
    return f"{value:,.10g} {noun}"


def _unit(seconds: float) -> tuple[float, str]:
    return next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number_labels(ticks: Sequence[float]) -> list[str]:
    """Positive numbers in one manner: ``"0.05"`` where all are of everyday size, else ``"5×10⁻⁶"``.

    They have as many digits as tell them apart, three at least.
    """
    if not len(ticks):
        return []
    plain = min(ticks) >= 1e-4 and max(ticks) < 1e5
    for digits in range(3, 17):
        texts = [f"{tick:.{digits}g}" for tick in ticks]
        if all(abs(float(t) / v - 1) < 1e-9 for t, v in zip(texts, ticks, strict=True)):
            break
    if plain and digits <= 9:
        return [np.format_float_positional(float(text), trim="-") for text in texts]
    return [_scientific(tick, digits) for tick in ticks]


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa}×{power}"


def time_labels(ticks: Sequence[float]) -> list[str]:
    """Moments as people say them; those that are not round, all in the unit of their distances."""
    texts = [human_time(tick) for tick in ticks]
    said = [
        float(text.split()[0].replace(",", "")) * _unit(tick)[0]
        for text, tick in zip(texts, ticks, strict=True)
    ]
    if np.allclose(said, ticks, rtol=1e-9, atol=0):
        return texts
    size, unit = _unit(max(ticks) - min(ticks) or ticks[0])
    return [f"{text} {unit}" for text in number_labels([tick / size for tick in ticks])]


class RoundTicks(Locator):
    """Round places on a logarithmic axis: as many as have room for their labels, six at the most.

    Parameters
    ----------
    choices
        Sets of places between two limits, the most welcome first. The first set whose labels have
        room is taken, or else what of the last one has.
    labels
        The labels of a set.
    """

    def __init__(
        self, choices: Callable[[float, float], Iterator[Sequence[float]]], labels: Labels
    ) -> None:
        self.choices, self.labels = choices, labels
        self.zero: tuple[float, float] | None = None

    def __call__(self) -> Sequence[float]:
        """Places for the axis as it is now."""
        assert self.axis is not None
        low, high = sorted(self.axis.get_view_interval())
        return self.tick_values(float(low), float(high))

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Places between two limits."""
        first: list[float] = []
        low = vmin
        if self.zero is not None:  # its label is one of the axis's
            line, low = self.zero
            first = [line]
        ticks: Sequence[float] = []
        for ticks in self.choices(low, vmax):
            if len(first) + len(ticks) <= _MOST and self._fit([*first, *ticks], vmin, vmax):
                return [*first, *ticks]
        kept = list(first)
        for tick in ticks:
            if len(kept) < _MOST and self._fit([*kept, tick], vmin, vmax):
                kept.append(tick)
        return kept

    def texts(self, ticks: Sequence[float]) -> list[str]:
        """Labels of places that this locator chose."""
        line = self.zero[0] if self.zero else None
        rest = iter(self.labels([tick for tick in ticks if tick != line]))
        return ["\u2264 0" if tick == line else next(rest) for tick in ticks]

    def _fit(self, ticks: Sequence[float], low: float, high: float) -> bool:
        """Whether no label comes near another."""
        axis: Any = self.axis
        box = axis.axes.bbox
        along = axis.axis_name == "x"
        inches = (box.width if along else box.height) / axis.get_figure(root=True).dpi
        places = np.log(np.asarray(ticks) / low) / np.log(high / low) * inches
        if along:
            room = np.array([text_width(text, POINTS) for text in self.texts(ticks)]) + 0.1
        else:
            room = np.full(len(ticks), 1.5 * POINTS / 72)
        return bool(np.all(np.diff(places) >= (room[1:] + room[:-1]) / 2))


class _Texts(Formatter):
    """Labels that belong to one `RoundTicks`."""

    def __init__(self, ticks: RoundTicks) -> None:
        self.ticks = ticks

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return self.ticks.texts(list(values))

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self.ticks.texts([x])[0]


def round_numbers(low: float, high: float) -> Iterator[list[float]]:
    """Sets of round numbers for a logarithmic axis, from the finest that is useful to the coarsest.

    Over a short range they are evenly spaced, over a longer one of the form 1, 2, 5, and over many
    decades every so many decades.
    """
    ratio = high / low
    if ratio < 4:
        for count in (5, 4, 3, 2, 1):
            yield _inside(
                MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high), low, high
            )
    bottom, top = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    if top - bottom < 12:
        for steps in (("1", "1.5", "2", "3", "5", "7"), ("1", "2", "5"), ("1", "3")):
            yield _inside([float(f"{s}e{d}") for d in range(bottom, top + 1) for s in steps],
                          low, high)  # fmt: skip
    for apart in (1, 2, 3, 5, 10, 20, 50, 100):
        first = -(-bottom // apart) * apart
        yield _inside([float(f"1e{d}") for d in range(first, top + 1, apart)], low, high)


def _inside(values: Any, low: float, high: float) -> list[float]:
    slack = 1e-9 * (high - low)
    return [float(v) for v in values if low - slack <= v <= high + slack and v > 0]


def round_moments(low: float, high: float) -> Iterator[list[float]]:
    """Sets of moments in seconds for a logarithmic axis: round ones spread as evenly as they can.

    The first set has the most moments; each is the one before without the moment that came last.
    """
    gap = np.log(high / low) / (_MOST + 1)
    levels = [list(level) for level in _ROUND]
    for nth, steps in ((1, (1,)), (3, (2, 5))):
        below = range(int(np.floor(np.log10(low))), 0)
        levels[nth] += [float(f"{step}e{exponent}") for exponent in below for step in steps]
        above = range(int(np.ceil(np.log10(max(high / _YEAR, 1)))) + 1)
        levels[nth] += [_YEAR * step * 10.0**e for e in above for step in steps if step * 10**e > 1]
    chosen: list[float] = []
    for level in levels:
        rest = _inside(level, low, high)
        while rest and len(chosen) < _MOST:
            room = [min((abs(np.log(t / c)) for c in chosen), default=np.inf) for t in rest]
            best = int(np.argmax(room))
            if room[best] < gap:
                break
            chosen.append(rest.pop(best))
    if len(chosen) < 2:  # too short a range for round moments
        size, _ = _unit(high - low)
        for count in (4, 3, 2, 1):
            ticks = np.asarray(
                MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(low / size, high / size)
            )
            yield _inside(ticks * size, low, high)
    for count in range(len(chosen), 0, -1):
        yield sorted(chosen[:count])


def time_axis(axes: Axes, low: float, high: float) -> None:
    """A logarithmic axis of simulated seconds below, the same in minutes, hours and days above."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    log_axis(axes, "x")
    axes.set_xlabel("Simulated wall-clock time (s)")
    top = axes.secondary_xaxis("top")
    _label(top.xaxis, RoundTicks(round_moments, time_labels))
    top.xaxis.set_minor_locator(NullLocator())
    top.tick_params(axis="x", length=2, pad=1)


def spent_axis(axes: Axes, axis: Axis, low: float, high: float) -> None:
    """A logarithmic axis of what a search spends."""
    if axis.name == "seconds":
        time_axis(axes, low, high)
        return
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    log_axis(axes, "x")
    axes.set_xlabel(axis.label)


def log_axis(axes: Axes, which: str) -> None:
    """Round labels for an axis that is logarithmic; small ticks at the whole numbers between."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    _label(axis, RoundTicks(round_numbers, number_labels))
    axis.set_minor_locator(LogLocator(subs=tuple(range(1, 10)), numticks=12))
    axis.set_minor_formatter(NullFormatter())


def _label(axis: Any, ticks: RoundTicks) -> None:
    axis.set_major_locator(ticks)
    axis.set_major_formatter(_Texts(ticks))


def title(axes: Axes, words: str, reconstruction: str = "") -> None:
    """Title of a panel; modelled numbers say "reconstruction" in the picture itself."""
    words = shorten(drawable(words), 44, 2.2)
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
    """Set the place apart where a logarithmic axis has values of zero and less.

    Call it when the axis has its limits and `log_axis` its ticks.

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
    edge = float(np.sqrt(line * smallest))
    low = (axes.get_xlim() if which == "x" else axes.get_ylim())[0]
    shade, rule = (axes.axvspan, axes.axvline) if which == "x" else (axes.axhspan, axes.axhline)
    shade(low, edge, color="#F2F2F2", linewidth=0, zorder=0)
    rule(line, color="#777777", linewidth=0.6, linestyle=(0, (2, 2)), zorder=1)
    ticks = axis.get_major_locator()
    assert isinstance(ticks, RoundTicks)
    ticks.zero = (line, edge)
    axis.set_minor_locator(_Above(edge))


class _Above(LogLocator):
    """The small ticks above a place."""

    def __init__(self, edge: float) -> None:
        super().__init__(subs=tuple(range(1, 10)), numticks=12)
        self.edge = edge

    def tick_values(self, vmin: float, vmax: float) -> Any:
        ticks = np.asarray(super().tick_values(vmin, vmax))
        return ticks[ticks >= self.edge]


def zero_line(smallest: float, largest: float) -> float:
    """Where values of zero and less are drawn on a log axis: clear of every positive value."""
    return float(smallest / max(3.0, (largest / smallest) ** 0.12))
