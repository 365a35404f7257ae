"""Figures of "NAS-Bench-101: Towards Reproducible NAS" (Ying et al., ICML 2019)."""

from regretta.plots.paper.figure import Paper
from regretta.plots.paper.nasbench101 import (
    figure2,
    figure3,
    figure4,
    figure5,
    figure6,
    figure8,
    figure9,
    figure_s7,
    optimizer_ranks,
    searches,
)

PAPER = Paper(
    "NAS-Bench-101 (Ying et al., ICML 2019)",
    "nasbench101",
    (
        figure2.FIGURE,
        figure3.FIGURE,
        figure4.FIGURE,
        figure5.FIGURE,
        figure6.FIGURE,
        searches.COMPARISON,
        searches.ROBUSTNESS,
        searches.BY_VALIDATION,
        figure8.FIGURE,
        figure9.FIGURE,
        searches.SMAC,
        searches.BOHB,
        searches.EVOLUTION,
        searches.REINFORCE,
        searches.ENCODING_C,
        figure_s7.FIGURE,
        searches.WITHOUT_AGEING,
        optimizer_ranks.FIGURE,
    ),
)
"""In the paper's order, then what is not in the paper."""
