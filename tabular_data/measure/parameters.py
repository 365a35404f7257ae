"""The numbers of some networks of one cell, in a few flat buffers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regretta.tabular_data.measure.shapes import Layer

_ALIGN = 16  # floats: every view starts at a multiple of 64 bytes


@dataclass(frozen=True)
class LayerParameters:
    """Views of one layer into the buffers of `Parameters`, of ``k`` networks.

    ``weight`` is ``[k, out, in * kernel * kernel]``; all others are ``[k, out]``, or ``[k, 0]``
    where nothing is normalised. ``spread`` is the variance of the latest batch plus epsilon;
    ``running_mean`` and ``running_spread`` are the exponential averages.
    """

    layer: Layer
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

    def of(self, network: int) -> LayerParameters:
        """The views of one network, without their first axis."""
        views = {name: view[network] for name, view in vars(self).items() if name != "layer"}
        return LayerParameters(self.layer, **views)


class Parameters:
    """Trainable parameters, their gradients and momenta, and the statistics of normalisation.

    Each of these is one buffer with a row a network, so that a step of gradient descent is a few
    operations however many layers and networks there are.

    Parameters
    ----------
    layers : sequence of Layer
    features, n_classes : int
        Size of the dense layer.
    rngs : sequence of numpy.random.Generator
        One a network. Draws the weights: normal with variance 2 / fan-in for convolutions,
        1 / fan-in for the dense layer. Scales start at one, shifts and biases at zero.
    device : torch.device
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        features: int,
        n_classes: int,
        rngs: Sequence[np.random.Generator],
        device: torch.device,
    ) -> None:
        networks = len(rngs)
        sizes: list[int] = []
        for layer in layers:
            channels = layer.out_channels * layer.normalised
            sizes += [layer.out_channels * layer.fan_in, channels, channels]
        sizes += [n_classes * features, n_classes]
        starts = _starts(sizes)
        self.zero = starts[-1]
        """Index of a number of every network that is always zero."""
        start_values = np.zeros((networks, starts[-1] + _ALIGN), dtype=np.float32)
        dense = 3 * len(layers)
        for row, rng in zip(start_values, rngs, strict=True):
            for k, layer in enumerate(layers):
                if sizes[3 * k]:
                    deviation = math.sqrt(2.0 / layer.fan_in)
                    row[starts[3 * k] : starts[3 * k] + sizes[3 * k]] = rng.normal(
                        0.0, deviation, sizes[3 * k]
                    )
                row[starts[3 * k + 1] : starts[3 * k + 1] + sizes[3 * k + 1]] = 1.0
            deviation = math.sqrt(1.0 / features)
            row[starts[dense] : starts[dense] + sizes[dense]] = rng.normal(
                0.0, deviation, sizes[dense]
            )
        self.values = torch.from_numpy(start_values).to(
            device, torch.get_default_dtype(), copy=True
        )  # aligned as PyTorch does
        self.gradients = torch.zeros_like(self.values)
        self.velocity = torch.zeros_like(self.values)
        counts = [layer.out_channels * layer.normalised for layer in layers]
        statistics = _starts([size for count in counts for size in (count, count)])
        self.statistics = torch.zeros(networks, statistics[-1], device=device)
        self.running = torch.zeros_like(self.statistics)

        def view(buffer: Tensor, k: int, *shape: int) -> Tensor:
            return buffer[:, starts[k] : starts[k] + sizes[k]].unflatten(1, shape)

        self.layers: dict[str, LayerParameters] = {}
        self.starts: dict[str, int] = {}
        for k, (layer, count) in enumerate(zip(layers, counts, strict=True)):
            shape = (layer.out_channels, layer.fan_in)
            mean = slice(statistics[2 * k], statistics[2 * k] + count)
            spread = slice(statistics[2 * k + 1], statistics[2 * k + 1] + count)
            self.starts[layer.name] = starts[3 * k]
            self.layers[layer.name] = LayerParameters(
                layer,
                view(self.values, 3 * k, *shape),
                view(self.values, 3 * k + 1, count),
                view(self.values, 3 * k + 2, count),
                view(self.gradients, 3 * k, *shape),
                view(self.gradients, 3 * k + 1, count),
                view(self.gradients, 3 * k + 2, count),
                self.statistics[:, mean],
                self.statistics[:, spread],
                self.running[:, mean],
                self.running[:, spread],
            )
        self.dense_weight = view(self.values, dense, n_classes, features)
        self.dense_bias = view(self.values, dense + 1, n_classes, 1)
        self.dense_weight_grad = view(self.gradients, dense, n_classes, features)
        self.dense_bias_grad = view(self.gradients, dense + 1, n_classes, 1)

    def arrays(self, network: int, share: float) -> dict[str, npt.NDArray[np.float32]]:
        """What one network evaluates with, as arrays by name.

        Parameters
        ----------
        network
            Its row.
        share
            What the weights of all past batches add up to in the running statistics.

        Returns
        -------
        dict
            ``<layer>.weight`` ``[out, in * kernel * kernel]``, ``<layer>.scale``, ``.shift``,
            ``.mean`` and ``.spread`` ``[out]`` (the variance plus epsilon), ``dense.weight`` and
            ``dense.bias``.
        """
        found: dict[str, Tensor] = {}
        for name, layer in self.layers.items():
            views = layer.of(network)
            found |= {
                f"{name}.weight": views.weight,
                f"{name}.scale": views.scale,
                f"{name}.shift": views.shift,
                f"{name}.mean": views.running_mean / share,
                f"{name}.spread": views.running_spread / share,
            }
        found["dense.weight"] = self.dense_weight[network]
        found["dense.bias"] = self.dense_bias[network, :, 0]
        return {
            name: np.array(view.cpu().numpy(), dtype=np.float32) for name, view in found.items()
        }

    def take(self, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Give the first network what `arrays` gave.

        Raises
        ------
        KeyError
            An array is missing.
        ValueError
            An array has another shape.
        """
        for name, layer in self.layers.items():
            views = layer.of(0)
            _fill(views.weight, arrays[f"{name}.weight"])
            _fill(views.scale, arrays[f"{name}.scale"])
            _fill(views.shift, arrays[f"{name}.shift"])
            _fill(views.running_mean, arrays[f"{name}.mean"])
            _fill(views.running_spread, arrays[f"{name}.spread"])
        _fill(self.dense_weight[0], arrays["dense.weight"])
        _fill(self.dense_bias[0, :, 0], arrays["dense.bias"])

    def descend(self, learning_rate: float, momentum: float, weight_decay: float) -> None:
        """Take one step of gradient descent with Nesterov momentum along the gradients."""
        self.gradients.add_(self.values, alpha=weight_decay)
        self.velocity.mul_(momentum).add_(self.gradients)
        self.gradients.add_(self.velocity, alpha=momentum)
        self.values.sub_(self.gradients, alpha=learning_rate)

    def average_statistics(self, share: float) -> None:
        """Move the running statistics towards those of the latest batch by ``share``."""
        self.running.lerp_(self.statistics, share)


def _fill(view: Tensor, array: npt.NDArray[np.float32]) -> None:
    if tuple(view.shape) != array.shape:
        raise ValueError(f"shape {array.shape} where {tuple(view.shape)} belongs")
    view.copy_(torch.from_numpy(array))


def _starts(sizes: list[int]) -> list[int]:
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + -(-size // _ALIGN) * _ALIGN)
    return starts
