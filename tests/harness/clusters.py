"""Real Dask schedulers and workers on loopback, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from distributed import Client

from regretta.harness.executors import Dask

_START_SECONDS = 120.0


class Cluster:
    """A ``dask scheduler`` process; it gives up on a batch at the first worker that dies with it.

    Parameters
    ----------
    folder
        For its logs and its workers' files; made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        folder.mkdir()

    def __enter__(self) -> Self:
        file = self._folder / "scheduler.json"
        self.scheduler = self._dask(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(file),
        )
        until = time.monotonic() + _START_SECONDS
        while not file.exists() or not file.read_bytes():
            assert time.monotonic() < until, "the scheduler does not start"
            time.sleep(0.05)
        self.address: str = json.loads(file.read_text())["address"]
        return self

    def __exit__(self, *_: object) -> None:
        self.scheduler.kill()
        self.scheduler.wait()

    def executor(self) -> Dask:
        """Runs on this cluster, patient with workers that start."""
        return Dask(self.address, patience=_START_SECONDS)

    @contextmanager
    def workers(
        self, number: int, environment: Mapping[str, str] | None = None
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        """That many ``dask worker`` processes, with some environment variables changed.

        The scheduler has met all of them when the block begins: what a test then does to a table or
        a worker, it does to workers that are there.
        """
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        place = str(self._folder)
        started: list[subprocess.Popen[bytes]] = []
        try:
            with Client(self.address, set_as_default=False) as client:
                before = set(client.nthreads())
                for _ in range(number):
                    arguments = ("worker", self.address, *options, "--local-directory", place)
                    started.append(self._dask(*arguments, environment=environment))
                until = time.monotonic() + _START_SECONDS
                while len(set(client.nthreads()) - before) < number:
                    assert time.monotonic() < until, "workers do not start"
                    assert all(process.poll() is None for process in started), "a worker ended"
                    time.sleep(0.05)
            yield started
        finally:
            for process in started:
                process.kill()
                process.wait()

    def _dask(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        self._started += 1
        with (self._folder / f"log{self._started}").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={
                    **os.environ,
                    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
                    **(environment or {}),
                },
            )
