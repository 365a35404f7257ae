"""NAS-Bench-101, figure 6: locality: random-walk autocorrelation, fitness and distance, volume near the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from regretta.plots.axes import title
from regretta.plots.paper.columns import Anchor, need_nasbench101, noted, test_or_validation
from regretta.plots.paper.figure import TableFigure
from regretta.plots.paper.nasbench101.graphs import edit_distance
from regretta.plots.paper.nasbench101.points import n_points, points_of_cells, volume
from regretta.plots.style import METHODS, house, panels
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP_POINTS, ALL_POINTS = 11_570, 2**21 * 3**5
"""Points near the top that the paper counts, and all points; smaller spaces get the same share."""

_TIE = 1e-6
"""Mean accuracies nearer to each other are equal: 32-bit numbers end before, and one image weighs more."""


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
        ``[lags]``, from lag 0.
    distance_accuracy
        Mean accuracy of the cells at each edit distance from the best cell: shape ``[d]``, from
        distance 0, NaN where no cell is.
    encodings
        Number of points of the raw space that spell the best cell.
    top_cells, top_points
        Number of the best cells that stand for the top, and of the points that spell them.
    volume, valid_volume
        Fraction of all points, and of those that spell a cell, within each edit distance of the
        nearest top point: shape ``[parameters + 1]``, from distance 0.
    """

    table: str
    kind: str
    walkers: int
    steps: int
    autocorrelation: NDArray[np.float64]
    distance_accuracy: NDArray[np.float64]
    encodings: int
    top_cells: int
    top_points: int
    volume: NDArray[np.float64]
    valid_volume: NDArray[np.float64]
    note: str
    reconstruction: str


