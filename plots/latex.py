"""In which size a LaTeX table fits a venue's column or page, by the widths of its letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

_POINTS_PER_INCH = 72.27
_BOLD = 1.153
"""How much wider bold letters may be: any cell may be one."""

WIDTHS = {"": 1.0, "small": 0.925, "footnotesize": 0.85, "scriptsize": 0.8}
"""Size's command → how wide its letters are beside those of 10 points, as LaTeX sets them in its
article of 10 points: Computer Modern's small letters are wider than they are high."""

_SETTINGS = (
    ("", 6.0),
    ("small", 6.0),
    ("small", 4.0),
    ("footnotesize", 4.0),
    ("footnotesize", 3.0),
    ("scriptsize", 3.0),
    ("scriptsize", 2.0),
)
"""Size's command, and points of half the space between columns."""

_SIGN, _DASH = "=", "\N{EM DASH}"


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
        for size, space in _SETTINGS:
            if table_width(columns, size, space) <= width * _POINTS_PER_INCH:
                commands = f"  \\{size}\n" if size else ""
                if space != 6.0:
                    commands += f"  \\setlength{{\\tabcolsep}}{{{space:g}pt}}\n"
                return Setting(environment, commands)
    return Setting("table*" if page and page > column else "table", "", scaled=True)


def table_width(columns: Sequence[Sequence[str]], size: str, space: float) -> float:
    """Width of a table in points: its columns' widest cells and the space to either side.

    Parameters
    ----------
    size
        One of `WIDTHS`.
    space
        Points to either side of a column.
    """
    return sum(
        max(letters(cell) for cell in column) * _BOLD * WIDTHS[size] + 2 * space
        for column in columns
    )


@lru_cache(maxsize=4096)
def letters(text: str) -> float:
    """Points that a text takes in Computer Modern Roman of 10 points."""
    # What the font lacks is as wide as a sign of mathematics, but for the dash, an em.
    plain = text.replace(_DASH, "00")
    plain = "".join(c if c.isascii() and c.isprintable() else _SIGN for c in plain)
    width, _, _ = text_to_path.get_text_width_height_descent(
        plain, FontProperties(family="cmr10", size=10), ismath=False
    )
    return float(width)
