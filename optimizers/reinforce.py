"""REINFORCE with an independent softmax policy for every parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.base import Observation, Optimizer, SettingsError
from regretta.tabular_data.spaces import Configuration

_BATCH = 4
_PATIENCE = 10_000


@dataclass(frozen=True)
class Settings:
    """Settings of REINFORCE.

    Attributes
    ----------
    learning_rate
        Step size of the gradient ascent; of Adam where `adam`.
    baseline_decay
        Decay of the exponential moving average of rewards that serves as the baseline.
    adam
        Use Adam (β 0.9 and 0.999) instead of plain gradient ascent, as NAS-Bench-201's script does.
    """

    learning_rate: float = 0.5
    baseline_decay: float = 0.9
    adam: bool = False

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.baseline_decay < 1:
            raise ValueError(
                f"baseline_decay must be at least 0 and below 1, got {self.baseline_decay}"
            )


class Reinforce(Optimizer):
    """Policy gradient over independent categorical distributions (Ying et al. 2019, supplement S2).

    NAS-Bench-201's Table 5 is reproduced by Adam at a learning rate of 0.1, the preset
    ``iclr2020``, and not by the 0.5 that its script's page names.

    Logits start at zero. The reward is the validation accuracy; the bias-corrected moving average
    is updated with it before the advantage is taken. Invalid samples are drawn again and never
    reach the gradient.
    """

    name = "reinforce"
    Settings = Settings
    presets = {
        "script": {"learning_rate": 0.1},
        "iclr2020": {"learning_rate": 0.1, "adam": True},
        "nats": {"learning_rate": 0.01, "adam": True},
    }
    parallel = True

    def setup(self) -> None:
        if not self.space.all_categorical:
            raise SettingsError(
                f"reinforce needs categorical parameters; {self.space.name} has others (use"
                " encoding A or B)"
            )
        sizes = np.array(self.space.cardinalities)
        # Logits of absent choices are −inf, so that all parameters share one rectangular array.
        self.logits = np.where(np.arange(sizes.max()) < sizes[:, None], 0.0, -np.inf)
        self._parameter = np.arange(self.space.dim)
        self._average = 0.0
        self._updates = 0
        self._moments = np.zeros((2, *self.logits.shape))
        self._set_policy()

    def _set_policy(self) -> None:
        weights = np.exp(self.logits - np.maximum.reduce(self.logits, axis=1, keepdims=True))
        cumulative = np.add.accumulate(weights, axis=1)
        total = cumulative[:, -1:]
        self.policy: NDArray[np.float64] = weights / total
        self._thresholds = (cumulative[:, :-1] / total).T

    def ask(self) -> Configuration:
        configuration: Configuration
        # Where nothing valid turns up, an invalid one is proposed, and the harness says that no
        # time passes.
        for _ in range(_PATIENCE):
            draws = self.rng.random((_BATCH, self.space.dim))
            sample = np.zeros(draws.shape, dtype=self.space.dtype)
            for threshold in self._thresholds:
                sample += draws >= threshold
            for configuration in sample:
                if self.space.is_valid(configuration):
                    return configuration
                self.discarded += 1
        self.discarded -= 1  # the last one is proposed after all
        return configuration

    def tell(self, observation: Observation) -> None:
        for configuration, error, valid in zip(
            observation.configurations,
            observation.errors.tolist(),
            observation.valid.tolist(),
            strict=True,
        ):
            if valid:
                self._update(configuration, 1.0 - error)

    def _update(self, configuration: Configuration, reward: float) -> None:
        decay = self.settings.baseline_decay
        self._updates += 1
        self._average = decay * self._average + (1.0 - decay) * reward
        advantage = reward - self._average / (1.0 - decay**self._updates)
        gradient = -advantage * self.policy
        gradient[self._parameter, configuration] += advantage
        self.logits += self._step(gradient)
        self._set_policy()

    def _step(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        rate: float = self.settings.learning_rate
        if not self.settings.adam:
            step: NDArray[np.float64] = rate * gradient
            return step
        first, second = self._moments
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient**2 - second)
        corrected = first / (1.0 - 0.9**self._updates)
        step = rate * corrected / (np.sqrt(second / (1.0 - 0.999**self._updates)) + 1e-8)
        return step
