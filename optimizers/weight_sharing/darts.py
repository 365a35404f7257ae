"""DARTS (Liu, Simonyan and Yang, ICLR 2019), of first and second order, as NAS-Bench-201 ran it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from regretta.optimizers.weight_sharing.base import WeightSharing, mean, row_of
from regretta.optimizers.weight_sharing.settings import PAPER, PAPER_ALPHAS, AlphaSettings

if TYPE_CHECKING:
    from torch import Tensor


class Relaxed(WeightSharing):
    """Learns architecture parameters by gradients, and returns the largest of each edge."""

    def begin(self) -> None:
        from regretta.optimizers.weight_sharing.alphas import Alphas

        steps = self.steps * self.settings.epochs
        self.alphas = Alphas(self.settings, steps, self.rng, self.supernet.device)

    def untrained(self) -> int:
        return row_of(self.alphas.argmax())

    def choose(self, last: bool) -> tuple[int, float | None]:
        return row_of(self.alphas.argmax()), None

    def entropy(self) -> float | None:
        return self.alphas.entropy()

    def state(self) -> dict[str, NDArray[Any]]:
        return self.alphas.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.alphas.restore(state)

    def train_epoch(self, epoch: int) -> float:
        losses = []
        for images, labels in self.batches():
            validation = self.validation_batch(len(labels))
            losses.append(self.step((images, labels), validation, epoch))
        return mean(losses)

    @abstractmethod
    def step(
        self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], epoch: int
    ) -> Tensor:
        """Take a step of the weights and one of the architecture; returns the training loss.

        Parameters
        ----------
        training, validation
            Images and labels.
        epoch
            From 0.
        """

    def joint_loss(self, batch: tuple[Tensor, Tensor], weights: Tensor | None = None) -> Tensor:
        """Loss of the mixture of all operations."""
        images, labels = batch
        logits = self.supernet.joint(images, self.alphas.mixture(), weights)
        return self.loss(logits, labels)


@dataclass(frozen=True)
class DartsSettings(AlphaSettings):
    """Settings of DARTS."""

    epochs: int = 50


class DartsV1(Relaxed):
    """DARTS of first order: gradients of the mixture of all operations, then each edge's largest.

    In each step the weights learn from training images, then the architecture parameters from
    validation images.
    """

    name = "darts_v1"
    Settings = DartsSettings
    presets = {"paper": {**PAPER, **PAPER_ALPHAS, "epochs": 50}, "digits": {}}

    def step(
        self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], epoch: int
    ) -> Tensor:
        import torch

        loss = self.descend(self.joint_loss(training), epoch, self.alphas.values)
        (gradient,) = torch.autograd.grad(self.joint_loss(validation), self.alphas.values)
        self.alphas.step(gradient)
        return loss


class DartsV2(Relaxed):
    """DARTS of second order: the architecture looks one step of the weights ahead.

    In each step the architecture parameters learn from validation images what they would be worth
    after a step of the weights, then the weights take theirs.
    """

    name = "darts_v2"
    Settings = DartsSettings
    presets = {"paper": {**PAPER, **PAPER_ALPHAS, "epochs": 50}, "digits": {}}

    def step(
        self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], epoch: int
    ) -> Tensor:
        self.alphas.step(self.unrolled_gradient(training, validation, self.rate(epoch)))
        return self.descend(self.joint_loss(training), epoch, self.alphas.values)

    def unrolled_gradient(
        self,
        training: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor],
        rate: float,
        step: float = 0.01,
    ) -> Tensor:
        """Gradient of the validation loss after a step of the weights, by architecture parameters.

        The step is one of momentum, not Nesterov's. How its end depends on them is a finite
        difference: the training loss's gradient by them at the weights plus and minus `step` along
        the validation loss's gradient by the weights at the step's end.

        Parameters
        ----------
        training, validation
            Images and labels.
        rate
            Learning rate of the weights now.
        step
            How far, by the norm.
        """
        import torch

        weights, alphas, descent = self.supernet.weights, self.alphas.values, self.descent
        (gradient,) = torch.autograd.grad(self.joint_loss(training), weights)
        with torch.no_grad():
            move = descent.momentum * descent.velocity + gradient + descent.weight_decay * weights
            ahead = weights - rate * move
        ahead.requires_grad_()
        direct, direction = torch.autograd.grad(self.joint_loss(validation, ahead), [alphas, ahead])
        reach = step / torch.linalg.vector_norm(direction)
        found = []
        for sign in (1, -1):
            with torch.no_grad():
                moved = weights + sign * reach * direction
            (by_alphas,) = torch.autograd.grad(self.joint_loss(training, moved), alphas)
            found.append(by_alphas)
        return direct - rate * (found[0] - found[1]) / (2 * reach)
