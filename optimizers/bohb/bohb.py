"""BOHB: Hyperband whose configurations a kernel density estimate proposes.

Falkner, Klein and Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML
2018, in the authors' own package hpbandster: its generator, its successive halving and its
arithmetic of brackets, driven in this process without its network.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from regretta.optimizers.base import Observation, Optimizer, Proposal
from regretta.optimizers.hyperband import ladder


@dataclass(frozen=True)
class Settings:
    """hpbandster's settings; the defaults are those of the NAS-Bench-101 paper (supplement, S2.2).

    Attributes
    ----------
    eta
        Of the configurations on one budget, one in `eta` goes on to the next.
    num_samples
        Samples of which the one with the best ratio of densities is proposed.
    random_fraction
        Share of proposals that are uniform.
    top_n_percent
        Percentage of observations that count as good.
    min_bandwidth
        Bandwidths are at least this.
    bandwidth_factor
        Samples are drawn from bandwidths this much wider; numerical parameters only.
    min_points_in_model
        Observations on a budget before it has a model; None: parameters + 1.
    """

    eta: float = 3.0
    num_samples: int = 4
    random_fraction: float = 0.0
    top_n_percent: int = 15
    min_bandwidth: float = 0.3
    bandwidth_factor: float = 3.0
    min_points_in_model: int | None = None

    def __post_init__(self) -> None:
        if self.eta < 2:
            raise ValueError(f"eta must be at least 2, not {self.eta:g}")
        if self.num_samples < 1:
            raise ValueError(f"num_samples must be at least 1, not {self.num_samples}")
        if not 0 <= self.random_fraction <= 1:
            raise ValueError(
                f"random_fraction must lie between 0 and 1, not {self.random_fraction:g}"
            )
        if not 1 <= self.top_n_percent <= 99:
            raise ValueError(f"top_n_percent must lie between 1 and 99, not {self.top_n_percent}")
        if self.min_bandwidth <= 0:
            raise ValueError(f"min_bandwidth must be positive, not {self.min_bandwidth:g}")
        if self.min_points_in_model is not None and type(self.min_points_in_model) is not int:
            raise ValueError(
                f"min_points_in_model must be a whole number, not {self.min_points_in_model!r}"
            )
        if self.bandwidth_factor <= 0:
            raise ValueError(f"bandwidth_factor must be positive, not {self.bandwidth_factor:g}")


class Bohb(Optimizer):
    """The real hpbandster, in process.

    The budgets of a bracket are `ladder(budgets, eta)`. An invalid configuration has the loss 1
    that was observed. Results and proposals are the stock generator's, seed for seed; see
    `generator`.
    """

    name = "bohb"
    Settings = Settings
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "script": {"num_samples": 64, "random_fraction": 0.33}
    }
    parallel = True
    uses_budgets = True

    def setup(self) -> None:
        import numpy as np
        from hpbandster.core.dispatcher import Job
        from hpbandster.optimizers.bohb import BOHB

        from regretta.optimizers.bohb.generator import BatchedGenerator

        # Without a handler of the user's, hpbandster's warnings would end on stderr.
        logging.getLogger("hpbandster").addHandler(logging.NullHandler())
        seeds = self.rng.integers(2**32, size=2)
        configspace = self.space.configuration_space(int(seeds[0]))
        names = list(configspace)
        self._columns = [names.index(parameter.name) for parameter in self.space.parameters]
        self._generator = BatchedGenerator(
            configspace,
            np.random.RandomState(int(seeds[1])),
            num_samples=self.settings.num_samples,
            random_fraction=self.settings.random_fraction,
            top_n_percent=self.settings.top_n_percent,
            min_bandwidth=self.settings.min_bandwidth,
            bandwidth_factor=self.settings.bandwidth_factor,
            min_points_in_model=self.settings.min_points_in_model,
        )
        # Its constructor would open the network; the arithmetic of brackets needs these four only.
        self._master = BOHB.__new__(BOHB)
        self._master.config_generator = self._generator
        self._master.eta = self.settings.eta
        self._master.budgets = ladder(self.budgets, self.settings.eta)
        self._master.max_SH_iter = len(self._master.budgets)
        if len(self._master.budgets) == 1:
            only = self._master.budgets[0]
            self.notes.append(
                f"{self.name} ran on the single budget {only:g}: one rung, no early stopping"
            )
        self._brackets: dict[int, Any] = {}
        self._ready: set[int] = set()
        self._started = 0
        self._job = Job

    def ask(self) -> Proposal:
        # As hpbandster's master with one worker: whatever bracket has something to run, else a new
        # one.
        run = None
        for number in sorted(self._ready):
            run = self._brackets[number].get_next_run()
            if run is not None:
                break
            self._ready.remove(number)  # only a result of its own can change that
        if run is None:
            self._brackets = {
                i: bracket for i, bracket in self._brackets.items() if not bracket.is_finished
            }
            bracket = self._master.get_next_iteration(self._started)
            self._brackets[self._started] = bracket
            self._ready.add(self._started)
            self._started += 1
            run = bracket.get_next_run()
        identity, values, budget = run
        job = self._job(identity, config=values, budget=budget)
        configuration = (
            values.vector[self._columns].astype(self.space.dtype)
            if self.space.all_categorical
            else self.space.from_values(values)
        )
        return Proposal(configuration[None, :], budget, job)

    def tell(self, observation: Observation) -> None:
        job = observation.tag
        job.result = {"loss": observation.error, "info": None}
        self._brackets[job.id[0]].register_result(job)
        self._generator.new_result(job)
        self._ready.add(job.id[0])
