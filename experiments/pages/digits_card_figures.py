"""The figures of a data card: distributions, noise, accuracy against cost, rank correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from regretta.experiments.pages.digits_card_numbers import Card, Floats
from regretta.plots.style import TWO_COLUMNS, figure, house

COLORS = ("#8FB8DE", "#5A93CC", "#2F6DAE", "#11335E")
"""Budgets, from light to dark: their order shows in greyscale too."""
DASHES = ((0, (1, 1)), (0, (3, 1.2)), (0, (6, 1.5)), "-")


def look_of(index: int, budgets: Sequence[float]) -> tuple[str, object]:
    """Colour and dashes of a budget: the largest is darkest and solid, however many there are."""
    place = index - len(budgets)
    return COLORS[place], DASHES[place]


def ecdf(values: Floats) -> tuple[Floats, Floats]:
    """Steps of the empirical distribution function: sorted values, and the share up to each."""
    ordered = np.sort(values)
    return ordered, np.arange(1, len(ordered) + 1) / len(ordered)


def draw(card: Card, budgets: Sequence[float]) -> dict[str, Figure]:
    """The figures by the end of their names."""
    with house():
        return {
            "ecdf": _draw_ecdf(card, budgets),
            "noise": _draw_noise(card, budgets),
            "accuracy": _draw_accuracy(card),
            "rank": _draw_rank(card, budgets),
        }


def _epochs(budget: float) -> str:
    return f"{budget:g} epoch{'s' if budget != 1 else ''}"


def _letter(axes: Axes, letter: str, title: str) -> None:
    axes.set_title(f"({letter}) {title}", loc="left")


def _readable_log(axes: Axes, which: str, low: float, high: float) -> None:
    """A logarithmic axis with plain numbers: 1, 2, 5 times the powers of ten, or these alone."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    steps = (1, 2, 5) if high < 60 * low else (1,)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    axis.set_major_locator(
        FixedLocator([m * 10.0**k for k in powers for m in steps if low <= m * 10.0**k <= high])
    )
    axis.set_minor_locator(
        FixedLocator(
            [m * 10.0**k for k in powers for m in range(2, 10) if low <= m * 10.0**k <= high]
        )
    )
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    )
    axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def _draw_ecdf(card: Card, budgets: Sequence[float]) -> Figure:
    made = figure(TWO_COLUMNS, 2.5)
    left, right = made.subplots(1, 2)
    errors = 100 * (1 - card.test.mean(2))
    for b, budget in enumerate(budgets):
        look = {
            "color": look_of(b, budgets)[0],
            "linestyle": look_of(b, budgets)[1],
            "drawstyle": "steps-post",
            "label": _epochs(budget),
        }
        left.plot(*ecdf(100 - errors[:, b]), **look)
        right.plot(*ecdf(errors[:, b]), **look)
    left.set(xlim=(0, 100), ylim=(0, 1), xlabel="Mean test accuracy (%)", ylabel="Share of cells")
    right.set(
        xscale="log",
        xlim=(errors.min() / 1.05, 100),
        ylim=(0, 1),
        xlabel="Mean test error (%, log scale)",
    )
    _readable_log(right, "x", errors.min() / 1.05, 100)
    for axes in (left, right):
        axes.grid(True)
    left.legend(loc="upper left")
    _letter(left, "a", "Accuracy")
    _letter(right, "b", "Error, logarithmic")
    return made


