"""GDAS (Dong and Yang, CVPR 2019), as NAS-Bench-201 ran it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regretta.optimizers.weight_sharing.darts import Relaxed
from regretta.optimizers.weight_sharing.settings import PAPER, PAPER_ALPHAS, AlphaSettings
from regretta.tabular_data.spaces.nasbench201 import EDGES, OPERATIONS

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class GdasSettings(AlphaSettings):
    """Settings of GDAS.

    Attributes
    ----------
    first_temperature, last_temperature
        Of the samples, falling in equal steps from the first epoch to the last.
    """

    first_temperature: float = 10.0
    last_temperature: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not min(self.first_temperature, self.last_temperature) > 0:
            raise ValueError("temperatures must be above 0")


class Gdas(Relaxed):
    """GDAS: gradients through one sampled operation an edge, then the largest of each edge.

    A sample is the largest of log probabilities plus Gumbel noise. Its gradient is that of their
    softmax at a temperature which falls.
    """

    name = "gdas"
    Settings = GdasSettings
    presets = {"paper": {**PAPER, **PAPER_ALPHAS}, "digits": {}}

    def temperature(self, epoch: int) -> float:
        """Of an epoch, from 0."""
        settings: GdasSettings = self.settings
        share = epoch / max(settings.epochs - 1, 1)
        return settings.first_temperature + share * (
            settings.last_temperature - settings.first_temperature
        )

    def step(
        self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], epoch: int
    ) -> Tensor:
        import torch

        temperature = self.temperature(epoch)
        loss = self.descend(self.sampled_loss(training, temperature), epoch, self.alphas.values)
        sampled = self.sampled_loss(validation, temperature)
        (gradient,) = torch.autograd.grad(sampled, self.alphas.values)
        self.alphas.step(gradient)
        return loss

    def sampled_loss(self, batch: tuple[Tensor, Tensor], temperature: float) -> Tensor:
        """Loss of one new sample."""
        images, labels = batch
        return self.loss(self.supernet.gumbel(images, self.gates(temperature)), labels)

    def gates(self, temperature: float) -> Tensor:
        """A sample: 1 for one operation of each edge, 0 for the others, ``[6, 5]``."""
        shape = (len(EDGES), len(OPERATIONS))
        while True:
            noise = -np.log(self.rng.standard_exponential(shape, dtype=np.float32))
            gates = straight_through(
                (self.alphas.values.log_softmax(1) + self.supernet.tensor(noise)) / temperature
            )
            if np.isfinite(noise).all() and bool(gates.isfinite().all()):
                return gates


def straight_through(logits: Tensor) -> Tensor:
    """1 where an edge's logit is the largest, else 0; the gradient is that of their softmax."""
    import torch
    from torch.nn import functional as F

    soft = logits.softmax(1)
    hard = F.one_hot(soft.argmax(1), logits.shape[1]).to(soft)
    return torch.add(hard - soft.detach(), soft)
