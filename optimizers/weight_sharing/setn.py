"""SETN (Dong and Yang, ICCV 2019), as NAS-Bench-201 ran it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.weight_sharing.base import configuration
from regretta.optimizers.weight_sharing.darts import Relaxed
from regretta.optimizers.weight_sharing.settings import (
    PAPER,
    PAPER_ALPHAS,
    AlphaSettings,
    ChoosingSettings,
)

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SetnSettings(AlphaSettings, ChoosingSettings):
    """Settings of SETN."""

    clip: float = 0.0


class Setn(Relaxed):
    """SETN: weights learn from random cells, their probabilities from the mixture; best of 100.

    In each step one uniform random cell is trained, then the architecture parameters learn from the
    validation loss of the mixture of all operations. After an epoch the supernet evaluates the 100
    most probable of all 15,625 cells, each on one validation batch.
    """

    name = "setn"
    Settings = SetnSettings
    presets = {"paper": {**PAPER, **PAPER_ALPHAS, "choice_batch": 512}, "digits": {}}

    def step(
        self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], epoch: int
    ) -> Tensor:
        import torch

        images, labels = training
        cell = configuration(int(self.random_cells(1)[0]))
        loss = self.descend(self.loss(self.supernet.path(images, cell), labels), epoch)
        (gradient,) = torch.autograd.grad(self.joint_loss(validation), self.alphas.values)
        self.alphas.step(gradient)
        return loss

    def choose(self, last: bool) -> tuple[int, float | None]:
        settings: SetnSettings = self.settings
        cells = most_probable(self.alphas.log_probabilities(), settings.choices)
        return self.best_of(cells, settings.choice_batch)


def most_probable(log_probabilities: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Rows of the most probable cells, most probable first; of equals the smallest row.

    Parameters
    ----------
    log_probabilities
        Of each operation on its edge, ``[6, 5]``.
    count
        How many.
    """
    scores = np.zeros(1)
    for edge in log_probabilities:
        scores = np.add.outer(scores, edge).ravel()
    return np.argsort(-scores, kind="stable")[:count]
