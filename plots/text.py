"""Text of others on its way into pictures, pages and papers: one gate for each.

Labels, names and notes come from suite files, plugins and result folders, so they may hold
anything. In HTML the template engine escapes them, `regretta.tabular_data.text` is for lines and
cells; here is what LaTeX and matplotlib need.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from regretta.tabular_data.text import printable

FONT = "DejaVu Sans"
"""The pictures' font. It comes with matplotlib, so that every machine draws the same."""

POINTS = 7.0
"""Size of names in pictures."""

MOST_CHARACTERS, MOST_INCHES = 28, 1.6
"""Length of a name in a picture; a longer one is cut in its middle."""

_MISSING = "\u25a1"

_LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    **{c: "\\" + c for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": "{`}",
    "[": "{[}",  # a row of a table that begins with it would give the line break an argument
    "*": "{*}",
    "\u2264": r"$\leq$",
    "\u2265": r"$\geq$",
    "\u2212": r"$-$",
    "\u00d7": r"$\times$",
    "\u00b1": r"$\pm$",
    "\u03b4": r"$\delta$",
    "\u03c7": r"$\chi$",
    "\u00b2": r"$^2$",
    "\u2013": "--",
    "\u2014": "---",
    "\u2026": r"\ldots{}",
    "\u2020": r"$^\dagger$",
    "\u2021": r"$^\ddagger$",
}


def escape_latex(text: str) -> str:
    """A text that LaTeX sets as it is written, on one line."""
    apart = re.sub(r"-(?=-)|'(?=')", r"\g<0>\0", printable(text))  # no ligatures of two signs
    return "".join("{}" if c == "\0" else _LATEX.get(c, c) for c in apart)


def drawable(text: str) -> str:
    """A text on one line of characters that the pictures' font has.

    A character that it lacks becomes an empty square; marks that only change their neighbour go.
    """
    there = _characters()
    return "".join(
        c if ord(c) in there else "" if unicodedata.category(c) in {"Cf", "Mn", "Me"} else _MISSING
        for c in printable(text)
    )


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FONT)).get_charmap())


def shorten(text: str, most: int = MOST_CHARACTERS, inches: float = MOST_INCHES) -> str:
    """A drawable text cut in its middle, where it is longer than so many characters or inches."""
    cut, keep = text, most
    while len(cut) > most or text_width(cut, POINTS) > inches:
        end = (keep - 1) // 2
        cut = f"{text[: keep - 1 - end].rstrip()}\u2026{text[len(text) - end :].lstrip()}"
        keep -= 1
    return cut


def picture_names(names: Sequence[str]) -> list[str]:
    """Names as they stand in a picture: drawable, not too long, and no two the same.

    Where two would be the same, the later one ends in ``#`` and its place in the sequence, from 1;
    so does a name of which the font lacks something.
    """
    whole = [drawable(name).strip() for name in names]
    short = [shorten(name) for name in whole]
    uncut = {cut for cut, name in zip(short, whole, strict=True) if cut == name}
    found: dict[str, None] = {}
    for place, (cut, name) in enumerate(zip(short, whole, strict=True), start=1):
        unsaid = _MISSING in cut and _MISSING not in names[place - 1]
        if not cut or unsaid or cut in found or (cut != name and cut in uncut):
            number = f" #{place}"
            room = MOST_INCHES - text_width(number, POINTS)
            cut = shorten(name, MOST_CHARACTERS - len(number), room) + number
            while cut in found or cut in uncut:
                cut += "'"
        found[cut] = None
    return list(found)


@lru_cache(maxsize=4096)
def text_width(text: str, points: float) -> float:
    """Width of one line of drawable text in inches."""
    font = FontProperties(family=FONT, size=points)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / 72
