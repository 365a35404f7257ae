"""Gradient descent on one flat tensor, its state in the open, so that a checkpoint can hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def cosine_rate(epoch: int, first: float, last: float, period: int) -> float:
    """Learning rate of an epoch, from 0: half a cosine from `first` to `last` in `period` epochs.

    Beyond that it goes up again, and down, as PyTorch's ``CosineAnnealingLR`` does.
    """
    return last + (first - last) * (1 + math.cos(math.pi * epoch / period)) / 2


def clipped(gradient: Tensor, largest: float, *others: Tensor) -> Tensor:
    """A gradient, made shorter if its norm together with those of others is too large.

    Parameters
    ----------
    largest
        The norm; 0 for no limit.
    others
        Further gradients that count in the norm.
    """
    if not largest:
        return gradient
    norm = torch.stack([torch.linalg.vector_norm(part) for part in (gradient, *others)]).norm()
    return gradient * (largest / (norm + 1e-6)).clamp(max=1.0)


class Momentum:
    """Stochastic gradient descent with Nesterov momentum and weight decay.

    Attributes
    ----------
    velocity
        The momentum's buffer.
    """

    def __init__(self, values: Tensor, momentum: float, weight_decay: float) -> None:
        self._values = values
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.velocity = torch.zeros_like(values, requires_grad=False)

    def step(self, gradient: Tensor, rate: float) -> None:
        """Take a step along a gradient."""
        with torch.no_grad():
            gradient = gradient + self.weight_decay * self._values
            self.velocity.mul_(self.momentum).add_(gradient)
            self._values.sub_(rate * (gradient + self.momentum * self.velocity))


class Adam:
    """Adam with weight decay in the gradient, as PyTorch's."""

    def __init__(
        self,
        values: Tensor,
        rate: float,
        betas: tuple[float, float],
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self._values = values
        self._rate, self._betas = rate, betas
        self._epsilon, self._weight_decay = epsilon, weight_decay
        self.moments = torch.zeros((2, *values.shape), device=values.device)
        self.steps = 0

    def step(self, gradient: Tensor) -> None:
        """Take a step along a gradient."""
        self.steps += 1
        with torch.no_grad():
            gradient = gradient + self._weight_decay * self._values
            first, second = self._betas
            self.moments[0].lerp_(gradient, 1 - first)
            self.moments[1].mul_(second).addcmul_(gradient, gradient, value=1 - second)
            spread = (self.moments[1] / (1 - second**self.steps)).sqrt_().add_(self._epsilon)
            scale = self._rate / (1 - first**self.steps)
            self._values.addcdiv_(self.moments[0], spread, value=-scale)

    def state(self, name: str) -> dict[str, NDArray[Any]]:
        """What a checkpoint needs, by names that begin with `name`."""
        return {
            f"{name}_moments": self.moments.cpu().numpy(),
            f"{name}_steps": np.array(self.steps),
        }

    def restore(self, name: str, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` gave."""
        self.moments.copy_(torch.from_numpy(state[f"{name}_moments"]))
        self.steps = int(state[f"{name}_steps"])
