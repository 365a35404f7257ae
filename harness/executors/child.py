"""The life of a worker process: it opens the suite it is sent, then does the runs it is sent.

It is started without a word of the program that uses Regretta, so that scripts need no guard
against being imported. Whatever it prints, its last words included, goes to the process that
started it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from regretta.harness.executors.worker import Worker, one_thread
from regretta.tabular_data.errors import UserError

_WATCH_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Refusal:
    """Why a worker cannot do what it is asked to."""

    message: str


def serve(handle: int, parent: int) -> None:
    """Do runs until the other side of the pipe is closed, or its process is gone.

    Parameters
    ----------
    handle
        Descriptor of this side of the pipe.
    parent
        Id of the process at the other side.
    """
    me = os.getpid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    pipe = Connection(handle)
    os.set_inheritable(handle, False)
    os.register_at_fork(after_in_child=pipe.close)  # of two that answer none can be understood
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    with open(os.dup(2), "w") as last_words:
        faulthandler.enable(last_words, all_threads=False)
        real_exit = os._exit

        def exit_saying_where(status: int) -> None:
            if os.getpid() == me:
                faulthandler.dump_traceback(last_words, all_threads=False)
            real_exit(status)

        vars(os)["_exit"] = exit_saying_where
        with suppress(EOFError, OSError):
            try:
                worker = Worker(pipe.recv())
            except UserError as error:
                pipe.send(Refusal(str(error)))
                real_exit(0)
            pipe.send(None)
            with one_thread():
                while True:
                    for task in pipe.recv():
                        outcome = worker.do(task)
                        for stream in (sys.stdout, sys.stderr):
                            with suppress(Exception):
                                stream.flush()
                        pipe.send(outcome)
        real_exit(0)


def _die_with(parent: int) -> None:
    """End with the client, however it ends; a loop in C lets no thread of ours look, but Linux."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.killpg(0, signal.SIGKILL)
