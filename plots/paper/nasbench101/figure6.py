"""NAS-Bench-101, figure 6: locality, how accuracy changes from cell to cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from regretta.harness.regret import TOLERANCE
from regretta.plots.axes import log_axis, title
from regretta.plots.paper.columns import (
    Anchor,
    best_known_accuracy,
    cells,
    need_nasbench101,
    noted,
)
from regretta.plots.paper.figure import TableFigure
from regretta.plots.paper.nasbench101.graphs import automorphisms, edit_distance
from regretta.plots.paper.nasbench101.points import points_of_cells, volume
from regretta.plots.style import METHODS, house, panels
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 12
"""Cells near the top that the paper counts: the best, and 11 within two standard errors of it."""

PUBLISHED_ORDERS, PUBLISHED_SHARE = 11_570, 0.354
"""Their topological orders, and the share of the space within `NEAR` edits of them."""

NEAR = 6

SHARES = ("all points", "points of at most 9 edges", "valid points")
"""Of what the share near the top is taken, since the paper's "search space" does not say."""


@dataclass(frozen=True, eq=False)
class Locality:
    """How accuracy changes from cell to cell.

    Attributes
    ----------
    kind
        ``"test"`` or ``"validation"`` accuracy.
    walkers, steps
        Number and length of the random walks.
    autocorrelation
        Correlation of accuracy between configurations ``lag`` edits apart on a walk: shape
        ``[lags + 1]``, from lag 0.
    distance_accuracy
        Mean accuracy of the cells at each edit distance from the best cell: shape ``[d]``, from
        distance 0, NaN where no cell is.
    encodings
        Number of points of the raw space that spell the best cell.
    top_cells, top_orders, top_points
        Number of the best cells that stand for the top, of their topological orders in the raw
        space (those that an automorphism turns into each other counted apart), and of the different
        points among these.
    near_top
        Of each of `SHARES` the fraction within each edit distance of the nearest top point: shape
        ``[parameters + 1]``, from distance 0.
    published
        Whether it is the space that the paper's share is of.
    """

    table: str
    kind: str
    walkers: int
    steps: int
    autocorrelation: NDArray[np.float64]
    distance_accuracy: NDArray[np.float64]
    encodings: int
    top_cells: int
    top_orders: int
    top_points: int
    near_top: Mapping[str, NDArray[np.float64]]
    published: bool
    note: str
    reconstruction: str


def compute(
    table: Table, *, walkers: int = 2000, steps: int = 500, lags: int = 100, seed: int = 0
) -> Locality:
    """Walk the space; measure every cell's distance to the best and every point's to the top.

    Raises
    ------
    FigureError
        If the table is not of NAS-Bench-101's cells, or no cell has an accuracy.
    """
    space = need_nasbench101(table, "figure 6")
    kind, accuracy = best_known_accuracy(table, "figure 6")
    known = ~np.isnan(accuracy)
    walk = random_walk(space, np.random.default_rng(seed), walkers, steps)
    best = int(np.nanargmax(accuracy))
    distance = edit_distance(space, best)[known]
    measured = np.bincount(distance)
    total = np.bincount(distance, weights=accuracy[known])
    points, top = points_of_cells(space), best_cells(accuracy)
    return Locality(
        table=table.name,
        kind=kind,
        walkers=walkers,
        steps=steps,
        autocorrelation=autocorrelation(accuracy[walk], lags),
        distance_accuracy=np.where(measured > 0, total / np.maximum(measured, 1), np.nan),
        encodings=int(points[best]),
        top_cells=len(top),
        top_orders=sum(int(points[row]) * automorphisms(space, row) for row in top.tolist()),
        top_points=int(points[top].sum()),
        near_top={
            name: np.cumsum(count) / count.sum()
            for name, count in zip(SHARES, volume(space, top), strict=True)
        },
        published=space.vertices == 7,
        note=noted(table, (), {f"{kind} accuracy": int((~known).sum())}),
        reconstruction=table.provenance.reconstruction,
    )


