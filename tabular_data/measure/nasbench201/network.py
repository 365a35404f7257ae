"""Some networks of one repeated NAS-Bench-201 cell, as a list of operations on fixed buffers.

The networks differ in their weights and in the order of their images only: side by side, each
operation is called once for all of them. A node of a cell is the sum of its edges; convolutions
are rectifier, convolution, normalisation; those that read one node share its rectifier.

Source: see `regretta.tabular_data.measure.nasbench201.architecture`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from regretta.tabular_data.measure.nasbench201.architecture import KERNELS, stage_shapes
from regretta.tabular_data.measure.nasbench201.convolution import Columns, Product
from regretta.tabular_data.measure.nasbench201.normalisation import BatchNorm
from regretta.tabular_data.measure.nasbench201.pooling import AveragePool, Skip
from regretta.tabular_data.measure.nasbench201.values import Value, Workspace
from regretta.tabular_data.measure.parameters import Parameters
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.shapes import Shape
from regretta.tabular_data.spaces.nasbench201_functions import POOL, SKIP, LiveCell

Operation = Callable[[], object]


class Network:
    """The networks of a cell for batches of one size, ready to train or to evaluate.

    Two can share their `Parameters`: one that trains on small batches and one that evaluates on
    large ones.

    Parameters
    ----------
    cell : LiveCell
    image : Shape
        Of an input image.
    recipe : Recipe
    parameters : Parameters
        For the layers that `architecture.layers` lists for the cell.
    images : int
        Images of one batch.
    training : bool
        Allocate what `forward` and `backward` need; otherwise only `evaluate` can be called.

    Attributes
    ----------
    logits : torch.Tensor
        ``[networks, classes, images]``: the result.
    """

    def __init__(
        self,
        cell: LiveCell,
        image: Shape,
        recipe: Recipe,
        parameters: Parameters,
        images: int,
        *,
        training: bool,
    ) -> None:
        self._cell, self._recipe, self._parameters = cell, recipe, parameters
        self._networks, self._images, self._training = len(parameters.values), images, training
        self._device = parameters.values.device
        self._forwards: list[Operation] = []
        self._backwards: list[tuple[Operation | None, Operation]] = []
        self._evaluations: list[Operation] = []
        self._folds: list[Callable[[float], object]] = []
        self._values: list[Value] = []

        self._workspace = Workspace(self._device)
        self._input = Value(self._workspace, image, self._networks, images, training=False)
        shapes = stage_shapes(image, recipe.channels)
        value = self._value(shapes[0])
        columns = self._columns(self._input, 3, rectified=False, trains=False)
        self._convolve("stem", columns, [value], needs_gradient=False)
        self._complete(value)
        for stage, shape in enumerate(shapes):
            if stage:
                value = self._reduce(f"{stage}.reduce", value, shape)
            for place in range(recipe.cells_per_stage):
                value = self._add_cell(f"{stage}.{place}", value)
        self._add_head(value)
        self._backward_operations = [operation for _, operation in reversed(self._backwards)]
        for prepare, _ in reversed(self._backwards):
            if prepare is not None:
                prepare()

    def load(self, images: Tensor) -> None:
        """Take a batch ``[networks or 1, channels, height, width, images]``."""
        self._input.images.copy_(images.transpose(2, 3))

    def forward(self) -> None:
        """Compute the logits of the batch, normalised by the statistics of the batch."""
        for operation in self._forwards:
            operation()
        self._classify()

    def backward(self, one_hot: Tensor) -> None:
        """Compute the gradients of the mean cross-entropy of the latest `forward`.

        Parameters
        ----------
        one_hot : torch.Tensor
            ``[networks, classes, images]``: one at the label of each image.
        """
        p = self._parameters
        error = torch.softmax(self.logits, 1).sub_(one_hot).div_(self._images)
        p.dense_weight_grad.copy_(torch.bmm(error, self._features.mT))
        torch.sum(error, 2, True, out=p.dense_bias_grad)
        spread = torch.bmm(p.dense_weight.mT, error).div_(self._shown.shape[2])
        torch.mul(spread.unsqueeze(2), self._shown > 0, out=self._shown_gradient)
        for operation in self._backward_operations:
            operation()

    def fold(self, share: float) -> None:
        """Take the running statistics, divided by their ``share``, for the next evaluations."""
        for value in self._values:
            value.bias.zero_()
        for fold in self._folds:
            fold(share)

    def evaluate(self) -> None:
        """Compute the logits of the batch, normalised by the folded statistics."""
        for operation in self._evaluations:
            operation()
        self._classify()

    def _classify(self) -> None:
        p = self._parameters
        torch.clamp_min(self._out.images.flatten(2, 3), 0.0, out=self._shown)
        torch.mean(self._shown, 2, out=self._features)
        torch.baddbmm(p.dense_bias, p.dense_weight, self._features, out=self.logits)

    def _value(self, shape: Shape, purpose: str = "") -> Value:
        """A value; those of one purpose share the buffer of their gradient."""
        value = Value(self._workspace, shape, self._networks, self._images, self._training, purpose)
        self._values.append(value)
        return value

    def _back(self, operation: Operation, prepare: Operation | None = None) -> None:
        """Do ``operation`` on the way back; ``prepare`` is called once, in that order."""
        self._backwards.append((prepare, operation))

    def _complete(self, value: Value) -> None:
        """Note that nothing is added to a value any more: on the way back its gradient is whole."""
        if self._training:
            self._back(value.sum_gradient)
        elif not value.fresh:
            self._evaluations.append(value.add_bias)

    def _columns(
        self,
        value: Value,
        rows: int,
        stride: int = 1,
        *,
        rectified: bool = True,
        trains: bool = True,
    ) -> Columns:
        """Append the reading of a value; its gradient goes back after all convolutions of it."""
        trains = trains and self._training
        columns = Columns(self._workspace, value, rows, stride, rectified, trains)
        self._both(columns.forward)
        if trains:
            self._back(columns.backward, columns.prepare_backward)
        return columns

    def _convolve(
        self, name: str, columns: Columns, targets: list[Value], *, needs_gradient: bool = True
    ) -> None:
        """Append the convolutions of one kernel that read some columns, one for each target."""
        product = Product(
            self._workspace, self._parameters, name, columns, self._training, needs_gradient
        )
        norm = BatchNorm(
            product.parameters,
            product.channel_rows,
            targets,
            self._recipe.norm_epsilon,
            product.gradient_channel_rows if self._training else None,
        )

        def fold(share: float) -> None:
            norm.fold(share)
            product.fold(norm.factor)

        self._folds.append(fold)
        if self._training:
            self._forwards += [product.forward, norm.forward]
            self._back(product.backward)
            self._back(norm.backward)
        else:
            self._evaluations += product.evaluate_into(targets)

    def _pool(self, source: Value, targets: list[Value], size: int) -> None:
        pool = AveragePool(self._workspace, source, targets, size, self._training)
        self._both(pool.forward)
        if self._training:
            self._back(pool.backward, pool.prepare_backward)

    def _skip(self, source: Value, target: Value) -> None:
        skip = Skip(source, target)
        self._both(skip.forward)
        if self._training:
            self._back(skip.backward, skip.prepare_backward)

    def _both(self, operation: Operation) -> None:
        """Do ``operation`` on the way forward, in training and in evaluation."""
        self._forwards.append(operation)
        self._evaluations.append(operation)

    def _add_cell(self, place: str, x: Value) -> Value:
        """Append the operations of one cell; returns its output."""
        cell = self._cell
        nodes = [
            x,
            self._value(x.shape, "node 1"),
            self._value(x.shape, "node 2"),
            self._value(x.shape),
        ]
        for source, value in enumerate(nodes[:3]):
            if source:
                self._complete(value)
            into = {
                operation: [nodes[node] for node in cell.targets(source, operation)]
                for operation in (*KERNELS.values(), POOL, SKIP)
            }
            kernels = [kernel for kernel, operation in KERNELS.items() if into[operation]]
            if kernels:
                columns = self._columns(value, max(kernels))
                for kernel in kernels:
                    self._convolve(f"{place}.{source}.{kernel}", columns, into[KERNELS[kernel]])
            if into[POOL]:
                self._pool(value, into[POOL], 3)
            for target in into[SKIP]:
                self._skip(value, target)
        self._complete(nodes[3])
        return nodes[3]

    def _reduce(self, place: str, x: Value, shape: Shape) -> Value:
        """Append a residual block that halves height and width; returns its output."""
        between, out = self._value(shape), self._value(shape)
        self._convolve(f"{place}.a", self._columns(x, 3, stride=2), [between])
        self._complete(between)
        self._convolve(f"{place}.b", self._columns(between, 3), [out])
        pooled = self._value(Shape(x.shape.channels, shape.height, shape.width))
        self._pool(x, [pooled], 2)
        columns = self._columns(pooled, 1, rectified=False)
        product = Product(
            self._workspace, self._parameters, f"{place}.shortcut", columns, self._training, True
        )
        self._folds.append(lambda share: product.fold(None))
        if self._training:
            self._forwards += [product.forward, lambda: out.rows.add_(product.out)]
            self._back(product.backward)
            self._back(lambda: product.gradient.copy_(out.gradient_rows))
        else:
            self._evaluations += product.evaluate_into([out])
        self._complete(out)
        return out

    def _add_head(self, x: Value) -> None:
        """Append the last normalisation, and prepare what follows it."""
        out = Value(self._workspace, x.shape, self._networks, self._images, self._training)
        norm = BatchNorm(
            self._parameters.layers["last"],
            x.rows,
            [out],
            self._recipe.norm_epsilon,
            x.gradient_rows if self._training else None,
        )
        self._folds.append(norm.fold)
        self._evaluations.append(
            lambda: torch.addcmul(norm.bias, x.rows, norm.factor, out=out.rows)
        )
        if self._training:
            self._forwards.append(norm.forward)
            self._back(norm.backward)
            self._shown_gradient = out.gradient.flatten(2, 3)
            self._complete(out)
        self._out = out
        self._shown = torch.empty_like(out.images.flatten(2, 3))
        n_classes, features = self._parameters.dense_weight.shape[1:]
        self._features = torch.empty(self._networks, features, self._images, device=self._device)
        self.logits = torch.empty(self._networks, n_classes, self._images, device=self._device)
