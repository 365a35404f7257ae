"""Batch normalisation of some networks side by side, forwards and backwards."""

from __future__ import annotations

import torch
from torch import Tensor

from regretta.tabular_data.measure.nasbench201.values import Value
from regretta.tabular_data.measure.parameters import LayerParameters


class BatchNorm:
    """Batch normalisation of rows ``[networks, channels, positions]``, which are centred in place.

    Parameters
    ----------
    parameters
    rows
        What is normalised, and is left without its mean.
    targets
        The values to which the channels are added, in equal shares.
    epsilon
        Added to the variances.
    gradient
        ``[networks, channels, positions]``: where `backward` writes the gradient of `rows`; none
        where nothing trains.
    """

    def __init__(
        self,
        parameters: LayerParameters,
        rows: Tensor,
        targets: list[Value],
        epsilon: float,
        gradient: Tensor | None,
    ) -> None:
        self.parameters, self._rows, self._targets = parameters, rows, targets
        self._epsilon = epsilon
        networks, channels, length = rows.shape
        device = rows.device
        self.factor = torch.empty(networks, channels, 1, device=device)
        self.bias = torch.empty(networks, channels, 1, device=device)
        self._inverse = torch.empty_like(self.factor)
        self._length = length
        self._scale, self._shift = parameters.scale.unsqueeze(2), parameters.shift.unsqueeze(2)
        share = channels // len(targets)
        parts = [slice(k * share, (k + 1) * share) for k in range(len(targets))]
        self._parts = list(zip(parts, targets, strict=True))
        if gradient is None:
            return
        self._first = [target.take_image() for target in targets]
        self._mean, self._spread = parameters.mean.unsqueeze(2), parameters.spread.unsqueeze(2)
        self._scale_grad = parameters.scale_grad.unsqueeze(2)
        self._shift_grad = parameters.shift_grad.unsqueeze(2)
        self._gradient = gradient
        self._norm = torch.empty_like(self.factor)
        self._epsilons = torch.full_like(self.factor, epsilon)
        self._zeros = torch.zeros_like(self.factor)
        self._products, self._sums = torch.empty_like(self.factor), torch.empty_like(self.factor)
        self._forwards = [
            (rows[:, part], self.factor[:, part], self._shift[:, part], target.rows)
            for part, target in self._parts
        ]
        self._backwards = [
            (
                target.gradient_rows,
                target.gradient_sum,
                rows[:, part],
                gradient[:, part],
                self._shift_grad[:, part],
                self.factor[:, part],
            )
            for part, target in self._parts
        ]

    def forward(self) -> None:
        """Add the normalised rows to the targets, and note the statistics of the batch."""
        rows = self._rows
        torch.mean(rows, 2, True, out=self._mean)
        rows.sub_(self._mean)
        torch.linalg.vector_norm(rows, 2, 2, True, out=self._norm)
        torch.addcmul(
            self._epsilons, self._norm, self._norm, value=1 / self._length, out=self._spread
        )
        torch.rsqrt(self._spread, out=self._inverse)
        torch.mul(self._scale, self._inverse, out=self.factor)
        for (part, factor, shift, out), first in zip(self._forwards, self._first, strict=True):
            if first:
                torch.mul(part, factor, out=out)
            else:
                out.addcmul_(part, factor)
            out.add_(shift)

    def backward(self) -> None:
        """Compute the gradients of scale, shift and rows; the targets' must be complete."""
        gradient, products = self._gradient, self._products
        for given, given_sum, rows, into, shift_grad, _ in self._backwards:
            torch.mul(given, rows, out=into)
            shift_grad.copy_(given_sum)
        torch.sum(gradient, 2, True, out=products)
        torch.mul(products, self._inverse, out=self._scale_grad)
        # gradient of a row: factor * (g - mean(g) - row * inverse² * mean(g * row))
        products.copy_(self._scale_grad).mul_(self._inverse)
        torch.addcmul(self._zeros, products, self.factor, value=-1 / self._length, out=products)
        torch.mul(self._rows, products, out=gradient)
        for given, _, _, into, _, factor in self._backwards:
            into.addcmul_(given, factor)
        torch.addcmul(
            self._zeros, self._shift_grad, self.factor, value=-1 / self._length, out=self._sums
        )
        gradient.add_(self._sums)

    def fold(self, share: float) -> None:
        """Make a factor and a bias of the running statistics, divided by their ``share``."""
        p = self.parameters
        torch.rsqrt(p.running_spread.unsqueeze(2) / share, out=self._inverse)
        torch.mul(self._scale, self._inverse, out=self.factor)
        mean = p.running_mean.unsqueeze(2) / share
        torch.sub(self._shift, self.factor * mean, out=self.bias)
        for part, target in self._parts:
            target.bias.add_(self.bias[:, part])
