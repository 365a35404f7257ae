"""SMAC's search for the configuration of largest expected improvement, on arrays instead of
objects.

What ``LocalAndSortedRandomSearch`` of SMAC 2.4.1 does, step for step: many random configurations,
of which the best start a local search, beside the configurations with the lowest predicted costs;
first improvement in a random order of the one-exchange neighbourhood, then a walk of some steps
over plateaus. All local searches advance together and look at whole neighbourhoods at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ConfigSpace import Configuration, ConfigurationSpace
from numpy.typing import NDArray
from smac.acquisition.maximizer.abstract_acquisition_maximizer import AbstractAcquisitionMaximizer

Array = NDArray[np.float64]

_PLATEAU_STEPS = 10  # without improvement, then a local search ends
_NEIGHBOURS = 8  # of a numerical parameter: SMAC's num_neighbors
_SPREAD = 0.05  # standard deviation of a numerical neighbour at first, on the unit interval
_LEAST_SPREAD = 0.005
_MOST_SPREAD = 0.4
_ATTEMPTS = 8  # to draw a neighbour within the range before the draw gets wider
_WIDEN_AFTER = 3  # improvements in a row
_NARROW_AFTER = 3  # steps without improvement


class VectorizedSearch(AbstractAcquisitionMaximizer):
    """Random and local search over ConfigSpace's vectors, deterministic for a seed.

    Parameters
    ----------
    configspace
        A space without conditions or forbidden combinations.
    challengers
        Random configurations a search looks at.
    local_search_iterations
        Local searches from the best of these, and as many from the best observed ones.
    seed
        Of the search's own generator.
    """

    def __init__(
        self,
        configspace: ConfigurationSpace,
        challengers: int,
        local_search_iterations: int,
        seed: int,
    ) -> None:
        super().__init__(configspace, challengers=challengers, seed=seed)
        self._starts = local_search_iterations
        self._generator = np.random.default_rng(seed)
        self._space = Neighbourhood(configspace)

    def _maximize(
        self, previous_configs: list[Configuration], n_points: int
    ) -> list[tuple[float, Configuration]]:
        starts = []
        if len(previous_configs) < self._starts:
            starts.append(self._space.sample(self._generator, self._starts - len(previous_configs)))
        if previous_configs:
            previous = np.array([configuration.get_array() for configuration in previous_configs])
            acquisition: Any = self.acquisition_function
            costs = acquisition.model.predict_marginalized(previous)[0].ravel()
            order = np.lexsort((self._generator.random(len(costs)), costs))
            starts.append(previous[order[: self._starts]])
            # Their order is random already, so equal improvements need no other.
            random = self._space.sample(self._generator, n_points)
            starts.append(
                random[np.argsort(-self._improvement(random), kind="stable")[: self._starts]]
            )
        found, improvement = self._climb(_distinct(np.concatenate(starts)))
        mixed = self._generator.permutation(len(found))
        ranked = mixed[np.argsort(-improvement[mixed], kind="stable")]
        return [
            (
                float(improvement[i]),
                Configuration(
                    self._configspace,
                    vector=found[i],
                    origin="Acquisition Function Maximizer: Local Search",
                ),
            )
            for i in ranked
        ]

    def _improvement(self, vectors: Array) -> Array:
        acquisition: Any = self.acquisition_function
        improvement: Array = acquisition._compute(vectors).ravel()
        return improvement

    def _climb(self, current: Array) -> tuple[Array, Array]:
        """Local search from each row; where each ended, and the improvement expected there."""
        value = self._improvement(current)
        n = len(current)
        walked, streak, spread = np.zeros(n, int), np.zeros(n, int), np.full(n, _SPREAD)
        active = np.arange(n if self._space.degree else 0)
        while len(active):
            neighbours = self._space.neighbours(self._generator, current[active], spread[active])
            a, m, dim = neighbours.shape
            values = self._improvement(neighbours.reshape(a * m, dim)).reshape(a, m)
            better = values > value[active, None]
            equal = values == value[active, None]
            improved = better.any(axis=1)
            moved = improved | equal.any(axis=1)
            pick = np.where(improved, better.argmax(axis=1), equal.argmax(axis=1))
            rows = np.arange(a)
            current[active[moved]] = neighbours[rows, pick][moved]
            value[active[moved]] = values[rows, pick][moved]
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


class Neighbourhood:
    """Samples and one-exchange neighbours of ConfigSpace's vectors, many at once.

    A categorical parameter, or an integer with few values, has every other value as a neighbour;
    any other number has eight draws from a normal distribution around it.

    Parameters
    ----------
    configspace
        A space of categorical, uniform integer and uniform real parameters without conditions.
    """

    def __init__(self, configspace: ConfigurationSpace) -> None:
        from ConfigSpace import (
            CategoricalHyperparameter,
            UniformFloatHyperparameter,
            UniformIntegerHyperparameter,
        )

        self.dim = len(configspace)
        # Values of each parameter (0: a continuum), and the step between them in the vector.
        self._sizes = np.zeros(self.dim, dtype=np.int64)
        self._steps = np.ones(self.dim)
        for i, parameter in enumerate(configspace.values()):
            if isinstance(parameter, CategoricalHyperparameter):
                self._sizes[i] = len(parameter.choices)
            elif isinstance(parameter, UniformIntegerHyperparameter):
                self._sizes[i] = parameter.upper - parameter.lower + 1
                self._steps[i] = 1 / max(self._sizes[i] - 1, 1)
            elif not isinstance(parameter, UniformFloatHyperparameter):
                raise TypeError(f"no neighbours of {type(parameter).__name__} {parameter.name!r}")
        whole = [isinstance(p, CategoricalHyperparameter) for p in configspace.values()]
        listed = (self._sizes > 0) & (whole | (self._sizes <= _NEIGHBOURS + 1))
        # Parameters by their number of neighbours, so that each group is one array.
        counts = np.where(listed, self._sizes - 1, _NEIGHBOURS)
        self._groups = [
            (np.flatnonzero((counts == count) & (listed == kind)), int(count), kind)
            for kind in (True, False)
            for count in np.unique(counts[listed == kind])
            if count > 0
        ]
        self.finite = bool(listed.all())
        # Which parameter each neighbour changes; nothing in a space of one cell.
        changed = [np.repeat(group, count) for group, count, _ in self._groups]
        self._positions = np.concatenate([np.empty(0, np.intp), *changed])

    @property
    def degree(self) -> int:
        """Neighbours of every vector."""
        return len(self._positions)

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        """`n` uniform vectors: shape ``[n, dim]``."""
        vectors = np.empty((n, self.dim))
        for size in np.unique(self._sizes):
            group = np.flatnonzero(self._sizes == size)
            shape = (n, len(group))
            if size == 0:
                vectors[:, group] = generator.random(shape)
            else:
                vectors[:, group] = (
                    generator.integers(size, size=shape, dtype=np.int32) * self._steps[group]
                )
        return vectors

    def neighbours(self, generator: np.random.Generator, vectors: Array, spread: Array) -> Array:
        """The neighbours of each vector in random order: shape ``[n, m, dim]``.

        ConfigSpace takes a parameter at random, then its next neighbour, again and again. The same
        order results when every parameter has a clock of its own that ticks at exponential
        intervals.

        Parameters
        ----------
        vectors
            Shape ``[n, dim]``.
        spread
            Standard deviation of a numerical neighbour for each vector, shape ``[n]``.
        """
        n = len(vectors)
        values, times = [], []
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
        position = self._positions[order][:, :, None]
        value = np.take_along_axis(np.concatenate(values, axis=1), order, axis=1)[:, :, None]
        neighbours = np.repeat(vectors[:, None, :], len(self._positions), axis=1)
        np.put_along_axis(neighbours, position, value, axis=2)
        return neighbours

    def _draw(
        self, generator: np.random.Generator, here: Array, spread: Array, group: NDArray[Any]
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


def _distinct(vectors: Array) -> Array:
    """The vectors without repetitions, in the order of their first appearance."""
    _, first = np.unique(vectors, axis=0, return_index=True)
    return vectors[np.sort(first)]
