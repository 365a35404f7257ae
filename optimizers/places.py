"""Where in the code of others an error arose: the file and the line that its author knows."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Callable, Collection, Iterator
from functools import cache
from pathlib import Path

_LONGEST_CHAIN = 20


def place_in(error: BaseException, files: Collection[Path]) -> str:
    """Where in some files an error arose, the cause before what it caused: ``FILE:LINE``.

    Empty where it arose in none of them.
    """
    return _place(error, lambda file: file in files)


def place_below(error: BaseException, folder: Path) -> str:
    """Where in the files of a folder an error arose, as `place_in` says it."""
    return _place(error, lambda file: file.is_relative_to(folder) and not is_library(str(file)))


def is_library(file: str) -> bool:
    """Whether a file is Python's, an installed package's, or Regretta's own."""
    return file.startswith(_libraries())


@cache
def _libraries() -> tuple[str, ...]:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    places = [*(sysconfig.get_path(kind) for kind in kinds), Path(__file__).parents[1]]
    return ("<", *dict.fromkeys(f"{place}{os.sep}" for place in places))


def _place(error: BaseException, is_theirs: Callable[[Path], bool]) -> str:
    for each in reversed(list(_chain(error))):
        if isinstance(each, SyntaxError) and each.filename and is_theirs(Path(each.filename)):
            return f"{each.filename}:{each.lineno}"
        for frame, line in reversed(list(traceback.walk_tb(each.__traceback__))):
            if is_theirs(Path(frame.f_code.co_filename)):
                return f"{frame.f_code.co_filename}:{line}"
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those it arose from."""
    following: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if following is None:
            return
        yield following
        following = following.__cause__ or following.__context__
