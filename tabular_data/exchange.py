"""Exchanging two files or folders in one step, where the system can."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

_UNSUPPORTED = {
    errno.ENOSYS,
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EPERM,  # what some containers say to calls that they do not know
}
_HERE = -100  # AT_FDCWD of Linux
_LINUX_EXCHANGE = 2
_MACOS_SWAP = 2


def exchange(one: Path, other: Path) -> bool:
    """Give two paths each other's content at once, so that neither is ever missing.

    Returns
    -------
    bool
        False where the system or the file system cannot; nothing has happened then.

    Raises
    ------
    OSError
        If it fails for another reason, such as that one is missing.
    """
    call = _call()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


@cache
def _call() -> Callable[[bytes, bytes], int] | None:
    """The system's own function: renameat2 of Linux, renamex_np of macOS."""
    library = ctypes.CDLL(None, use_errno=True)
    text, number = ctypes.c_char_p, ctypes.c_int
    if hasattr(library, "renameat2"):
        linux = library.renameat2
        linux.argtypes = (number, text, number, text, ctypes.c_uint)
        return lambda one, other: int(linux(_HERE, one, _HERE, other, _LINUX_EXCHANGE))
    if hasattr(library, "renamex_np"):
        macos = library.renamex_np
        macos.argtypes = (text, text, ctypes.c_uint)
        return lambda one, other: int(macos(one, other, _MACOS_SWAP))
    return None
