"""Where Regretta keeps its data, and how a file or folder appears there all at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path, user_data_path


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
    """Write a file so that it is there whole or not at all, whatever dies meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an ``.npy`` file. Unlike `np.save`, it says why where the disk is full."""
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A fresh folder to fill, which becomes `path` when the block ends and vanishes if it fails.

    An older folder at `path` is replaced as a whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        os.chmod(scratch, 0o755)
        yield scratch
        old = None
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
            os.replace(path, old / path.name)
        os.replace(scratch, path)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def cached_arrays(
    name: str, keys: Sequence[str], build: Callable[[], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Arrays mapped from the cache folder, built there first where missing or damaged.

    Several processes may ask at once: each writes a folder of its own and the last one wins with
    equal bytes. Where the cache cannot be written, the arrays are built in memory.
    """
    folder = cache_folder() / name

    def load() -> dict[str, NDArray[Any]]:
        return {key: np.asarray(np.load(folder / f"{key}.npy", mmap_mode="r")) for key in keys}

    with suppress(OSError, ValueError, EOFError):
        return load()
    arrays = build()
    with suppress(OSError):
        with atomic_folder(folder) as scratch:
            for key in keys:
                save_array(scratch / f"{key}.npy", arrays[key])
        return load()
    return arrays
