"""The runs still to do, handed out in batches whose length follows from how long runs take."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from regretta.harness.suite import Task

_BATCH_SECONDS = 1.0
_BATCHES_PER_SECOND = 100
_SHARES = 2
_ENDING = 4.0


class Queue:
    """Runs to do, first to last, and what is known of their real seconds by table and label.

    A batch lasts about a second, so that handing it out costs little, progress is seen and little
    is lost with a worker; beyond a hundred workers it grows with them, so that at most a hundred
    batches a second come back. Towards the end batches shrink to single runs: none is longer than
    half of a worker's share of what is left. Once a worker's share is no longer than some of the
    longest runs, these go first, so that the last to end is a short one.

    Parameters
    ----------
    tasks
        The runs.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = deque(tasks)
        self._left = Counter((task.table, task.label) for task in self._tasks)
        self._measured: Counter[tuple[str, str]] = Counter()
        self._mean: dict[tuple[str, str], float] = {}
        self._ending = False

    def __len__(self) -> int:
        return len(self._tasks)

    def note(self, task: Task, seconds: float) -> None:
        """Learn that a run took so many seconds of a worker."""
        kind = task.table, task.label
        self._measured[kind] += 1
        mean = self._mean.get(kind, 0.0)
        self._mean[kind] = mean + (seconds - mean) / self._measured[kind]

    def seconds_left(self) -> float | None:
        """A worker's seconds for all runs left; None until every kind has been measured."""
        if any(kind not in self._mean for kind, count in self._left.items() if count):
            return None
        return sum(count * self._mean[kind] for kind, count in self._left.items() if count)

    def expected(self, tasks: Iterable[Task]) -> float:
        """A worker's seconds for some runs; a kind not measured yet counts nothing."""
        return sum(self._mean.get((task.table, task.label), 0.0) for task in tasks)

    def take(self, workers: int) -> list[Task]:
        """The next batch for one of `workers`; empty when nothing is left.

        A run of a kind of which none is finished yet goes alone.
        """
        limit = _BATCH_SECONDS * max(1.0, workers / _BATCHES_PER_SECOND)
        left = self.seconds_left()
        if left is not None:
            limit = min(limit, left / (_SHARES * workers))
            self._put_longest_first(left / workers)
        batch: list[Task] = []
        length = 0.0
        while self._tasks:
            task = self._tasks[0]
            seconds = self._mean.get((task.table, task.label), float("inf"))
            if batch and length + seconds > limit:
                break
            batch.append(self._tasks.popleft())
            self._left[task.table, task.label] -= 1
            length += seconds
        return batch

    def _put_longest_first(self, share: float) -> None:
        """Near the end, which is when a worker's share of seconds is a few of the longest runs."""
        kinds = [kind for kind, count in self._left.items() if count]
        if self._ending or share > _ENDING * max((self._mean[kind] for kind in kinds), default=0.0):
            return
        self._ending = True
        self._tasks = deque(
            sorted(self._tasks, key=lambda task: -self._mean[task.table, task.label])
        )

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Put runs that were taken and not done in front again."""
        for task in reversed(list(tasks)):
            self._tasks.appendleft(task)
            self._left[task.table, task.label] += 1
