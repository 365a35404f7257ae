"""What cannot be read in a figure: texts over each other, and texts outside of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from unittest.mock import patch

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from regretta.plots.style import house

SLACK = 1.0
"""Pixels that boxes may share: a box has room above and below most letters."""


@dataclass(frozen=True)
class Painted:
    """A text as it was painted, and its box in pixels."""

    text: str
    box: Bbox


def painted_texts(figure: Figure) -> list[Painted]:
    """Every text that painting the figure puts into the picture."""
    found: dict[int, Painted] = {}
    paint = Text.draw

    def draw(self: Text, renderer: object, *arguments: object, **named: object) -> None:
        if self.get_visible() and self.get_text().strip():
            box = self.get_window_extent(renderer)
            found[id(self)] = Painted(self.get_text(), Bbox(box.get_points().copy()))
        paint(self, renderer, *arguments, **named)

    with house(), patch.object(Text, "draw", draw):
        FigureCanvasAgg(figure).draw()
        found.clear()  # the first time lays the figure out
        figure.canvas.draw()
    return list(found.values())


def overlapping(texts: Sequence[Painted]) -> list[tuple[str, str]]:
    """Pairs of texts over each other."""
    return [
        (one.text, two.text)
        for one, two in combinations(texts, 2)
        if min(one.box.x1, two.box.x1) - max(one.box.x0, two.box.x0) > SLACK
        and min(one.box.y1, two.box.y1) - max(one.box.y0, two.box.y0) > SLACK
    ]


def outside(figure: Figure, texts: Sequence[Painted]) -> list[str]:
    """Texts that reach out of the picture."""
    box = figure.bbox
    return [
        painted.text
        for painted in texts
        if painted.box.x0 < box.x0 - SLACK
        or painted.box.y0 < box.y0 - SLACK
        or painted.box.x1 > box.x1 + SLACK
        or painted.box.y1 > box.y1 + SLACK
    ]


def check_readable(figure: Figure) -> list[Painted]:
    """Fail where a text of the figure lies over another or outside; returns the texts."""
    texts = painted_texts(figure)
    assert texts
    assert overlapping(texts) == []
    assert outside(figure, texts) == []
    assert [p.text for p in texts if "\\mathdefault" in p.text] == []  # formulas are not set
    return texts
