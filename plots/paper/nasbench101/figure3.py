"""NAS-Bench-101, figure 3: parameters, training time and accuracy; the neighbours of Inception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.plots.axes import log_axis, title
from regretta.plots.paper.columns import (
    Anchor,
    FigureError,
    cells,
    mean_test_accuracy,
    need_nasbench101,
    noted,
    training_seconds,
    validation_accuracy,
)
from regretta.plots.paper.figure import TableFigure
from regretta.plots.style import METHODS, house, panels
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.spaces.nasbench101_graph import OPERATIONS
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED_TEST = 0.9295
"""Mean test accuracy that the paper gives for its Inception-like cell."""

_INCEPTION = ((0, 1), (0, 2), (0, 3), (0, 5), (1, 6), (2, 6), (3, 4), (4, 6), (5, 6))
_CONV3, _CONV1, _POOL = 0, 1, 2
_INCEPTION_OPERATIONS = (_CONV1, _CONV3, _CONV3, _CONV3, _POOL)


@dataclass(frozen=True, eq=False)
class Tradeoff:
    """What cells cost and give.

    Attributes
    ----------
    parameters, seconds, accuracy
        Trainable parameters, mean training time and mean validation accuracy at the largest budget:
        shape ``[cells]``, NaN where not measured.
    inception
        Row of the Inception-like cell, None where the space has none.
    inception_test
        Its mean test accuracy, None where unknown.
    neighbours
        Rows one edit away from it: shape ``[k]``.
    """

    table: str
    parameters: NDArray[np.float64]
    seconds: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    inception: int | None
    inception_test: float | None
    neighbours: NDArray[np.int64]
    missing: tuple[str, ...]
    note: str
    reconstruction: str

    @property
    def known(self) -> NDArray[np.int64]:
        """Rows of the cells that have all three numbers, ascending."""
        numbers = np.stack([self.parameters, self.seconds, self.accuracy])
        return np.flatnonzero(~np.isnan(numbers).any(axis=0))


def compute(table: Table) -> Tradeoff:
    """The three numbers of every cell.

    Raises
    ------
    FigureError
        If the table is not of NAS-Bench-101's cells, or no cell has all three.
    """
    space = need_nasbench101(table, "figure 3")
    if "parameters" not in table.columns:
        raise FigureError(f"figure 3 needs the column parameters; table {table.name!r} lacks it")
    parameters = table.columns["parameters"].astype(np.float64)
    seconds, accuracy = training_seconds(table), validation_accuracy(table, "figure 3")
    lacking = {"parameters": parameters, "training time": seconds, "validation accuracy": accuracy}
    row, test, missing = inception(space), mean_test_accuracy(table), []
    if row is None:
        missing.append(f"the Inception-like cell: it has 7 vertices, the space {space.vertices}")
    found = Tradeoff(
        *(table.name, parameters, seconds, accuracy, row),
        inception_test=None if row is None or test is None or np.isnan(test[row]) else test[row],
        neighbours=np.empty(0, dtype=np.int64) if row is None else one_edit(space, row),
        missing=tuple(missing),
        note=noted(table, missing, {k: int(np.isnan(v).sum()) for k, v in lacking.items()}),
        reconstruction=table.provenance.reconstruction,
    )
    if not len(found.known):
        raise FigureError(
            f"figure 3 needs cells with {', '.join(lacking)}; table {table.name!r} has none"
        )
    return found


def inception(space: NasBench101) -> int | None:
    """Row of the Inception-like cell, None in a space of fewer than 7 vertices.

    Side by side a 1x1 convolution, a 3x3 convolution, two 3x3 convolutions in a row (for a 5x5) and
    max pooling: the example cell of google-research/nasbench.
    """
    if space.vertices < 7:
        return None
    matrix = np.zeros((space.vertices, space.vertices), dtype=np.int64)
    for edge in _INCEPTION:
        matrix[edge] = 1
    return space.row_of_cell(matrix, [OPERATIONS[label] for label in _INCEPTION_OPERATIONS])


def one_edit(space: NasBench101, row: int) -> NDArray[np.int64]:
    """Other cells that flipping one entry of a cell's matrix, or changing one operation, leads to:
    ascending rows.

    The cell's own stored spelling is edited; what the edit cuts off is pruned.
    """
    matrix, operations = int(space.index.cell_matrix[row]), int(space.index.cell_operations[row])
    edited = [(matrix ^ 1 << k, operations) for k in range(space.n_entries)]
    for slot in range(space.vertices - 2):
        old = operations // 3**slot % 3
        edited += [(matrix, operations + (new - old) * 3**slot) for new in range(3) if new != old]
    codes, labels = np.array(edited, dtype=np.int64).T
    found = np.unique(space.index.find_rows(codes, labels)).astype(np.int64)
    others: NDArray[np.int64] = found[(found >= 0) & (found != row)]
    return others


def anchors(found: Tradeoff) -> tuple[Anchor, ...]:
    """The test accuracy of the Inception-like cell, where it is known."""
    if found.inception_test is None:
        return ()
    words = "Mean test accuracy of the Inception-like cell"
    ours, published = (f"{100 * value:.2f} %" for value in (found.inception_test, PUBLISHED_TEST))
    return (Anchor(words, ours, published),)


def caption(found: Tradeoff) -> str:
    """What the figure shows, with the published value beside ours and what is missing."""
    beside = "".join(f" {a.quantity}: {a.ours} (published {a.published})." for a in anchors(found))
    near = ""
    if found.inception is not None:
        near = (
            " Marked: the Inception-like cell and, of the"
            f" {len(found.neighbours)} cells one edit away from it, those that are measured."
        )
    return (
        f"NAS-Bench-101, figure 3. Left: training time against trainable parameters of"
        f" {cells(len(found.known))}, coloured by mean validation accuracy (the scale starts at its"
        " 2 % quantile). Right: mean validation accuracy, from that quantile on, against training"
        f" time.{near}{beside} Table {found.table}.{found.note}"
    )


def draw(found: Tradeoff, width: float) -> Figure:
    """Draw both clouds, as pictures within the vector file: it would be tens of megabytes."""
    known = found.known
    lowest = float(np.quantile(found.accuracy[known], 0.02))
    order = known[np.argsort(found.accuracy[known], kind="stable")]
    area = float(
        np.clip(0.4 * (423_624 / len(known)) ** 0.5, 0.4, 8)
    )  # square points of a dot: fewer cells, larger dots
    orange = METHODS["reinforce"][1]
    with house():
        figure, (left, right) = panels(2, width, 2.8)
        shown = left.scatter(
            *(found.parameters[order] / 1e6, found.seconds[order]),
            c=found.accuracy[order],
            s=area,
            linewidths=0,
            cmap="viridis",
            vmin=lowest,
            rasterized=True,
        )
        left.set_xscale("log")
        log_axis(left, "x")
        left.set_xlabel("Parameters (millions)")
        left.set_ylabel("Training time (s)")
        figure.colorbar(shown, ax=left, label="Mean validation accuracy", extend="min")
        right.scatter(
            *(found.seconds[known], found.accuracy[known]),
            c="#999999",
            s=area / 3,
            linewidths=0,
            rasterized=True,
        )
        right.set_ylim(lowest, float(found.accuracy[known].max()) + 0.002)
        right.set_xlabel("Training time (s)")
        right.set_ylabel("Mean validation accuracy")
        right.grid(True)
        if found.inception is not None:
            for some, marker, size, words in (
                (found.neighbours, "o", 3, "one edit away"),
                (np.array([found.inception]), "*", 9, "Inception-like"),
            ):
                rows = some[np.isin(some, known)]
                for ax, x, y in (
                    (left, found.parameters / 1e6, found.seconds),
                    (right, found.seconds, found.accuracy),
                ):
                    ax.plot(
                        *(x[rows], y[rows]),
                        linestyle="none",
                        marker=marker,
                        markersize=size,
                        color=orange,
                        markeredgecolor="white",
                        markeredgewidth=0.4,
                        zorder=4,
                        label=words,
                    )
            right.legend(loc="lower right", frameon=True, framealpha=0.85, edgecolor="none")
        for ax in (left, right):
            title(ax, found.table, found.reconstruction)
    return figure


FIGURE = TableFigure(
    *("3", "parameters, training time and accuracy", compute, caption, draw, anchors),
    needs=("parameters", "training_seconds", "validation_accuracy"),
)
