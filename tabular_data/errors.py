"""The one base of all errors that a user can mend, and how a message shows a value."""

from __future__ import annotations

from reprlib import Repr

_WIDEST = 400


class UserError(ValueError):
    """Something given to Regretta cannot be used: one line says what, where and what to do.

    The command line turns it into that line and exit code 2. What is quoted in a message may have
    line ends of its own, as arrays do when they are shown: they become spaces.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(part.strip() for part in message.splitlines()))


def shown(value: object, width: int = 60) -> str:
    """A value as a message shows it: cut to a width, whatever it is.

    A whole `repr` of what a stranger's file holds may be endless: lists can hold one another, and
    sixty of them in a row more items than there is memory.
    """
    try:
        return _short(width).repr(value)[:width]
    except (ValueError, RecursionError):  # a number of more digits than Python writes
        return f"a {type(value).__name__}"


def _short(width: int) -> Repr:
    short = Repr()
    short.maxlevel = 3
    short.maxstring = short.maxlong = short.maxother = min(width, _WIDEST)
    return short
