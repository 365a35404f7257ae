"""Figures of the papers, one a module, each a value: `compute` gives plain arrays, `caption` words,
`draw` the picture.
"""

from regretta.plots.paper.drawing import PAPERS, Outcome, draw_figures, heading

__all__ = ["PAPERS", "Outcome", "draw_figures", "heading"]
