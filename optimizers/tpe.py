"""The tree-structured Parzen estimator, from the package hyperopt.

Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011; the
NAS-Bench-101 paper ran it with hyperopt's defaults.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from regretta.optimizers.base import Observation, Optimizer, Proposal, SettingsError
from regretta.tabular_data.spaces import Categorical, Integer, Real


@dataclass(frozen=True)
class Settings:
    """hyperopt's settings and defaults.

    Attributes
    ----------
    n_startup
        Random configurations before the model is used.
    n_candidates
        Samples of which the one with the best ratio of densities is proposed.
    gamma
        The good ones are this times the square root of all observations, 25 at most.
    prior_weight
        Weight of the prior among the observations.
    """

    n_startup: int = 20
    n_candidates: int = 24
    gamma: float = 0.25
    prior_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.n_startup < 1:
            raise ValueError(f"n_startup must be at least 1, not {self.n_startup}")
        if self.n_candidates < 1:
            raise ValueError(f"n_candidates must be at least 1, not {self.n_candidates}")
        if self.gamma <= 0:
            raise ValueError(f"gamma must be positive, not {self.gamma:g}")
        if self.prior_weight <= 0:
            raise ValueError(f"prior_weight must be positive, not {self.prior_weight:g}")


class Tpe(Optimizer):
    """hyperopt's own ``tpe.suggest``, one configuration a time, on the largest budget.

    An invalid configuration has the loss 1 that was observed. The time for a proposal grows with
    the number of observations.
    """

    name = "tpe"
    Settings = Settings
    parallel = True

    def setup(self) -> None:
        try:
            import hyperopt
        except ImportError as error:
            raise SettingsError(
                "tpe needs hyperopt: install regretta with the extra 'tpe'"
            ) from error
        logging.getLogger("hyperopt").addHandler(logging.NullHandler())
        self._hyperopt = hyperopt
        self._trials = hyperopt.Trials()
        self._domain = hyperopt.base.Domain(lambda _: 0.0, self._space())

    def _space(self) -> dict[str, Any]:
        hp = self._hyperopt.hp
        space: dict[str, Any] = {}
        for parameter in self.space.parameters:
            match parameter:
                case Categorical(name=name, choices=choices):
                    space[name] = hp.choice(name, list(range(len(choices))))
                case Integer(name=name, low=low, high=high) if low == high:
                    space[name] = hp.choice(name, [low])  # hyperopt has no range of one
                case Integer(name=name, low=low, high=high):
                    space[name] = hp.quniform(name, low, high, 1)
                case Real(name=name, low=start, high=stop):
                    space[name] = hp.uniform(name, start, stop)
        return space

    def ask(self) -> Proposal:
        trials = self._trials
        (trial,) = self._hyperopt.tpe.suggest(
            trials.new_trial_ids(1),
            self._domain,
            trials,
            int(self.rng.integers(2**31 - 1)),
            prior_weight=self.settings.prior_weight,
            n_startup_jobs=self.settings.n_startup,
            n_EI_candidates=self.settings.n_candidates,
            gamma=self.settings.gamma,
            verbose=False,
        )
        trials.insert_trial_docs([trial])
        trials.refresh()
        drawn = trial["misc"]["vals"]
        # A choice is drawn as its index; a whole number of one value is a choice.
        values = [
            parameter.low
            if isinstance(parameter, Integer) and parameter.size == 1
            else drawn[parameter.name][0]
            for parameter in self.space.parameters
        ]
        return Proposal(self.space.check([values]), None, trial["tid"])

    def tell(self, observation: Observation) -> None:
        # What is inserted is a copy: find it by its number.
        trial = self._trials._dynamic_trials[observation.tag]
        trial["state"] = self._hyperopt.JOB_STATE_DONE
        trial["result"] = {"loss": observation.error, "status": self._hyperopt.STATUS_OK}
        self._trials.refresh()
