"""SMAC: expected improvement under a random forest, with nothing of the package replaced.

Hutter, Hoos and Leyton-Brown, "Sequential model-based optimization for general algorithm
configuration", LION 2011, in the authors' own package (Lindauer et al., "SMAC3", JMLR 2022).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from regretta.optimizers.base import Observation, Optimizer, Proposal


@dataclass(frozen=True)
class Settings:
    """What SMAC's facade takes; the defaults are those of the NAS-Bench-101 paper (supplement,
    S2.2).

    Attributes
    ----------
    n_trees
        Trees of the forest.
    max_config_calls
        Evaluations of a configuration at most.
    random_fraction
        Share of proposals that are uniform.
    initial_design
        ``random`` or ``sobol``.
    initial_configurations
        Size of the initial design; 0 for the facade's ten a parameter. The paper's script starts
        from one random configuration.
    retrain_after
        Proposals from one fit of the forest.
    challengers
        Random configurations that each search looks at.
    local_search_iterations
        Local searches from the best of these, and from the best observed.
    invalid_error
        What the forest learns of an invalid configuration; SMAC takes no infinite cost.
    """

    n_trees: int = 5
    max_config_calls: int = 1
    random_fraction: float = 0.33
    initial_design: str = "random"
    initial_configurations: int = 1
    retrain_after: int = 8
    challengers: int = 10_000
    local_search_iterations: int = 10
    invalid_error: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (
            ("n_trees", 1),
            ("max_config_calls", 1),
            ("initial_configurations", 0),
            ("retrain_after", 1),
            ("challengers", 2),
            ("local_search_iterations", 1),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not 0 <= self.random_fraction <= 1:
            raise ValueError(
                f"random_fraction must lie between 0 and 1, not {self.random_fraction:g}"
            )
        if not 0 <= self.invalid_error < float("inf"):
            raise ValueError(
                f"invalid_error must be finite and not negative, not {self.invalid_error}"
            )
        if self.initial_design not in ("random", "sobol"):
            raise ValueError(f"initial_design must be random or sobol, not {self.initial_design!r}")


class SmacStock(Optimizer):
    """The real SMAC through its facade's ask and tell, every component its own; only its files are
    not written.

    It searches on the largest budget. With `max_config_calls` above 1 its intensifier asks for
    promising configurations again. A seed alone does not fix its proposals: it iterates over sets
    whose order follows Python's hash seed. It takes a second or more a proposal; `smac` is for
    campaigns.
    """

    name = "smac_stock"
    Settings = Settings
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "script": {"n_trees": 10, "max_config_calls": 4},
        "facade": {
            "n_trees": 10,
            "max_config_calls": 3,
            "random_fraction": 0.2,
            "initial_design": "sobol",
            "initial_configurations": 0,
        },
    }
    parallel = True
    reproducible = False

    def setup(self) -> None:
        from smac.runhistory.dataclasses import TrialValue

        # Without a handler of the user's, SMAC's warnings would end on stderr.
        logging.getLogger("smac").addHandler(logging.NullHandler())
        seed = int(self.rng.integers(2**31 - 1))
        scenario = scenario_of(self.space.configuration_space(seed), self.name, seed)
        facade, parts = self.compose(scenario)
        self.smac = facade(scenario, None, logging_level=False, **parts)
        self._value = TrialValue

    def compose(self, scenario: Any) -> tuple[type[Any], dict[str, Any]]:
        """The facade's class and the components it is given, by the facade's names for them."""
        from regretta.optimizers.smac.facade import FileFreeFacade as Facade

        chosen = self.settings
        return Facade, {
            "model": Facade.get_model(scenario, n_trees=chosen.n_trees),
            "acquisition_maximizer": Facade.get_acquisition_maximizer(
                scenario,
                challengers=chosen.challengers,
                local_search_iterations=chosen.local_search_iterations,
            ),
            "intensifier": Facade.get_intensifier(
                scenario, max_config_calls=chosen.max_config_calls
            ),
            "random_design": Facade.get_random_design(scenario, probability=chosen.random_fraction),
            "config_selector": Facade.get_config_selector(
                scenario, retrain_after=chosen.retrain_after
            ),
            "initial_design": initial_design(scenario, chosen),
        }

    def ask(self) -> Proposal | None:
        from smac.main.exceptions import ConfigurationSpaceExhaustedException

        try:
            with warnings.catch_warnings():
                # In a pool's process the stock forest cannot have threads of its own, and says so
                # for every tree.
                warnings.filterwarnings("ignore", message="Loky-backed parallel loops")
                trial = self.smac.ask()
        except (StopIteration, ConfigurationSpaceExhaustedException):
            return None
        return Proposal(self.space.from_values(dict(trial.config))[None, :], None, trial)

    def tell(self, observation: Observation) -> None:
        value = self._value(cost=self.cost(observation), time=observation.cost)
        self.smac.tell(observation.tag, value, save=False)

    def cost(self, observation: Observation) -> float:
        """What the forest learns of an observation."""
        invalid: float = self.settings.invalid_error
        return observation.error if observation.valid[0] else invalid


def scenario_of(configspace: Any, name: str, seed: int) -> Any:
    """SMAC's scenario of a search without an end."""
    from smac.scenario import Scenario

    return Scenario(configspace, name=name, n_trials=10**9, seed=seed)


def initial_design(scenario: Any, settings: Settings) -> Any:
    """SMAC's initial design."""
    from smac.initial_design.random_design import RandomInitialDesign

    from regretta.optimizers.smac.facade import FileFreeFacade

    size = settings.initial_configurations or None
    if settings.initial_design == "sobol":
        return FileFreeFacade.get_initial_design(scenario, n_configs=size)
    return RandomInitialDesign(scenario, n_configs=size)
