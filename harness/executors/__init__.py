"""Who does the runs: this process, several of this machine, or the workers of a cluster."""

from regretta.harness.executors.dask import JOB_QUEUES, Dask, JobQueue
from regretta.harness.executors.local import InProcess, Pool

__all__ = ["JOB_QUEUES", "Dask", "InProcess", "JobQueue", "Pool"]
