"""The layers of a network, forwards and backwards, on buffers that are allocated once.

Images lie as ``[channels, height, width, images]``: a 1x1 convolution is then one matrix product,
a concatenation of channels is no operation at all, and the rows that a 3x3 convolution gathers are
contiguous. Every layer writes into given buffers, because at this size the time of a step is
the number of operations and not the arithmetic.
"""

from __future__ import annotations

import torch
from torch import Tensor

from regretta.tabular_data.measure.parameters import LayerParameters
from regretta.tabular_data.measure.shapes import Convolution, Shape

_aten = torch.ops.aten


def allocate(shape: Shape, images: int, device: torch.device) -> Tensor:
    """Allocate images ``[channels, height * width * images]`` of zeros."""
    return torch.zeros(shape.channels, shape.height * shape.width * images, device=device)


class Frame:
    """Images with a border of zeros, and their 3x3 neighbourhoods.

    Attributes
    ----------
    inside : torch.Tensor
        ``[channels, height, width, images]``: write the images here.
    windows : torch.Tensor
        ``[channels, 3, 3, height, width, images]``: a view of the neighbourhoods.
    """

    def __init__(self, shape: Shape, images: int, device: torch.device) -> None:
        c, h, w = shape.channels, shape.height, shape.width
        framed = torch.zeros(c, h + 2, w + 2, images, device=device)
        a, b, d, e = framed.stride()
        self.inside = framed[:, 1:-1, 1:-1]
        self.windows = framed.as_strided((c, 3, 3, h, w, images), (a, b, d, b, d, e))


class NormalisedConvolution:
    """Convolution, batch normalisation, rectifier.

    Parameters
    ----------
    parameters : LayerParameters
        Of one network.
    images : int
        Images of one batch.
    source : torch.Tensor or Frame
        The input: ``[in, positions]`` for a 1x1 convolution, a frame for a 3x3 convolution.
    out : torch.Tensor
        ``[out, positions]``, where the result goes.
    epsilon : float
        Added to the variance.
    """

    def __init__(
        self,
        parameters: LayerParameters,
        images: int,
        source: Tensor | Frame,
        out: Tensor,
        epsilon: float,
    ) -> None:
        layer = parameters.layer
        assert isinstance(layer, Convolution)
        device = out.device
        self.layer = layer
        self.parameters = parameters
        self.epsilon = epsilon
        self.out = out
        self.frame = source if isinstance(source, Frame) else None
        positions = layer.height * layer.width * images
        if isinstance(source, Frame):
            self.columns = torch.empty(layer.fan_in, positions, device=device)
            self.gathered = self.columns.view(source.windows.shape)
        else:
            self.columns = source
        self.images = images
        c = layer.out_channels
        self.folded = torch.empty_like(parameters.weight)
        self.bias = torch.empty(c, 1, device=device)
        self.inverse = torch.empty(c, device=device)
        self.factor = torch.empty(c, device=device)

    def prepare_training(self, gradient: Tensor, source_gradient: Tensor | None) -> None:
        """Allocate what training needs beyond evaluation.

        Parameters
        ----------
        gradient : torch.Tensor
            ``[out, positions]``: the gradient of the result, overwritten by `backward`.
        source_gradient : torch.Tensor or None
            ``[in, positions]``: where `backward` writes the gradient of the input, if anywhere.
        """
        layer, device = self.layer, self.out.device
        c, positions = self.out.shape
        self.centred = torch.empty(c, positions, device=device)
        self.ones = torch.full((positions, 1), 1.0 / positions, device=device)
        self.norm = torch.empty(c, device=device)
        self.zeros = torch.zeros(c, device=device)
        self.epsilons = torch.full((c,), self.epsilon, device=device)
        self.mean_column = self.parameters.mean.view(c, 1)
        self.factor_column = self.factor.view(c, 1)
        self.shift_column = self.parameters.shift.view(c, 1)
        self.gradient = gradient
        self.inner = torch.empty(1, c, positions, device=device)
        self.inner_rows = self.inner[0]
        self.columns_transposed = self.columns.t()
        self.source_gradient = source_gradient
        self.weight_transposed = self.parameters.weight.t()
        if self.frame is not None and source_gradient is not None:
            shape = Shape(c, layer.height, layer.width)
            self.gradient_frame = Frame(shape, self.images, device)
            self.gradient_columns = torch.empty(9 * c, positions, device=device)
            self.gradient_gathered = self.gradient_columns.view(self.gradient_frame.windows.shape)
            self.inner_images = self.inner.view(self.gradient_frame.inside.shape)
            self.reversed = torch.arange(8, -1, -1, device=device)
            self.weight_kernels = self.parameters.weight.view(c, layer.in_channels, 9)
            self.turned = torch.empty(layer.in_channels, c, 9, device=device)
            self.turned_rows = self.turned.view(layer.in_channels, 9 * c)

    def forward(self) -> None:
        """Compute the result with the statistics of the batch, and note these."""
        p, centred, out = self.parameters, self.centred, self.out
        if self.frame is not None:
            self.gathered.copy_(self.frame.windows)
        torch.mm(p.weight, self.columns, out=centred)
        torch.mm(centred, self.ones, out=self.mean_column)
        centred.sub_(self.mean_column)
        torch.linalg.vector_norm(centred, 2, 1, out=self.norm)
        torch.addcmul(
            self.epsilons, self.norm, self.norm, value=1.0 / centred.shape[1], out=p.spread
        )
        torch.rsqrt(p.spread, out=self.inverse)
        torch.mul(p.scale, self.inverse, out=self.factor)
        torch.mul(centred, self.factor_column, out=out)
        out.add_(self.shift_column).relu_()

    def backward(self) -> None:
        """Compute the gradients of the parameters and of the input."""
        p = self.parameters
        _aten.threshold_backward.grad_input(self.gradient, self.out, 0, grad_input=self.gradient)
        _aten.native_batch_norm_backward.out(
            *(
                self.gradient.unsqueeze(0),
                self.centred.unsqueeze(0),
                p.scale,
                None,
                None,
                self.zeros,
                self.inverse,
            ),
            *(True, self.epsilon, (True, True, True)),
            out0=self.inner,
            out1=p.scale_grad,
            out2=p.shift_grad,
        )
        torch.mm(self.inner_rows, self.columns_transposed, out=p.weight_grad)
        if self.source_gradient is None:
            return
        if self.frame is None:
            torch.mm(self.weight_transposed, self.inner_rows, out=self.source_gradient)
            return
        self.gradient_frame.inside.copy_(self.inner_images)
        self.gradient_gathered.copy_(self.gradient_frame.windows)
        self.turned.copy_(self.weight_kernels.index_select(2, self.reversed).transpose(0, 1))
        torch.mm(self.turned_rows, self.gradient_columns, out=self.source_gradient)

    def fold(self, share: float) -> None:
        """Fold the running statistics, divided by their ``share``, into weights and a bias."""
        p = self.parameters
        torch.rsqrt(p.running_spread / share, out=self.inverse)
        torch.mul(p.scale, self.inverse, out=self.factor)
        torch.mul(p.weight, self.factor.unsqueeze(1), out=self.folded)
        torch.sub(p.shift, self.factor * p.running_mean / share, out=self.bias[:, 0])

    def evaluate(self) -> None:
        """Compute the result with the folded statistics."""
        if self.frame is not None:
            self.gathered.copy_(self.frame.windows)
        torch.addmm(self.bias, self.folded, self.columns, out=self.out)
        self.out.relu_()


