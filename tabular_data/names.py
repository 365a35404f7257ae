"""Names: which may be one, what file a name has, and the nearest there is to one nobody knows.

Whatever a name comes from (a table, a suite's file or folder, a plugin), it becomes part of a path
by way of `check_name` or `file_name` only.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from difflib import SequenceMatcher
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from regretta.tabular_data.errors import UserError, shown

_LONGEST_NAME = 150
_LONGEST_FILE = 200
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{k}" for port in ("com", "lpt") for k in "0123456789¹²³"
}
"""Names that mean no file on Windows, whatever comes after a dot."""


def check_name(name: object, what: str, error: type[UserError] = UserError) -> str:
    """A name that is a file's or folder's as it stands: never a path, the same on every system.

    Parameters
    ----------
    name
        The name.
    what
        Whose it is, as the message begins: ``a table's name``.
    error
        What is raised.

    Raises
    ------
    UserError
        If it is no text of letters, digits, ``-``, ``_`` and ``.`` (not at its ends), is too long,
        or means a device on Windows.
    """
    if (
        not isinstance(name, str)
        or not name
        or not all(c.isalnum() or c in "-_." for c in name)
        or name[0] == "."
        or name[-1] == "."
    ):
        raise error(f"{what} has letters, digits, '-', '_' and, within, '.' only, got {name!r:.80}")
    if len(name.encode()) > _LONGEST_NAME:
        raise error(f"{what} is too long, {name[:20]!r}…; it has {_LONGEST_NAME} bytes at most")
    if _is_device(name):
        raise error(f"{what} cannot be {name!r}, which is no file's name on Windows")
    return name


def file_name(text: str) -> str:
    """Any text as the name of a file or folder; different texts have different ones.

    Letters, digits, ``-_=`` and inner ``.`` stay, other bytes become ``~xx``. What would be longer
    than a file's name may be is cut, and ends in ``~~`` and a digest of the text.
    """
    last = len(text) - 1
    name = "".join(
        c if _plain(c) or (c == "." and 0 < k < last) else _escaped(c) for k, c in enumerate(text)
    )
    if _is_device(text):
        name = _escaped(text[0]) + name[1:]
    if len(name) > _LONGEST_FILE:
        digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
        name = f"{name[: _LONGEST_FILE - 18]}~~{digest[:16]}"
    return name or "~"


def check_path(path: str | Path, what: str, error: type[UserError] = UserError) -> Path:
    """A path that the system takes for one, whether or not something is there.

    Parameters
    ----------
    path
        What was given for one.
    what
        What is meant, as the message begins: ``suite``.
    error
        What is raised.

    Raises
    ------
    UserError
        If it has a zero byte, or is longer than a path may be.
    """
    try:
        os.stat(path)
    except ValueError as problem:
        raise error(f"{what} {shown(str(path))} cannot be a path: {problem}") from None
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise error(f"{what} {shown(str(path))} cannot be a path: it is too long") from None
    return Path(path)


def refuse_twins(kind: str, names: Iterable[str], error: type[UserError] = UserError) -> None:
    """Refuse names that differ in case only: some file systems do not tell their files apart.

    Raises
    ------
    UserError
        Naming the two.
    """
    for one, other in pairwise(sorted(dict.fromkeys(names), key=str.casefold)):
        if one.casefold() == other.casefold():
            raise error(
                f"{kind} {one!r} and {other!r} differ in case only, which some file systems do not"
                " tell apart; change one"
            )


def _plain(c: str) -> bool:
    return (c.isascii() and c.isalnum()) or c in "-_="


def _escaped(c: str) -> str:
    return "".join(f"~{byte:02x}" for byte in c.encode(errors="surrogatepass"))


def _is_device(name: str) -> bool:
    return name.partition(".")[0].casefold() in _DEVICES


_LONGEST = 100
_MOST_LIKE, _MOST_NEAR, _MOST_LISTED = 3, 6, 20
_NEAR, _NEARLY_AS_NEAR = 0.5, 0.15


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line: the unknown name, and the nearest known ones or, where none is near, all."""
    name = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
    names = sorted(set(known))
    if near := _nearest(name.casefold(), names):
        *others, last = map(repr, near)
        listed = f"{', '.join(others)} or {last}" if others else last
        return f"unknown {kind} {name!r}; did you mean {listed}?"
    shown = ", ".join(names[:_MOST_LISTED]) or "none"
    if len(names) > _MOST_LISTED:
        shown += f" and {len(names) - _MOST_LISTED:,} more"
    return f"unknown {kind} {name!r}; known are {shown}"


def _nearest(name: str, names: list[str]) -> list[str]:
    """The nearest of some names: the best first, equal ones in the order of the alphabet.

    The same in another case, or with one character more; else those that begin so; else the likest
    and those nearly as like.
    """
    begun = [other for other in names if name and other.casefold().startswith(name)]
    for more in (0, 1):
        if same := [other for other in begun if len(other.casefold()) == len(name) + more]:
            return same
    if 0 < len(begun) <= _MOST_NEAR:
        return begun
    like = {other: _likeness(name, other.casefold()) for other in names}
    least = max(_NEAR, max(like.values(), default=0.0) - _NEARLY_AS_NEAR)
    near = [other for other in names if like[other] >= least]
    return sorted(near, key=lambda other: -like[other])[:_MOST_LIKE]


def _likeness(name: str, other: str) -> float:
    """From 0 to 1; 0 where the lengths tell that they are not near, whatever the names hold."""
    matcher = SequenceMatcher(None, name, other)
    return matcher.ratio() if matcher.real_quick_ratio() >= _NEAR else 0.0
