"""Legends outside of the panels, as wide and as high as their texts need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from regretta.plots.style import OTHERS, MethodStyle, is_wide, span
from regretta.plots.text import text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 7.0
_ROW = 0.15
"""Inches from one row to the next."""

_HANDLE = 0.36
"""Inches of a line, its marker and the space before the name."""

_BETWEEN = 0.15
"""Inches between two columns."""

_ROWS_BESIDE = 18
"""Rows that stand beside a panel."""


@dataclass(frozen=True)
class Legend:
    """A legend of methods with their numbers of runs.

    Attributes
    ----------
    texts
        By label, in the order to show; labels in the background have none.
    title
        A line above; may be empty.
    others
        Number of labels in the background.
    beside
        Whether it stands right of the panels instead of below them.
    columns
        Number of columns.
    """

    texts: Mapping[str, str]
    title: str
    others: int
    beside: bool
    columns: int

    @property
    def height(self) -> float:
        """Inches that it takes below the panels; 0 beside them."""
        if self.beside:
            return 0.0
        rows = -(-(len(self.texts) + (self.others > 0)) // self.columns) + bool(self.title)
        return 0.12 + _ROW * rows

    def draw(self, figure: Figure, handles: Mapping[str, Any]) -> None:
        """Draw it into a figure; `handles` by label."""
        lines = [handles[label] for label in self.texts]
        texts = list(self.texts.values())
        if self.others:
            lines.append(Line2D([], [], color=OTHERS, linewidth=1.0))
            texts.append(f"{self.others:,} other{'s' if self.others > 1 else ''}")
        if not lines:
            return
        figure.legend(
            lines,
            texts,
            loc="outside right center" if self.beside else "outside lower center",
            ncols=self.columns,
            columnspacing=_BETWEEN * 72 / _POINTS,
            title=self.title or None,
            title_fontsize=_POINTS,
            alignment="left",
        )


def method_legend(
    styles: Mapping[str, MethodStyle],
    runs: Mapping[str, Sequence[int]],
    width: float,
    panels: int = 1,
) -> Legend:
    """The legend of a figure, planned before it is drawn so that the figure has room for it.

    Parameters
    ----------
    styles
        By label.
    runs
        The numbers of runs by label, one or several, in the order to show; a number that all have
        in common stands once, above.
    width
        Of the figure, inches.
    panels
        Number of panels; a legend stands beside a single one if the figure is wide enough.
    """
    numbers = sorted({count for counts in runs.values() for count in counts})
    same = len(numbers) == 1
    texts = {
        label: styles[label].name + ("" if same else f" (n = {span(counts)})")
        for label, counts in runs.items()
        if not styles[label].background
    }
    others = len(runs) - len(texts)
    entries = len(texts) + (others > 0)
    beside = panels == 1 and is_wide(width) and entries <= _ROWS_BESIDE
    widest = max((text_width(text, _POINTS) for text in texts.values()), default=0.0) + _HANDLE
    fitting = int((width - 0.1 + _BETWEEN) / (widest + _BETWEEN))
    columns = 1 if beside else max(1, min(fitting, 4, entries))
    title = f"n = {numbers[0]:,} {'run' if numbers[0] == 1 else 'runs'} each" if same else ""
    return Legend(texts, title, others, beside, columns)
