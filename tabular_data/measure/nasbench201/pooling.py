"""What has no weights: averages over windows, and the images themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regretta.tabular_data.measure.nasbench201.values import Value, Workspace, multiply

_SMALL = 16
"""Pixels up to which pooling by one matrix for all of them is quicker than axis by axis."""


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
    multiply(*steps[-1], first)


def _means(length: int, size: int) -> NDArray[np.float64]:
    """Means over windows along one axis, as a matrix ``[after, before]``."""
    stride, before = (1, 1) if size == 3 else (2, 0)
    found = np.zeros((-(-length // stride), length))
    for k, row in enumerate(found):
        start = k * stride - before
        window = row[max(start, 0) : start + size]
        window[:] = 1 / len(window)
    return found
