"""Who does the runs: this process, several of this machine, or a cluster; `run_suite` starts them all."""

from regretta.harness.executors.campaign import Outcome, run_suite
from regretta.harness.executors.cluster import JOB_QUEUES, Dask, JobQueue
from regretta.harness.executors.pool import Pool
from regretta.harness.executors.serial import InProcess

__all__ = ["JOB_QUEUES", "Dask", "InProcess", "JobQueue", "Outcome", "Pool", "run_suite"]
