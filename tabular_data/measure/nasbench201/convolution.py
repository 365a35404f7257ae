"""Convolutions of some networks side by side, forwards and backwards.

A 3x3 convolution is one matrix product: what it reads is kept three times, shifted by a row each,
and along the width its weights stand in a matrix with a band for every channel. That takes more
multiplications than a convolution needs and yet far less time, as images are small and few
channels fill no vector.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regretta.tabular_data.measure.nasbench201.values import Value, Workspace, multiply
from regretta.tabular_data.measure.parameters import Parameters
from regretta.tabular_data.measure.shapes import Convolution

_aten = torch.ops.aten


class Columns:
    """What the convolutions of a value read: rectified, and once for each row of the kernel.

    Parameters
    ----------
    value
        What is read.
    rows
        3, or 1 where all kernels are 1x1.
    stride
        1 or 2.
    rectified
        Whether negative numbers become zero.
    trains
        Whether the gradient is wanted.
    """

    def __init__(
        self,
        workspace: Workspace,
        value: Value,
        rows: int,
        stride: int,
        rectified: bool,
        trains: bool,
    ) -> None:
        networks, channels, width, height, images = value.images.shape
        out_height = -(-height // stride)
        device = value.images.device
        self.value, self._rectified, self._stride = value, rectified, stride
        self.parts = torch.zeros(networks, rows, channels, width, out_height, images, device=device)
        self.matrix = self.parts.view(networks, rows * channels * width, out_height * images)
        self.centre = self.parts[:, rows // 2].flatten(2)
        moves = []
        for k in range(rows):
            shift = k - rows // 2
            first = 1 if shift < 0 else 0  # the kernel's upper row has nothing above the first
            last = min(out_height, (height - 1 - shift) // stride + 1)
            start = first * stride + shift
            stop = (last - 1) * stride + shift + 1
            moves.append((k, slice(first, last), slice(start, stop, stride)))
        self._copies = [
            (value.images[..., taken, :], self.parts[:, k, :, :, to]) for k, to, taken in moves
        ]
        if not trains:
            return
        self.gradient_parts = workspace.take("columns", self.parts.shape)
        self.gradient_matrix = self.gradient_parts.view(self.matrix.shape)
        self.centre_gradient: Tensor | None = None
        self._first = False
        # With stride 1 the middle row's gradient lies as the value's, and the others are added.
        self._total = (
            self.gradient_parts[:, rows // 2]
            if stride == 1
            else workspace.take("total", value.gradient.shape)
        )
        self._sums = [
            (self._total[..., taken, :], self.gradient_parts[:, k, :, :, to])
            for k, to, taken in moves
            if stride > 1 or k != rows // 2
        ]

    def forward(self) -> None:
        """Fill the columns."""
        for images, part in self._copies:
            if self._rectified:
                torch.clamp_min(images, 0.0, out=part)
            else:
                part.copy_(images)

    def prepare_backward(self) -> None:
        """Note, on the way back, whether the value's gradient has been written to before."""
        self._first = self.value.take_gradient()

    def backward(self) -> None:
        """Send the columns' gradient to the value's."""
        total, gradient = self._total, self.value.gradient
        if self._stride > 1:
            total.zero_()
        for into, part in self._sums:
            into.add_(part)
        if self.centre_gradient is not None:
            total.add_(self.centre_gradient)
        if not self._rectified:
            gradient.copy_(total) if self._first else gradient.add_(total)
        elif self._first:
            _aten.threshold_backward.grad_input(total, self.value.images, 0, grad_input=gradient)
        else:
            _aten.threshold_backward.grad_input(total, self.value.images, 0, grad_input=total)
            gradient.add_(total)


