"""In which size a LaTeX table fits a venue's column or page, by the widths of its letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

_POINTS_PER_INCH = 72.27
_BOLD = 1.15
"""How much wider bold letters may be: any cell may be one."""

_SETTINGS = (
    ("", 10.0, 6.0),
    ("small", 9.0, 6.0),
    ("small", 9.0, 4.0),
    ("footnotesize", 8.0, 4.0),
    ("footnotesize", 8.0, 3.0),
    ("scriptsize", 7.0, 3.0),
    ("scriptsize", 7.0, 2.0),
)
"""Size's command, points of its letters and of half the space between columns, as LaTeX's article
has them with text of 10 points."""


@dataclass(frozen=True)
class Setting:
    """How a table is set.

    Attributes
    ----------
    environment
        ``table``, or ``table*`` across the page.
    commands
        Lines that choose size and space.
    scaled
        Whether it must be scaled to the page's width.
    """

    environment: str = "table"
    commands: str = ""
    scaled: bool = False


def fitting(rows: Iterable[Sequence[str]], column: float | None, page: float | None) -> Setting:
    """The largest setting in which a table's rows, its heading among them, fit.

    Parameters
    ----------
    rows
        Cells as a reader sees them, all rows equally long.
    column, page
        Inches; None for no bound.
    """
    if column is None:
        return Setting()
    columns = list(zip(*rows, strict=True))
    for environment, width in (("table", column), ("table*", page or column)):
        for size, points, space in _SETTINGS:
            if table_width(columns, points, space) <= width * _POINTS_PER_INCH:
                commands = f"  \\{size}\n" if size else ""
                if space != 6.0:
                    commands += f"  \\setlength{{\\tabcolsep}}{{{space:g}pt}}\n"
                return Setting(environment, commands)
    return Setting("table*" if page and page > column else "table", "", scaled=True)


def table_width(columns: Sequence[Sequence[str]], points: float, space: float) -> float:
    """Width of a table in points: its columns' widest cells and the space to either side."""
    return sum(
        max(letters(cell) for cell in column) * _BOLD * points / 10 + 2 * space
        for column in columns
    )


@lru_cache(maxsize=4096)
def letters(text: str) -> float:
    """Points that a text takes in Computer Modern Roman of 10 points."""
    # What the font lacks is as wide as a digit.
    plain = "".join(c if c.isascii() and c.isprintable() else "0" for c in text)
    width, _, _ = text_to_path.get_text_width_height_descent(
        plain, FontProperties(family="cmr10", size=10), ismath=False
    )
    return float(width)
