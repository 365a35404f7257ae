"""Architecture parameters: a number for each operation of each edge, the same in all cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regretta.optimizers.weight_sharing.descent import Adam
from regretta.optimizers.weight_sharing.settings import AlphaSettings
from regretta.tabular_data.spaces.nasbench201 import EDGES, OPERATIONS


class Alphas:
    """Architecture parameters and the Adam that moves them.

    Parameters
    ----------
    settings
        Start and learning rate.
    steps
        Steps of the whole search.
    rng
        Draws the start: normal, times 1e-3.
    device
        Where they are.

    Attributes
    ----------
    values
        ``[6, 5]``.
    """

    def __init__(
        self, settings: AlphaSettings, steps: int, rng: np.random.Generator, device: torch.device
    ) -> None:
        start = 1e-3 * rng.standard_normal((len(EDGES), len(OPERATIONS)))
        self.values: Tensor = torch.from_numpy(start.astype(np.float32)).to(device).requires_grad_()
        rate = settings.alpha_learning_rate or settings.reach / steps
        self._adam = Adam(self.values, rate, (0.5, 0.999), weight_decay=settings.alpha_weight_decay)

    def mixture(self) -> Tensor:
        """Weight of each operation on its edge: their softmax."""
        return self.values.softmax(1)

    def step(self, gradient: Tensor) -> None:
        """Move them against a gradient."""
        self._adam.step(gradient)

    def argmax(self) -> list[int]:
        """The operation of each edge with the largest parameter, `none` included."""
        choices: list[int] = self.values.argmax(1).tolist()
        return choices

    def log_probabilities(self) -> NDArray[np.float64]:
        """Of each operation on its edge, ``[6, 5]``."""
        values: NDArray[np.float64] = self.values.detach().double().log_softmax(1).cpu().numpy()
        return values

    def entropy(self) -> float:
        """Mean entropy of an edge, nats."""
        logs = self.log_probabilities()
        return float(-(np.exp(logs) * logs).sum(axis=1).mean())

    def state(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint needs."""
        return {"alphas": self.values.detach().cpu().numpy(), **self._adam.state("alphas")}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` gave."""
        with torch.no_grad():
            self.values.copy_(torch.from_numpy(state["alphas"]))
        self._adam.restore("alphas", state)