class Product:
    """Convolutions of one kernel and one input, without normalisation.

    Parameters
    ----------
    parameters
    name
        Of the layer.
    columns
    trains
        Whether it is to train; `needs_gradient` says whether its input has a gradient.
    """

    def __init__(
        self,
        workspace: Workspace,
        parameters: Parameters,
        name: str,
        columns: Columns,
        trains: bool,
        needs_gradient: bool,
    ) -> None:
        self.parameters = parameters.layers[name]
        layer = self.parameters.layer
        assert isinstance(layer, Convolution)
        self.layer, self.columns = layer, columns
        networks, self.images = columns.parts.shape[0], columns.parts.shape[-1]
        device = columns.parts.device
        self._needs_gradient = needs_gradient
        self._banded = layer.kernel > 1
        self._values = parameters.values
        width_in, width_out = columns.value.shape.width, layer.width
        height = layer.height * self.images
        if self._banded:
            self.out_rows = layer.out_channels * width_out
            table = _band(layer.out_channels, layer.in_channels, width_out, width_in)
            places = np.where(table < 0, parameters.zero, table + parameters.starts[name])
            self._places = torch.from_numpy(places.ravel()).to(device)
            places = np.where(table < 0, layer.out_channels * layer.fan_in, table)
            self._folded_places = torch.from_numpy(places.ravel()).to(device)
            self.matrix = torch.empty(networks, *table.shape, device=device)
            self._flat_matrix = self.matrix.view(networks, -1)
            self._matrix_transposed = self.matrix.mT
            self._source = columns.matrix
        else:
            self.out_rows = layer.out_channels
            self._source = columns.centre
            height *= width_out
        self.out = torch.empty(networks, self.out_rows, height, device=device)
        self.channel_rows = self.out.view(networks, layer.out_channels, -1)
        if not trains:
            return
        self.gradient = workspace.take("product", self.out.shape)
        self.gradient_channel_rows = self.gradient.view(self.channel_rows.shape)
        self._source_transposed = self._source.mT
        if self._banded:
            size = table.size
            self._band_gradient = workspace.take("band", (networks * size + 1,))
            self._band_gradient_matrix = self._band_gradient[:-1].view(self.matrix.shape)
            self._collected = torch.from_numpy(
                _collect(layer.out_channels, layer.in_channels, width_out, width_in, networks)
            ).to(device)
            self._weights = (networks, layer.out_channels, layer.fan_in, width_out)
        else:
            self._weight_gradient = torch.empty(
                networks, layer.out_channels, layer.in_channels, device=device
            )
            self._weight_transposed = self.parameters.weight.mT
        if needs_gradient:
            if self._banded:
                self._into = columns.gradient_matrix
            elif len(columns.parts[0]) == 1:
                self._into = columns.gradient_parts[:, 0].flatten(2)
            else:
                self._into = workspace.take("centre", columns.value.gradient_rows.shape)
                columns.centre_gradient = self._into.view(columns.value.gradient.shape)

    def forward(self) -> None:
        """Compute the product with the weights as they are."""
        if self._banded:
            torch.index_select(self._values, 1, self._places, out=self._flat_matrix)
            torch.bmm(self.matrix, self._source, out=self.out)
        else:
            torch.bmm(self.parameters.weight, self._source, out=self.out)

    def backward(self) -> None:
        """Compute the gradients of the weights and of the columns from that of the product."""
        p = self.parameters
        if self._banded:
            torch.bmm(self.gradient, self._source_transposed, out=self._band_gradient_matrix)
            found = torch.index_select(self._band_gradient, 0, self._collected)
            torch.sum(found.view(self._weights), 3, out=p.weight_grad)
            if self._needs_gradient:
                torch.bmm(self._matrix_transposed, self.gradient, out=self._into)
        else:
            torch.bmm(self.gradient, self._source_transposed, out=self._weight_gradient)
            p.weight_grad.copy_(self._weight_gradient)
            if self._needs_gradient:
                torch.bmm(self._weight_transposed, self.gradient, out=self._into)

    def fold(self, factor: Tensor | None) -> None:
        """Take the weights, times a factor ``[networks, out, 1]`` if there is one, to evaluate."""
        weight = self.parameters.weight
        if factor is not None:
            weight = weight * factor
        if not self._banded:
            self.matrix = weight.contiguous()
            return
        flat = torch.nn.functional.pad(weight.flatten(1), (0, 1))
        torch.index_select(flat, 1, self._folded_places, out=self._flat_matrix)

    def evaluate_into(self, targets: list[Value]) -> list[Callable[[], object]]:
        """Operations that give each convolution's folded product to the value that it feeds."""
        rows = self.out_rows // len(targets)
        found: list[Callable[[], object]] = []
        for k, target in enumerate(targets):
            out = target.images.view(len(target.images), rows, -1)
            part, first = slice(k * rows, (k + 1) * rows), target.take_image()
            found.append(partial(self._give, part, out, first))
        return found

    def _give(self, part: slice, out: Tensor, first: bool) -> None:
        multiply(self.matrix[:, part], self._source, out, first)


@cache
def _band(out: int, inputs: int, width_out: int, width_in: int) -> NDArray[np.int64]:
    """Where the banded matrix of a 3x3 convolution has each of its weights.

    Returns
    -------
    ndarray
        ``[out * width_out, 3 * inputs * width_in]``: the index of the weight among
        ``[out, inputs, 3, 3]``, and -1 where the matrix is zero.
    """
    stride = -(-width_in // width_out)
    weight = np.arange(out * inputs * 9).reshape(out, inputs, 3, 3)
    found = np.full((out, width_out, 3, inputs, width_in), -1, dtype=np.int64)
    for x in range(width_out):
        for k in range(3):
            if 0 <= (at := stride * x + k - 1) < width_in:
                found[:, x, :, :, at] = weight[:, :, :, k].transpose(0, 2, 1)
    return found.reshape(out * width_out, -1)


@cache
def _collect(
    out: int, inputs: int, width_out: int, width_in: int, networks: int
) -> NDArray[np.int64]:
    """Where the gradients of each weight stand in the banded matrices of all networks.

    Returns
    -------
    ndarray
        ``[networks * out * inputs * 9 * width_out]``, the place after the last matrix where a
        weight has fewer places than ``width_out``.
    """
    band = _band(out, inputs, width_out, width_in).ravel()
    size = band.size
    places = np.full((out * inputs * 9, width_out), -1, dtype=np.int64)
    filled = np.flatnonzero(band >= 0)
    order = np.argsort(band[filled], kind="stable")
    weights, spots = band[filled][order], filled[order]
    rank = np.arange(len(weights)) - np.searchsorted(weights, weights)
    places[weights, rank] = spots
    every = np.arange(networks)[:, None, None] * size + places
    return np.where(places < 0, networks * size, every).ravel()
