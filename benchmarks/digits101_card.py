"""The data card of digits101 and its figures, from the table's arrays only.

    python benchmarks/digits101_card.py TABLE [--docs docs]

Writes ``<docs>/digits101.md`` and ``<docs>/figures/digits101-*.png``. Compute first (`compute`),
draw second.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from regretta.plots.style import TWO_COLUMNS, figure, house, png
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.table import Table

Floats = NDArray[np.float64]
Method = Callable[[Floats, Floats], float]

TEMPLATE = Path(__file__).with_suffix(".md")
QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
COLORS = ("#8FB8DE", "#5A93CC", "#2F6DAE", "#11335E")
"""Budgets, from light to dark: their order shows in greyscale too."""
DASHES = ((0, (1, 1)), (0, (3, 1.2)), (0, (6, 1.5)), "-")


# -- compute -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """What the card says and its figures show, for ``c`` cells, ``b`` budgets and ``r`` repeats.

    Accuracies are fractions. The top tenth are the cells with the best mean test accuracy at the
    longest budget.

    Attributes
    ----------
    valid, test
        ``[c, b, r]``.
    seconds, parameters, flops
        ``[c, b]``, the mean over repeats; ``[c]``; ``[c]``.
    spread_valid, spread_test
        ``[c, b]``: standard deviation between repeats, with r − 1.
    top
        ``[c]``: whether a cell is of the top tenth.
    rank_all, rank_top
        ``[b, b]``: Spearman's correlation of mean validation accuracies between budgets.
    kendall_all, kendall_top
        ``[b, b]``: Kendall's τ-b of the same.
    agreement
        ``[4, b]``: validation with test (means): Spearman and Kendall over all cells, then over the
        top tenth.
    repeatability
        ``[2, b]``: mean Spearman between the validation accuracies of two repeats, all cells and
        top tenth.
    near_best
        Cells whose mean test accuracy is within two standard errors of a difference from the best.
    noise_at_top
        Standard deviation between repeats, over the top tenth, at the longest budget: root mean
        square, test.
    """

    validation: Floats
    test: Floats
    seconds: Floats
    parameters: Floats
    flops: Floats
    spread_valid: Floats
    spread_test: Floats
    top: NDArray[np.bool_]
    rank_all: Floats
    rank_top: Floats
    kendall_all: Floats
    kendall_top: Floats
    agreement: Floats
    repeatability: Floats
    near_best: int
    noise_at_top: float
    chance: float


def compute(table: Table) -> Card:
    """Everything the card needs; a cell that a partial table lacks is left out."""
    there = ~np.isnan(table.columns["validation_accuracy"]).any(axis=(1, 2))

    def column(key: str) -> Floats:
        return np.asarray(table.columns[key][there], dtype=np.float64)

    valid, test = column("validation_accuracy"), column("test_accuracy")
    mean_valid, mean_test = valid.mean(2), test.mean(2)
    top = mean_test[:, -1] >= np.quantile(mean_test[:, -1], 0.9)
    budgets, repeats = valid.shape[1:]
    spread_test = test.std(2, ddof=1)
    noise = float(np.sqrt((spread_test[top, -1] ** 2).mean()))
    within = mean_test[:, -1] >= mean_test[:, -1].max() - 2 * noise * np.sqrt(2 / repeats)

    def pairs(method: Method, rows: NDArray[np.bool_]) -> Floats:
        chosen = mean_valid[rows]
        return np.array(
            [[method(chosen[:, i], chosen[:, j]) for j in range(budgets)] for i in range(budgets)]
        )

    every = np.ones(len(valid), dtype=bool)
    agreement = [
        [method(mean_valid[rows, b], mean_test[rows, b]) for b in range(budgets)]
        for rows in (every, top)
        for method in (_spearman, _kendall)
    ]
    repeatability = [
        [
            np.mean(
                [
                    _spearman(valid[rows, b, i], valid[rows, b, j])
                    for i, j in combinations(range(repeats), 2)
                ]
            )
            for b in range(budgets)
        ]
        for rows in (every, top)
    ]
    return Card(
        valid=valid,
        test=test,
        seconds=column("training_seconds").mean(2),
        parameters=column("parameters"),
        flops=column("flops"),
        spread_valid=valid.std(2, ddof=1),
        spread_test=spread_test,
        top=top,
        rank_all=pairs(_spearman, every),
        rank_top=pairs(_spearman, top),
        kendall_all=pairs(_kendall, every),
        kendall_top=pairs(_kendall, top),
        agreement=np.array(agreement),
        repeatability=np.array(repeatability),
        near_best=int(within.sum()),
        noise_at_top=noise,
        # Ten labels: three standard deviations above guessing, for the number of test images.
        chance=0.1 + 3 * np.sqrt(0.09 / 649),
    )


def _spearman(a: Floats, b: Floats) -> float:
    return float(spearmanr(a, b).statistic)


def _kendall(a: Floats, b: Floats) -> float:
    return float(kendalltau(a, b).statistic)


def ecdf(values: Floats) -> tuple[Floats, Floats]:
    """Steps of the empirical distribution function: sorted values, and the share up to each."""
    ordered = np.sort(values)
    return ordered, np.arange(1, len(ordered) + 1) / len(ordered)


# -- draw --------------------------------------------------------------------------------------


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
            "color": COLORS[b],
            "linestyle": DASHES[b],
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
        x, y = ecdf(100 * card.spread_valid[:, b])
        left.plot(
            x,
            y,
            color=COLORS[b],
            linestyle=DASHES[b],
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
    valid, test = 100 * card.valid[:, -1].mean(1), 100 * card.test[:, -1].mean(1)
    low = min(np.quantile(valid, 0.02), np.quantile(test, 0.02))
    axes.plot([low, 100], [low, 100], color="#999999", linewidth=0.8)
    axes.scatter(valid, test, s=3, color=COLORS[2], alpha=0.35, linewidths=0, rasterized=True)
    axes.set(xlim=(low, 100), ylim=(low, 100), aspect="equal")
    axes.set(xlabel="Mean validation accuracy (%)", ylabel="Mean test accuracy (%)")
    axes.grid(True)
    _letter(axes, "c", f"{_epochs(budgets[-1])}, 98 % of cells")
    return made


# -- write -------------------------------------------------------------------------------------


def markdown(table: Table, card: Card) -> str:
    """The text of the card."""
    cells, n_budgets, repeats = card.valid.shape
    mean_valid, mean_test = card.valid.mean(2), card.test.mean(2)
    best = int(mean_valid[:, -1].argmax())
    budgets = [f"{budget:g}" for budget in table.budgets]
    notes = dict(note.split(": ", 1) for note in table.provenance.notes)
    images = [int(word) for word in notes["data"].replace(",", "").split() if word.isdigit()][1:3]
    head = [
        "Epochs",
        *(
            "min" if q == 0 else "max" if q == 1 else "median" if q == 0.5 else f"{q:.0%}"
            for q in QUANTILES
        ),
    ]
    distribution = [
        [f"{budgets[b]}, {what}", *(f"{100 * q:.1f}" for q in np.quantile(values[:, b], QUANTILES))]
        for b in range(n_budgets)
        for what, values in (("validation", mean_valid), ("test", mean_test))
    ]
    noise = [
        [
            budgets[b],
            *(f"{100 * q:.2f}" for q in np.quantile(card.spread_valid[:, b], (0.05, 0.5, 0.95))),
            *(f"{100 * q:.2f}" for q in np.quantile(card.spread_test[:, b], (0.05, 0.5, 0.95))),
            *(f"{value:.2f}" for value in card.repeatability[:, b]),
        ]
        for b in range(n_budgets)
    ]

    def triangles(upper: Floats, lower: Floats) -> str:
        values = np.triu(upper, 1) + np.tril(lower, -1)
        rows = [
            [budgets[i], *("" if i == j else f"{values[i, j]:.3f}" for j in range(n_budgets))]
            for i in range(n_budgets)
        ]
        return grid(["Epochs", *budgets], rows)

    agreement = [
        [budgets[b], *(f"{value:.3f}" for value in card.agreement[:, b])] for b in range(n_budgets)
    ]
    sides = ("validation", "test")
    noise_head = [
        "Epochs",
        *(f"{side} {q}" for side in sides for q in ("5%", "median", "95%")),
        "ρ, all",
        "ρ, top tenth",
    ]
    seconds = card.seconds[:, -1]
    of_repeats = table.columns["training_seconds"][:, -1]
    return TEMPLATE.read_text(encoding="utf-8").format(
        name=table.name,
        cells=cells,
        n_budgets=n_budgets,
        budgets=", ".join(budgets[:-1]) + f" and {budgets[-1]}",
        longest=budgets[-1],
        repeats=repeats,
        trainings=card.valid.size,
        notes="\n".join(f"| {key} | {value} |" for key, value in notes.items()),
        seed=notes["seed"],
        hours=card.seconds.sum() * repeats / 3600,
        checksum=table.checksum,
        distribution=grid(head, distribution),
        best_valid=100 * mean_valid[:, -1].max(),
        best_test=100 * mean_test[:, -1].max(),
        test_of_best=100 * mean_test[best, -1],
        single_valid=100 * card.valid[:, -1].max(),
        single_test=100 * card.test[:, -1].max(),
        chance=100 * card.chance,
        at_chance=listed(
            [f"{(mean_test[:, b] < card.chance).sum():,}" for b in range(n_budgets)], budgets
        ),
        runs_at_chance=listed(
            [f"{(card.test[:, b] < card.chance).sum():,}" for b in range(n_budgets)], budgets
        ),
        with_parameters=_spearman(mean_test[:, -1], card.parameters),
        with_flops=_spearman(mean_test[:, -1], card.flops),
        with_seconds=_spearman(mean_test[:, -1], seconds),
        fastest=seconds.min(),
        slowest=seconds.max(),
        median_seconds=np.median(seconds),
        time_ratio=np.median(of_repeats.max(axis=1) / of_repeats.min(axis=1)),
        noise=grid(noise_head, noise),
        rank_all=triangles(card.rank_all, card.kendall_all),
        rank_top=triangles(card.rank_top, card.kendall_top),
        n_top=int(card.top.sum()),
        agreement=grid(["Epochs", "ρ, all", "τ, all", "ρ, top tenth", "τ, top tenth"], agreement),
        upper=100 * np.quantile(mean_test[:, -1], 0.75),
        valid_images=images[0],
        valid_step=100 / images[0],
        test_images=images[1],
        test_step=100 / images[1],
        noise_at_top=100 * card.noise_at_top,
        near_best=card.near_best,
        error=200 * card.noise_at_top * np.sqrt(2 / repeats),
        licence=table.provenance.licence,
    )


def listed(values: Sequence[str], budgets: Sequence[str]) -> str:
    """Values with their budgets: ``3 at 1, 2 at 3 and 0 at 9 epochs``."""
    parts = [f"{value} at {budget}" for value, budget in zip(values, budgets, strict=True)]
    return f"{', '.join(parts[:-1])} and {parts[-1]} epochs"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, numbers to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    options = parser.parse_args()
    table = Table.open(options.table)
    card = compute(table)
    for end, drawn in draw(card, table.budgets).items():
        write_atomically(options.docs / "figures" / f"{table.name}-{end}.png", png(drawn))
    write_atomically(options.docs / f"{table.name}.md", markdown(table, card).encode())


if __name__ == "__main__":
    main()
