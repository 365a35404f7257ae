"""Do the fast search and the package's find as good maxima of one acquisition function?

A stock search of SMAC whose maximizer hands every acquisition function, with the model and the
configurations that it rests on, to `smac`'s search too, and goes on with what the stock one found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ConfigSpace import Configuration, ConfigurationSpace
from numpy.typing import NDArray
from smac.acquisition.maximizer.local_and_random_search import LocalAndSortedRandomSearch

from regretta.harness.protocol import Protocol
from regretta.harness.single import search
from regretta.optimizers.smac import SmacStock
from regretta.optimizers.smac.facade import VectorizedSearch
from regretta.tabular_data.benchmark import Benchmark

ALIKE = 1e-9
"""Relative difference up to which two maxima are the same number."""


@dataclass(frozen=True, eq=False)
class Maxima:
    """The largest acquisition that either search found, over the moments of some histories.

    Attributes
    ----------
    observed
        Configurations evaluated by then: shape ``[n]``.
    stock, fast
        The largest value that either found of the same function: shape ``[n]``.
    """

    observed: NDArray[np.float64]
    stock: NDArray[np.float64]
    fast: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.stock)

    @property
    def shares(self) -> tuple[float, float, float]:
        """In which share of the moments the fast search's is larger, the same, smaller."""
        same = np.isclose(self.fast, self.stock, rtol=ALIKE, atol=0)
        larger = (self.fast > self.stock) & ~same
        return float(larger.mean()), float(same.mean()), float((~larger & ~same).mean())

    @property
    def ratios(self) -> NDArray[np.float64]:
        """The fast search's value over that of the stock one: shape ``[n]``."""
        return self.fast / self.stock


class _BothSearches(LocalAndSortedRandomSearch):
    """The package's maximizer, which asks ours too and tells what both found."""

    def __init__(
        self,
        told: Callable[..., None],
        configspace: ConfigurationSpace,
        challengers: int,
        local_search_iterations: int,
        seed: int,
    ) -> None:
        super().__init__(
            configspace,
            challengers=challengers,
            local_search_iterations=local_search_iterations,
            seed=seed,
        )
        self._told = told
        self._fast = VectorizedSearch(configspace, challengers, local_search_iterations, seed)

    def _maximize(
        self, previous_configs: list[Configuration], n_points: int
    ) -> list[tuple[float, Configuration]]:
        function = self.acquisition_function
        assert function is not None
        self._fast.acquisition_function = function
        fast = self._fast._maximize(previous_configs, n_points)
        stock = super()._maximize(previous_configs, n_points)
        # Asked again, as the two searches note values of other shapes.
        best = function([max(found, key=lambda each: each[0])[1] for found in (stock, fast)])
        values = np.asarray(best, dtype=np.float64).ravel()
        self._told(observed=len(previous_configs), stock=values[0], fast=values[1])
        return stock


class SmacBothSearches(SmacStock):
    """Stock SMAC that logs how good a maximum the fast search finds at the same moments."""

    name = "smac_both_searches"

    def compose(self, scenario: Any) -> tuple[type[Any], dict[str, Any]]:
        facade, parts = super().compose(scenario)
        parts["acquisition_maximizer"] = _BothSearches(
            self.log,
            scenario.configspace,
            self.settings.challengers,
            self.settings.local_search_iterations,
            scenario.seed,
        )
        return facade, parts


def maxima(
    benchmark: str | Benchmark,
    seconds: float,
    searches: int,
    protocol: str | Protocol = "default",
    seed: int = 0,
) -> Maxima:
    """What both searches find at every fit of the forest along some stock searches.

    Parameters
    ----------
    benchmark, seconds, protocol, seed
        As in `regretta.search`.
    searches
        How many, each of a number of its own.
    """
    logs = [
        search(
            *(benchmark, SmacBothSearches),
            seconds=seconds,
            seed=seed,
            number=number,
            protocol=protocol,
        ).run.log
        for number in range(searches)
    ]
    names = ("observed", "stock", "fast")
    return Maxima(*(np.concatenate([log[name] for log in logs]) for name in names))
