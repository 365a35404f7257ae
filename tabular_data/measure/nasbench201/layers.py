"""The layers of some networks side by side, forwards and backwards, on buffers allocated once.

Images lie as ``[networks, channels, width, height, images]``. A 3x3 convolution is one matrix
product: what it reads is kept three times, shifted by a row each, and along the width its weights
stand in a matrix with a band for every channel, which costs more multiplications than a
convolution needs and yet far less time, as images are small and few channels fill no vector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regretta.tabular_data.measure.parameters import LayerParameters, Parameters
from regretta.tabular_data.measure.shapes import Convolution, Shape

_aten = torch.ops.aten
_SMALL = 16
"""Pixels up to which pooling by one matrix for all of them is quicker than axis by axis."""


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
            self._table = table
            self.matrix = torch.empty(networks, *table.shape, device=device)
            self._flat_matrix = self.matrix.view(networks, -1)
            self._matrix_transposed = self.matrix.mT
            self._source, self._folded_zero = columns.matrix, layer.out_channels * layer.fan_in
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
        places = np.where(self._table < 0, self._folded_zero, self._table)
        index = torch.from_numpy(places.ravel()).to(flat.device)
        torch.index_select(flat, 1, index, out=self._flat_matrix)

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
        _multiply(self.matrix[:, part], self._source, out, first)


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


class AveragePool:
    """Mean over windows, of what lies inside of the image.

    3x3 with stride 1 as in a cell, or 2x2 with stride 2 as in a residual block's shortcut. It is
    computed once for all of its targets.
    """

    def __init__(
        self, workspace: Workspace, source: Value, targets: list[Value], size: int, trains: bool
    ) -> None:
        networks, channels, width, height, images = source.images.shape
        across, along = _means(width, size), _means(height, size)
        after = (networks, channels, len(across), len(along), images)
        # Small images take one matrix for all pixels, larger ones one for each axis.
        steps: list[tuple[NDArray[np.float64], tuple[int, int, int], tuple[int, int, int]]]
        if width * height <= _SMALL:
            batch = networks * channels
            pixels = len(across) * len(along)
            steps = [
                (
                    np.kron(across, along).astype(np.float64),
                    (batch, width * height, images),
                    (batch, pixels, images),
                )
            ]
        else:
            batch = networks * channels
            between = (batch, len(across), height * images)
            rows = batch * len(across)
            steps = [
                (across, (batch, width, height * images), between),
                (along, (rows, height, images), (rows, len(along), images)),
            ]
        self._source, self._targets = source, targets
        self._first = [target.take_image() for target in targets]
        self._total = workspace.take("pool", after) if len(targets) > 1 else None
        out = targets[0].images if self._total is None else self._total
        self._forwards = _chain(workspace, steps, source.images, out)
        if trains:
            self._first_gradient = False
            given = targets[0].gradient if self._total is None else self._total
            turned = [(np.ascontiguousarray(m.T), after, before) for m, before, after in steps]
            self._backwards = _chain(workspace, turned[::-1], given, source.gradient)

    def prepare_backward(self) -> None:
        """Note whether it is the first to write the source's gradient."""
        self._first_gradient = self._source.take_gradient()

    def forward(self) -> None:
        """Give the means to the targets."""
        if self._total is None:
            _run(self._forwards, self._first[0])
            return
        _run(self._forwards, True)
        for target, first in zip(self._targets, self._first, strict=True):
            target.images.copy_(self._total) if first else target.images.add_(self._total)

    def backward(self) -> None:
        """Send the targets' gradient to the source."""
        if self._total is not None:
            first, second, *others = self._targets
            torch.add(first.gradient, second.gradient, out=self._total)
            for target in others:
                self._total.add_(target.gradient)
        _run(self._backwards, self._first_gradient)


_Step = tuple[Tensor, Tensor, Tensor]


def _chain(
    workspace: Workspace,
    steps: Sequence[tuple[NDArray[np.float64], tuple[int, int, int], tuple[int, int, int]]],
    source: Tensor,
    out: Tensor,
) -> list[_Step]:
    """Matrix products one after the other: each a matrix, what it multiplies and the result."""
    found = []
    for k, (matrix, before, after) in enumerate(steps):
        last = k == len(steps) - 1
        into = out if last else workspace.take("pooling", (math.prod(after),))
        factor = torch.from_numpy(matrix).to(source).expand(before[0], -1, -1)
        found.append((factor, source.view(before), into.view(after)))
        source = into
    return found


def _run(steps: Sequence[_Step], first: bool) -> None:
    """Do the products of a chain; the last one overwrites or is added."""
    for matrix, given, out in steps[:-1]:
        torch.bmm(matrix, given, out=out)
    _multiply(*steps[-1], first)


class Skip:
    """The source's images themselves."""

    def __init__(self, source: Value, target: Value) -> None:
        self._source, self._target = source, target
        self._first, self._first_gradient = target.take_image(), False

    def prepare_backward(self) -> None:
        """Note whether it is the first to write the source's gradient."""
        self._first_gradient = self._source.take_gradient()

    def forward(self) -> None:
        """Give the images to the target."""
        if self._first:
            self._target.images.copy_(self._source.images)
        else:
            self._target.images.add_(self._source.images)

    def backward(self) -> None:
        """Send the target's gradient to the source."""
        if self._first_gradient:
            self._source.gradient.copy_(self._target.gradient)
        else:
            self._source.gradient.add_(self._target.gradient)


def _multiply(a: Tensor, b: Tensor, out: Tensor, first: bool) -> None:
    if first:
        torch.bmm(a, b, out=out)
    else:
        torch.baddbmm(out, a, b, out=out)


def _means(length: int, size: int) -> NDArray[np.float64]:
    """Means over windows along one axis, as a matrix ``[after, before]``."""
    stride, before = (1, 1) if size == 3 else (2, 0)
    found = np.zeros((-(-length // stride), length))
    for k, row in enumerate(found):
        start = k * stride - before
        window = row[max(start, 0) : start + size]
        window[:] = 1 / len(window)
    return found


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