def best_cells(accuracy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of the `TOP` best cells, best first, and of cells that tie with the last of them."""
    order = np.argsort(-accuracy, kind="stable")[: np.count_nonzero(~np.isnan(accuracy))]
    last = accuracy[order[min(TOP, len(order)) - 1]]
    chosen: NDArray[np.int64] = order[accuracy[order] >= last - TOLERANCE]
    return chosen


def random_walk(
    space: NasBench101, rng: np.random.Generator, walkers: int, steps: int
) -> NDArray[np.int32]:
    """Rows visited by independent walks through the valid configurations: shape ``[walkers,
    steps]``.

    Each walk begins at a cell drawn uniformly. A step flips one entry of the matrix or gives one
    vertex another operation, each of the parameters alike; a step to an invalid configuration is
    drawn again.
    """
    index, interior = space.index, space.vertices - 2
    start = rng.integers(0, index.n_cells, walkers)
    matrix = index.cell_matrix[start].astype(np.int64)
    operations = index.cell_operations[start].astype(np.int64)
    rows = np.empty((walkers, steps), dtype=np.int32)
    rows[:, 0] = start
    for step in range(1, steps):
        waiting = np.arange(walkers)
        while len(waiting):
            parameter = rng.integers(0, space.n_entries + interior, len(waiting))
            is_edge = parameter < space.n_entries
            new_matrix = matrix[waiting] ^ np.where(
                is_edge, 1 << np.where(is_edge, parameter, 0), 0
            )
            power = 3 ** np.where(is_edge, 0, parameter - space.n_entries)
            old = operations[waiting] // power % 3
            other = (old + rng.integers(1, 3, len(waiting))) % 3
            new_operations = operations[waiting] + np.where(is_edge, 0, (other - old) * power)
            found = index.find_rows(new_matrix, new_operations)
            valid = found >= 0
            moved = waiting[valid]
            matrix[moved], operations[moved], rows[moved, step] = (
                new_matrix[valid],
                new_operations[valid],
                found[valid],
            )
            waiting = waiting[~valid]
    return rows


def autocorrelation(series: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """Correlation of values `lag` steps apart, pooled over series: shape ``[lags + 1]``.

    A NaN leaves its pairs out; the correlation is NaN where values do not vary.
    """
    found = np.full(lags + 1, np.nan)
    for lag in range(min(lags + 1, series.shape[1] - 1)):
        early, late = series[:, : series.shape[1] - lag].ravel(), series[:, lag:].ravel()
        known = ~np.isnan(early) & ~np.isnan(late)
        if known.any() and np.ptp(early[known]) > 0 and np.ptp(late[known]) > 0:
            found[lag] = np.corrcoef(early[known], late[known])[0, 1]
    return found


def caption(found: Locality) -> str:
    """What the figure shows, with the published values beside ours."""
    near = {name: _near(share) for name, share in found.near_top.items()}
    shares = ", ".join(f"{100 * share:.1f} % of {name}" for name, share in near.items())
    same = [name for name, share in near.items() if round(share, 3) == PUBLISHED_SHARE]
    beside = ""
    if found.published:
        beside = (
            f" Published are {100 * PUBLISHED_SHARE:.1f} % of the search space, which"
            f" {f'is the share of {same[0]}' if same else 'none of these reproduces'}."
        )
    return (
        f"NAS-Bench-101, figure 6. Left: autocorrelation of {found.kind} accuracy along"
        f" {found.walkers:,} random walks of {found.steps} edits through the valid configurations,"
        " over the square root of the number of edits, which is how far a walk gets (published: it"
        f" fades at about {NEAR}); on the same axis mean {found.kind} accuracy by edit distance to"
        " the best cell (fewest edges and operations that differ over all ways to match interior"
        " vertices). Right: fraction of the points (a matrix with a choice of operations) that"
        f" have a top point within a number of edits. Top points spell the {found.top_cells} best"
        f" cells by mean {found.kind} accuracy, published as the best cell and the {TOP - 1} within"
        f" two standard errors of it: {_orders(found)} (published {PUBLISHED_ORDERS:,}). Within"
        f" {NEAR} edits: {shares}.{beside} Table {found.table}.{found.note}"
    )


def anchors(found: Locality) -> tuple[Anchor, ...]:
    """The best cell's encodings, the orders near the top and the share of the space near them."""
    return (
        Anchor("Encodings of the best cell", str(found.encodings), "4"),
        Anchor("Topological orders near the top", _orders(found), f"{PUBLISHED_ORDERS:,}"),
        *(
            Anchor(
                f"Within {NEAR} edits of them, of {name}",
                f"{100 * _near(share):.1f} %",
                f"{100 * PUBLISHED_SHARE:.1f} % of the search space",
            )
            for name, share in found.near_top.items()
        ),
    )


def _orders(found: Locality) -> str:
    return (
        f"{found.top_orders:,} topological orders of {cells(found.top_cells)}, with those that an"
        f" automorphism makes alike ({found.top_points:,} without)"
    )


def _near(share: NDArray[np.float64]) -> float:
    return float(share[: NEAR + 1][-1])


def draw(found: Locality, width: float) -> Figure:
    """Draw locality by walks and by distance on one axis, and the share of points near the top."""
    blue, orange = METHODS["regularized_evolution"][1], METHODS["reinforce"][1]
    with house():
        figure, (walk, near) = panels(2, width, 2.6)
        lag = np.arange(len(found.autocorrelation))
        walk.plot(np.sqrt(lag), found.autocorrelation, color=blue, marker=".", markersize=3)
        walk.set_xlabel("Edits: distance to the best cell, or \u221aedits of a walk")
        walk.set_ylabel(f"Autocorrelation of {found.kind} accuracy", color=blue)
        walk.set_ylim(float(np.nanmin([0.0, *found.autocorrelation])), 1.02)
        fitness = walk.twinx()
        distance = np.arange(len(found.distance_accuracy))
        fitness.plot(
            distance, found.distance_accuracy, color=orange, marker="s", linestyle=(0, (4, 1.5))
        )
        fitness.set_ylabel(f"Mean {found.kind} accuracy", color=orange)
        fitness.spines["right"].set_visible(True)
        looks = (("-", "o", blue), ((0, (4, 1.5)), "s", blue), ((0, (1.2, 1.2)), "^", "white"))
        for (name, share), (dash, marker, face) in zip(found.near_top.items(), looks, strict=True):
            shown = share[: int(np.argmax(share >= 1)) + 1]
            near.plot(
                np.arange(len(shown)),
                shown,
                color=blue,
                marker=marker,
                linestyle=dash,
                markerfacecolor=face,
                label=f"of {name}",
            )
        if found.published:
            near.plot(
                *([NEAR], [PUBLISHED_SHARE]),
                color=orange,
                marker="*",
                markersize=8,
                linestyle="none",
                label=f"published: {100 * PUBLISHED_SHARE:.1f} %",
                zorder=4,
            )
        near.set_yscale("log")
        log_axis(near, "y")
        near.set_ylabel("Fraction within")
        near.set_xlabel("Edits to the nearest top point")
        near.legend(loc="lower right", frameon=True, framealpha=0.85, edgecolor="none")
        for ax in (walk, near):
            ax.axvline(NEAR, color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            ax.grid(True)
            title(ax, found.table, found.reconstruction)
    return figure


FIGURE = TableFigure(
    "6", "locality", compute, caption, draw, anchors, needs=("test_accuracy or mean_test_accuracy",)
)
