"""SMAC at the speed of a campaign: the same package with components that work on arrays.

See `stock` for the algorithm and its sources, `search`, `forest` and `bookkeeping` for the
components.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        ``serial``: fits and predicts in batches and in this thread; or ``stock``: a pool of threads
        each time.
    depth_first
        Grow trees depth first, as without a bound on leaves, and not best first as stock does. Only
        with the serial forest.
    bookkeeping
        ``indexed``: look-ups; or ``stock``: scans over all trials. Both decide the same.
    """

    search: str = "vectorized"
    forest: str = "serial"
    depth_first: bool = True
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


class Smac(stock.SmacStock):
    """The real SMAC, its slow components replaced through its own extension points.

    Reproducible from a seed as long as `search` is vectorized.
    """

    name = "smac"
    Settings = Settings
    reproducible = True

    def compose(self, scenario: Any) -> tuple[type[Any], dict[str, Any]]:
        from regretta.optimizers.smac.bookkeeping import (
            IndexedEncoder,
            IndexedFacade,
            IndexedIntensifier,
            IndexedSelector,
        )
        from regretta.optimizers.smac.forest import BatchedImprovement, SerialForest
        from regretta.optimizers.smac.search import VectorizedSearch

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
            parts["model"] = SerialForest(parts["model"], depth_first=chosen.depth_first)
            parts["acquisition_function"] = BatchedImprovement(xi=0.0, log=True)
        if chosen.bookkeeping == "indexed":
            facade = IndexedFacade
            parts["intensifier"] = IndexedIntensifier(
                scenario, max_config_calls=chosen.max_config_calls
            )
            parts["config_selector"] = IndexedSelector(scenario, retrain_after=chosen.retrain_after)
            parts["runhistory_encoder"] = IndexedEncoder(scenario)
        return facade, parts
