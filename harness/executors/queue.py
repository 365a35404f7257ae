"""The runs still to do, handed out in batches whose length follows from how long runs take."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from regretta.harness.suite import Task

_BATCH_SECONDS = 1.0
_BATCHES_PER_SECOND = 100
_SHARES = 2
_ENDING = 4.0

Kind = tuple[str, str]
"""Table and label: runs of one kind take about as long as one another."""


@dataclass
class _Measured:
    """Mean seconds of the runs of a kind, real and of processors.

    The first run of a label in a process compiles and loads; it counts until there is a warm one.
    """

    runs: int = 0
    warm: bool = False
    seconds: float = 0.0
    processor: float = 0.0

    def add(self, seconds: float, processor: float, warm: bool) -> None:
        if warm and not self.warm:
            self.runs, self.warm = 0, True
        elif self.warm and not warm:
            return
        self.runs += 1
        self.seconds += (seconds - self.seconds) / self.runs
        self.processor += (processor - self.processor) / self.runs


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
        The runs; taken one by one, when they are needed.
    counts
        How many there are of each kind; counted now unless given.
    """

    def __init__(self, tasks: Iterable[Task], counts: Mapping[Kind, int] | None = None) -> None:
        if counts is None:
            tasks = list(tasks)
            counts = Counter((task.table, task.label) for task in tasks)
        self._coming: Iterator[Task] = iter(tasks)
        self._front: deque[Task] = deque()
        self._left = Counter(counts)
        self._size = sum(counts.values())
        self._measured: dict[Kind, _Measured] = {}
        self._ending = False

    def __len__(self) -> int:
        return self._size

    @property
    def left(self) -> Mapping[Kind, int]:
        """How many runs of each kind are left."""
        return self._left

    def note(
        self, task: Task, seconds: float, processor: float | None = None, warm: bool = True
    ) -> None:
        """Learn that a run took so many seconds of a worker, and of its processor.

        Parameters
        ----------
        task
            The run.
        seconds, processor
            Real seconds, and those of the processor; as many unless given.
        warm
            Whether its process had done a run of its label before.
        """
        measured = self._measured.setdefault((task.table, task.label), _Measured())
        measured.add(seconds, seconds if processor is None else processor, warm)

    @property
    def settled(self) -> bool:
        """Whether a warm run of every kind that is left has been measured."""
        return all(
            kind in self._measured and self._measured[kind].warm
            for kind, count in self._left.items()
            if count
        )

    def seconds_left(self) -> float | None:
        """A worker's seconds for all runs left; None until every kind has been measured."""
        if any(kind not in self._measured for kind, count in self._left.items() if count):
            return None
        return sum(
            count * self._measured[kind].seconds for kind, count in self._left.items() if count
        )

    def processor_seconds_left(self) -> float | None:
        """Processor seconds for all runs left; None before anything has been measured.

        A kind not measured yet is taken to be as those of its label on other tables, else as all.
        """
        if not self._measured:
            return None
        by_label: dict[str, list[float]] = {}
        for (_, label), measured in self._measured.items():
            by_label.setdefault(label, []).append(measured.processor)
        all_kinds = [measured.processor for measured in self._measured.values()]
        total = 0.0
        for kind, count in self._left.items():
            if count and kind in self._measured:
                total += count * self._measured[kind].processor
            elif count:
                like = by_label.get(kind[1], all_kinds)
                total += count * sum(like) / len(like)
        return total

    def expected(self, tasks: Iterable[Task]) -> float:
        """A worker's seconds for some runs; a kind not measured yet counts nothing."""
        found = (self._measured.get((task.table, task.label)) for task in tasks)
        return sum(measured.seconds for measured in found if measured is not None)

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
        while self._size:
            if not self._front:
                self._front.append(next(self._coming))
            task = self._front[0]
            measured = self._measured.get((task.table, task.label))
            seconds = float("inf") if measured is None else measured.seconds
            if batch and length + seconds > limit:
                break
            batch.append(self._front.popleft())
            self._left[task.table, task.label] -= 1
            self._size -= 1
            length += seconds
        return batch

    def _put_longest_first(self, share: float) -> None:
        """Near the end, which is when a worker's share of seconds is a few of the longest runs."""
        kinds = [kind for kind, count in self._left.items() if count]
        longest = max((self._measured[kind].seconds for kind in kinds), default=0.0)
        if self._ending or share > _ENDING * longest:
            return
        self._ending = True
        rest = [*self._front, *self._coming]
        rest.sort(key=lambda task: -self._measured[task.table, task.label].seconds)
        self._front = deque(rest)

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Put runs that were taken and not done in front again."""
        for task in reversed(list(tasks)):
            self._front.appendleft(task)
            self._left[task.table, task.label] += 1
            self._size += 1