class Pool:
    """Largest value of every window.

    Parameters
    ----------
    source, out : torch.Tensor
        ``[channels, positions]``, before and after.
    shape : Shape
        Of ``source``.
    images : int
        Images of one batch.
    size, stride, padding : int
        Of the windows.
    """

    def __init__(
        self,
        source: Tensor,
        out: Tensor,
        shape: Shape,
        images: int,
        size: int,
        stride: int,
        padding: int,
    ) -> None:
        self.window = ((size, size), (stride, stride), (padding, padding), (1, 1), False)
        height = (shape.height + 2 * padding - size) // stride + 1
        width = (shape.width + 2 * padding - size) // stride + 1
        self._before = (shape.channels, shape.height, shape.width, images)
        self._after = (shape.channels, height, width, images)
        self.source = self._view(source, self._before)
        self.out = self._view(out, self._after)
        self.indices = torch.empty_like(self.out, dtype=torch.int64)

    @staticmethod
    def _view(values: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
        return values.view(shape).permute(0, 3, 1, 2)

    def prepare_training(self, gradient: Tensor, source_gradient: Tensor) -> None:
        """Set where the gradient of the result is, and where that of the input goes."""
        self.gradient = self._view(gradient, self._after)
        self.source_gradient = self._view(source_gradient, self._before)

    def forward(self) -> None:
        """Compute the result and note where it comes from."""
        _aten.max_pool2d_with_indices.out(
            self.source, *self.window, out=self.out, indices=self.indices
        )

    evaluate = forward

    def backward(self) -> None:
        """Send the gradient to where the largest values came from."""
        _aten.max_pool2d_with_indices_backward.grad_input(
            self.gradient, self.source, *self.window, self.indices, grad_input=self.source_gradient
        )
