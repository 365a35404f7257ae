"""Which files the code of others opens: what decides a run and is no part of it must be told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from regretta.optimizers.places import is_library

_SOURCES = (".py", ".pyc", ".so", ".pyd", ".pth")
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/")
_watchers: list[_Watcher] = []


@contextmanager
def watched(folder: Path, read: set[Path]) -> Iterator[None]:
    """Add to a set the files that code of a folder opens to read them.

    Also those that libraries open which this code calls. Sources, files of Python, of its packages
    and of the system, and what was written since are left out.

    Parameters
    ----------
    folder
        Whose code.
    read
        What they are added to.
    """
    _listen()
    _watchers.append(_Watcher(folder, read))
    try:
        yield
    finally:
        _watchers.pop()


class _Watcher:
    def __init__(self, folder: Path, read: set[Path]) -> None:
        self._folder = f"{folder}{os.sep}"
        self._read = read
        self._since = time.time()
        # Known without their times, which file systems round down.
        self._written: set[str] = set()

    def hear(self, path: Any, mode: str | None, flags: int) -> None:
        """Take note of a file that is being opened."""
        if isinstance(path, int):
            return
        reads = flags & os.O_ACCMODE == os.O_RDONLY if mode is None else {"r", "+"} & set(mode)
        if not reads:
            self._written.add(os.path.abspath(os.fsdecode(path)))
            return
        if not self._is_ours(sys._getframe(2)):
            return
        place = os.path.abspath(os.fsdecode(path))
        if (
            place in self._written
            or place.endswith(_SOURCES)
            or place.startswith(_SYSTEM)
            or is_library(place)
        ):
            return
        if os.path.isfile(place) and os.stat(place).st_mtime < self._since:
            self._read.add(Path(place))

    def _is_ours(self, frame: FrameType | None) -> bool:
        """Whether it is that code that opens it, be it by way of libraries."""
        while frame is not None and is_library(frame.f_code.co_filename):
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename.startswith(self._folder)


@cache
def _listen() -> None:
    """Hear of every file that is opened; Python has no way to stop that again."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open":
        return
    for watcher in _watchers:
        with suppress(Exception):  # whatever it is, the file is to be opened all the same
            watcher.hear(*arguments)
