"""NAS-Bench-101, figure 6: locality: random-walk autocorrelation, fitness and distance, volume near the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plots.axes import title
from plots.paper.columns import Anchor, need_nasbench101, noted, test_or_validation
from plots.paper.nasbench101_graphs import edit_distance, encodings
from plots.style import METHODS, house, panels
from tabular_data.spaces import NasBench101
from tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Locality", "anchors", "autocorrelation", "caption", "compute", "draw", "random_walk"]


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
        Correlation of accuracy between configurations ``lag`` edits apart on a walk: shape ``[lags]``, from lag 0.
    distance_count
        Number of cells at each edit distance from the best cell: shape ``[d]``, from distance 0.
    distance_accuracy
        Their mean accuracy: shape ``[d]``, NaN where no cell is.
    within
        Fraction of cells within distance 6.
    encodings
        Number of configurations of encoding A that spell the best cell; 0 where it leaves vertices unused, whose
        spellings are not counted.
    """

    table: str
    kind: str
    walkers: int
    steps: int
    autocorrelation: NDArray[np.float64]
    distance_count: NDArray[np.int64]
    distance_accuracy: NDArray[np.float64]
    within: float
    encodings: int
    note: str
    reconstruction: str


def compute(table: Table, *, walkers: int = 2000, steps: int = 500, lags: int = 20, seed: int = 0) -> Locality:
    """Walk the space, and measure the distance of every cell to the best one.

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
    count = np.bincount(distance)
    known = ~np.isnan(accuracy)
    measured = np.bincount(distance[known], minlength=len(count))
    total = np.bincount(distance[known], weights=accuracy[known], minlength=len(count))
    return Locality(
        table=table.name,
        kind=kind,
        walkers=walkers,
        steps=steps,
        autocorrelation=autocorrelation(accuracy[walk], lags),
        distance_count=count,
        distance_accuracy=np.where(measured > 0, total / np.maximum(measured, 1), np.nan),
        within=float(count[:7].sum() / count.sum()),
        encodings=encodings(space, best),
        note=noted(table, ()),
        reconstruction=table.provenance.reconstruction,
    )


def random_walk(space: NasBench101, rng: np.random.Generator, walkers: int, steps: int) -> NDArray[np.int32]:
    """Rows visited by independent walks through the valid configurations: shape ``[walkers, steps]``.

    Each walk begins at a cell drawn uniformly. A step flips one entry of the matrix or gives one vertex another
    operation, each of the parameters alike; a step to an invalid configuration is drawn again.
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
            new_matrix = matrix[waiting] ^ np.where(is_edge, 1 << np.where(is_edge, parameter, 0), 0)
            power = 3 ** np.where(is_edge, 0, parameter - space.n_entries)
            old = operations[waiting] // power % 3
            other = (old + rng.integers(1, 3, len(waiting))) % 3
            new_operations = operations[waiting] + np.where(is_edge, 0, (other - old) * power)
            found = index.rows(new_matrix, new_operations)
            valid = found >= 0
            moved = waiting[valid]
            matrix[moved], operations[moved], rows[moved, step] = new_matrix[valid], new_operations[valid], found[valid]
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
    """What the figure shows, with the paper's finding beside ours."""
    return (
        f"NAS-Bench-101, figure 6. Left: autocorrelation of {found.kind} accuracy along {found.walkers:,} random walks "
        f"of {found.steps} edits through the valid configurations (published: it fades at about 6 edits). Middle: mean "
        f"{found.kind} accuracy by edit distance to the best cell. Right: fraction of cells within a distance of it; "
        f"within 6: {100 * found.within:.1f} % (published 35.4 %). Distance: fewest edges and operations that differ "
        f"over all ways to match interior vertices. Table {found.table}.{found.note}"
    )


def anchors(found: Locality) -> tuple[Anchor, ...]:
    """Volume around the best cell, and its encodings."""
    return (
        Anchor("Cells within 6 edits of the best", f"{100 * found.within:.1f} %", "35.4 %"),
        Anchor("Encodings of the best cell", str(found.encodings or "not counted: it has unused vertices"), "4"),
    )


def draw(found: Locality, width: float) -> Figure:
    """Draw the three panels."""
    blue = METHODS["regularized_evolution"][1]
    distances = np.arange(len(found.distance_count))
    with house():
        figure, (walk, fitness, volume) = panels(3, width, 2.3)
        walk.plot(np.arange(len(found.autocorrelation)), found.autocorrelation, marker="o", color=blue)
        walk.set_xlabel("Edits apart")
        walk.set_ylabel(f"Autocorrelation of {found.kind} accuracy")
        walk.set_ylim(min(0.0, float(found.autocorrelation.min())), 1)
        fitness.plot(distances, found.distance_accuracy, marker="o", color=blue)
        fitness.set_ylabel(f"Mean {found.kind} accuracy")
        volume.plot(distances, np.cumsum(found.distance_count) / found.distance_count.sum(), marker="o", color=blue)
        volume.set_yscale("log")
        volume.set_ylabel("Fraction of cells within")
        for ax in (fitness, volume):
            ax.set_xlabel("Edit distance to the best cell")
            ax.axvline(6, color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
        for ax in (walk, fitness, volume):
            ax.grid(True)
            title(ax, found.table, found.reconstruction)
    return figure
