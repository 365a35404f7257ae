"""Local search: hill climbing over the neighbourhoods of the space, from a new random start at each
minimum.

White, Nolen and Savani, "Local search is state of the art for NAS benchmarks", 2020
(arXiv:2005.02960), with the defaults of the authors' code (naszilla, ``local_search``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regretta.optimizers.base import Observation, Optimizer, Proposal, SettingsError
from regretta.tabular_data.spaces import Configuration, Configurations, Real

_TRIES = 100


@dataclass(frozen=True)
class Settings:
    """Settings of local search.

    Attributes
    ----------
    n_initial
        Random cells of which the best one starts a climb.
    full_neighbourhood
        Evaluate all neighbours and move to the best; otherwise move to the first that is better.
    """

    n_initial: int = 10
    full_neighbourhood: bool = False

    def __post_init__(self) -> None:
        if self.n_initial < 1:
            raise ValueError(f"n_initial must be at least 1, not {self.n_initial}")


class LocalSearch(Optimizer):
    """Climb from the best of some random cells to a local minimum of the observed error, then start
    anew.

    Only valid cells are evaluated, each at most once, as upstream; neighbours come in random order.
    """

    name = "local_search"
    Settings = Settings

    def setup(self) -> None:
        if any(isinstance(parameter, Real) for parameter in self.space.parameters):
            raise SettingsError(
                f"{self.name} needs a space of categorical and integer parameters;"
                f" {self.space.name} has real ones"
            )
        self._seen: set[int] = set()
        self._here: tuple[Configuration, float] | None = None
        self._best: tuple[Configuration, float] | None = None
        self._waiting: Configurations = np.empty((0, self.space.dim), dtype=self.space.dtype)

    def ask(self) -> Proposal | None:
        if not len(self._waiting):
            self._waiting = self._next_round()
        if not len(self._waiting):
            return None
        at_once = self._here is None or self.settings.full_neighbourhood
        return Proposal(self._waiting if at_once else self._waiting[:1])

    def tell(self, observation: Observation) -> None:
        self._waiting = self._waiting[len(observation.errors) :]
        self._seen.update(self.space.find_rows(observation.configurations).tolist())
        for configuration, error in observation:
            if self._best is None or error < self._best[1]:
                self._best = (configuration, error)
        better = self._here is not None and self._best is not None and self._best[1] < self._here[1]
        if better and not self.settings.full_neighbourhood:
            self._waiting = self._waiting[:0]

    def _next_round(self) -> Configurations:
        """What to evaluate from here: the neighbours of a better cell, or a new start.

        Empty if nothing is left.
        """
        if self._best is not None and (self._here is None or self._best[1] < self._here[1]):
            self._here, self._best = self._best, None
            neighbours = self._unseen(self.space.neighbours(self._here[0]))
            if len(neighbours):
                return self.rng.permutation(neighbours)
        self._here = self._best = None
        for _ in range(_TRIES):
            start = self._unseen(self.space.sample(self.rng, 10 * self.settings.n_initial))
            if len(start):
                return start[: self.settings.n_initial]
        return self._waiting

    def _unseen(self, configurations: Configurations) -> Configurations:
        """Of these the valid ones whose cells are new, one a cell, in their order."""
        rows = self.space.find_rows(configurations)
        _, first = np.unique(rows, return_index=True)
        first.sort()
        new = [i for i in first.tolist() if rows[i] >= 0 and int(rows[i]) not in self._seen]
        chosen: Configurations = configurations[new]
        return chosen
