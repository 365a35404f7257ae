"""The numbers of one network, in a few flat buffers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regretta.tabular_data.measure.shapes import Convolution

_ALIGN = 16  # floats: every view starts at a multiple of 64 bytes


@dataclass(frozen=True)
class ConvolutionParameters:
    """Views of one convolution into the buffers of `Parameters`.

    ``weight`` is ``[out, in * kernel * kernel]``; all others are ``[out]``. ``spread`` is the
    variance of the latest batch plus epsilon; ``running_mean`` and ``running_spread`` are the
    exponential averages.
    """

    layer: Convolution
    weight: Tensor
    scale: Tensor
    shift: Tensor
    weight_grad: Tensor
    scale_grad: Tensor
    shift_grad: Tensor
    mean: Tensor
    spread: Tensor
    running_mean: Tensor
    running_spread: Tensor


class Parameters:
    """Trainable parameters, their gradients and momenta, and the statistics of normalisation.

    Each of these is one flat buffer, so that a step of gradient descent is a few operations
    however many layers there are.

    Parameters
    ----------
    layers : list of Convolution
    features, n_classes : int
        Size of the dense layer.
    rng : numpy.random.Generator
        Draws the weights: normal with variance 2 / fan-in for convolutions, 1 / fan-in for the
        dense layer. Scales start at one, shifts and biases at zero.
    device : torch.device
    """

    def __init__(
        self,
        layers: list[Convolution],
        features: int,
        n_classes: int,
        rng: np.random.Generator,
        device: torch.device,
    ) -> None:
        self.n_trainable = sum(layer.n_parameters for layer in layers) + n_classes * (features + 1)
        sizes: list[int] = []
        for layer in layers:
            sizes += [layer.out_channels * layer.fan_in, layer.out_channels, layer.out_channels]
        sizes += [n_classes * features, n_classes]
        starts = _starts(sizes)
        start_values = np.zeros(starts[-1], dtype=np.float32)
        for k, layer in enumerate(layers):
            deviation = math.sqrt(2.0 / layer.fan_in)
            start_values[starts[3 * k] : starts[3 * k] + sizes[3 * k]] = rng.normal(
                0.0, deviation, sizes[3 * k]
            )
            start_values[starts[3 * k + 1] : starts[3 * k + 1] + layer.out_channels] = 1.0
        dense = 3 * len(layers)
        deviation = math.sqrt(1.0 / features)
        start_values[starts[dense] : starts[dense] + sizes[dense]] = rng.normal(
            0.0, deviation, sizes[dense]
        )
        self.values = torch.from_numpy(start_values).to(
            device, copy=True
        )  # aligned as PyTorch does
        self.gradients = torch.zeros_like(self.values)
        self.velocity = torch.zeros_like(self.values)
        statistics = _starts([size for layer in layers for size in (layer.out_channels,) * 2])
        self.statistics = torch.zeros(statistics[-1], device=device)
        self.running = torch.zeros(statistics[-1], device=device)

        def view(buffer: Tensor, k: int, *shape: int) -> Tensor:
            return buffer[starts[k] : starts[k] + sizes[k]].view(*shape)

        self.convolutions: dict[str, ConvolutionParameters] = {}
        for k, layer in enumerate(layers):
            c, shape = layer.out_channels, (layer.out_channels, layer.fan_in)
            mean = slice(statistics[2 * k], statistics[2 * k] + c)
            spread = slice(statistics[2 * k + 1], statistics[2 * k + 1] + c)
            self.convolutions[layer.name] = ConvolutionParameters(
                layer,
                *(
                    view(self.values, 3 * k, *shape),
                    view(self.values, 3 * k + 1, c),
                    view(self.values, 3 * k + 2, c),
                ),
                view(self.gradients, 3 * k, *shape),
                view(self.gradients, 3 * k + 1, c),
                view(self.gradients, 3 * k + 2, c),
                self.statistics[mean],
                self.statistics[spread],
                self.running[mean],
                self.running[spread],
            )
        self.dense_weight = view(self.values, dense, n_classes, features)
        self.dense_bias = view(self.values, dense + 1, n_classes, 1)
        self.dense_weight_grad = view(self.gradients, dense, n_classes, features)
        self.dense_bias_grad = view(self.gradients, dense + 1, n_classes, 1)

    def descend(self, learning_rate: float, momentum: float, weight_decay: float) -> None:
        """Take one step of gradient descent with Nesterov momentum along the gradients."""
        self.gradients.add_(self.values, alpha=weight_decay)
        self.velocity.mul_(momentum).add_(self.gradients)
        self.gradients.add_(self.velocity, alpha=momentum)
        self.values.sub_(self.gradients, alpha=learning_rate)

    def average_statistics(self, share: float) -> None:
        """Move the running statistics towards those of the latest batch by ``share``."""
        self.running.lerp_(self.statistics, share)


def _starts(sizes: list[int]) -> list[int]:
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + -(-size // _ALIGN) * _ALIGN)
    return starts
