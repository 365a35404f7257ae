"""Figures of the papers, one a module: `compute` gives plain arrays of a table, `caption` words, `draw` the picture."""