def _draw_noise(card: Card, budgets: Sequence[float]) -> Figure:
    made = figure(TWO_COLUMNS, 2.5)
    left, right = made.subplots(1, 2)
    for b, budget in enumerate(budgets):
        x, y = ecdf(100 * card.spread_validation[:, b])
        left.plot(
            x,
            y,
            color=look_of(b, budgets)[0],
            linestyle=look_of(b, budgets)[1],
            drawstyle="steps-post",
            label=_epochs(budget),
        )
    left.set(
        xlim=(0, 25),
        ylim=(0, 1),
        xlabel="Standard deviation between repeats (points)",
        ylabel="Share of cells",
    )
    left.grid(True)
    left.legend(loc="lower right")
    _letter(left, "a", "Noise of validation accuracy")
    error, spread = 100 * (1 - card.test[:, -1].mean(1)), 100 * card.spread_test[:, -1]
    right.scatter(error, spread, s=3, color=COLORS[2], alpha=0.35, linewidths=0, rasterized=True)
    inside = np.argsort(np.argsort(error, kind="stable"), kind="stable") * 12 // len(error)
    middle = [np.median(error[inside == k]) for k in range(12)]
    typical = [np.median(spread[inside == k]) for k in range(12)]
    right.plot(
        middle,
        typical,
        color="#D55E00",
        marker="o",
        markersize=3,
        label="median of a twelfth of the cells",
    )
    right.set_xscale("log")
    right.set_yscale("symlog", linthresh=0.2)  # some cells have no spread at all
    _readable_log(right, "x", error.min() / 1.05, error.max() * 1.05)
    right.yaxis.set_major_locator(FixedLocator([0, 0.2, 0.5, 1, 2, 5, 10, 20, 40]))
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    right.yaxis.set_minor_locator(FixedLocator([]))
    right.set(xlim=(error.min() / 1.05, error.max() * 1.05), ylim=(0, spread.max() * 1.3))
    right.set(xlabel="Mean test error (%, log scale)", ylabel="Standard deviation (points)")
    right.grid(True)
    right.legend(loc="upper left")
    _letter(right, "b", f"Noise against test error, {_epochs(budgets[-1])}")
    return made


def _draw_accuracy(card: Card) -> Figure:
    made = figure(TWO_COLUMNS, 2.6)
    mean = 100 * card.test[:, -1].mean(1)
    for axes, values, letter, label, title in zip(
        made.subplots(1, 3, sharey=True),
        (card.parameters, card.flops, card.seconds[:, -1]),
        "abc",
        ("Trainable parameters", "Multiply-adds of an image", "Training time (CPU s)"),
        ("Parameters", "Multiply-adds", "Time"),
        strict=True,
    ):
        axes.scatter(values, mean, s=3, color=COLORS[2], alpha=0.35, linewidths=0, rasterized=True)
        low, high = values.min() / 1.1, values.max() * 1.1
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        _readable_log(axes, "x", low, high)
        axes.set_xlabel(label)
        axes.grid(True)
        _letter(axes, letter, title)
        if letter == "a":
            axes.set_ylabel("Mean test accuracy (%)")
    return made


def _draw_rank(card: Card, budgets: Sequence[float]) -> Figure:
    made = figure(TWO_COLUMNS, 2.5)
    grids = made.subplots(1, 3, width_ratios=(1, 1, 1.15))
    labels = [f"{budget:g}" for budget in budgets]
    for axes, values, letter, title in zip(
        grids, (card.rank_all, card.rank_top), "ab", ("All cells", "Top tenth"), strict=False
    ):
        axes.imshow(values, vmin=0, vmax=1, cmap="Blues")
        for (i, j), value in np.ndenumerate(values):
            axes.text(
                j,
                i,
                f"{value:.2f}",
                ha="center",
                va="center",
                color="white" if value > 0.6 else "black",
            )
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("Budget (epochs)")
        if letter == "a":
            axes.set_ylabel("Budget (epochs)")
        _letter(axes, letter, title)
    axes = grids[2]
    valid, test = 100 * card.validation[:, -1].mean(1), 100 * card.test[:, -1].mean(1)
    low = min(np.quantile(valid, 0.02), np.quantile(test, 0.02))
    axes.plot([low, 100], [low, 100], color="#999999", linewidth=0.8)
    axes.scatter(valid, test, s=3, color=COLORS[2], alpha=0.35, linewidths=0, rasterized=True)
    axes.set(xlim=(low, 100), ylim=(low, 100), aspect="equal")
    axes.set(xlabel="Mean validation accuracy (%)", ylabel="Mean test accuracy (%)")
    axes.grid(True)
    _letter(axes, "c", f"{_epochs(budgets[-1])}, 98 % of cells")
    return made
