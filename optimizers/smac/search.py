"""SMAC's search for the configuration of largest expected improvement, on arrays instead of
objects.

What ``LocalAndSortedRandomSearch`` of SMAC 2.4.1 does, step for step: many random configurations,
of which the best start a local search, beside the configurations with the lowest predicted costs;
first improvement in a random order of the one-exchange neighbourhood, then a walk of some steps
over plateaus. All local searches advance together and look at whole neighbourhoods at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.smac import kernels
from regretta.optimizers.smac.packing import Packing, Words

Array = NDArray[np.float64]
Improvement = Callable[[Words], Array]
"""Expected improvement of packed vectors: shape ``[n]`` for ``[n, n_words]``."""

_PLATEAU_STEPS = 10  # without improvement, then a local search ends
_NEIGHBOURS = 8  # of a numerical parameter: SMAC's num_neighbors
_SPREAD = 0.05  # standard deviation of a numerical neighbour at first, on the unit interval
_LEAST_SPREAD = 0.005
_MOST_SPREAD = 0.4
_ATTEMPTS = 8  # to draw a neighbour within the range before the draw gets wider
_WIDEN_AFTER = 3  # improvements in a row
_NARROW_AFTER = 3  # steps without improvement


class Search:
    """Random and local search over ConfigSpace's vectors, deterministic for a seed.

    Parameters
    ----------
    packing
        Of the vectors.
    challengers
        Random configurations a search looks at.
    starts
        Local searches from the best of these, and as many from the best observed ones.
    seed
        Of the search's own generator.
    """

    def __init__(self, packing: Packing, challengers: int, starts: int, seed: int) -> None:
        self._challengers = challengers
        self._starts = starts
        self._generator = np.random.default_rng(seed)
        self._packing = packing
        self._space = Neighbourhood(packing)

    def maximize(
        self, previous: Array, costs: Array, improvement: Improvement
    ) -> tuple[Array, Array]:
        """Where the local searches end, best first.

        Parameters
        ----------
        previous
            Vectors known so far, shape ``[n, dim]``.
        costs
            What the model predicts of them, shape ``[n]``.
        improvement
            What to maximize.

        Returns
        -------
        Vectors of shape ``[k, dim]`` and the improvement expected of each.
        """
        starts = []
        if len(previous) < self._starts:
            starts.append(
                self._space.sample(self._generator, self._starts - len(previous)).vectors()
            )
        if len(previous):
            ties = self._generator.random(len(costs))
            starts.append(previous[_lowest(costs, self._starts, ties)])
            # Their order is random already, so equal improvements need no other.
            random = self._space.sample(self._generator, self._challengers)
            starts.append(random.vectors(_lowest(-improvement(random.words()), self._starts)))
        ends, values = self.climb(_distinct(np.concatenate(starts)), improvement)
        mixed = self._generator.permutation(len(ends))
        ranked = mixed[np.argsort(-values[mixed], kind="stable")]
        return ends[ranked], values[ranked]

    def climb(self, current: Array, improvement: Improvement) -> tuple[Array, Array]:
        """Local search from each row; where each ended, and the improvement expected there."""
        words = self._packing(current)
        value = improvement(words)
        n = len(current)
        if not self._space.moves:
            return current, value
        walked, streak, spread = np.zeros(n, int), np.zeros(n, int), np.full(n, _SPREAD)
        active = np.arange(n)
        while len(active):
            near = self._space.neighbours(
                self._generator, current[active], words[active], spread[active]
            )
            a, m, n_words = near.words.shape
            values = improvement(near.words.reshape(a * m, n_words)).reshape(a, m)
            better = values > value[active, None]
            equal = values == value[active, None]
            improved = better.any(axis=1)
            moved = improved | equal.any(axis=1)
            rows = np.flatnonzero(moved)
            pick = np.where(improved, better.argmax(axis=1), equal.argmax(axis=1))[rows]
            change = near.order[rows, pick]
            current[active[rows], near.positions[change]] = near.values[rows, change]
            words[active[rows]] = near.words[rows, pick]
            value[active[rows]] = values[rows, pick]
            # SMAC's schedule for numerical neighbours: wider while it goes well, narrower on
            # plateaus.
            streak[active] = np.where(improved, streak[active] + 1, 0)
            widen = active[(streak[active] >= _WIDEN_AFTER) & (walked[active] == 0)]
            spread[widen] = np.minimum(spread[widen] * 2, _MOST_SPREAD)
            streak[widen] = 0
            still = active[~improved]
            walked[still] += 1
            narrow = still[walked[still] % _NARROW_AFTER == 0]
            spread[narrow] = np.maximum(spread[narrow] / 2, _LEAST_SPREAD)
            # Where nothing moved and a neighbourhood has no chance in it, looking again finds the
            # same.
            ended = ~moved if self._space.finite else np.zeros(a, bool)
            active = active[~ended & (walked[active] < _PLATEAU_STEPS)]
        return current, value


class Neighbours:
    """The neighbours of some vectors, each in a random order.

    Attributes
    ----------
    positions, values
        Every change that makes a neighbour: its parameter, shape ``[m]``, and its new value,
        shape ``[n, m]``.
    order
        Which change comes k-th, shape ``[n, m]``.
    words
        The neighbours, in this order, packed: shape ``[n, m, n_words]``.
    """

    def __init__(
        self,
        packing: Packing,
        here: Words,
        positions: NDArray[np.int64],
        values: Array,
        order: NDArray[np.int64],
    ) -> None:
        self.positions = positions
        self.values = values
        self.order = order
        self.words = np.empty((*order.shape, packing.n_words), np.uint64)
        kernels.put_neighbours(
            self.words,
            here,
            order,
            positions,
            values,
            packing.word,
            packing.shift,
            packing.mask,
            packing.numeric,
        )


class Sample:
    """Random vectors, kept as they were drawn: groups of parameters with their values."""

    def __init__(
        self, packing: Packing, groups: list[tuple[NDArray[np.int64], NDArray[Any], Array | None]]
    ) -> None:
        self._packing = packing
        self._groups = groups
        self._n = len(groups[0][1])

    def words(self) -> Words:
        """All of them packed: shape ``[n, n_words]``."""
        words = np.zeros((self._n, self._packing.n_words), np.uint64)
        for group, drawn, steps in self._groups:
            numeric = self._packing.numeric[group]
            for kind in (True, False):
                if (of_kind := numeric == kind).any():
                    values = drawn if of_kind.all() else drawn[:, of_kind]
                    if kind and steps is not None:
                        values = values * steps[of_kind]
                    self._packing.put(words, group[of_kind], values)
        return words

    def vectors(self, rows: NDArray[np.int64] | None = None) -> Array:
        """Some of them, or all: shape ``[k, dim]``."""
        vectors = np.empty((self._n if rows is None else len(rows), self._packing.dim))
        for group, drawn, steps in self._groups:
            values = drawn if rows is None else drawn[rows]
            vectors[:, group] = values if steps is None else values * steps
        return vectors


class Neighbourhood:
    """Samples and one-exchange neighbours of ConfigSpace's vectors, many at once.

    A categorical parameter, or an integer with few values, has every other value as a neighbour;
    any other number has eight draws from a normal distribution around it.

    Attributes
    ----------
    finite
        Whether every neighbourhood is a list.
    moves
        Whether there are neighbours at all.
    """

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._sizes, self._steps = packing.sizes, packing.steps
        listed = (self._sizes > 0) & (~packing.numeric | (self._sizes <= _NEIGHBOURS + 1))
        # Parameters by their number of neighbours, so that each group is one array.
        counts = np.where(listed, self._sizes - 1, _NEIGHBOURS)
        self._groups = [
            (np.flatnonzero((counts == count) & (listed == kind)), int(count), kind)
            for kind in (True, False)
            for count in np.unique(counts[listed == kind])
            if count > 0
        ]
        self.finite = bool(listed.all())
        self.moves = bool(self._groups)
        self._positions = np.concatenate(
            [np.empty(0, np.int64), *(np.repeat(group, count) for group, count, _ in self._groups)]
        )

    def sample(self, generator: np.random.Generator, n: int) -> Sample:
        """`n` uniform vectors."""
        groups: list[tuple[NDArray[np.int64], NDArray[Any], Array | None]] = []
        for size in np.unique(self._sizes):
            group = np.flatnonzero(self._sizes == size)
            shape = (n, len(group))
            if size == 0:
                groups.append((group, generator.random(shape), None))
            else:
                drawn = generator.integers(size, size=shape, dtype=np.int32)
                groups.append((group, drawn, self._steps[group]))
        return Sample(self._packing, groups)

    def neighbours(
        self, generator: np.random.Generator, vectors: Array, words: Words, spread: Array
    ) -> Neighbours:
        """The neighbours of each vector in random order.

        ConfigSpace takes a parameter at random, then its next neighbour, again and again. The same
        order results when every parameter has a clock of its own that ticks at exponential
        intervals.

        Parameters
        ----------
        vectors, words
            Shape ``[n, dim]``, and the same packed.
        spread
            Standard deviation of a numerical neighbour for each vector, shape ``[n]``.
        """
        n = len(vectors)
        values, times = [np.empty((n, 0))], [np.empty((n, 0))]
        for group, count, listed in self._groups:
            here = vectors[:, group, None]
            shape = (n, len(group), count)
            if listed:
                size, step = self._sizes[group, None], self._steps[group, None]
                index = (np.rint(here / step).astype(np.int64) + np.arange(1, count + 1)) % size
                drawn = index * step
            else:
                drawn = self._draw(
                    generator, np.broadcast_to(here, shape), spread[:, None, None], group
                )
            ticks = generator.standard_exponential(shape).cumsum(axis=2)
            if count > 1 and listed:
                ticks = generator.permuted(ticks, axis=2)
            values.append(drawn.reshape(n, -1))
            times.append(ticks.reshape(n, -1))
        order = np.argsort(np.concatenate(times, axis=1), axis=1)
        return Neighbours(
            self._packing, words, self._positions, np.concatenate(values, axis=1), order
        )

    def _draw(
        self, generator: np.random.Generator, here: Array, spread: Array, group: NDArray[np.int64]
    ) -> Array:
        """Other values of the unit interval, normal around `here`; wider after many attempts."""
        drawn = here.copy()
        steps = np.broadcast_to(self._steps[group, None], here.shape)
        whole = np.broadcast_to(self._sizes[group, None] > 0, here.shape)
        spread = np.broadcast_to(spread, here.shape)
        todo = np.ones(here.shape, bool)
        attempts = 0
        while todo.any():
            value = generator.normal(here[todo], spread[todo])
            value = np.where(whole[todo], np.rint(value / steps[todo]) * steps[todo], value)
            drawn[todo] = value
            todo = (
                (drawn < 0)
                | (drawn > 1)
                | (np.abs(drawn - here) < np.where(whole, steps / 2, 0))
                | (drawn == here)
            )
            attempts += 1
            if attempts >= _ATTEMPTS:
                spread = np.minimum(spread * 2, 1.0)
        return drawn


def _lowest(values: Array, k: int, ties: Array | None = None) -> NDArray[np.int64]:
    """Where the `k` lowest values are, in order; equal ones by `ties`, or as they come."""
    candidates = np.arange(len(values))
    if k < len(values):
        candidates = np.flatnonzero(values <= np.partition(values, k - 1)[k - 1])
    keys = (values[candidates],) if ties is None else (ties[candidates], values[candidates])
    return candidates[np.lexsort(keys)[:k]]


def _distinct(vectors: Array) -> Array:
    """The vectors without repetitions, in the order of their first appearance."""
    _, first = np.unique(vectors, axis=0, return_index=True)
    distinct: Array = vectors[np.sort(first)]
    return distinct
