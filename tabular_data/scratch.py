"""Files and folders while they are written, and what killed writers left of them.

They lie beside what they are to become, as ``.<name>.<some characters>.part``, and are locked for
as long as their writer lives. Where the system cannot exchange two folders at once, what was there
before is called ``.old`` instead of ``.part`` for the moment that replacing it takes.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from regretta.tabular_data.locks import Lock

PART = ".part"
OLD = ".old"

_NAME = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{1,8}(\.part|\.old)", re.DOTALL)
_LONGEST = 150
"""Bytes that a scratch name has of the final one; a name may have 255 altogether."""


def scratch_file(path: Path) -> tuple[int, Path, Lock]:
    """A new file beside `path`: open for writing, its name, and the lock on it."""
    while True:
        handle, made = tempfile.mkstemp(PART, f".{_short(path.name)}.", path.parent)
        if (lock := _claim(Path(made))) is not None:
            return handle, Path(made), lock
        os.close(handle)


def scratch_folder(path: Path) -> tuple[Path, Lock]:
    """A new folder beside `path`, and the lock on it."""
    while True:
        made = Path(tempfile.mkdtemp(PART, f".{_short(path.name)}.", path.parent))
        if (lock := _claim(made)) is not None:
            return made, lock


def _claim(made: Path) -> Lock | None:
    """Lock what was just made; None where somebody took it for a leftover in that moment."""
    try:
        lock = Lock(made)
    except FileNotFoundError:
        return None
    if lock.get(exclusive=True) and made.exists():
        return lock
    lock.close()
    return None


def remove(path: Path) -> None:
    """Remove a file, link or folder, as far as that is possible."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def clear_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove what killed writers left in a folder, and put back what they had moved away.

    What belongs to a writer who is alive stays.

    Parameters
    ----------
    folder
        Looked at itself, not what is below it.
    name
        Look for what was to become this only.
    """
    left = list(_leftovers(folder, name))
    for path, final in left:
        if path.suffix == OLD and not os.path.lexists(final) and not _alive(path, sure=True):
            with suppress(OSError):
                path.rename(final)
    for path, final in left:
        if not _alive(path) and (path.suffix == PART or os.path.lexists(final)):
            remove(path)


def _leftovers(folder: Path, name: str | None) -> Iterator[tuple[Path, Path]]:
    """Scratch files and folders, each with what it was to become."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for found in names:
        match = _NAME.fullmatch(found)
        if match is None or (name is not None and match["name"] != _short(name)):
            continue
        final = match["name"] if name is None else name
        if len(os.fsencode(final)) < _LONGEST or name is not None:
            yield folder / found, folder / final


def _alive(path: Path, *, sure: bool = False) -> bool:
    """Whether a scratch folder's writer is alive, or may be; with `sure`, whether that is known."""
    path = path.with_suffix(PART)  # the one of the two that is locked
    if path.is_symlink() or not (path.is_dir() or path.is_file()):
        return False
    try:
        lock = Lock(path)
    except OSError:
        return not sure
    try:
        held = lock.get(exclusive=True)
        return not held if lock.supported else not sure
    finally:
        lock.close()


def _short(name: str) -> str:
    """As much of a name as a scratch name has."""
    return os.fsencode(name)[:_LONGEST].decode(errors="ignore")
