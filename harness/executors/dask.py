"""Runs on a Dask cluster: one that is there already, or one that a batch system starts.

Workers give the content of result files back through the scheduler and this process writes them, so
that nothing is asked of the workers' disks.
"""

from __future__ import annotations

import importlib
import logging
import shlex
import shutil
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from regretta.harness.executors.dask_session import Session, first_line
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import RunOutcome
from regretta.harness.identity import SuiteError
from regretta.harness.suite import Suite
from regretta.tabular_data.names import unknown

JOB_QUEUES: Mapping[str, str] = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "moab": "MoabCluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
    "local": "local.LocalCluster",
}
"""Kind of batch system → class of dask-jobqueue.

``local`` starts its jobs on this machine, to try things out.
"""

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Dask:
    """A Dask cluster that is running.

    Attributes
    ----------
    address
        Of its scheduler: ``tcp://host:port``.
    patience
        Seconds to wait for a worker while there is none.
    """

    address: str
    patience: float = 20.0

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        """Do all runs of the queue.

        Raises
        ------
        SuiteError
            If the scheduler cannot be reached or is lost, has no workers, or one of them is not
            fit.
        """
        distributed = _distributed()
        with _quiet():
            try:
                client = distributed.Client(
                    self.address, timeout=_CONNECT_SECONDS, set_as_default=False, name="regretta"
                )
            except (OSError, ValueError, TypeError, ImportError) as error:
                raise SuiteError(
                    f"no Dask scheduler answers at {self.address} ({first_line(error)}); "
                    "start one with `dask scheduler`, or correct --scheduler"
                ) from error
            with _closing(client):
                yield from Session(client, suite, queue, self.patience, self.address).outcomes()


@dataclass(frozen=True)
class JobQueue:
    """A Dask cluster whose workers are jobs of a batch system, started for this suite and stopped
    after it.

    Attributes
    ----------
    kind
        One of `JOB_QUEUES`.
    options
        ``jobs``, how many to submit (1 unless given), and what the class of dask-jobqueue takes,
        such as ``cores``, ``memory``, ``queue``, ``walltime``.
    patience
        Seconds to wait for the first job to start, and for another one when all have ended.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    patience: float = 7 * 24 * 3600.0

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        """Do all runs of the queue.

        Raises
        ------
        SuiteError
            If the batch system is not there, refuses the options, or a worker is not fit.
        """
        distributed = _distributed()
        with _quiet():
            cluster = self._start()
            with _closing(cluster):
                client = distributed.Client(
                    cluster, timeout=_CONNECT_SECONDS, set_as_default=False, name="regretta"
                )
                with _closing(client):
                    place = f"{self.kind} jobs"
                    yield from Session(client, suite, queue, self.patience, place).outcomes()

    def _start(self) -> Any:
        options = {"cores": 1, "memory": "2GB", **self.options}
        jobs = options.pop("jobs", 1)
        options.setdefault(
            "processes", options["cores"]
        )  # a process a core: runs hold Python's lock
        if self.kind not in JOB_QUEUES:
            raise SuiteError(unknown("cluster", self.kind, JOB_QUEUES))
        if not isinstance(jobs, int) or jobs < 1:
            raise SuiteError(f"[cluster]: jobs must be a whole number above 0, got {jobs!r}")
        module, _, name = f"dask_jobqueue.{JOB_QUEUES[self.kind]}".rpartition(".")
        try:
            kind = getattr(importlib.import_module(module), name)
        except ImportError as error:
            raise SuiteError(
                "--cluster needs dask-jobqueue: pip install 'regretta[cluster]'"
            ) from error
        command = shlex.split(kind.job_cls.submit_command or "true")[0]
        if shutil.which(command) is None:
            raise SuiteError(
                f"{self.kind} cluster cannot start: there is no {command} here; run where jobs are"
                " submitted"
            )
        cluster: Any = None

        async def submit() -> None:
            cluster.scale(jobs=jobs)
            await cluster._correct_state()  # scale alone does not tell of jobs that are refused

        try:
            cluster = kind(**options)
            cluster.sync(submit)
        except Exception as error:
            if cluster is not None:
                with suppress(Exception):
                    cluster.close(timeout=2)
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SuiteError(
                f"{self.kind} cluster cannot start: {reason}; correct [cluster]"
            ) from error
        return cluster


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise SuiteError("a cluster needs Dask: pip install 'regretta[cluster]'") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep off the terminal what Dask logs of lost workers and connections: we tell it."""
    names = ("distributed", "asyncio", "tornado", "dask_jobqueue")
    loggers = [logging.getLogger(name) for name in (*names, *logging.root.manager.loggerDict)]
    ours = [logger for logger in loggers if logger.name.partition(".")[0] in names]
    before = [(logger, logger.disabled) for logger in ours]
    for logger in ours:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, disabled in before:
            logger.disabled = disabled


@contextmanager
def _closing(thing: Any) -> Iterator[None]:
    """Close a client or cluster at the end, without waiting long for a side that is gone."""
    try:
        yield
    finally:
        with suppress(Exception):
            thing.close(timeout=2)
