"""Text of others on its way to a reader: one gate for lines, one for cells of a spreadsheet.

Labels, names, notes and errors come from suite files, plugins and result folders, so they may hold
anything: commands to the terminal, fifty megabytes, formulas. What LaTeX and matplotlib need
besides is in `regretta.plots.text`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LONGEST = 400


def is_control(character: str) -> bool:
    """Whether a character commands instead of showing: controls, surrogates, separators of lines.

    The marks that turn the direction of writing around count too, because a text with them shows
    something else than it says; letters that run from right to left are letters.
    """
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _BIDI_CONTROLS
    )


def printable(text: str) -> str:
    """A text on one line: line ends and tabulators become a space, other controls go."""
    words = re.sub(r"[\t\n\v\f\r\x85\u2028\u2029]+", " ", text)
    return words if words.isprintable() else "".join(c for c in words if not is_control(c))


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters: of a longer one the beginning and the end."""
    if len(text) <= most:
        return text
    mark = f" … ({len(text):,} characters) … "
    tail = (most - len(mark)) // 3
    return text[: most - len(mark) - tail] + mark + text[len(text) - tail :]


def described(error: BaseException) -> str:
    """Kind and text of an error that the code of others raised: one line, never long.

    Whatever happens as the text is made is kept here too.
    """
    try:
        said = printable(shortened(str(error), _LONGEST)).strip()
    except BaseException:
        said = "its text cannot be made"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def spreadsheet_cell(value: Any) -> Any:
    """A cell of a CSV file that no spreadsheet takes for a formula; numbers stay numbers.

    A text that begins with ``=``, ``+``, ``-``, ``@``, a tabulator or a carriage return gets an
    apostrophe in front (OWASP, "CSV Injection"), unless it is a number. None is an empty cell.
    """
    if not isinstance(value, str):
        return "" if value is None else value
    if value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value):
        return "'" + value
    return value


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) is not None
