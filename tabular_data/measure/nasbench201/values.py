"""Images on their way through some networks side by side, on buffers allocated once.

Images lie as ``[networks, channels, width, height, images]``. The first layer that writes to a
value overwrites it and all others add, so that nothing has to be cleared.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from regretta.tabular_data.measure.shapes import Shape


class Workspace:
    """Buffers that many layers use in turn, so that a step touches little memory."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._buffers: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def take(self, purpose: str, size: Sequence[int]) -> Tensor:
        """The buffer of a purpose and size, zero when it is new."""
        key = (purpose, tuple(size))
        if key not in self._buffers:
            self._buffers[key] = torch.zeros(key[1], device=self.device)
        return self._buffers[key]


class Value:
    """Images at one place of the networks, and their gradient.

    Attributes
    ----------
    images, gradient
        ``[networks, channels, width, height, images]``; the gradient only where networks train.
    fresh
        While a network is put together: whether nothing has been written to `images` yet.
    stale
        The same of `gradient`, on the way back.
    gradient_sum
        ``[networks, channels, 1]``: see `sum_gradient`.
    bias
        ``[networks, channels, 1]``: what the folded normalisations add, see `add_bias`.
    """

    def __init__(
        self,
        workspace: Workspace,
        shape: Shape,
        networks: int,
        images: int,
        training: bool,
        purpose: str = "",
    ) -> None:
        device = workspace.device
        size = (networks, shape.channels, shape.width, shape.height, images)
        self.shape = shape
        self.images = torch.zeros(size, device=device)
        self.rows = self.images.flatten(2)
        self.fresh = self.stale = True
        self.bias = torch.zeros(*size[:2], 1, device=device)
        if training:
            self.gradient = (
                workspace.take(purpose, size) if purpose else torch.zeros(size, device=device)
            )
            self.gradient_rows = self.gradient.flatten(2)
            self.gradient_sum = torch.empty(*size[:2], 1, device=device)

    def sum_gradient(self) -> None:
        """Sum the gradient over everything but networks and channels, for normalisations."""
        torch.sum(self.gradient_rows, 2, True, out=self.gradient_sum)

    def add_bias(self) -> None:
        """Add, in evaluation, the folded shifts of all normalisations that feed it."""
        self.rows.add_(self.bias)

    def take_gradient(self) -> bool:
        """Whether the next gradient is the first and overwrites, to be asked once for each."""
        first, self.stale = self.stale, False
        return first

    def take_image(self) -> bool:
        """Whether the next term is the first and overwrites, to be asked once for each."""
        first, self.fresh = self.fresh, False
        return first


def multiply(a: Tensor, b: Tensor, out: Tensor, first: bool) -> None:
    """Write batches of matrix products to ``out``, or add them where they are not the first."""
    if first:
        torch.bmm(a, b, out=out)
    else:
        torch.baddbmm(out, a, b, out=out)
