"""ENAS's controller: a recurrent network that writes a cell, one edge after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from regretta.optimizers.weight_sharing.descent import Adam, clipped
from regretta.tabular_data.spaces.nasbench201 import EDGES, OPERATIONS

_SIZE = 32
_LAYERS = 2
_SCALE = 2.5
_TEMPERATURE = 5.0
_START = 0.1


@dataclass(frozen=True)
class Sample:
    """Some cells that the controller wrote.

    Attributes
    ----------
    cells
        Six operations each, ``[n, 6]``.
    log_probability
        Of each cell, ``[n]``.
    entropy
        Of its six decisions, summed, nats: ``[n]``; a number without a gradient.
    """

    cells: NDArray[np.int64]
    log_probability: Tensor
    entropy: NDArray[np.float64]


class Controller:
    """Two LSTM layers of 32 units; the input is the operation written last, at first a learnt one.

    Logits are 2.5 tanh(linear / 5). All weights start uniform between -0.1 and 0.1.

    Parameters
    ----------
    rng
        Draws the start.
    rate
        Learning rate of its Adam, whose betas are 0 and 0.999 and whose epsilon is 0.001.
    device
        Where it is.
    """

    def __init__(self, rng: np.random.Generator, rate: float, device: torch.device) -> None:
        gates = 4 * _SIZE
        layer = [(gates, _SIZE), (gates, _SIZE), (gates,), (gates,)]
        count = len(OPERATIONS)
        self._shapes: list[tuple[int, ...]] = [
            (1, _SIZE),
            (count, _SIZE),
            *layer * _LAYERS,
            (count, _SIZE),
            (count,),
        ]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        start = rng.uniform(-_START, _START, sum(self._sizes)).astype(np.float32)
        self.weights: Tensor = torch.from_numpy(start).to(device).requires_grad_()
        self._adam = Adam(self.weights, rate, (0.0, 0.999), epsilon=1e-3)

    def sample(self, count: int, rng: np.random.Generator) -> Sample:
        """Write cells."""
        first, embedding, *layers, dense, bias = (
            part.view(shape)
            for part, shape in zip(self.weights.split(self._sizes), self._shapes, strict=True)
        )
        blocks = [layers[4 * k : 4 * k + 4] for k in range(_LAYERS)]
        zero = torch.zeros(count, _SIZE, device=self.weights.device)
        states = [(zero, zero)] * _LAYERS
        x = first.expand(count, -1)
        cells = np.zeros((count, len(EDGES)), dtype=np.int64)
        entropy = np.zeros(count)
        terms = []
        for edge in range(len(EDGES)):
            for k, block in enumerate(blocks):
                states[k] = torch.lstm_cell(x, states[k], *block)
                x = states[k][0]
            logits = _SCALE * torch.tanh(F.linear(x, dense, bias) / _TEMPERATURE)
            logs = logits.log_softmax(1)
            known = logs.detach().double().cpu().numpy()
            probabilities = np.exp(known)
            entropy -= (probabilities * known).sum(axis=1)
            below = probabilities.cumsum(axis=1)[:, :-1] / probabilities.sum(axis=1)[:, None]
            cells[:, edge] = (rng.random((count, 1)) >= below).sum(axis=1)
            choices = torch.from_numpy(cells[:, edge].copy()).to(logs.device)
            terms.append(logs.gather(1, choices[:, None])[:, 0])
            x = embedding[choices]
        return Sample(cells, torch.stack(terms).sum(0), entropy)

    def learn(self, sample: Sample, advantages: NDArray[np.float64], clip: float) -> None:
        """Take a step that makes cells likelier by their advantage over the baseline."""
        given = torch.from_numpy(advantages.astype(np.float32)).to(self.weights.device)
        loss = -(sample.log_probability * given).mean()
        (gradient,) = torch.autograd.grad(loss, self.weights)
        self._adam.step(clipped(gradient, clip))

    def state(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint needs."""
        weights = self.weights.detach().cpu().numpy()
        return {"controller": weights, **self._adam.state("controller")}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` gave."""
        with torch.no_grad():
            self.weights.copy_(torch.from_numpy(state["controller"]))
        self._adam.restore("controller", state)
