"""Kills and failures at every file operation of an action, one after another, each in a process of
its own.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Literal

from regretta.tabular_data.errors import UserError

Fault = Literal["killed", "fails once", "fails from then on", "interrupted"]
FAULTS: tuple[Fault, ...] = ("killed", "fails once", "fails from then on", "interrupted")

_OPERATIONS = {
    "open",
    "os.chmod",
    "os.link",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "shutil.rmtree",
    "tempfile.mkdtemp",
    "tempfile.mkstemp",
}
_DONE, _REFUSED, _UNEXPECTED = 0, 3, 4


def at_every_operation(action: Callable[[], object], fault: Fault) -> Iterator[str]:
    """Do an action again and again: the first time the fault strikes at its first file operation,
    then at its second, and so on, until it gets through.

    Yields
    ------
    str
        What became of it: ``killed``, ``refused`` (with a `UserError` of one line), ``interrupted``
        or ``done`` all the same. An unexpected error is an assertion's.
    """
    number = 0
    while True:
        number += 1
        child = os.fork()
        if child == 0:
            _child(action, fault, number)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            yield "killed"
            continue
        code = os.WEXITSTATUS(status)
        assert code in (_DONE, _DONE + 64, _REFUSED + 64, signal.SIGINT + 64), (
            f"{fault} at operation {number}: exit code {code}"
        )
        if code == _DONE:  # it has fewer operations than that
            return
        yield {_DONE: "done", _REFUSED: "refused"}.get(code - 64, "interrupted")


def _child(action: Callable[[], object], fault: Fault, number: int) -> None:
    """Do the action in a forked process, which it ends."""
    count = 0

    def strike(event: str, _: object) -> None:
        nonlocal count
        if event not in _OPERATIONS:
            return
        count += 1
        if count < number or (count > number and fault != "fails from then on"):
            return
        if fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "interrupted":
            raise KeyboardInterrupt
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    code = _DONE
    sys.addaudithook(strike)
    try:
        action()
    except UserError as error:
        code = _UNEXPECTED if "\n" in str(error) else _REFUSED
    except KeyboardInterrupt:
        code = signal.SIGINT
    except BaseException:
        struck, count = count, -(10**9)
        traceback.print_exc()
        count, code = struck, _UNEXPECTED
    os._exit(code + 64 if count >= number else code)
