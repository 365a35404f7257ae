"""The supernet: NAS-Bench-201's skeleton in which every edge of every cell has all five operations.

The skeleton is that of `regretta.tabular_data.measure.nasbench201.architecture`: what a table's
cells were trained in. What runs on its edges is in `regretta.optimizers.weight_sharing.edges`.

Weights, and the running statistics of normalisation, are one flat tensor each, so that descent, a
gradient's norm, an unrolled step and a checkpoint are one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional as F

from regretta.optimizers.weight_sharing.edges import (
    CHOICES,
    CONV3X3,
    EDGES_OF,
    Joint,
    Norm,
    Sampled,
    Source,
)
from regretta.tabular_data.measure.nasbench201.architecture import stage_shapes
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.shapes import Shape
from regretta.tabular_data.spaces.nasbench201 import EDGES

_MOMENTUM = 0.1


@dataclass(frozen=True)
class _Reduction:
    """The residual block between stages."""

    first: int
    first_norm: Norm
    second: int
    second_norm: Norm
    shortcut: int


class Supernet:
    """All cells at once, with weights of their own for every edge, operation and place.

    Parameters
    ----------
    image
        Shape of an input image.
    n_classes
        Number of labels.
    recipe
        Channels, cells a stage, and the epsilon of normalisation; the rest is not looked at.
    batch_norm
        ``running``: the cells' normalisation evaluates with running estimates. ``batch``: with the
        statistics of the batch that is evaluated. It has no scale and shift in the cells. Stem,
        residual blocks and the last one have both, and evaluate with running estimates then.
        ``all``: they too evaluate with the statistics of the batch.
    rng
        Draws the weights: uniform up to one over the root of the fan-in, PyTorch's own choice.
    device
        ``cpu``, or a GPU as PyTorch names it.

    Attributes
    ----------
    weights
        Everything that is trained, flat.
    means, variances
        Running estimates of every normalisation, flat.
    """

    def __init__(
        self,
        image: Shape,
        n_classes: int,
        recipe: Recipe,
        batch_norm: str,
        rng: np.random.Generator,
        device: str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self._batch_statistics = batch_norm != "running"
        self._all_by_batch = batch_norm == "all"
        self._epsilon = recipe.norm_epsilon
        self._shapes: list[tuple[int, ...]] = []
        self._starts: list[NDArray[np.float32]] = []
        self._rng = rng
        self._channels = 0
        shapes = stage_shapes(image, recipe.channels)
        widths = [shape.channels for shape in shapes]
        self._stem = self._convolution(widths[0], image.channels, 3)
        self._stem_norm = self._affine(widths[0])
        self._reductions: list[_Reduction | None] = []
        self._stages: list[list[list[Source]]] = []
        for stage, width in enumerate(widths):
            self._reductions.append(self._reduction(widths[stage - 1], width) if stage else None)
            self._stages.append(
                [
                    [self._source(width, node) for node in range(3)]
                    for _ in range(recipe.cells_per_stage)
                ]
            )
        self._last = self._affine(widths[-1])
        reach = 1 / math.sqrt(widths[-1])
        self._dense = self._add(rng.uniform(-reach, reach, (n_classes, widths[-1])))
        self._bias = self._add(rng.uniform(-reach, reach, n_classes))
        self._sizes = [math.prod(shape) for shape in self._shapes]
        flat = np.concatenate([start.ravel() for start in self._starts])
        del self._rng, self._starts
        self.weights = torch.from_numpy(flat).to(self.device).requires_grad_()
        self.means = torch.zeros(self._channels, device=self.device)
        self.variances = torch.ones(self._channels, device=self.device)

    # -- what there is -----------------------------------------------------------------------------

    def _add(self, start: NDArray[np.float64]) -> int:
        self._shapes.append(start.shape)
        self._starts.append(start.astype(np.float32))
        return len(self._shapes) - 1

    def _convolution(self, outputs: int, inputs: int, kernel: int) -> int:
        reach = 1 / math.sqrt(inputs * kernel**2)
        return self._add(self._rng.uniform(-reach, reach, (outputs, inputs, kernel, kernel)))

    def _norm(self, channels: int) -> slice:
        self._channels += channels
        return slice(self._channels - channels, self._channels)

    def _affine(self, channels: int) -> Norm:
        scale, shift = self._add(np.ones(channels)), self._add(np.zeros(channels))
        return Norm(self._norm(channels), scale, shift)

    def _reduction(self, before: int, width: int) -> _Reduction:
        first = self._convolution(width, before, 3), self._affine(width)
        second = self._convolution(width, width, 3), self._affine(width)
        return _Reduction(*first, *second, self._convolution(width, before, 1))

    def _source(self, width: int, node: int) -> Source:
        outputs = width * len(EDGES_OF[node])
        small, large = (self._convolution(outputs, width, kernel) for kernel in (1, 3))
        return Source(small, large, Norm(self._norm(2 * outputs)))

    # -- passes ------------------------------------------------------------------------------------

    def joint(
        self,
        images: Tensor,
        mixture: Tensor,
        weights: Tensor | None = None,
        *,
        training: bool = True,
    ) -> Tensor:
        """Pass through the weighted sum of all operations on every edge.

        Parameters
        ----------
        images
            ``[n, channels, height, width]``.
        mixture
            Weight of each operation on each edge, ``[6, 5]``; the same in all cells.
        weights
            Other weights than the supernet's own, flat.
        training
            Whether normalisation takes the batch's statistics, and notes them. Every pass does,
            also one with other weights.

        Returns
        -------
        Tensor
            Logits ``[n, classes]``.
        """
        return self._pass(images, Joint(mixture), weights, training)

    def path(
        self,
        images: Tensor,
        cell: Iterable[int],
        weights: Tensor | None = None,
        *,
        training: bool = True,
    ) -> Tensor:
        """Pass through one operation an edge, the same cell everywhere.

        Parameters
        ----------
        cell
            Six operations. Those that lead to nothing are computed too: their normalisation notes
            what it sees.
        images, weights, training
            As for `joint`.
        """
        return self._pass(images, Sampled([int(choice) for choice in cell]), weights, training)

    def gumbel(self, images: Tensor, gates: Tensor, *, training: bool = True) -> Tensor:
        """Pass through one operation an edge, with a gradient for all of them (GDAS).

        Parameters
        ----------
        gates
            ``[6, 5]``: 1 for the operation that is computed, 0 for the others. The former
            multiplies it, the latter are added as numbers.
        images, training
            As for `joint`.
        """
        return self._pass(images, Sampled(gates.argmax(1).tolist(), gates), None, training)

    def accuracies(
        self, cells: ArrayLike, images: ArrayLike, labels: ArrayLike, batch: int | None = None
    ) -> NDArray[np.float64]:
        """One-shot accuracy of cells: that of their paths, in evaluation.

        Nothing of the supernet changes, and nothing is drawn.

        Parameters
        ----------
        cells
            Rows of the space, ``[k]``.
        images, labels
            ``[n, channels, height, width]`` and ``[n]``.
        batch
            Images at once; what remains is left out. With batch statistics accuracies depend on it.
            All of them where None.

        Returns
        -------
        ndarray
            Fractions, ``[k]``.
        """
        rows = np.unravel_index(np.asarray(cells, dtype=np.int64).ravel(), CHOICES[1:] * CHOICES[0])
        choices = np.stack(rows, axis=1).tolist()
        size = len(np.asarray(labels)) if batch is None else batch
        given = self.tensor(images).split(size)
        answers = self.tensor(labels).split(size)
        whole = [pair for pair in zip(given, answers, strict=True) if len(pair[0]) == size]
        found = np.zeros((len(choices), len(whole)))
        for i, cell in enumerate(choices):
            for j, (some, answer) in enumerate(whole):
                found[i, j] = self.accuracy(cell, some, answer)
        accuracies: NDArray[np.float64] = found.mean(axis=1)
        return accuracies

    def accuracy(self, cell: Iterable[int], images: Tensor, labels: Tensor) -> float:
        """One-shot accuracy of a cell on one batch, in evaluation."""
        with torch.inference_mode():
            right = self.path(images, cell, training=False).argmax(1) == labels
            return float(right.sum()) / len(labels)

    def kernel(self, stage: int, place: int, edge: int, choice: int) -> Tensor:
        """Weights of one convolution, ``[C, C, k, k]``.

        Parameters
        ----------
        stage, place
            Which cell, both from 0.
        edge, choice
            Which edge of `EDGES`, and which convolution on it.
        """
        node = EDGES[edge][1]
        source = self._stages[stage][place][node]
        part = source.large if choice == CONV3X3 else source.small
        start = sum(self._sizes[:part])
        kernels = self.weights[start : start + self._sizes[part]].view(self._shapes[part])
        width = kernels.shape[1]
        first = EDGES_OF[node].index(edge) * width
        return kernels[first : first + width]

    def tensor(self, values: ArrayLike) -> Tensor:
        """Numbers where the supernet is."""
        if isinstance(values, Tensor):
            return values.to(self.device)
        return torch.from_numpy(np.array(values)).to(self.device)

    # -- how ---------------------------------------------------------------------------------------

    def _pass(
        self, x: Tensor, operations: Joint | Sampled, weights: Tensor | None, training: bool
    ) -> Tensor:
        flat = self.weights if weights is None else weights
        w = [
            part.view(shape)
            for part, shape in zip(flat.split(self._sizes), self._shapes, strict=True)
        ]

        def normalise(y: Tensor, norm: Norm) -> Tensor:
            if self._all_by_batch:
                affine = w[norm.scale], w[norm.shift]
                return F.batch_norm(y, None, None, *affine, True, _MOMENTUM, self._epsilon)
            return F.batch_norm(
                y,
                *self._kept(norm.channels),
                w[norm.scale],
                w[norm.shift],
                training,
                _MOMENTUM,
                self._epsilon,
            )

        def block(y: Tensor, kernel: int, norm: Norm, stride: int) -> Tensor:
            return normalise(F.conv2d(F.relu(y), w[kernel], stride=stride, padding=1), norm)

        x = normalise(F.conv2d(x, w[self._stem], padding=1), self._stem_norm)
        for reduction, cells in zip(self._reductions, self._stages, strict=True):
            if reduction is not None:
                pooled = F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)
                y = block(x, reduction.first, reduction.first_norm, 2)
                y = block(y, reduction.second, reduction.second_norm, 1)
                x = y + F.conv2d(pooled, w[reduction.shortcut])
            for sources in cells:
                nodes: list[Tensor | None] = [x, None, None, None]
                for node, source in enumerate(sources):
                    value = nodes[node]
                    if value is None:
                        value = torch.zeros_like(x)
                    for target, term in operations.terms(self, w, source, node, value, training):
                        before = nodes[target]
                        nodes[target] = term if before is None else before + term
                x = torch.zeros_like(x) if nodes[3] is None else nodes[3]
        x = F.relu(normalise(x, self._last)).mean((2, 3))
        return F.linear(x, w[self._dense], w[self._bias])

    def normalise_convolutions(
        self, y: Tensor, channels: Sequence[slice], scale: Tensor | None, training: bool
    ) -> Tensor:
        """Normalise what some convolutions of cells gave, with the batch's or running statistics.

        Parameters
        ----------
        y
            ``[n, channels, height, width]``.
        channels
            Where the estimates of `y`'s channels are, one piece after the other.
        scale
            Of each channel, or None for 1.
        training
            As for `joint`.
        """
        if self._batch_statistics:
            return F.batch_norm(y, None, None, scale, None, True, _MOMENTUM, self._epsilon)
        kept = [self._kept(part) for part in channels]
        if len(kept) == 1:
            estimates = kept[0]
        else:
            estimates = tuple(torch.cat(parts) for parts in zip(*kept, strict=True))
        y = F.batch_norm(y, *estimates, scale, None, training, _MOMENTUM, self._epsilon)
        if training and len(kept) > 1:
            lengths = [len(means) for means, _ in kept]
            new = zip(*(noted.split(lengths) for noted in estimates), strict=True)
            for old, noted in zip(kept, new, strict=True):
                for estimate, value in zip(old, noted, strict=True):
                    estimate.copy_(value)
        return y

    def _kept(self, channels: slice) -> tuple[Tensor, Tensor]:
        """Running estimates of some channels: views of which autograd knows no others."""
        return self.means.data[channels], self.variances.data[channels]
