"""A worker process as the process that started it sees it: its pipe, what it prints, its end."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from regretta.harness.executors.worker import Instructions
from regretta.harness.suite import Task

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]);"
    " from regretta.harness.executors.child import serve; serve(int(sys.argv[1]), int(sys.argv[2]))"
)
_BEGINNING, _END = 2_048, 14_336
_READS = 8
_LAST_WORDS_SECONDS = 2.0


class WorkerProcess:
    """A worker process and whatever it starts: one group, that ends together.

    Parameters
    ----------
    instructions
        What it is sent first.

    Attributes
    ----------
    pipe
        To and from it.
    output
        Descriptor of what it prints; None once nothing can come any more.
    ready
        Whether it has said that it is.
    batch
        The runs that it has and has not reported; it is at the first of them.
    since
        When it began with that one, seconds of `time.monotonic`.
    """

    def __init__(self, instructions: Instructions) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        output, printing = os.pipe()
        os.set_blocking(output, False)
        self.output: int | None = output
        self.ready = False
        self.batch: list[Task] = []
        self.since = time.monotonic()
        self._printed = bytearray()
        path = json.dumps([entry or str(Path.cwd()) for entry in sys.path])
        handle = theirs.fileno()
        try:
            # A session of its own: the terminal's Ctrl-C is ours to answer.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(handle), str(os.getpid()), path],
                stdin=subprocess.DEVNULL,
                stdout=printing,
                stderr=printing,
                pass_fds=[handle],
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(printing)
        with suppress(OSError):  # it is dead, which is seen next
            self.pipe.send(instructions)

    @property
    def dead(self) -> bool:
        """Whether the process has ended, and whatever it said was heard."""
        return self._process.poll() is not None and not self.pipe.poll()

    @property
    def how(self) -> str:
        """How it ended."""
        code = self._process.returncode
        if code is None or code >= 0:
            return f"exit code {code}"
        if -code == signal.SIGKILL:
            return "killed by SIGKILL, as the system does for want of memory"
        known = {number.value: number.name for number in signal.Signals}
        return f"killed by {known.get(-code, f'signal {-code}')}"

    def send(self, batch: list[Task]) -> None:
        """Give it runs to do."""
        self.batch, self.since = batch, time.monotonic()
        with suppress(OSError):
            self.pipe.send(batch)

    def receive(self) -> Any:
        """What it says next.

        Raises
        ------
        EOFError
            If it is dead, or says what cannot be understood.
        """
        try:
            return self.pipe.recv()
        except Exception as error:  # a plugin may have written into the pipe
            raise EOFError from error

    def hear(self) -> None:
        """Read what it has printed; of much the beginning and the end are kept."""
        for _ in range(_READS):  # no more at once, whoever prints without end
            if self.output is None:
                return
            try:
                some = os.read(self.output, 65_536)
            except BlockingIOError:
                return
            if not some:
                os.close(self.output)
                self.output = None
            self._printed += some
            del self._printed[_BEGINNING : max(_BEGINNING, len(self._printed) - _END)]

    def printed(self) -> str:
        """What it has printed since this was asked last."""
        self.hear()
        text = self._printed.decode(errors="replace")
        self._printed.clear()
        return text

    def abort(self) -> None:
        """End it, and let it say before where it is."""
        with suppress(OSError):
            self._process.send_signal(signal.SIGABRT)
        until = time.monotonic() + _LAST_WORDS_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            self.hear()
            time.sleep(0.01)
        self.end()

    def end(self, patience: float = 0.0) -> None:
        """End it and whatever it started: at once, or when so many seconds were not enough."""
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it and forget what it printed."""
        self.end()
        if self.output is not None:
            os.close(self.output)
            self.output = None
