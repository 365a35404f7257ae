"""A network of one repeated NAS-Bench-101 cell, as a list of operations on fixed buffers.

The semantics are the paper's: a vertex adds what its predecessors give, truncated to its own
channels, and the projection of the cell's input if there is an edge from it; the cell's output is
the concatenation of the vertices that feed it, plus the projection of the cell's input if there
is such an edge. Projections are 1x1 convolutions with normalisation and rectifier.

Source: Ying et al. (2019), arXiv:1902.09635, section 2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from regretta.tabular_data.measure.nasbench101.architecture import (
    CONV3X3,
    MAXPOOL3X3,
    vertex_channels,
)
from regretta.tabular_data.measure.nasbench101.layers import (
    Frame,
    NormalisedConvolution,
    Pool,
    allocate,
)
from regretta.tabular_data.measure.parameters import Parameters
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.shapes import Shape, stage_shapes
from regretta.tabular_data.spaces.nasbench101_graph import Cell

Operation = Callable[[], object]


class Network:
    """The network of a cell for batches of one size, ready to train or to evaluate.

    Two networks can share their `Parameters`: one that trains on small batches and one that
    evaluates on large ones.

    Parameters
    ----------
    cell : Cell
    image : Shape
        Of an input image.
    recipe : Recipe
    parameters : Parameters
        Of one network, for the convolutions that `architecture.convolutions` lists for the cell.
    images : int
        Images of one batch.
    training : bool
        Allocate what `forward` and `backward` need; otherwise only `evaluate` can be called.

    Attributes
    ----------
    logits : torch.Tensor
        ``[1, classes, images]``: the result.
    """

    def __init__(
        self,
        cell: Cell,
        image: Shape,
        recipe: Recipe,
        parameters: Parameters,
        images: int,
        *,
        training: bool,
    ) -> None:
        self._cell = cell
        self._recipe = recipe
        self._parameters = parameters
        self._images = images
        self._training = training
        self._device = parameters.values.device
        self._forwards: list[Operation] = []
        self._backwards: list[Operation] = []
        self._evaluations: list[Operation] = []
        self._convolutions: list[NormalisedConvolution] = []

        frame = Frame(image, images, self._device)
        self._inputs = frame.inside
        shapes = stage_shapes(image, recipe.channels)
        shape = Shape(recipe.channels[0], image.height, image.width)
        value, gradient = self._pair(shape)
        self._convolve("stem", frame, value, gradient, None)
        for stage, wanted in enumerate(shapes):
            if stage:
                smaller = Shape(shape.channels, wanted.height, wanted.width)
                halved, halved_gradient = self._pair(smaller)
                self._pool(value, halved, gradient, halved_gradient, shape, 2, 2, 0)
                value, gradient, shape = halved, halved_gradient, smaller
            for repeat in range(recipe.cells_per_stage):
                value, gradient = self._add_cell(
                    f"{stage}.{repeat}", value, gradient, shape, wanted
                )
                shape = wanted
        self._value = value.view(shape.channels, shape.height * shape.width, images)
        self._gradient = gradient.view(self._value.shape)
        self._pixels = shape.height * shape.width
        self._features = torch.empty(shape.channels, images, device=self._device)
        n_classes = parameters.dense_weight.shape[1]
        self.logits = torch.empty(1, n_classes, images, device=self._device)
        self._logits = self.logits[0]
        self._dense_weight, self._dense_bias = parameters.dense_weight[0], parameters.dense_bias[0]
        self._dense_weight_grad = parameters.dense_weight_grad[0]
        self._dense_bias_grad = parameters.dense_bias_grad[0]
        self._backwards.reverse()

    def load(self, images: Tensor) -> None:
        """Take a batch ``[1, channels, height, width, images]``."""
        self._inputs.copy_(images[0])

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
            ``[1, classes, images]``: one at the label of each image.
        """
        error = torch.softmax(self._logits, 0).sub_(one_hot[0]).div_(self._images)
        torch.mm(error, self._features.t(), out=self._dense_weight_grad)
        torch.sum(error, 1, True, out=self._dense_bias_grad)
        spread = torch.mm(self._dense_weight.t(), error).div_(self._pixels)
        self._gradient.copy_(spread.unsqueeze(1))
        for operation in self._backwards:
            operation()

    def fold(self, share: float) -> None:
        """Take the running statistics, divided by their ``share``, for the next evaluations."""
        for convolution in self._convolutions:
            convolution.fold(share)

    def evaluate(self) -> None:
        """Compute the logits of the batch, normalised by the folded statistics."""
        for operation in self._evaluations:
            operation()
        self._classify()

    def _classify(self) -> None:
        torch.mean(self._value, 1, out=self._features)
        torch.addmm(self._dense_bias, self._dense_weight, self._features, out=self._logits)

    def _pair(self, shape: Shape) -> tuple[Tensor, Tensor]:
        """Allocate a value and its gradient, which is the value itself where nothing is trained."""
        value = allocate(shape, self._images, self._device)
        return value, allocate(shape, self._images, self._device) if self._training else value

    def _convolve(
        self,
        name: str,
        source: Tensor | Frame,
        out: Tensor,
        gradient: Tensor,
        source_gradient: Tensor | None,
    ) -> None:
        parameters = self._parameters.layers[name].of(0)
        layer = NormalisedConvolution(
            parameters, self._images, source, out, self._recipe.norm_epsilon
        )
        self._convolutions.append(layer)
        self._evaluations.append(layer.evaluate)
        if self._training:
            layer.prepare_training(gradient, source_gradient)
            self._forwards.append(layer.forward)
            self._backwards.append(layer.backward)

    def _pool(
        self,
        source: Tensor,
        out: Tensor,
        source_gradient: Tensor,
        gradient: Tensor,
        shape: Shape,
        size: int,
        stride: int,
        padding: int,
    ) -> None:
        layer = Pool(source, out, shape, self._images, size, stride, padding)
        self._evaluations.append(layer.evaluate)
        if self._training:
            layer.prepare_training(gradient, source_gradient)
            self._forwards.append(layer.forward)
            self._backwards.append(layer.backward)

    def _both(self, operation: Operation) -> None:
        """Do ``operation`` on the way forward, in training and in evaluation."""
        self._forwards.append(operation)
        self._evaluations.append(operation)

    def _add_cell(
        self, place: str, x: Tensor, x_gradient: Tensor, shape: Shape, wanted: Shape
    ) -> tuple[Tensor, Tensor]:
        """Append the operations of one cell; returns its output and the gradient of that."""
        cell, last = self._cell, self._cell.vertices - 1
        counts = vertex_channels(cell, shape.channels, wanted.channels)
        projected = [v for v in range(1, last + 1) if cell.matrix[0, v]]
        width = sum(counts[v] for v in projected)
        joint, joint_gradient = self._pair(Shape(width, wanted.height, wanted.width))
        projection: dict[int, Tensor] = {}
        projection_gradient: dict[int, Tensor] = {}
        start = 0
        for v in projected:
            projection[v] = joint[start : start + counts[v]]
            projection_gradient[v] = joint_gradient[start : start + counts[v]]
            start += counts[v]
        self._convolve(f"{place}.project", x, joint, joint_gradient, x_gradient)
        if last == 1:
            return projection[1], projection_gradient[1]

        concatenation, gradient = self._pair(wanted)
        values: dict[int, Tensor] = {}
        gradients: dict[int, Tensor] = {}
        start = 0
        for v in range(1, last):
            if cell.matrix[v, -1]:
                values[v] = concatenation[start : start + counts[v]]
                gradients[v] = gradient[start : start + counts[v]]
                start += counts[v]
            else:
                values[v], gradients[v] = self._pair(Shape(counts[v], wanted.height, wanted.width))
        for v in range(1, last):
            self._add_vertex(
                place, v, wanted, values, gradients, projection.get(v), projection_gradient.get(v)
            )
        if last not in projection:
            return concatenation, gradient
        out = torch.empty_like(concatenation)
        add, into = projection[last], projection_gradient[last]
        self._both(lambda: torch.add(concatenation, add, out=out))
        self._backwards.append(lambda: into.copy_(gradient))
        return out, gradient

    def _add_vertex(
        self,
        place: str,
        v: int,
        shape: Shape,
        values: dict[int, Tensor],
        gradients: dict[int, Tensor],
        projection: Tensor | None,
        projection_gradient: Tensor | None,
    ) -> None:
        """Append the operations of vertex ``v``: the sum of its sources and its own operation."""
        cell, operation = self._cell, self._cell.operations[v - 1]
        c = values[v].shape[0]
        sources = [u for u in range(1, v) if cell.matrix[u, v]]
        terms = [values[u][:c] for u in sources]
        if projection is not None:
            terms.append(projection)
        framed = (
            Frame(Shape(c, shape.height, shape.width), self._images, self._device)
            if operation == CONV3X3
            else None
        )
        if framed is not None:
            self._sum([term.view(framed.inside.shape) for term in terms], framed.inside)
        elif len(terms) > 1:
            total = torch.empty_like(terms[0])
            self._sum(terms, total)
        else:
            total = terms[0]
        # The gradient of the sum goes straight to the projection where there is one, else to the
        # only source that has nobody else to hear from, else to a buffer of its own.
        only = sources[0] if len(sources) == 1 and projection is None else None
        direct = only is not None and self._is_only_consumer(only, v) and values[only].shape[0] == c
        if projection_gradient is not None:
            sum_gradient = projection_gradient
        elif only is not None and direct:
            sum_gradient = gradients[only]
        else:
            sum_gradient = torch.empty_like(terms[0])
        if sources and not direct:
            targets = [gradients[u][:c] for u in sources]
            fresh = [gradients[u] for u in sources if self._last_consumer(u) == v]
            self._backwards.append(lambda: _give(sum_gradient, targets, fresh))
        if operation == MAXPOOL3X3:
            self._pool(
                total,
                values[v],
                sum_gradient,
                gradients[v],
                Shape(c, shape.height, shape.width),
                3,
                1,
                1,
            )
        else:
            source = framed if framed is not None else total
            self._convolve(f"{place}.{v}", source, values[v], gradients[v], sum_gradient)

    def _sum(self, terms: list[Tensor], out: Tensor) -> None:
        if len(terms) == 1:
            term = terms[0]
            self._both(lambda: out.copy_(term))
            return
        first, second, *rest = terms
        self._both(lambda: torch.add(first, second, out=out))
        for term in rest:
            self._both(lambda term=term: out.add_(term))  # type: ignore[misc]

    def _is_only_consumer(self, u: int, v: int) -> bool:
        return sum(self._cell.matrix[u]) == 1 and bool(self._cell.matrix[u, v])

    def _last_consumer(self, u: int) -> int:
        """The vertex whose gradient reaches ``u`` first; the output if ``u`` feeds it."""
        return max(v for v in range(self._cell.vertices) if self._cell.matrix[u, v])


def _give(gradient: Tensor, targets: list[Tensor], fresh: list[Tensor]) -> None:
    """Add a gradient to those of all sources, after clearing those that hear for the first time."""
    for target in fresh:
        target.zero_()
    for target in targets:
        target.add_(gradient)
