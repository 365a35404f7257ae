"""The tree-structured Parzen estimator, from the package hyperopt.

Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011; the
NAS-Bench-101 paper ran it with hyperopt's defaults. hyperopt's own estimators are called on arrays,
in the order in which its graph of expressions would call them and with the same random numbers, but
without its graph and its documents: the proposals for a seed are ``hyperopt.tpe.suggest``'s.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.base import Observation, Optimizer, Proposal, SettingsError
from regretta.tabular_data.spaces import Categorical, Integer, Parameter, Real

_CAP = 25  # hyperopt's DEFAULT_LF: good ones at most, and observations that are not forgotten
_FIRST_ROOM = 256


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
    """hyperopt's TPE, proposal for proposal, one configuration a time, on the largest budget.

    An invalid configuration has the loss 1 that was observed. The time for a proposal grows with
    the number of observations.
    """

    name = "tpe"
    Settings = Settings
    parallel = True

    def setup(self) -> None:
        try:
            import hyperopt
            from hyperopt import rand, tpe
        except ImportError as error:
            raise SettingsError(
                "tpe needs hyperopt: install regretta with the extra 'tpe'"
            ) from error
        logging.getLogger("hyperopt").addHandler(logging.NullHandler())
        self._random, self._tpe = rand, tpe
        dimensions = {
            parameter.name: _dimension(hyperopt.hp, parameter)
            for parameter in self.space.parameters
        }
        self._domain = hyperopt.base.Domain(lambda _: 0.0, dimensions)
        self._order = _order_of_draws(hyperopt, self.space.parameters)
        self._n = 0
        # Infinite while under way, as hyperopt has it.
        self._losses = np.full(_FIRST_ROOM, np.inf)
        self._drawn: list[NDArray[Any]] = [
            np.empty(_FIRST_ROOM, np.int64 if _choices(parameter) else np.float64)
            for parameter in self.space.parameters
        ]

    def ask(self) -> Proposal:
        seed = int(self.rng.integers(2**31 - 1))
        number = self._n
        values = self._startup(seed) if number < self.settings.n_startup else self._suggest(seed)
        if number == len(self._losses):
            self._losses = np.concatenate([self._losses, np.full(number, np.inf)])
            self._drawn = [np.concatenate([each, np.empty_like(each)]) for each in self._drawn]
        for column, value in zip(self._drawn, values, strict=True):
            column[number] = value
        self._n += 1
        # A choice is drawn as its index; a whole number of one value is a choice.
        entries = [
            parameter.low if isinstance(parameter, Integer) and parameter.size == 1 else value
            for parameter, value in zip(self.space.parameters, values, strict=True)
        ]
        return Proposal(self.space.check([entries]), None, number)

    def tell(self, observation: Observation) -> None:
        self._losses[observation.tag] = observation.error

    def _startup(self, seed: int) -> list[float]:
        """A random configuration, as hyperopt draws it."""
        _, drawn = self._random.suggest_batch([self._n], self._domain, None, seed)
        return [drawn[parameter.name][0] for parameter in self.space.parameters]

    def _suggest(self, seed: int) -> list[float]:
        """What has the best ratio of densities of the good and the other observations."""
        tpe, n = self._tpe, self._n
        rng = np.random.default_rng(seed)
        n_good = min(int(np.ceil(self.settings.gamma * np.sqrt(n))), _CAP)
        good = np.argsort(self._losses[:n])[:n_good]
        good.sort()
        is_other = np.ones(n, bool)
        is_other[good] = False
        # Weights in the order of the proposals; those of the good ones among the others are 0.
        weights = tpe.linear_forgetting_weights(len(good), _CAP)
        others = np.zeros(n)
        others[is_other] = tpe.linear_forgetting_weights(n - len(good), _CAP)
        values = [0.0] * self.space.dim
        for index in self._order:
            parameter, observed = self.space.parameters[index], self._drawn[index][:n]
            if choices := _choices(parameter):
                values[index] = self._choose(choices, observed, good, weights, others, rng)
            else:
                values[index] = self._number(parameter, observed[good], observed[is_other], rng)
        return values

    def _choose(
        self,
        choices: int,
        observed: NDArray[Any],
        good: NDArray[np.int64],
        weights: NDArray[np.float64],
        others: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> int:
        """hyperopt's posterior of a choice: weighted counts beside those of the prior."""
        p_good = np.bincount(observed[good], weights, choices) + self.settings.prior_weight
        p_good = p_good / np.sum(p_good)
        p_other = np.bincount(observed, others, choices) + self.settings.prior_weight
        p_other = p_other / np.sum(p_other)
        sample = rng.multinomial(1, p_good, self.settings.n_candidates)
        drawn = np.dot(sample, np.arange(choices))
        return int(drawn[np.argmax(np.log(p_good[drawn]) - np.log(p_other[drawn]))])

    def _number(
        self,
        parameter: Any,
        good: NDArray[np.float64],
        others: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> float:
        """hyperopt's posterior of a number: a mixture of Gaussians within the range."""
        tpe, low, high = self._tpe, parameter.low, parameter.high
        step = 1 if isinstance(parameter, Integer) else None
        prior = (self.settings.prior_weight, 0.5 * (high + low), 1.0 * (high - low))
        mixture = tpe.adaptive_parzen_normal(good, *prior)
        size = (self.settings.n_candidates,)
        drawn = tpe.GMM1(*mixture, low=low, high=high, q=step, rng=rng, size=size)
        density = tpe.GMM1_lpdf(drawn, *mixture, low=low, high=high, q=step)
        other = tpe.GMM1_lpdf(
            drawn, *tpe.adaptive_parzen_normal(others, *prior), low=low, high=high, q=step
        )
        return float(drawn[np.argmax(density - other)])


def _choices(parameter: Parameter) -> int:
    """Choices of a parameter; 0 for a range. hyperopt has no range of one value: it is a choice."""
    if isinstance(parameter, Categorical):
        return len(parameter.choices)
    return 1 if isinstance(parameter, Integer) and parameter.size == 1 else 0


def _dimension(hp: Any, parameter: Parameter) -> Any:
    name, choices = parameter.name, _choices(parameter)
    match parameter:
        case Integer(low=low, high=high) if not choices:
            return hp.quniform(name, low, high, 1)
        case Real(low=start, high=stop):
            return hp.uniform(name, start, stop)
    return hp.choice(name, list(range(choices)))


def _order_of_draws(hyperopt: Any, parameters: tuple[Parameter, ...]) -> list[int]:
    """The order in which hyperopt's graph draws the parameters of a proposal.

    It is that of its evaluation of nested expressions, which depends on the names. So hyperopt
    suggests once in a space of the same names and kinds, where the ranges tell which parameter is
    being drawn, and its generator takes notes.
    """
    hp, order = hyperopt.hp, []
    chosen = [_choices(parameter) > 0 for parameter in parameters]
    dimensions, observations = {}, {}
    for i, (parameter, is_choice) in enumerate(zip(parameters, chosen, strict=True)):
        observations[parameter.name] = [0 if is_choice else 2 * i + 0.5]
        if is_choice:
            dimensions[parameter.name] = hp.choice(parameter.name, list(range(i + 1)))
        elif isinstance(parameter, Integer):
            dimensions[parameter.name] = hp.quniform(parameter.name, 2 * i, 2 * i + 1, 1)
        else:
            dimensions[parameter.name] = hp.uniform(parameter.name, 2 * i, 2 * i + 1)

    class Notes:
        def __init__(self) -> None:
            self._rng = np.random.default_rng(0)

        def multinomial(self, n: int, pvals: Any, size: Any = None) -> Any:
            if size is not None:
                order.append(len(pvals) - 1)
            return self._rng.multinomial(n, pvals, size)

        def normal(self, loc: float, scale: float) -> float:
            order.append(int(loc // 2))
            return self._rng.normal(loc, scale)

    domain = hyperopt.base.Domain(lambda _: 0.0, dimensions)
    observed, losses, posterior = hyperopt.tpe.build_posterior_wrapper(domain, 1.0, 0.25)
    memo = {
        domain.s_new_ids: [2],
        domain.s_rng: Notes(),
        losses["idxs"]: [0],
        losses["vals"]: [0.0],
        observed["idxs"]: {name: [0] for name in observations},
        observed["vals"]: observations,
    }
    hyperopt.pyll.rec_eval(posterior, memo=memo, print_node_on_error=False)
    return list(dict.fromkeys(order))
