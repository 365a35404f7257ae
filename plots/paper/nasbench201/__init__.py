"""Figures of "NAS-Bench-201: Extending the Scope of Reproducible NAS" (Dong and Yang 2020)."""

from regretta.plots.paper.figure import Paper
from regretta.plots.paper.nasbench201 import (
    figure2,
    figure3,
    figure4,
    figure5,
    figures7and8,
    learning_rate,
    table5,
)

PAPER = Paper(
    "NAS-Bench-201 (Dong and Yang, ICLR 2020)",
    "nasbench201",
    (
        figure2.FIGURE,
        figure3.FIGURE,
        figure4.FIGURE,
        figure5.FIGURE,
        figures7and8.FIGURE,
        table5.FIGURE,
        learning_rate.FIGURE,
    ),
)
"""In the paper's order, then what is not in the paper."""
