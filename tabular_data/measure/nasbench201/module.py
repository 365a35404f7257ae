"""The network of a NAS-Bench-201 cell as a module of plain PyTorch, as its paper reads.

It is what the engine of `network` is checked against, and what trained weights are loaded into.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regretta.tabular_data.measure.parameters import Parameters
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.shapes import Shape
from regretta.tabular_data.spaces.nasbench201_functions import CONV1X1, CONV3X3, SKIP, LiveCell

Pair = tuple[nn.Parameter, str, tuple[Tensor, Tensor, slice]]


class Block(nn.Module):  # type: ignore[misc]
    """Rectifier, convolution, normalisation."""

    def __init__(self, kernel: int, inputs: int, outputs: int, stride: int, epsilon: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs, eps=epsilon)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.convolution(F.relu(x)))


class CellModule(nn.Module):  # type: ignore[misc]
    """A node is the sum of its edges, each with an operation of its own."""

    def __init__(self, cell: LiveCell, channels: int, epsilon: float) -> None:
        super().__init__()
        self.cell = cell
        self.blocks = nn.ModuleDict(
            {
                f"{source}>{node}": Block(
                    3 if operation == CONV3X3 else 1, channels, channels, 1, epsilon
                )
                for source, node, operation in cell.edges
                if operation in (CONV1X1, CONV3X3)
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x] + [torch.zeros_like(x) for _ in range(3)]
        for source, node, operation in self.cell.edges:
            value = nodes[source]
            if operation in (CONV1X1, CONV3X3):
                value = self.blocks[f"{source}>{node}"](value)
            elif operation != SKIP:
                value = F.avg_pool2d(value, 3, 1, 1, count_include_pad=False)
            nodes[node] = nodes[node] + value
        return nodes[3]


class Reduction(nn.Module):  # type: ignore[misc]
    """The residual block between stages."""

    def __init__(self, inputs: int, outputs: int, epsilon: float) -> None:
        super().__init__()
        self.a = Block(3, inputs, outputs, 2, epsilon)
        self.b = Block(3, outputs, outputs, 1, epsilon)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)
        return self.b(self.a(x)) + self.shortcut(pooled)


class CellNetwork(nn.Module):  # type: ignore[misc]
    """Stem, cells with a residual block between stages, normalisation, average, dense layer."""

    def __init__(self, cell: LiveCell, image: Shape, recipe: Recipe, n_classes: int) -> None:
        super().__init__()
        epsilon = recipe.norm_epsilon
        self.stem = nn.Conv2d(image.channels, recipe.channels[0], 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(recipe.channels[0], eps=epsilon)
        self.body = nn.ModuleDict()
        for stage, channels in enumerate(recipe.channels):
            if stage:
                self.body[f"{stage}/reduce"] = Reduction(
                    recipe.channels[stage - 1], channels, epsilon
                )
            for place in range(recipe.cells_per_stage):
                self.body[f"{stage}/{place}"] = CellModule(cell, channels, epsilon)
        self.last = nn.BatchNorm2d(recipe.channels[-1], eps=epsilon)
        self.dense = nn.Linear(recipe.channels[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem_norm(self.stem(x))
        for module in self.body.values():
            x = module(x)
        return self.dense(F.relu(self.last(x)).mean((2, 3)))

    def parts(self) -> Iterator[tuple[str, nn.Conv2d | None, nn.BatchNorm2d | None, slice]]:
        """Each convolution with its normalisation, the engine's name of them and their rows."""
        everything = slice(None)
        yield "stem", self.stem, self.stem_norm, everything
        for key, module in self.body.items():
            place = key.replace("/", ".")
            if isinstance(module, Reduction):
                yield f"{place}.a", module.a.convolution, module.a.norm, everything
                yield f"{place}.b", module.b.convolution, module.b.norm, everything
                yield f"{place}.shortcut", module.shortcut, None, everything
                continue
            for edge, block in module.blocks.items():
                source, node = (int(end) for end in edge.split(">"))
                c, kernel = block.convolution.out_channels, block.convolution.kernel_size[0]
                operation = CONV3X3 if kernel == 3 else CONV1X1
                rank = module.cell.targets(source, operation).index(node)
                rows = slice(rank * c, (rank + 1) * c)
                yield f"{place}.{source}.{kernel}", block.convolution, block.norm, rows
        yield "last", None, self.last, everything

    def norms(self) -> Iterator[tuple[str, nn.BatchNorm2d, slice]]:
        """Each normalisation, with the engine's name of it and its rows."""
        for name, _, norm, rows in self.parts():
            if norm is not None:
                yield name, norm, rows

    def pairs(self, parameters: Parameters, network: int) -> Iterator[Pair]:
        """Each parameter, and the engine's value and gradient of it with its rows."""
        for name, convolution, norm, rows in self.parts():
            views = parameters.layers[name].of(network)
            if convolution is not None:
                yield convolution.weight, name, (views.weight, views.weight_grad, rows)
            if norm is not None:
                yield norm.weight, name, (views.scale, views.scale_grad, rows)
                yield norm.bias, name, (views.shift, views.shift_grad, rows)
        weight = (parameters.dense_weight[network], parameters.dense_weight_grad[network])
        bias = (parameters.dense_bias[network], parameters.dense_bias_grad[network])
        yield self.dense.weight, "dense", (*weight, slice(None))
        yield self.dense.bias, "dense", (*bias, slice(None))

    def take(self, parameters: Parameters, network: int) -> CellNetwork:
        """Copy weights and running statistics of one of the engine's networks."""
        with torch.no_grad():
            for mine, _, (value, _, rows) in self.pairs(parameters, network):
                mine.copy_(value[rows].reshape(mine.shape))
            for name, norm, rows in self.norms():
                views = parameters.layers[name].of(network)
                norm.running_mean.copy_(views.running_mean[rows])
                # the engine keeps the variance and epsilon together
                norm.running_var.copy_(views.running_spread[rows] - norm.eps)
        return self
