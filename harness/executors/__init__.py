"""Who does the runs: this process, several of this machine, or a cluster; `run_suite` starts them all."""

from harness.executors.campaign import Outcome, run_suite
from harness.executors.cluster import JOB_QUEUES, Dask, JobQueue
from harness.executors.pool import Pool
from harness.executors.serial import InProcess

__all__ = ["JOB_QUEUES", "Dask", "InProcess", "JobQueue", "Outcome", "Pool", "run_suite"]
