"""Runs are handed out in batches whose length follows from how long they take."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from regretta.harness.executors.queue import Queue
from regretta.harness.suite import Task


def tasks(count: int, label: str = "a") -> list[Task]:
    return [Task("t", label, number) for number in range(count)]


def test_a_kind_of_run_not_measured_yet_goes_alone() -> None:
    queue = Queue([*tasks(3, "a"), *tasks(3, "b")])
    assert queue.take(1) == tasks(1)
    queue.note(Task("t", "a", 0), 0.01)
    assert queue.take(1) == tasks(3)[1:]
    assert queue.take(1) == [Task("t", "b", 0)]


def test_a_batch_lasts_about_a_second() -> None:
    queue = Queue(tasks(10_000))
    queue.note(Task("t", "a", 0), 0.01)
    assert 95 <= len(queue.take(2)) <= 101


def test_batches_of_a_thousand_workers_last_ten_seconds() -> None:
    queue = Queue(tasks(100_000))
    queue.note(Task("t", "a", 0), 1.0)
    assert 9 <= len(queue.take(1000)) <= 10
    queue = Queue(tasks(10_000))
    queue.note(Task("t", "a", 0), 1.0)
    assert len(queue.take(1000)) == 5  # half of a worker's share of 10,000 s


def test_the_end_is_handed_out_run_by_run() -> None:
    queue = Queue(tasks(1000))
    queue.note(Task("t", "a", 0), 0.1)
    sizes = []
    while batch := queue.take(8):
        sizes.append(len(batch))
    assert max(sizes) <= 10
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-8:] == [1] * 8
    assert sum(sizes) == 1000


def test_what_a_dead_worker_had_comes_first_again() -> None:
    queue = Queue(tasks(5))
    queue.note(Task("t", "a", 0), 0.001)
    batch = queue.take(1)
    queue.put_back(batch)
    assert queue.take(1)[:1] == batch[:1]
    assert len(queue) == 5 - len(batch)


def test_seconds_left_wait_for_every_kind_to_be_measured() -> None:
    queue = Queue([*tasks(3, "a"), *tasks(2, "b")])
    queue.note(Task("t", "a", 0), 1.0)
    assert queue.seconds_left() is None
    queue.note(Task("t", "b", 0), 10.0)
    queue.note(Task("t", "b", 1), 20.0)
    assert queue.seconds_left() == pytest.approx(3 * 1 + 2 * 15)


def test_near_the_end_the_longest_runs_go_first() -> None:
    queue = Queue(
        [task for pair in zip(tasks(4, "short"), tasks(4, "long"), strict=True) for task in pair]
    )
    queue.note(Task("t", "short", 9), 1.0)
    queue.note(Task("t", "long", 9), 40.0)
    order = [task.label for _ in range(8) for task in queue.take(2)]
    assert order == ["long"] * 4 + ["short"] * 4


def test_far_from_the_end_runs_go_in_the_order_of_the_suite() -> None:
    """So that an interrupted suite has seen every method."""
    queue = Queue(
        [
            task
            for pair in zip(tasks(400, "short"), tasks(400, "long"), strict=True)
            for task in pair
        ]
    )
    queue.note(Task("t", "short", 9), 1.0)
    queue.note(Task("t", "long", 9), 40.0)
    assert [task.label for _ in range(4) for task in queue.take(2)] == ["short", "long"] * 2


def test_the_first_run_of_a_process_counts_until_there_is_a_warm_one() -> None:
    queue = Queue(tasks(100))
    queue.take(1)
    queue.note(Task("t", "a", 0), 60.0, 50.0, warm=False)  # it compiles
    assert not queue.settled
    assert queue.processor_seconds_left() == 99 * 50
    queue.note(Task("t", "a", 1), 2.0, 1.0)
    queue.note(Task("t", "a", 2), 60.0, 50.0, warm=False)  # that of another process
    queue.note(Task("t", "a", 3), 4.0, 3.0)
    assert queue.settled
    assert queue.processor_seconds_left() == 99 * 2
    assert queue.seconds_left() == 99 * 3


def test_what_was_not_measured_is_like_its_label_elsewhere_or_like_all() -> None:
    there = [Task("u", "a", 0), Task("u", "c", 0)]
    queue = Queue([*tasks(2, "a"), *tasks(1, "b"), *there])
    assert queue.processor_seconds_left() is None
    queue.note(Task("t", "a", 0), 9.0, 1.0)
    queue.note(Task("t", "b", 0), 9.0, 5.0)
    # two of a, one of b; a on the other table like a here, and c like the mean of a and b
    assert queue.processor_seconds_left() == 2 * 1 + 5 + 1 + 3


def test_runs_are_looked_at_when_they_are_needed() -> None:
    def endless() -> Iterator[Task]:
        for number in count():
            assert number < 10
            yield Task("t", "a", number)

    queue = Queue(endless(), {("t", "a"): 10**12})
    batch = queue.take(1)
    assert batch == tasks(1)
    queue.put_back(batch)
    assert queue.take(1) == batch
    assert len(queue) == 10**12 - 1
