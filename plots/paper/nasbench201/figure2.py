"""NAS-Bench-201, figure 2: accuracy against parameters on each data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.plots.axes import title
from regretta.plots.paper.columns import FigureError, best_known_accuracy, need_nasbench201, noted
from regretta.plots.paper.figure import TablesFigure
from regretta.plots.style import METHODS, house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class AccuracyAndParameters:
    """One panel.

    Attributes
    ----------
    kind
        ``"test"`` or ``"validation"``.
    parameters, accuracy
        Of each cell that has both: shape ``[n]``.
    """

    table: str
    kind: str
    parameters: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    note: str
    reconstruction: str


def compute(tables: Sequence[Table]) -> tuple[AccuracyAndParameters, ...]:
    """Parameters and accuracy of each table that has both.

    Raises
    ------
    FigureError
        If a table is not of NAS-Bench-201's cells, or none has parameters.
    """
    found = []
    for table in tables:
        need_nasbench201(table, "figure 2")
        if "parameters" in table.columns:
            kind, accuracy = best_known_accuracy(table, "figure 2")
            parameters = table.columns["parameters"].astype(np.float64)
            known = ~np.isnan(parameters) & ~np.isnan(accuracy)
            missing = () if kind == "test" else ("test accuracy",)
            left_out = {f"parameters and {kind} accuracy": int((~known).sum())}
            found.append(
                AccuracyAndParameters(
                    *(table.name, kind, parameters[known], accuracy[known]),
                    note=noted(table, missing, left_out),
                    reconstruction=table.provenance.reconstruction,
                )
            )
    if not found:
        raise FigureError(
            f"figure 2 needs the column parameters; {', '.join(t.name for t in tables)} lack it"
        )
    return tuple(found)


def caption(found: Sequence[AccuracyAndParameters]) -> str:
    """What the figure shows and what is missing."""
    notes = "".join(panel.note for panel in found)
    return (
        "NAS-Bench-201, figure 2. Mean accuracy at the largest budget against the number of"
        f" parameters of every cell. Tables {', '.join(panel.table for panel in found)}.{notes}"
    )


def draw(found: Sequence[AccuracyAndParameters], width: float) -> Figure:
    """Draw a panel a table; the cloud is a picture within the vector file, to keep it small."""
    with house():
        figure, axes = panels(len(found), width, 2.3)
        for ax, panel in zip(axes, found, strict=True):
            small = panel.parameters.max(initial=0) < 1e5
            unit, words = (1e3, "thousands") if small else (1e6, "millions")
            ax.plot(
                *(panel.parameters / unit, panel.accuracy),
                linestyle="none",
                marker=".",
                markersize=1.2,
                color=METHODS["regularized_evolution"][1],
                rasterized=True,
            )
            ax.set_xlabel(f"Parameters ({words})")
            ax.set_ylabel(f"{panel.kind.capitalize()} accuracy")
            ax.grid(True)
            title(ax, panel.table, panel.reconstruction)
    return figure


FIGURE = TablesFigure(
    *("2", "accuracy and parameters", compute, caption, draw),
    needs=("parameters", "test_accuracy or mean_test_accuracy"),
)
