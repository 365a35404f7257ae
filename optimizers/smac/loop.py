"""SMAC's loop on arrays: which configuration to look at next, and how often.

What ``ConfigSelector`` and ``Intensifier`` of SMAC 2.4.1 decide for one objective, without
instances and budgets, with look-ups in place of their scans over all trials. Every draw keeps its
place, so that a seed gives the same proposals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from ConfigSpace import ConfigurationSpace
from numpy.typing import NDArray

from regretta.optimizers.smac.forest import Forest, expected_improvement
from regretta.optimizers.smac.packing import Packing, Words
from regretta.optimizers.smac.search import Search

Array = NDArray[np.float64]
_Entry = TypeVar("_Entry", bound=np.generic)

_RETRIES = 16  # of the selector, for a new configuration; of the intensifier, for a new trial
_PERCENTAGE = 5  # of the costs: SMAC's scale_percentage
_NEGLIGIBLE = 1e-10  # SMAC's VERY_SMALL_NUMBER


@dataclass(frozen=True, eq=False, slots=True)
class Trial:
    """One evaluation of a configuration.

    Attributes
    ----------
    configuration
        Number of the configuration, from 0 in the order in which they were asked for.
    call
        Which evaluation of it, from 0.
    number
        Of the trial.
    """

    configuration: int
    call: int
    number: int


class History:
    """Configurations and the costs of their trials.

    Attributes
    ----------
    n
        Configurations asked for so far.
    calls
        Costs of each configuration by call, in the order in which they were told.
    """

    def __init__(self, packing: Packing) -> None:
        self.n = 0
        self.n_done = 0
        self.calls: list[dict[int, float]] = []
        self.running: dict[int, set[int]] = {}
        self._packing = packing
        self._numbers: dict[bytes, int] = {}
        self._vectors: Array = np.empty((64, packing.dim))
        self._words: Words = np.empty((64, packing.n_words), np.uint64)
        self._trials = 0
        self._configuration: NDArray[np.int64] = np.empty(64, np.int64)
        self._costs: Array = np.empty(64)

    def start(self, vector: Array, call: int) -> Trial:
        """A trial of a configuration is under way."""
        key = key_of(vector)
        number = self._numbers.setdefault(key, self.n)
        if number == self.n:
            self._vectors = _room(self._vectors, self.n)
            self._words = _room(self._words, self.n)
            self._vectors[number] = vector
            self._words[number] = self._packing(vector[None, :])[0]
            self.calls.append({})
            self.n += 1
        self._configuration = _room(self._configuration, self._trials)
        self._costs = _room(self._costs, self._trials)
        self._configuration[self._trials] = number
        self._costs[self._trials] = np.nan
        self._trials += 1
        self.running.setdefault(number, set()).add(call)
        return Trial(number, call, self._trials - 1)

    def finish(self, trial: Trial, cost: float) -> None:
        """What it cost."""
        self._costs[trial.number] = cost
        self.calls[trial.configuration][trial.call] = cost
        self.running[trial.configuration].remove(trial.call)
        if not self.running[trial.configuration]:
            del self.running[trial.configuration]
        self.n_done += 1

    def number(self, vector: Array) -> int:
        """Of a configuration; −1 where it was never asked for."""
        return self._numbers.get(key_of(vector), -1)

    @property
    def vectors(self) -> Array:
        return self._vectors[: self.n]

    @property
    def words(self) -> Words:
        return self._words[: self.n]

    def data(self) -> tuple[NDArray[np.int64], Array]:
        """Configuration and cost of every finished trial, in the order in which they started."""
        costs = self._costs[: self._trials]
        if self.n_done == self._trials:
            return self._configuration[: self._trials], costs
        done = ~np.isnan(costs)
        return self._configuration[: self._trials][done], costs[done]


class Selector:
    """An endless supply of configurations that were not proposed before, as vectors.

    Parameters
    ----------
    configspace
        Draws the random ones.
    initial
        Vectors to begin with.
    retrain_after
        Configurations from one fit of the forest.
    random_fraction
        Share of uniform ones.
    seed
        Of the draws that decide which ones are uniform.
    """

    def __init__(
        self,
        configspace: ConfigurationSpace,
        history: History,
        forest: Forest,
        search: Search,
        initial: list[Array],
        retrain_after: int,
        random_fraction: float,
        seed: int,
    ) -> None:
        self._configspace = configspace
        self._history = history
        self._forest = forest
        self._search = search
        self._initial = initial
        self._retrain_after = retrain_after
        self._random_fraction = random_fraction
        self._random = np.random.RandomState(seed)
        self._proposed: set[bytes] = set()
        self._trained_on = -1
        self._best = np.inf

    def __iter__(self) -> Iterator[Array]:
        for vector in self._initial:
            if self._new(vector):
                yield vector
        while True:
            if self._history.n_done == 0:
                yield self._uniform()
                continue
            costs = self._train()
            count = repeated = 0
            for vector in self._challengers(costs):
                if self._new(vector):
                    count += 1
                    yield vector
                    if count == self._retrain_after:
                        break
                else:
                    repeated += 1
                    if repeated == _RETRIES:
                        break
            repeated = 0
            while count < self._retrain_after:
                vector = self._uniform()
                if self._new(vector):
                    count += 1
                    yield vector
                else:
                    repeated += 1
                    if repeated == _RETRIES:
                        return

    def _new(self, vector: Array) -> bool:
        """Whether a configuration was not proposed before; now it is."""
        key = key_of(vector)
        if key in self._proposed:
            return False
        self._proposed.add(key)
        return True

    def _uniform(self) -> Array:
        vector: Array = self._configspace.sample_configuration().get_array()
        return vector

    def _train(self) -> Array:
        """Fit where there is news; what the forest predicts of every configuration."""
        history = self._history
        configurations, costs = history.data()
        fresh = self._trained_on != len(costs)
        if fresh:
            self._forest.fit(history.words[configurations], _log_scaled(costs))
            self._trained_on = len(costs)
        predicted = self._forest.predict(history.words)[0]
        if fresh:
            self._best = float(predicted[configurations].min())
        return predicted

    def _challengers(self, costs: Array) -> Iterator[Array]:
        """What the search finds, uniform ones in between; it only starts when it must."""
        known = self._history.vectors
        found: Array | None = None
        index = 0
        while found is None or index < len(found):
            if self._random.rand() < self._random_fraction:
                yield self._uniform()
                continue
            if found is None:
                found, _ = self._search.maximize(known, costs, self._improvement)
            yield found[index]
            index += 1

    def _improvement(self, words: Words) -> Array:
        return expected_improvement(*self._forest.predict(words), self._best)


class Loop:
    """Asks for trials of new configurations, and for more of those that may be the best.

    Parameters
    ----------
    history
        Shared with the selector.
    selector
        New configurations.
    max_calls
        Evaluations of a configuration at most.
    """

    def __init__(self, history: History, selector: Selector, max_calls: int) -> None:
        self._history = history
        self._configurations = iter(selector)
        self._max_calls = max_calls
        self._incumbent = -1
        self._rejected: set[int] = set()
        self._queue: list[tuple[bytes, Array, int]] = []
        self._trials = self._generate()

    def ask(self) -> tuple[Array, Trial] | None:
        """The next configuration's vector and its trial; None when there is none left."""
        following = next(self._trials, None)
        if following is None:
            return None
        vector, call = following
        return vector, self._history.start(vector, call)

    def tell(self, trial: Trial, cost: float) -> None:
        """Learn what a trial cost."""
        self._history.finish(trial, cost)
        self._compare(trial.configuration)

    def _generate(self) -> Iterator[tuple[Array, int]]:
        history = self._history
        fails = -1
        while True:
            fails += 1
            if fails > _RETRIES:
                return
            running, incumbent = history.running, self._incumbent
            if all(history.number(vector) in running for _, vector, _ in self._queue):
                # Another trial of the incumbent, and a new configuration.
                if incumbent >= 0 and incumbent not in running and incumbent not in self._rejected:
                    calls = self._open_calls(incumbent, range(self._max_calls))
                    if calls:
                        fails = -1
                        yield history.vectors[incumbent], calls[0]
                vector = next(self._configurations, None)
                if vector is None:
                    return
                self._queue.append((key_of(vector), vector, 1))
                fails = -1
                continue
            for entry in self._queue.copy():
                key, vector, n = entry
                number = history.number(vector)
                if number in running:
                    continue
                if number >= 0 and (number in self._rejected or number == incumbent):
                    self._remove(key, n)
                    continue
                # As many trials as the turn allows, of the calls that the incumbent had.
                allowed = set(range(self._max_calls))
                if incumbent >= 0:
                    allowed &= set(history.calls[incumbent])
                calls = self._open_calls(number, sorted(allowed))
                limit = n - (len(allowed) - len(calls))
                for call in calls[:limit] if len(calls) > limit else calls:
                    fails = -1
                    yield vector, call
                self._remove(key, n)
                if n < self._max_calls and not any(
                    k == key and m == 2 * n for k, _, m in self._queue
                ):
                    self._queue.append((key, vector, 2 * n))
                    fails = -1
                break

    def _remove(self, key: bytes, n: int) -> None:
        for i, (other, _, m) in enumerate(self._queue):
            if other == key and m == n:
                del self._queue[i]
                return

    def _open_calls(self, number: int, calls: range | list[int]) -> list[int]:
        """Calls of a configuration that neither came back nor are under way."""
        if number < 0:
            return list(calls)
        taken = self._history.calls[number].keys() | self._history.running.get(number, set())
        return [call for call in calls if call not in taken]

    def _compare(self, number: int) -> None:
        """Is a configuration the new incumbent? SMAC's ``update_incumbents``."""
        if self._incumbent < 0:
            self._incumbent = number
            return
        own, best = self._history.calls[number], self._history.calls[self._incumbent]
        if own.keys() <= best.keys() and not (
            _mean(own.values()) < _mean([best[call] for call in own])
        ):
            self._rejected.add(number)
        if not best.keys() <= own.keys():
            return
        if number == self._incumbent:
            self._rejected.discard(number)
        elif _mean(own.values()) < _mean(best.values()):
            self._rejected.add(self._incumbent)
            self._rejected.discard(number)
            self._incumbent = number
        else:
            self._rejected.add(number)


def key_of(vector: Array) -> bytes:
    """Equal for equal configurations: ConfigSpace compares numbers to nine digits."""
    return bytes(np.round(vector, 9).tobytes())


def _mean(costs: object) -> float:
    values = list(costs)  # type: ignore[call-overload]
    return float(values[0]) if len(values) == 1 else float(np.mean(values))


def _log_scaled(costs: Array) -> Array:
    """SMAC's encoding of costs: on a scale from a little below the least to 1, as logarithms."""
    low, most = costs.min(), costs.max()
    low = low - (np.percentile(costs, _PERCENTAGE) - low) - _NEGLIGIBLE
    if low == most:
        low *= 1 - 1e-10
    scaled: Array = np.log((costs - low) / (most - low))
    return scaled


def _room(array: NDArray[_Entry], n: int) -> NDArray[_Entry]:
    """The array, or one of twice its length, so that there is a row `n`."""
    return array if n < len(array) else np.concatenate([array, np.empty_like(array)])