def compute(
    table: Table, *, walkers: int = 2000, steps: int = 500, lags: int = 20, seed: int = 0
) -> Locality:
    """Walk the space, and measure the distance of every cell to the best one and of every point to
    the top ones.

    The paper does not say which points near the top it counts; here they are those of `best_cells`.

    Raises
    ------
    FigureError
        If the table is not of NAS-Bench-101's cells.
    """
    space = need_nasbench101(table, "figure 6")
    kind, accuracy = test_or_validation(table)
    walk = random_walk(space, np.random.default_rng(seed), walkers, steps)
    best = int(np.nanargmax(accuracy))
    distance = edit_distance(space, best)
    known = ~np.isnan(accuracy)
    measured = np.bincount(distance[known])
    total = np.bincount(distance[known], weights=accuracy[known])
    points = points_of_cells(space)
    top = best_cells(accuracy, points, TOP_POINTS * n_points(space) // ALL_POINTS)
    everything, valid = (np.cumsum(count) / count.sum() for count in volume(space, top))
    return Locality(
        table=table.name,
        kind=kind,
        walkers=walkers,
        steps=steps,
        autocorrelation=autocorrelation(accuracy[walk], lags),
        distance_accuracy=np.where(measured > 0, total / np.maximum(measured, 1), np.nan),
        encodings=int(points[best]),
        top_cells=len(top),
        top_points=int(points[top].sum()),
        volume=everything,
        valid_volume=valid,
        note=noted(table, ()),
        reconstruction=table.provenance.reconstruction,
    )


def best_cells(
    accuracy: NDArray[np.float64], points: NDArray[np.int64], most: int
) -> NDArray[np.int64]:
    """Rows of the best cells, as many as have `most` points together; cells of equal accuracy all
    or none.

    The very best cells are among them even if they have more points.
    """
    order = np.argsort(-accuracy, kind="stable")[: np.count_nonzero(~np.isnan(accuracy))]
    ends = np.flatnonzero(np.append(np.diff(accuracy[order]) < -_TIE, True)) + 1
    fitting = ends[np.cumsum(points[order])[ends - 1] <= most]
    return order[: fitting[-1] if len(fitting) else ends[0]]


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
            found = index.rows(new_matrix, new_operations)
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
    """Correlation of values `lag` steps apart, pooled over series: shape ``[lags + 1]``; a NaN leaves its pairs out."""
    found = np.empty(lags + 1)
    for lag in range(lags + 1):
        early, late = series[:, : series.shape[1] - lag].ravel(), series[:, lag:].ravel()
        known = ~np.isnan(early) & ~np.isnan(late)
        found[lag] = np.corrcoef(early[known], late[known])[0, 1]
    return found


def caption(found: Locality) -> str:
    """What the figure shows, with the published values beside ours."""
    return (
        f"NAS-Bench-101, figure 6. Left: autocorrelation of {found.kind} accuracy along"
        f" {found.walkers:,} random walks of {found.steps} edits through the valid configurations"
        f" (published: it fades at about 6 edits). Middle: mean {found.kind} accuracy by edit"
        " distance to the best cell: fewest edges and operations that differ over all ways to"
        " match interior vertices. Right: fraction of the raw space (every matrix with every"
        " choice of operations) that has a top point within a number of edits. Top points spell"
        f" the best cells by mean {found.kind} accuracy: {_top(found)}; published are"
        f" {TOP_POINTS:,}, and to take the best cells, whole ones, until no more fit is our reading"
        f" of how they were chosen. Within 6 edits: {_share(found.volume)} of all points and"
        f" {_share(found.valid_volume)} of the valid ones (published 35.4 % of the space). Table"
        f" {found.table}.{found.note}"
    )


def anchors(found: Locality) -> tuple[Anchor, ...]:
    """The best cell's encodings, and the volume near the top."""
    return (
        Anchor("Encodings of the best cell", str(found.encodings), "4"),
        Anchor("Points near the top", _top(found), f"{TOP_POINTS:,}"),
        Anchor("Raw space within 6 edits of them", _share(found.volume), "35.4 %"),
    )


def _top(found: Locality) -> str:
    points = f"{found.top_points:,} point{'s' if found.top_points > 1 else ''}"
    return f"{points} (the best {f'{found.top_cells:,} cells' if found.top_cells > 1 else 'cell'})"


def _share(volume: NDArray[np.float64]) -> str:
    return f"{100 * volume[:7][-1]:.1f} %"


def draw(found: Locality, width: float) -> Figure:
    """Draw the three panels."""
    blue = METHODS["regularized_evolution"][1]
    with house():
        figure, (walk, fitness, near) = panels(3, width, 2.3)
        walk.plot(
            np.arange(len(found.autocorrelation)), found.autocorrelation, marker="o", color=blue
        )
        walk.set_xlabel("Edits apart")
        walk.set_ylabel(f"Autocorrelation of {found.kind} accuracy")
        walk.set_ylim(min(0.0, float(found.autocorrelation.min())), 1)
        fitness.plot(
            np.arange(len(found.distance_accuracy)), found.distance_accuracy, marker="o", color=blue
        )
        fitness.set_ylabel(f"Mean {found.kind} accuracy")
        for share, label, dash, face in (
            (found.volume, "all points", "-", blue),
            (found.valid_volume, "valid points", (0, (4, 1.5)), "white"),
        ):
            shown = share[: int(np.argmax(share >= 1)) + 1]
            near.plot(
                np.arange(len(shown)),
                shown,
                marker="o",
                color=blue,
                linestyle=dash,
                label=label,
                markerfacecolor=face,
            )
        near.set_yscale("log")
        near.set_ylabel("Fraction of points within")
        near.set_xlabel("Edits to the nearest top point")
        near.legend(loc="lower right")
        fitness.set_xlabel("Edit distance to the best cell")
        for ax in (fitness, near):
            ax.axvline(6, color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
        for ax in (walk, fitness, near):
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            ax.grid(True)
            title(ax, found.table, found.reconstruction)
    return figure


FIGURE = TableFigure(
    "6", "locality", compute, caption, draw, anchors, needs=("test_accuracy or mean_test_accuracy",)
)
