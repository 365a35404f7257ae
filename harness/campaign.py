"""A suite's runs, from what its folder has already to the last one written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from regretta.harness.executors import InProcess, Pool
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import RunOutcome
from regretta.harness.identity import SuiteError
from regretta.harness.launch import expected_costs, in_words
from regretta.harness.planning import plan
from regretta.harness.spec import SuiteSpec
from regretta.harness.store.files import clear_checkpoints
from regretta.harness.store.folder import at_work, claim
from regretta.harness.store.outcomes import write_data, write_failure
from regretta.harness.store.scan import done_already, early_ends, ended_early, failed_already
from regretta.harness.suite import Failure, Suite, Task
from regretta.tabular_data.errors import UserError

_LARGE, _ENOUGH = 600.0, 100


class Executor(Protocol):
    """Who does the runs of a queue: `InProcess`, `Pool`, `Dask` or `JobQueue`."""

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        """Do all runs of the queue and tell of each when it is done.

        When closed it stops whatever it started.
        """


@dataclass(frozen=True)
class SuiteOutcome:
    """What `run_suite` did.

    Attributes
    ----------
    folder
        The suite's folder.
    done, planned, new
        Runs there now, all that the suite asks for, and how many were done just now.
    failures
        Runs that failed.
    set_aside
        A line each about files that were renamed: damaged ones, and runs that were done again.
    processor_seconds
        Of all runs that were tried just now, by table and label.
    notes
        What the optimizers have to say about their runs, each sentence once, and which runs ended
        before their limit.
    """

    folder: Path
    done: int
    planned: int
    new: int
    failures: tuple[Failure, ...]
    set_aside: tuple[str, ...]
    notes: tuple[str, ...]
    processor_seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)


def run_suite(
    spec: SuiteSpec,
    folder: str | Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
    only_failed: bool = False,
    redo_changed: bool = False,
    announce: Callable[[str], None] | None = None,
    part: tuple[int, int] = (1, 1),
) -> SuiteOutcome:
    """Do all runs of a suite that its folder does not have yet.

    The results are the same bytes whoever does the runs, in whatever order, however often that was
    interrupted. A run that fails leaves its traceback beside the results and is tried again by the
    next call. Only this process writes, each file at once or not at all. Two calls on one folder at
    the same time do no harm: both may do the same run, and write the same bytes.

    Parameters
    ----------
    spec
        The suite.
    folder
        Where its results are kept; made if it is not there.
    workers
        Processes of this machine. With 1 the runs are done in this one, unless code of others takes
        part or the suite has a `run_time_limit`: then in another one, which they may bring down.
    progress
        Called with runs done and runs in all, whenever a run is done.
    executor
        Somebody else to do the runs, such as a cluster; `workers` is not used then.
    only_failed
        Try those runs again that have failed, and leave alone what has not been tried.
    redo_changed
        Do the runs of those labels again whose code has changed since; what they did before is kept
        beside the results. Without it such a change is refused, as the runs of one label are
        repetitions of one another.
    announce
        Told what a user should know meanwhile, one line each: an estimate of a long suite's time,
        say.
    part
        Do one part of the suite only, of so many: the second of three is ``(2, 3)``. Three machines
        make three folders so, and `merge_folders` makes one of them.

    Raises
    ------
    SuiteError, and the errors of `regretta.harness.planning.plan`
        Before the first run, if the suite or the folder is not in order; later, if the folder
        cannot be written or the workers are lost. What was written stays, and the same call goes on
        from there.
    """
    if workers < 1:
        raise SuiteError(f"workers must be at least 1, got {workers}")
    if not 1 <= part[0] <= part[1]:
        raise SuiteError(f"a part is one of so many, such as 2/3; got {part[0]}/{part[1]}")
    folder = Path(folder)
    suite = replace(plan(spec), folder=folder.resolve(), part=part)
    said = list(claim(suite, folder, redo_changed=redo_changed))
    counts = suite.counts()
    total = sum(counts.values())
    with at_work(folder) as place:
        with place.writing():
            have, aside, early, mixed = done_already(folder, suite.identity())
            again = failed_already(folder, suite.identity()) if only_failed else []
        said += aside
        have = {task for task in have if suite.has(task)}
        done = len(have)
        left = Counter(counts)
        left.subtract((task.table, task.label) for task in have)
        queue = Queue((task for task in suite.tasks() if task not in have), left)
        if only_failed:
            queue = Queue(filter(suite.has, again))
        failures: dict[Task, Failure] = {}
        notes = dict.fromkeys(mixed)
        processor: dict[tuple[str, str], float] = {}
        new = 0
        if progress:
            progress(done, total)
        place.make_room(kind for kind, count in queue.left.items() if count)
        if executor is None:
            here = workers == 1 or len(queue) <= 1
            here = here and spec.run_time_limit is None and not suite.files_of_others()
            executor = InProcess() if here else Pool(workers)
        estimate = announce if announce and len(queue) else None
        if estimate:
            costs = expected_costs(suite, queue.left)
            if sum(cost.seconds or 0.0 for cost in costs) >= _LARGE:
                estimate(in_words(costs, workers if isinstance(executor, Pool) else 1))
        with closing(executor.work(suite, queue)) as outcomes:
            for outcome in outcomes:
                if outcome.failure is None:
                    queue.note(outcome.task, outcome.seconds, outcome.processor, outcome.warm)
                notes |= dict.fromkeys(outcome.notes)
                kind = (outcome.task.table, outcome.task.label)
                processor[kind] = processor.get(kind, 0.0) + outcome.processor
                with place.writing():
                    if outcome.data is not None:
                        write_data(folder, outcome.task, outcome.data, outcome.trace)
                        if suite.methods[outcome.task.label].optimizer.keeps_checkpoints:
                            task = outcome.task
                            clear_checkpoints(folder, task.table, task.label, task.number)
                        if (result := ended_early(outcome.data)) is not None:
                            early.append(result)
                        new += 1
                    if outcome.failure is not None:
                        write_failure(folder, outcome.failure)
                        failures[outcome.task] = outcome.failure
                _check_unchanged(suite, outcome.task.table)
                if progress:
                    progress(done + new + len(failures), total)
                if estimate and (queue.settled or new >= _ENOUGH):
                    seconds = queue.processor_seconds_left() or 0.0
                    if seconds >= _LARGE:
                        estimate(_estimated(seconds, len(queue), new))
                    estimate = None
    tables, labels = list(suite.tables), list(suite.methods)
    failed = sorted(
        failures, key=lambda at: (at.number, tables.index(at.table), labels.index(at.label))
    )
    return SuiteOutcome(
        folder,
        done + new,
        total,
        new,
        tuple(failures[task] for task in failed),
        tuple(said),
        (*sorted(notes), *early_ends(suite.identity(), early)),
        processor,
    )


def _check_unchanged(suite: Suite, name: str) -> None:
    """Stop where a table on disk is not the one any more that was opened.

    Every process has what a run looks up in memory, found right: what is done is right all the
    same, but whoever reads the table from now on sees another one.
    """
    planned = suite.tables[name]
    for table in {id(t): t for t in (planned.table, planned.search_table)}.values():
        try:
            table.check_unchanged()
        except UserError as error:
            raise SuiteError(
                f"stopped, as a table changed during its runs: {error}; finished runs are of the"
                " table as it was and are kept, and once it is that again the same command goes on"
            ) from error


def _estimated(seconds: float, runs: int, measured: int) -> str:
    return (
        f"estimate, from the first {measured:,} runs: {seconds / 3600:.1f} core-hours for the"
        f" {runs:,} runs to come; Ctrl-C stops, the same command goes on"
    )
