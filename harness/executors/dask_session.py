"""A suite on a connected Dask cluster: batches out, results in, whatever becomes of workers."""

from __future__ import annotations

import asyncio
import pickle
import queue as queues
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from regretta.harness.executors.dask_worker import Refusal, call
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import DEATHS, RunOutcome, died, instructions_for
from regretta.harness.identity import SuiteError
from regretta.harness.suite import Suite, Task

_CHECK_SECONDS = 60.0
_LOST_SECONDS = 5.0
_GATHER_SECONDS = 10.0
_AHEAD = 2
_STRAGGLES = 3.0
_LARGE_MESSAGE = 1 << 18


@dataclass(eq=False)
class _Batch:
    tasks: list[Task]
    since: float
    twin: bool = False


class Session:
    """A suite on a connected cluster: batches out, results in, whatever workers do."""

    def __init__(
        self, client: Any, suite: Suite, queue: Queue, patience: float, place: str
    ) -> None:
        instructions = instructions_for(replace(suite, folder=None))
        self._client = client
        self._version = instructions.versions["regretta"]
        self._instructions = self._shared(pickle.dumps(instructions))
        self._queue = queue
        self._patience = patience
        self._place = place
        limit = suite.spec.run_time_limit
        self._perhaps = (
            "" if limit is None else f", or it took longer than run_time_limit, {limit:g} s"
        )
        self._under_way: dict[Any, _Batch] = {}
        self._ended: queues.SimpleQueue[Any] = queues.SimpleQueue()
        self._reported: set[Task] = set()
        self._deaths: Counter[Task] = Counter()
        self._lonely_since: float | None = None
        self._asked = 0.0
        self._found: list[str] = []

    def _shared(self, pickled: bytes) -> Any:
        """What stands for the instructions in calls.

        Large ones, of plugins with data files, are the result of a task: the scheduler has them
        once, workers get them from one another, and what dies with a worker is made anew.
        """
        if len(pickled) <= _LARGE_MESSAGE:
            return pickled
        return self._client.submit(*call("passed_on", pickled), pure=False)

    def outcomes(self) -> Iterator[RunOutcome]:
        """What became of every run."""
        try:
            yield from self._outcomes()
        except OSError as error:  # a call to the scheduler that got no answer
            raise self._gone() from error

    def _outcomes(self) -> Iterator[RunOutcome]:
        self._check(self._wait_for_workers())
        while len(self._queue) or self._under_way:
            workers = self._workers()
            # Until the first of each kind is timed nobody knows what is long: no worker gets two.
            ahead = 1 if self._queue.seconds_left() is None else _AHEAD
            while len(self._queue) and len(self._under_way) < ahead * len(workers):
                self._submit(self._queue.take(len(workers)))
            ended = self._next_ended()
            if ended:
                yield from self._collect(ended)
            elif not len(self._queue):
                self._double_stragglers(workers)

    def _submit(self, tasks: list[Task], workers: list[str] | None = None) -> None:
        place = {} if workers is None else {"workers": workers}
        future = self._client.submit(
            *call("do_batch", self._instructions, pickle.dumps(tasks)), pure=False, **place
        )
        self._under_way[future] = _Batch(tasks, time.monotonic(), twin=workers is not None)
        future.add_done_callback(self._ended.put)

    def _next_ended(self) -> list[Any]:
        """Futures that have ended; waits a moment for the first of them."""
        ended = []
        with suppress(queues.Empty):
            ended.append(self._ended.get(timeout=0.5))
            while True:
                ended.append(self._ended.get_nowait())
        return ended

    def _collect(self, ended: list[Any]) -> Iterator[RunOutcome]:
        good = [future for future in ended if future.status == "finished"]
        results = self._gather(good)
        if len(results) < len(good):  # a worker died or froze before it gave its results away
            good, results = [], []
        for future in ended:
            batch = self._under_way.pop(future, None)
            if batch is None:  # a straggler whose runs others have reported
                continue
            if future in good:
                yield from self._unpack(results[good.index(future)])
            elif (error := error_of(future)) is not None:
                yield from self._after_error(error, batch)
            else:
                self._queue.put_back(task for task in batch.tasks if task not in self._reported)
                self._lost()
            future.release()
        if any(batch.twin for batch in self._under_way.values()):
            for future, batch in list(self._under_way.items()):
                if self._reported.issuperset(batch.tasks):
                    del self._under_way[future]
                    future.release()

    def _gather(self, futures: list[Any]) -> list[Any]:
        if not futures:
            return []
        coming = asyncio.run_coroutine_threadsafe(
            self._client.gather(futures, errors="skip", asynchronous=True),
            self._client.loop.asyncio_loop,
        )
        try:
            found: list[Any] = coming.result(_GATHER_SECONDS)
        except TimeoutError:
            coming.cancel()
            return []
        return found

    def _unpack(self, content: bytes) -> Iterator[RunOutcome]:
        result: list[RunOutcome] | Refusal = pickle.loads(content)
        if isinstance(result, Refusal):
            raise SuiteError(f"worker {result.worker}: {result.message}")
        for report in result:
            if report.task not in self._reported:
                self._reported.add(report.task)
                yield report

    def _after_error(self, error: Any, batch: _Batch) -> Iterator[RunOutcome]:
        """A batch that kills its workers is tried run by run, until the very run is found."""
        if type(error).__name__ != "KilledWorker":
            raise SuiteError(
                f"the workers of {self._place} cannot do the runs: {first_line(error)}"
            )
        left = [task for task in batch.tasks if task not in self._reported]
        if len(left) > 1:
            for task in left:
                self._submit([task])
            return
        for task in left:
            self._deaths[task] += error.allowed_failures + 1
            if self._deaths[task] < DEATHS:
                self._submit([task])
                continue
            self._reported.add(task)
            yield died(task, f"its workers died {DEATHS} times{self._perhaps}")

    def _double_stragglers(self, workers: list[str]) -> None:
        """Give batches that take far too long to another worker too; the first to end counts."""
        now = time.monotonic()
        late = {
            future.key: batch
            for future, batch in self._under_way.items()
            if not batch.twin
            and now - batch.since > _STRAGGLES * max(1.0, self._queue.expected(batch.tasks))
        }
        if not late or len(workers) < 2:
            return
        for worker, keys in self._client.processing().items():
            for key in set(keys) & late.keys():
                others = [other for other in workers if other != worker]
                late[key].twin = True
                for task in late[key].tasks:
                    self._submit([task], others)

    def _workers(self) -> list[str]:
        """Addresses of the workers there are; patient as long as there is none."""
        if self._client.status != "running":
            self._lost()
        now = time.monotonic()
        if now - self._asked < 1 and self._found:
            return self._found
        self._asked, self._found = now, list(self._client.nthreads())
        if self._found:
            self._lonely_since = None
        else:
            self._lonely_since = self._lonely_since or now
            if now - self._lonely_since > self._patience:
                raise SuiteError(
                    f"{self._place} has no workers; start some with `dask worker {self._place}`, "
                    "then run the same command to go on"
                )
        return self._found

    def _wait_for_workers(self) -> list[str]:
        while not (workers := self._workers()):
            time.sleep(0.1)
        return workers

    def _check(self, workers: list[str]) -> None:
        """Ask every worker whether it has what it needs, all at once."""
        futures = {
            worker: self._client.submit(
                *call("check", self._instructions), workers=[worker], pure=False
            )
            for worker in workers
        }
        until = time.monotonic() + _CHECK_SECONDS
        for worker, future in futures.items():
            try:
                answer = future.result(timeout=max(0.1, until - time.monotonic()))
            except TimeoutError:
                raise SuiteError(
                    f"worker {worker} does not answer within {_CHECK_SECONDS:g} s; stop it"
                ) from None
            except Exception as error:
                if self._client.status != "running":
                    self._lost()
                if type(error).__name__ in ("KilledWorker", "NoValidWorkerError", "CancelledError"):
                    continue
                raise SuiteError(
                    f"worker {worker} cannot load regretta {self._version} ({first_line(error)});"
                    " install it there"
                ) from error
            if answer:
                raise SuiteError(f"worker {worker}: {answer}")

    def _lost(self) -> None:
        """Fail if the scheduler is gone, after a moment for it to come back."""
        until = time.monotonic() + _LOST_SECONDS
        while self._client.status != "running":
            if time.monotonic() > until or self._client.status == "closed":
                raise self._gone()
            time.sleep(0.1)

    def _gone(self) -> SuiteError:
        return SuiteError(
            f"the Dask scheduler of {self._place} is gone; finished runs are kept, run the same"
            " command to go on"
        )


def error_of(future: Any) -> BaseException | None:
    """What a future failed with; None if it did not, or the scheduler that knows is gone."""
    if future.status != "error":
        return None
    with suppress(
        TimeoutError, asyncio.CancelledError
    ):  # meanwhile its status may change at any time
        error: BaseException | None = future.exception(timeout=_GATHER_SECONDS)
        return error
    return None


def first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
