"""Regularized (ageing) evolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regretta.optimizers.base import Observation, Optimizer, SettingsError
from regretta.tabular_data.spaces import Configuration, Configurations

_DRAWS = 64
_MUTATIONS = ("uniform", "node_first", "each_parameter")


@dataclass(frozen=True)
class Settings:
    """Settings of regularized evolution.

    Attributes
    ----------
    population_size, tournament_size
        Configurations alive; how many of them compete to be the parent.
    replacement
        Whether a tournament may draw the same configuration twice.
    mutation
        ``uniform``: one parameter, each equally likely, gets another value. ``node_first``: the
        same with NAS-Bench-201's probabilities (a node, then one of its inputs).
        ``each_parameter``: every edge changes with probability mutation_rate / vertices and every
        operation with mutation_rate / operations (google-research/nasbench, notebook).
    mutation_rate
        For ``each_parameter``: expected number of operations that change.
    reject_invalid
        Sample and mutate again until the configuration is valid.
    ageing
        Remove the oldest configuration; if not, the worst (non-regularized evolution).
    """

    population_size: int = 100
    tournament_size: int = 10
    replacement: bool = True
    mutation: str = "uniform"
    mutation_rate: float = 1.0
    reject_invalid: bool = False
    ageing: bool = True

    def __post_init__(self) -> None:
        if self.population_size < 1 or self.tournament_size < 1:
            raise ValueError("population_size and tournament_size must be at least 1")
        if not self.replacement and self.tournament_size > self.population_size:
            raise ValueError(
                "a tournament without replacement cannot be larger than the population"
            )
        if self.mutation not in _MUTATIONS:
            raise ValueError(
                f"mutation must be one of {', '.join(_MUTATIONS)}, got {self.mutation!r}"
            )
        if not self.mutation_rate > 0:
            raise ValueError(f"mutation_rate must be above 0, got {self.mutation_rate}")


class RegularizedEvolution(Optimizer):
    """Ageing evolution with tournament selection (Real et al., AAAI 2019, algorithm 1).

    Defaults are those of the comparison of NAS-Bench-101: invalid children stay in the population
    with the worst fitness, and the tournament draws with replacement.
    """

    name = "regularized_evolution"
    Settings = Settings
    presets = {
        "script": {},
        "colab": {
            "population_size": 50,
            "replacement": False,
            "mutation": "each_parameter",
            "reject_invalid": True,
        },
        "iclr2020": {"population_size": 10, "tournament_size": 3, "mutation": "node_first"},
    }
    parallel = True

    def setup(self) -> None:
        self._members: list[Configuration] = []
        self._errors: list[float] = []
        self._oldest = 0
        self._asked = 0
        self._tournaments: list[list[int]] = []
        self._alive = 0
        self._weights = None
        match self.settings.mutation:
            case "node_first":
                if "node_first" not in self.space.mutation_weights:
                    raise SettingsError(
                        f"mutation 'node_first' is for NAS-Bench-201, not for {self.space.name}"
                    )
                self._weights = self.space.mutation_weights["node_first"]
            case "each_parameter":
                self._change = self._change_probabilities()

    def _change_probabilities(self) -> np.ndarray:
        if not self.space.all_categorical or not hasattr(self.space, "vertices"):
            raise SettingsError(
                "mutation 'each_parameter' is for NAS-Bench-101's encodings A and B, not"
                f" {self.space.name}"
            )
        operations = sum(p.name.startswith("op_node") for p in self.space.parameters)
        rates = np.full(self.space.dim, self.settings.mutation_rate / self.space.vertices)
        rates[self.space.dim - operations :] = self.settings.mutation_rate / operations
        return rates

    def ask(self) -> Configuration | Configurations:
        if self._asked < self.settings.population_size or not self._members:
            n = max(self.settings.population_size - self._asked, 1)
            self._asked += n
            return self._random(n)
        while True:
            child = self._mutate(self._parent())
            if not self.settings.reject_invalid or self.space.is_valid(child):
                return child
            self.discarded += 1

    def _random(self, n: int) -> Configurations:
        sample: Configurations = self.space.sample(self.rng, n)
        while self.settings.reject_invalid and not (valid := self.space.valid(sample)).all():
            invalid = int((~valid).sum())
            self.discarded += invalid
            sample[~valid] = self.space.sample(self.rng, invalid)
        return sample

    def _parent(self) -> Configuration:
        alive, size = len(self._members), self.settings.tournament_size
        if not self.settings.replacement:
            drawn: list[int] = self.rng.choice(alive, min(size, alive), replace=False).tolist()
        else:
            if not self._tournaments or self._alive != alive:
                self._alive = alive
                self._tournaments = (
                    (self.rng.random((_DRAWS, size)) * alive).astype(np.intp).tolist()
                )
            drawn = self._tournaments.pop()
        return self._members[min(drawn, key=self._errors.__getitem__)]

    def _mutate(self, parent: Configuration) -> Configuration:
        if self.settings.mutation != "each_parameter":
            return self.space.mutate(parent, self.rng, self._weights)
        child = parent.copy()
        for i in np.flatnonzero(self.rng.random(self.space.dim) < self._change):
            other = int(self.rng.random() * (self.space.cardinalities[i] - 1))
            child[i] = other + (other >= parent[i])
        return child

    def tell(self, observation: Observation) -> None:
        for configuration, error in observation:
            if len(self._members) < self.settings.population_size:
                self._members.append(configuration)
                self._errors.append(error)
                continue
            # A ring: what is overwritten is the oldest.
            slot = self._oldest if self.settings.ageing else int(np.argmax([*self._errors, error]))
            if slot < len(self._members):
                self._members[slot] = configuration
                self._errors[slot] = error
            self._oldest = (self._oldest + 1) % self.settings.population_size
