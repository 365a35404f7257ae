"""SMAC at the speed of a campaign: the same algorithm on arrays.

See `stock` for the algorithm and its sources, `loop`, `forest` and `search` for its parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from regretta.optimizers.base import Observation, Proposal
from regretta.optimizers.smac import stock


@dataclass(frozen=True)
class Settings(stock.Settings):
    """SMAC's settings, and by name what differs from the stock package.

    Attributes
    ----------
    search
        ``vectorized``: whole neighbourhoods at once, the same for a seed everywhere; or ``stock``:
        configuration by configuration, in an order that follows Python's hash seed.
    forest
        ``serial``: compiled, in this thread, trees grown depth first as scikit-learn grows them
        without a bound on leaves; or ``stock``: best node first, a pool of threads each time.
    bookkeeping
        ``indexed``: trials and configurations in arrays with look-ups, which decides as stock
        does; or ``stock``: scans over all trials. Where the search or the forest is stock, so must
        be the bookkeeping.
    """

    search: str = "vectorized"
    forest: str = "serial"
    bookkeeping: str = "indexed"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, own in (
            ("search", "vectorized"),
            ("forest", "serial"),
            ("bookkeeping", "indexed"),
        ):
            if getattr(self, name) not in (own, "stock"):
                raise ValueError(f"{name} must be {own} or stock, not {getattr(self, name)!r}")
        if self.bookkeeping == "indexed" and "stock" in (self.search, self.forest):
            raise ValueError("where search or forest is stock, bookkeeping must be stock too")


class Smac(stock.SmacStock):
    """SMAC on arrays: its proposals for a seed are the package's with the same forest and search.

    Reproducible from a seed as long as `search` is vectorized.
    """

    name = "smac"
    Settings = Settings
    reproducible = True

    def setup(self) -> None:
        if self.settings.bookkeeping == "stock":
            super().setup()
            return
        from regretta.optimizers.smac.forest import Forest
        from regretta.optimizers.smac.loop import History, Loop, Selector
        from regretta.optimizers.smac.packing import Packing
        from regretta.optimizers.smac.search import Search

        chosen = self.settings
        seed = int(self.rng.integers(2**31 - 1))
        self._configspace = self.space.configuration_space(seed)
        names = list(self._configspace)
        self._columns = [names.index(parameter.name) for parameter in self.space.parameters]
        packing = Packing(self._configspace)
        history = History(packing)
        selector = Selector(
            self._configspace,
            history,
            Forest(packing, chosen.n_trees, seed),
            Search(packing, chosen.challengers, chosen.local_search_iterations, seed),
            self._initial(seed),
            chosen.retrain_after,
            chosen.random_fraction,
            seed,
        )
        self._loop = Loop(history, selector, chosen.max_config_calls)

    def _initial(self, seed: int) -> list[Any]:
        """Vectors of the initial design, which draws from a copy of the space."""
        chosen = self.settings
        copy = self.space.configuration_space(seed)
        if chosen.initial_design == "sobol":
            design = stock.initial_design(stock.scenario_of(copy, self.name, seed), chosen)
            return [found.get_array() for found in design.select_configurations()]
        size = chosen.initial_configurations or 10 * self.space.dim
        if size == 1:
            return [copy.sample_configuration().get_array()]
        return [found.get_array() for found in copy.sample_configuration(size)]

    def compose(self, scenario: Any) -> tuple[type[Any], dict[str, Any]]:
        from regretta.optimizers.smac.facade import (
            BatchedImprovement,
            SerialForest,
            VectorizedSearch,
        )

        facade, parts = super().compose(scenario)
        chosen = self.settings
        if chosen.search == "vectorized":
            parts["acquisition_maximizer"] = VectorizedSearch(
                scenario.configspace,
                challengers=chosen.challengers,
                local_search_iterations=chosen.local_search_iterations,
                seed=scenario.seed,
            )
        if chosen.forest == "serial":
            parts["model"] = SerialForest(
                scenario.configspace, n_trees=chosen.n_trees, seed=scenario.seed
            )
            parts["acquisition_function"] = BatchedImprovement(xi=0.0, log=True)
        return facade, parts

    def ask(self) -> Proposal | None:
        if self.settings.bookkeeping == "stock":
            return super().ask()
        following = self._loop.ask()
        if following is None:
            return None
        vector, trial = following
        if self.space.all_categorical:
            configuration = vector[self._columns].astype(self.space.dtype)
        else:
            from ConfigSpace import Configuration

            configuration = self.space.from_values(
                dict(Configuration(self._configspace, vector=vector))
            )
        return Proposal(configuration[np.newaxis, :], None, trial)

    def tell(self, observation: Observation) -> None:
        if self.settings.bookkeeping == "stock":
            super().tell(observation)
        else:
            self._loop.tell(observation.tag, self.cost(observation))
