"""The search: ask, evaluate, tell, until its limit; alone or side by side."""

from __future__ import annotations

import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import accumulate
from math import inf
from pathlib import Path
from sys import maxsize
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.oracle import Oracle
from regretta.harness.record import Record
from regretta.harness.trace import Tracer
from regretta.optimizers.base import Observation, Optimizer, Proposal, SettingsError
from regretta.optimizers.places import place_in
from regretta.tabular_data.benchmark import Answers, Benchmark, BenchmarkError
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import SpaceError
from regretta.tabular_data.text import described

_MOST_WORKERS = 10_000
_MOST_FREE = 1_000_000


class OptimizerError(RuntimeError):
    """An optimizer that failed in a run: what it did, and where."""


class WorkersError(UserError):
    """A number of simulated workers that a search cannot have."""


@dataclass(slots=True)
class _Evaluated:
    """A proposal with its answers, which nobody is told before their time."""

    configurations: NDArray[Any]
    level: int
    seconds: float
    tag: Any
    answers: Answers
    logged: list[dict[str, float]] = field(default_factory=list)
    left: int = 1


class Search:
    """One optimizer against one oracle.

    Parameters
    ----------
    optimizer
        Asked and told.
    oracle, record
        Answer what it proposes, and keep what it finds.
    limit
        Simulated seconds, infinite for no such limit. An evaluation counts if it finishes within
        them.
    evaluations
        Valid evaluations, invalid configurations being none; None for no such limit. The search
        ends with the one that finishes last of so many, and what is under way then is lost.
    crossing
        Whether the first evaluation to finish after the limit counts too, and ends the search.
    where
        How errors call the run.
    tracer
        Takes down every evaluation, if that is wanted.

    Raises
    ------
    OptimizerError
        From either way to search: if the optimizer raises, proposes what is no configuration or
        budget, or proposes a million configurations in a row that cost nothing (without a time
        limit: that evaluate nothing).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        oracle: Oracle,
        record: Record,
        *,
        limit: float,
        evaluations: int | None = None,
        crossing: bool = False,
        where: str = "search",
        tracer: Tracer | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.oracle = oracle
        self.record = record
        self.limit = limit
        self.most = maxsize if evaluations is None else evaluations
        self.crossing = crossing
        self.where = where
        self.tracer = tracer
        self.spent = 0.0
        self.log: list[dict[str, float]] = []
        self.ended_early = False
        self._recommends = record.recommending
        self._listens = self._recommends or type(optimizer).tell is not Optimizer.tell
        self._free = 0
        self._timed = limit < inf
        self._shape = (oracle.space.dim,)
        self._dtype = oracle.space.dtype

    def alone(self) -> float:
        """Evaluate one after another; returns the time of the last evaluation that counts.

        A proposal of several configurations is told as a whole, once all of it is evaluated.
        """
        clock, limit = 0.0, self.limit
        while clock < limit and self.record.evaluations < self.most:
            proposal = self._ask()
            if proposal is None:
                self.ended_early = True
                break
            begin = clock + proposal.seconds
            if begin > limit:
                break
            # Added one after another, as a clock does, so that batches and single proposals agree
            # to the last bit.
            times = list(accumulate(proposal.answers.costs, initial=begin))
            end = times[-1]
            del times[0]
            if end > limit:
                del times[bisect_right(times, limit) + self.crossing :]
            del times[self._allowed(proposal.answers.rows) :]
            self.spent += proposal.seconds
            self.record.add(proposal.configurations, proposal.answers, proposal.level, times)
            if self.tracer is not None:
                self.tracer.add(proposal.configurations, proposal.answers, proposal.level, times)
            if end > limit or len(times) < len(proposal.answers.rows):
                return times[-1] if times else begin
            if end > clock and (self._timed or times):
                self._free = 0
            else:
                self._count_free(len(times))
            clock = end
            if proposal.logged:
                self._note(proposal, clock)
            self._tell(proposal, clock)
        return clock

    def side_by_side(self, workers: int) -> float:
        """Evaluate on many simulated workers; returns the time of the last evaluation that counts.

        The rules:

        - A proposal of several configurations is so many jobs. A free worker starts the next job of
          the proposal under way; where there is none, the optimizer is asked. It is asked before
          the limit only. If it answers None, free workers idle until something comes back; if
          nothing can, the search is over.
        - The oracle draws one repeat a job, in the order in which jobs start.
        - The optimizer is told of each job when it finishes, with the job's position in its
          proposal and the proposal's tag. Jobs that finish at the same moment are told in the order
          in which they started, all of them before their workers are given something new.
        - A job that takes no time, as an invalid configuration, is told at once, before the next
          job starts, and keeps no worker busy.
        - A job that would finish after the limit never comes back: its worker is lost, the others
          go on. Where `crossing`, the first job to finish after the limit counts, and ends the run.
        - The last evaluation that a limit of evaluations allows ends the run: jobs that are under
          way then are lost.
        - Seconds that the search spends on a proposal itself are spent by the worker that starts
          its first job, before it.
        - Of several free workers the one with the lowest number starts the next job. Which one does
          changes no result.

        With one worker these are the rules of `alone`, and results are the same to the byte.
        """
        clock, started = 0.0, 0
        free = list(range(workers))  # a heap
        under_way: list[tuple[float, int, _Evaluated, int, int]] = []
        proposal: _Evaluated | None = None
        position = size = 0
        while True:
            while free:
                if position == size:
                    proposal = self._ask() if clock < self.limit else None
                    if proposal is None:
                        break
                    # The optimizer may use its array again before these come back.
                    proposal.configurations = proposal.configurations.copy()
                    position, size = 0, max(len(proposal.answers.rows), 1)
                assert proposal is not None
                i, position = position, position + 1
                begin = clock + proposal.seconds if i == 0 else clock
                finish = begin + proposal.answers.costs[i] if proposal.answers.rows else begin
                if finish == clock:
                    self._count_free(1)
                    self._come_back(proposal, i, clock, free[0])
                    continue
                if self._timed or proposal.answers.rows:
                    self._free = 0
                else:
                    self._count_free(1)
                worker = heappop(free)
                if finish <= self.limit or self.crossing:
                    heappush(under_way, (finish, started, proposal, i, worker))
                    started += 1
            if not under_way:
                self.ended_early = clock < self.limit and len(free) == workers
                return clock
            clock = under_way[0][0]
            while under_way and under_way[0][0] == clock:
                _, _, done, i, worker = heappop(under_way)
                self._come_back(done, i, clock, worker)
                if clock > self.limit or self.record.evaluations >= self.most:
                    return clock
                heappush(free, worker)

    def _allowed(self, rows: list[int]) -> int:
        """Configurations until the last evaluation that the limit of evaluations allows."""
        left = self.most - self.record.evaluations
        if len(rows) <= left:
            return len(rows)
        for i, row in enumerate(rows):
            left -= row >= 0
            if not left:
                return i + 1
        return len(rows)

    def _ask(self) -> _Evaluated | None:
        """The optimizer's next proposal, checked and answered.

        Jobs of one proposal start one after another: answering all of them at once draws the same
        repeats.
        """
        asked = guarded(self.where, "ask", self.optimizer.ask)
        if asked is None:
            return None
        budget, tag, seconds = None, None, 0.0
        if isinstance(asked, Proposal):
            budget, tag, seconds = asked.budget, asked.tag, asked.seconds
            asked = asked.configurations
        try:
            configurations = np.asarray(asked)
            if configurations.shape == self._shape:
                configurations = configurations[None]
            if configurations.dtype != self._dtype or configurations.shape[1:] != self._shape:
                configurations = self.oracle.space.check(configurations)
            if seconds and not 0 < seconds < np.inf:
                raise SpaceError(f"a proposal's own seconds are finite and above 0, got {seconds}")
            level = self.oracle.level(budget)
            if len(configurations):
                answers = self.oracle.answer(configurations, level)
            elif seconds or self._recommends:
                answers = Answers([], [], [], [])
            else:
                raise SpaceError("a proposal has at least one configuration")
        except BenchmarkError as error:
            raise OptimizerError(f"{self.where}: {error}") from error
        except (UserError, TypeError, ValueError) as error:
            said = f"{self.where}: ask proposed something invalid: {error}"
            raise OptimizerError(said) from error
        evaluated = _Evaluated(configurations, level, seconds, tag, answers)
        if self.optimizer.logged:
            evaluated.logged, self.optimizer.logged = self.optimizer.logged, []
            evaluated.left = max(len(configurations), 1)
        return evaluated

    def _note(self, proposal: _Evaluated, clock: float) -> None:
        """Keep what the optimizer logged for a proposal, which is done now."""
        self.log += [{"time": clock, **row} for row in proposal.logged]

    def _come_back(self, proposal: _Evaluated, i: int, clock: float, worker: int) -> None:
        """One job has finished."""
        if i == 0:
            self.spent += proposal.seconds
        if proposal.logged:
            proposal.left -= 1
            if not proposal.left:
                self._note(proposal, clock)
        if proposal.answers.rows:
            # Arrays of its own, so that no other answer is in reach.
            rows, repeats, errors, costs = proposal.answers
            answers = Answers([rows[i]], [repeats[i]], [errors[i]], [costs[i]])
            one = proposal.configurations[i : i + 1]
            proposal = _Evaluated(one, proposal.level, 0.0, proposal.tag, answers)
            self.record.add(one, answers, proposal.level, [clock])
            if self.tracer is not None:
                self.tracer.add(one, answers, proposal.level, [clock], worker)
        self._tell(proposal, clock, i)

    def _tell(self, proposal: _Evaluated, clock: float, start: int = 0) -> None:
        """Tell of a proposal, or of a part of it that starts at a position."""
        if not self._listens:
            return
        rows, _, errors, costs = proposal.answers
        observation = Observation(
            proposal.configurations,
            self.oracle.budgets[proposal.level],
            np.array(errors),
            np.array(costs),
            np.array([row >= 0 for row in rows], dtype=bool),
            proposal.tag,
            start,
        )
        guarded(self.where, "tell", self.optimizer.tell, observation)
        if self._recommends:
            incumbent = guarded(self.where, "recommend", self.optimizer.recommend)
            if incumbent is not None:
                guarded(self.where, "recommend", self.record.recommend, incumbent, clock)

    def _count_free(self, configurations: int) -> None:
        """End a search whose last million configurations brought it no nearer to its end."""
        self._free += max(configurations, 1)
        if self._free >= _MOST_FREE:
            what = "and no simulated time passed"
            if not self._timed:
                what = "or proposals without any, and there is no time limit"
            raise OptimizerError(
                f"{self.where}: {self._free} invalid configurations in a row, {what}"
            )


def guarded(where: str, method: str, function: Any, *arguments: Any) -> Any:
    """Call an optimizer's method; whatever it raises becomes one line that says where.

    Raises
    ------
    OptimizerError
        With the line.
    """
    try:
        return function(*arguments)
    except SettingsError as error:
        raise OptimizerError(f"{where}: {error}") from error
    except Exception as error:
        raise OptimizerError(f"{where}: {method} raised {described(error)}") from error


def check_benchmark(
    optimizer: type[Optimizer], settings: Any, label: str, benchmark: Benchmark
) -> None:
    """Refuse a benchmark that the optimizer says it cannot search.

    Raises
    ------
    SettingsError
        In one line with its reason.
    """
    try:
        optimizer.check_benchmark(benchmark, settings)
    except Exception as error:
        said = str(error)
        if not isinstance(error, UserError):
            file = getattr(sys.modules.get(optimizer.__module__), "__file__", None)
            place = place_in(error, {Path(file)} if file else ())
            said = f"check_benchmark raised {described(error)}{f', at {place}' if place else ''}"
        raise SettingsError(f"{label} cannot search {benchmark.name}: {said}") from error


def check_workers(optimizer: type[Optimizer], workers: int) -> None:
    """Refuse a number of simulated workers on which the optimizer cannot search.

    Raises
    ------
    WorkersError
        If the number is not between 1 and 10,000, or is above 1 and the optimizer is not
        `parallel`.
    """
    if not 1 <= workers <= _MOST_WORKERS:
        raise WorkersError(f"simulated workers must be from 1 to {_MOST_WORKERS:,}, got {workers}")
    if workers > 1 and not optimizer.parallel:
        raise WorkersError(
            f"{optimizer.name} cannot search on {workers} simulated workers: it must hear of each"
            " proposal before it makes the next (parallel = False); leave it out, or search on 1"
        )
