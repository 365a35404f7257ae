"""What runs on the edges of a supernet's cells: all operations weighted, or one each.

Convolutions that read one node are one convolution: they share the rectifier, a 1x1 kernel is a
3x3 kernel with zeros around it, and normalisation acts on every channel by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from regretta.tabular_data.spaces.nasbench201 import EDGES, OPERATIONS

if TYPE_CHECKING:
    from regretta.optimizers.weight_sharing.supernet import Supernet

NONE, SKIP, CONV1X1, CONV3X3, POOL = range(len(OPERATIONS))
CHOICES = (len(EDGES), len(OPERATIONS))

_SMALL = 64
"""Pixels up to which a product of matrices is quicker on a CPU than PyTorch's own pooling or 1x1
convolution."""
EDGES_OF = tuple(
    tuple(edge for edge, (_, source) in enumerate(EDGES) if source == node) for node in range(3)
)
"""Edges that leave a node, in the order of the nodes that they feed."""


@dataclass(frozen=True)
class Norm:
    """A batch normalisation: its channels among all, and its scale and shift, if it has them."""

    channels: slice
    scale: int = -1
    shift: int = -1


@dataclass(frozen=True)
class Source:
    """What reads one node of one cell: kernels of 1 and of 3, each ``[targets * C, C, k, k]``."""

    small: int
    large: int
    norm: Norm


Terms = list[tuple[int, Tensor]]
"""Nodes, each with something that is added to it."""


class Joint:
    """Every operation, weighted."""

    def __init__(self, mixture: Tensor) -> None:
        self._mixture = [mixture[list(edges)] for edges in EDGES_OF]
        self._scales: dict[tuple[int, int], Tensor] = {}

    def terms(
        self,
        net: Supernet,
        w: Sequence[Tensor],
        source: Source,
        node: int,
        x: Tensor,
        training: bool,
    ) -> Terms:
        """What a node gives to those after it."""
        n, width, *size = x.shape
        mixture, targets = self._mixture[node], len(EDGES_OF[node])
        if (node, width) not in self._scales:
            scale = mixture[:, [CONV1X1, CONV3X3]].t().unsqueeze(2)
            self._scales[node, width] = scale.expand(2, targets, width).reshape(-1)
        kernels = torch.cat([F.pad(w[source.small], (1, 1, 1, 1)), w[source.large]])
        y = convolve(F.relu(x), kernels)
        y = net.normalise_convolutions(
            y, [source.norm.channels], self._scales[node, width], training
        )
        total = y.view(n, 2, targets, width, *size).sum(1)
        pooled = pool(x)
        factors = mixture[:, [SKIP, POOL]].view(targets, 2, 1, 1, 1)
        total = torch.addcmul(total, x.unsqueeze(1), factors[:, 0])
        total = torch.addcmul(total, pooled.unsqueeze(1), factors[:, 1])
        return [(EDGES[edge][0], total[:, k]) for k, edge in enumerate(EDGES_OF[node])]


class Sampled:
    """One operation an edge; with gates, each times its own and plus the sum of the others'."""

    def __init__(self, cell: Sequence[int], gates: Tensor | None = None) -> None:
        self._cell = cell
        self._chosen: list[Tensor] = []
        self._others: list[Tensor] = []
        if gates is not None:
            self._chosen = [gates[edge, choice] for edge, choice in enumerate(cell)]
            total = gates.sum(1)
            self._others = [total[edge] - chosen for edge, chosen in enumerate(self._chosen)]

    def terms(
        self,
        net: Supernet,
        w: Sequence[Tensor],
        source: Source,
        node: int,
        x: Tensor,
        training: bool,
    ) -> Terms:
        """What a node gives to those after it."""
        width = x.shape[1]
        edges = EDGES_OF[node]
        found: Terms = []
        kernels, channels, scales, fed = [], [], [], []
        pooled: Tensor | None = None
        for k, edge in enumerate(edges):
            target, choice = EDGES[edge][0], self._cell[edge]
            if self._others:
                found.append((target, self._others[edge].expand(x.shape)))
            if choice in (CONV1X1, CONV3X3):
                rows = slice(k * width, (k + 1) * width)
                large = choice == CONV3X3
                kernels.append(w[source.large if large else source.small][rows])
                start = source.norm.channels.start + (large * len(edges) + k) * width
                channels.append(slice(start, start + width))
                fed.append(target)
                if self._chosen:
                    scales.append(self._chosen[edge].expand(width))
            elif choice != NONE:
                if choice == POOL and pooled is None:
                    pooled = pool(x)
                value = x if choice == SKIP else pooled
                found.append((target, self._chosen[edge] * value if self._chosen else value))
        if kernels:
            if len(kernels) > 1 and len({kernel.shape for kernel in kernels}) > 1:
                kernels = [F.pad(k, (1, 1, 1, 1)) if k.shape[2] == 1 else k for k in kernels]
            kernel = kernels[0] if len(kernels) == 1 else torch.cat(kernels)
            scale = torch.cat(scales) if scales else None
            y = convolve(F.relu(x), kernel)
            y = net.normalise_convolutions(y, channels, scale, training)
            found += list(zip(fed, y.split(width, 1), strict=True))
        return found


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolution with a kernel of 1 or 3, of stride 1, that keeps height and width."""
    size = kernel.shape[2]
    if size == 1 and _small(x):
        y = kernel.flatten(1) @ x.flatten(2)
        return y.view(len(x), len(kernel), *x.shape[2:])
    return F.conv2d(x, kernel, padding=size // 2)


def pool(x: Tensor) -> Tensor:
    """Mean over 3x3 windows of stride 1, of what lies inside of the image."""
    if not _small(x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    # Kept as an array: a tensor made while a cell is evaluated could not be trained with later.
    windows = torch.from_numpy(_windows(x.shape[2], x.shape[3])).to(x)
    return (x.flatten(2) @ windows).view_as(x)


def _small(x: Tensor) -> bool:
    return bool(x.device.type == "cpu" and x.shape[2] * x.shape[3] <= _SMALL)


@cache
def _windows(height: int, width: int) -> NDArray[np.float32]:
    """What each pixel gives to each mean, ``[height * width, height * width]``."""
    along, across = (
        (np.abs(np.subtract.outer(range(length), range(length))) <= 1).astype(np.float64)
        for length in (height, width)
    )
    inside = np.kron(along, across)
    return np.asarray(inside / inside.sum(axis=0), dtype=np.float32)
