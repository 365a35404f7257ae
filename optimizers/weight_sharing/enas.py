"""ENAS (Pham, Guan, Zoph, Le and Dean, ICML 2018), as NAS-Bench-201 ran it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.weight_sharing.base import WeightSharing, row_of
from regretta.optimizers.weight_sharing.settings import PAPER, ChoosingSettings
from regretta.tabular_data.spaces.nasbench201 import EDGES

_SLOWNESS = 0.99


@dataclass(frozen=True)
class EnasSettings(ChoosingSettings):
    """Settings of ENAS.

    Attributes
    ----------
    epoch_choices
        Cells that the controller writes after every epoch but the last, to choose among; after the
        last there are `choices`.
    updates, samples
        Steps of the controller after an epoch, and cells in each.
    controller_learning_rate
        Of the controller.
    entropy_weight
        What a nat of a cell's entropy is worth beside its accuracy.
    """

    learning_rate: float = 0.05
    final_learning_rate: float = 0.0005
    rate_period: int = 10
    weight_decay: float = 2.5e-4
    epoch_choices: int = 10
    updates: int = 5
    samples: int = 20
    controller_learning_rate: float = 0.001
    entropy_weight: float = 1e-4


class Enas(WeightSharing):
    """ENAS: a controller writes the cells on which a supernet trains, and learns from its accuracy.

    In every epoch the weights learn from cells that the controller writes, then the controller by
    REINFORCE from the supernet's accuracy on validation batches. The best of 10 of its cells is
    returned, after the last epoch the best of 100.
    """

    name = "enas"
    Settings = EnasSettings
    presets = {
        "paper": {**PAPER, "batch": 128, "choice_batch": 128, "updates": 50},
        "digits": {},
    }
    augments_choices = True

    def begin(self) -> None:
        from regretta.optimizers.weight_sharing.controller import Controller

        rate = self.settings.controller_learning_rate
        self.controller = Controller(self.rng, rate, self.supernet.device)
        self.baseline: float | None = None
        self._entropy = float(np.log(5))

    def untrained(self) -> int:
        return int(self._write(1)[0])

    def _write(self, count: int) -> NDArray[np.int64]:
        """Rows of cells that the controller writes now."""
        import torch

        with torch.no_grad():
            sample = self.controller.sample(count, self.rng)
        self._entropy = float(sample.entropy.mean()) / len(EDGES)
        return np.array([row_of(cell) for cell in sample.cells])

    def train_epoch(self, epoch: int) -> float:
        loss = self.train_path(self._write(self.steps), epoch)
        self._teach()
        return loss

    def _teach(self) -> None:
        """Train the controller; its baseline stays where it was until the epoch is over."""
        settings: EnasSettings = self.settings
        last = self.baseline
        for _ in range(settings.updates):
            sample = self.controller.sample(settings.samples, self.rng)
            advantages = np.zeros(settings.samples)
            for i, cell in enumerate(sample.cells):
                accuracy = self.one_shot(row_of(cell), settings.choice_batch)
                reward = accuracy + settings.entropy_weight * float(sample.entropy[i])
                last = baseline_after(self.baseline, accuracy, reward)
                advantages[i] = reward - last
            self.controller.learn(sample, advantages, settings.clip)
        self.baseline = last

    def choose(self, last: bool) -> tuple[int, float | None]:
        settings: EnasSettings = self.settings
        count = settings.choices if last else settings.epoch_choices
        return self.best_of(self._write(count), settings.choice_batch)

    def entropy(self) -> float | None:
        return self._entropy

    def state(self) -> dict[str, NDArray[Any]]:
        baseline = np.nan if self.baseline is None else self.baseline
        return {"baseline": np.array(baseline), **self.controller.state()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.controller.restore(state)
        baseline = float(state["baseline"])
        self.baseline = None if np.isnan(baseline) else baseline


def baseline_after(baseline: float | None, accuracy: float, reward: float) -> float:
    """What a reward is compared with, itself counted in.

    The baseline of the last epoch, moved a hundredth towards the reward; in the first epoch there
    is none, and the reward's own accuracy takes its place.
    """
    if baseline is None:
        return accuracy
    return baseline - (1 - _SLOWNESS) * (baseline - reward)
