"""Who is at work in a folder.

Locks are the kernel's, which lets go of them when their process dies, however it dies.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PAUSE = 0.02


class Lock:
    """A lock on a folder or file, held until closed.

    Locks lie on the folder itself (``flock``), so that nothing is left behind. A file system
    without them, such as NFS, makes every lock `held`, as nothing there depends on locks to be
    right: they only spare work and say who is there.

    Attributes
    ----------
    held
        Whether the lock was got.
    supported
        Whether the file system has such locks.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.held = False
        self.supported = True

    def get(self, *, exclusive: bool, patience: float = 0.0) -> bool:
        """Try for `patience` seconds to get the lock, or to change the kind of the held one.

        Parameters
        ----------
        exclusive
            Whether nobody else may hold it at the same time, or only nobody exclusively.
        patience
            Seconds to wait for others.
        """
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self._file, kind | fcntl.LOCK_NB)
                self.held = True
                return True
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    self.supported = False
                    self.held = True
                    return True
            if time.monotonic() >= until:
                self.held = False
                return False
            time.sleep(_PAUSE)

    def is_of(self, path: Path) -> bool:
        """Whether a path still means what the lock lies on; not if it was moved or removed.

        Raises
        ------
        OSError
            If that cannot be seen, because the file system is gone.
        """
        return os.path.samestat(os.fstat(self._file), os.stat(path))

    def close(self) -> None:
        """Let go."""
        with suppress(OSError):  # of a file system that is gone
            os.close(self._file)


@contextmanager
def locked(path: Path, *, exclusive: bool, patience: float = 0.0) -> Iterator[Lock]:
    """Hold, or fail to hold, a lock for the length of the block; see `Lock.held`.

    Parameters
    ----------
    path
        A folder or file that exists.
    exclusive
        Whether nobody else may hold it at the same time, or only nobody exclusively.
    patience
        Seconds to wait for others.
    """
    lock = Lock(path)
    try:
        lock.get(exclusive=exclusive, patience=patience)
        yield lock
    finally:
        lock.close()
