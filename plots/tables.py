"""A table of a report: text for readers, plain numbers for programs; as CSV and LaTeX."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from regretta.plots.latex import fitting
from regretta.plots.text import escape_latex
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.text import spreadsheet_cell

NONE = "\u2014"
"""A cell without a value."""


def percent(value: float) -> str:
    """A fraction in percent with three decimals; `NONE` where it is missing or infinite."""
    if not np.isfinite(value):
        return NONE
    shown = f"{100 * value:.3f}"
    return "0.000" if shown == "-0.000" else shown.replace("-", "\u2212")


def finite(value: float) -> float | None:
    """The value for a program; None, an empty cell, where it is missing or infinite."""
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True)
class ReportTable:
    """A table of a report.

    Attributes
    ----------
    name
        File name without suffix.
    title, caption
        What it shows and what a reader must know.
    columns, rows
        Headings and cells as a reader sees them.
    data_columns, data_rows
        The same as plain values with full precision, for CSV; None is an empty cell.
    strong
        Row and column of cells in bold.
    words
        Columns of words, which begin at the left; numbers end at the right.
    """

    name: str
    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    data_columns: Sequence[str]
    data_rows: Sequence[Sequence[Any]]
    strong: Collection[tuple[int, int]] = ()
    words: Collection[int] = (0,)

    def to_csv(self) -> str:
        """Comma-separated values with a heading line."""
        out = StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for row in (self.data_columns, *self.data_rows):
            writer.writerow(map(spreadsheet_cell, row))
        return out.getvalue()

    def to_latex(self, column: float | None = None, page: float | None = None) -> str:
        """A LaTeX table for the package booktabs; columns of words are set left, others right.

        Parameters
        ----------
        column, page
            Inches of a column and of the page's text. The table is set in the largest size in which
            it fits into a column, else across the page, else it is scaled down to the page (package
            graphicx). None: as large as the text, whatever its width.
        """
        setting = fitting((self.columns, *self.rows), column, page)
        heading = " & ".join(escape_latex(name) for name in self.columns)
        body = "\n".join(
            "    " + " & ".join(self._cell(i, j) for j in range(len(row))) + r" \\"
            for i, row in enumerate(self.rows)
        )
        sides = "".join("l" if j in self.words else "r" for j in range(len(self.columns)))
        tabular = (
            f"  \\begin{{tabular}}{{{sides}}}\n"
            f"    \\toprule\n    {heading} \\\\\n    \\midrule\n{body}\n    \\bottomrule\n"
            "  \\end{tabular}"
        )
        if setting.scaled:
            tabular = f"  \\resizebox{{\\textwidth}}{{!}}{{%\n{tabular}}}"
        return (
            f"\\begin{{{setting.environment}}}\n  \\centering\n"
            f"  \\caption{{{escape_latex(self.title)}. {escape_latex(self.caption)}}}\n"
            f"  \\label{{tab:{self.name}}}\n{setting.commands}"
            f"{tabular}\n\\end{{{setting.environment}}}\n"
        )

    def _cell(self, i: int, j: int) -> str:
        text = escape_latex(self.rows[i][j])
        return f"\\textbf{{{text}}}" if (i, j) in self.strong else text

    def write(self, folder: Path, column: float | None = None, page: float | None = None) -> None:
        """Write ``<name>.csv`` and ``<name>.tex`` into the folder; widths as in `to_latex`."""
        write_atomically(folder / f"{self.name}.csv", self.to_csv().encode())
        write_atomically(folder / f"{self.name}.tex", self.to_latex(column, page).encode())
