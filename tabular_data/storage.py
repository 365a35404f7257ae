"""Where Regretta keeps its data, and how a file or folder appears there all at once."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray
from platformdirs import user_cache_path, user_data_path

from regretta.tabular_data.array_files import ArrayDescription, ArrayFile, save_array
from regretta.tabular_data.documents import built, read_bytes, read_json
from regretta.tabular_data.exchange import exchange
from regretta.tabular_data.scratch import (
    OLD,
    clear_leftovers,
    remove,
    scratch_file,
    scratch_folder,
)

_DESCRIPTION = "arrays.json"


@dataclass(frozen=True)
class _Arrays:
    """What stands in the description of cached arrays."""

    arrays: Mapping[str, ArrayDescription]


_MOMENTS = (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def data_folder() -> Path:
    """Where data are kept: ``$REGRETTA_HOME`` or the platform's user data folder."""
    home = os.environ.get("REGRETTA_HOME")
    return Path(home) if home else user_data_path("regretta", appauthor=False)


def user_tables() -> Path:
    """Folder of imported and measured tables, one a subfolder."""
    return data_folder() / "tables"


def cache_folder() -> Path:
    """What can be built again: ``$REGRETTA_HOME/cache`` or the platform's user cache folder."""
    home = os.environ.get("REGRETTA_HOME")
    return Path(home) / "cache" if home else user_cache_path("regretta", appauthor=False)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever dies meanwhile.

    Its folder must be there: see `folder_below`.
    """
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which becomes `path` when the block ends and vanishes if it fails."""
    handle, name, lock = scratch_file(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        remove(name)
        raise
    finally:
        lock.close()


def folder_below(root: Path, *names: str) -> Path:
    """A folder below one that is there, made where it is missing; the one that is there never is.

    So that nothing is written to the place of a folder which was moved or removed meanwhile, nor to
    wherever a link within a stranger's folder leads.

    Raises
    ------
    OSError
        If `root` is not there, or a folder below it is a link.
    """
    place = root
    for name in names:
        place = place / name
        place.mkdir(exist_ok=True)
        if place.is_symlink():
            raise OSError(errno.ELOOP, f"{place} is a link; put a folder in its place")
    return place


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A fresh folder to fill, which becomes `path` when the block ends and vanishes if it fails.

    An older folder at `path` is exchanged for it in one step. Where the system cannot, it is moved
    away first and put back if the rest fails; if this process is killed in between, the next one
    that looks there puts it back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(path.parent, path.name)
    scratch, lock = scratch_folder(path)
    try:
        os.chmod(scratch, 0o755)
        yield scratch
        _install(scratch, path)
    finally:
        remove(scratch)  # what was not finished, or what was there before
        lock.close()


def _install(scratch: Path, path: Path) -> None:
    """Put a whole folder in its place."""
    if os.path.lexists(path):  # what is there goes for good: the new one must be on disk first
        _sync(scratch)
    while True:
        try:
            if not os.path.lexists(path):
                os.rename(scratch, path)
            elif not exchange(scratch, path):
                _replace(scratch, path)
            return
        except OSError as error:  # somebody else put one there, or took it away, in that moment
            if error.errno not in _MOMENTS or not scratch.exists():
                raise


def _replace(scratch: Path, path: Path) -> None:
    """Exchange two folders in two steps."""
    old = scratch.with_suffix(OLD)
    try:
        os.rename(path, old)
        os.rename(scratch, path)
    except BaseException:
        if os.path.lexists(old) and not os.path.lexists(path):
            os.rename(old, path)
        raise
    remove(old)


def _sync(folder: Path) -> None:
    """Return when all files of a folder are on disk for good."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # it has no such thing
                raise
        finally:
            os.close(handle)


def cached_arrays(
    name: str, keys: Sequence[str], build: Callable[[], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Arrays from the cache folder, built there first where missing or damaged.

    Several processes may ask at once: each writes a folder of its own and the last one wins with
    equal bytes. Where the cache cannot be written, the arrays are built in memory.
    """
    folder = cache_folder() / name
    clear_leftovers(folder.parent)
    with suppress(OSError, ValueError):
        described = built(_Arrays, read_json(read_bytes(folder / _DESCRIPTION))).arrays
        if described.keys() == set(keys):
            return {key: ArrayFile(folder / f"{key}.npy", described[key]).read() for key in keys}
    arrays = build()
    described = {key: ArrayDescription.of(arrays[key]) for key in keys}
    with suppress(OSError), atomic_folder(folder) as scratch:
        for key in keys:
            save_array(scratch / f"{key}.npy", arrays[key])
        (scratch / _DESCRIPTION).write_text(json.dumps(asdict(_Arrays(described)), indent=1) + "\n")
    return arrays
