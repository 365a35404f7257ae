"""Train a cell, on one thread, and time it.

The same seed gives the same bits on the same kind of machine: initial weights and the order
of the images come from NumPy's generators, and on one thread the arithmetic has one order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regretta.tabular_data.measure.architecture import AnyCell, network_layers
from regretta.tabular_data.measure.clock import Clock
from regretta.tabular_data.measure.datasets import ImageData
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.nasbench101 import network as nasbench101
from regretta.tabular_data.measure.nasbench201 import network as nasbench201
from regretta.tabular_data.measure.parameters import Parameters
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.shapes import Shape
from regretta.tabular_data.spaces.nasbench201_functions import LiveCell

Network = nasbench101.Network | nasbench201.Network


@dataclass(frozen=True)
class TrainingResult:
    """What one run measured.

    Attributes
    ----------
    train_accuracy, validation_accuracy, test_accuracy : float
        Share of images told right at the end of the run, from 0 to 1.
    seconds : float
        CPU seconds of the thread that trained, evaluations excluded (on a GPU: seconds passed);
        of networks that trained side by side, each has an equal share.
    evaluation_seconds : float
        The same of the evaluations.
    curves : tuple of tuple of float or None
        Training, validation and test accuracy after every epoch, if asked for. Their last
        values are the three accuracies.
    weights : dict of numpy.ndarray or None
        What the trained network consists of, if asked for: see `Parameters.arrays`.
    """

    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    seconds: float
    evaluation_seconds: float
    curves: tuple[tuple[float, ...], ...] | None = None
    weights: dict[str, npt.NDArray[np.float32]] | None = None


def train(
    cell: AnyCell,
    data: ImageData,
    recipe: Recipe,
    epochs: int,
    seeds: Sequence[int | np.random.SeedSequence],
    *,
    curves: bool = False,
    weights: bool = False,
    device: str = "cpu",
) -> list[TrainingResult]:
    """Train a cell's network once for each seed, for a number of epochs.

    Parameters
    ----------
    cell : Cell or LiveCell
    data : ImageData
    recipe : Recipe
    epochs : int
        The budget. The learning rate reaches zero at its end.
    seeds : sequence of int or numpy.random.SeedSequence
        Of the initial weights and of the order of the images, one a training. Networks of
        NAS-Bench-201's cells train side by side, those of NAS-Bench-101 one after the other.
    curves : bool
        Evaluate after every epoch, not only after the last one. It changes no other result.
    weights : bool
        Give the trained weights, too.
    device : str
        ``cpu``, or a GPU as PyTorch names it.

    Returns
    -------
    list of TrainingResult
        One a seed. A run whose loss is no longer finite ends like any other, with the accuracies
        that its network has.

    Raises
    ------
    MeasureError
        There are fewer training images than a batch has, or no epochs.

    Notes
    -----
    PyTorch is set to one thread, for the whole process.
    """
    if epochs < 1:
        raise MeasureError(f"a run needs at least one epoch, not {epochs}")
    if len(data.train) < recipe.batch:
        raise MeasureError(
            f"{data.name}: {len(data.train)} training images are too few for a batch of"
            f" {recipe.batch}"
        )
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    teams = [seeds] if isinstance(cell, LiveCell) else [[seed] for seed in seeds]
    with torch.inference_mode():
        return [
            result
            for team in teams
            for result in _train(
                cell, data, recipe, epochs, team, curves, weights, torch.device(device)
            )
        ]


def _train(
    cell: AnyCell,
    data: ImageData,
    recipe: Recipe,
    epochs: int,
    seeds: Sequence[int | np.random.SeedSequence],
    curves: bool,
    weights: bool,
    device: torch.device,
) -> list[TrainingResult]:
    """Train networks side by side."""
    rngs = [np.random.default_rng(seed) for seed in seeds]
    steps = len(data.train) // recipe.batch
    on_gpu = device.type != "cpu"
    clock, evaluation_clock = Clock(on_gpu), Clock(on_gpu)
    with clock:
        layers = network_layers(cell, data.image, recipe)
        parameters = Parameters(layers, recipe.channels[-1], data.n_classes, rngs, device)
        network = make_network(cell, data.image, recipe, parameters, recipe.batch, training=True)
        images = images_last(data.train, device)
        labels = torch.from_numpy(data.train_labels.copy()).to(device)
        one_hot = torch.eye(data.n_classes, device=device)[:, labels]
    with evaluation_clock:
        evaluator = _Evaluator(cell, data, recipe, parameters, device)
    history: list[list[tuple[float, float, float]]] = []
    step, total = 0, epochs * steps
    for epoch in range(epochs):
        with clock:
            used = steps * recipe.batch
            order = torch.from_numpy(
                np.stack([rng.permutation(len(data.train))[:used] for rng in rngs])
            ).to(device)
            batches, targets = _batches(images, order, steps), _batches(one_hot, order, steps)
            for batch, target in zip(batches, targets, strict=True):
                network.load(batch)
                network.forward()
                network.backward(target)
                parameters.average_statistics(recipe.norm_momentum)
                rate = 0.5 * recipe.learning_rate * (1.0 + math.cos(math.pi * step / total))
                parameters.descend(rate, recipe.momentum, recipe.weight_decay)
                step += 1
        if curves or epoch == epochs - 1:
            with evaluation_clock:
                history.append(evaluator.accuracies(1.0 - (1.0 - recipe.norm_momentum) ** step))
    share = 1 / len(seeds)
    seen = 1.0 - (1.0 - recipe.norm_momentum) ** step
    found = []
    for k, run in enumerate(zip(*history, strict=True)):
        train_, validation, test = zip(*run, strict=True)
        found.append(
            TrainingResult(
                train_[-1],
                validation[-1],
                test[-1],
                seconds=clock.seconds * share,
                evaluation_seconds=evaluation_clock.seconds * share,
                curves=(train_, validation, test) if curves else None,
                weights=parameters.arrays(k, seen) if weights else None,
            )
        )
    return found


def latency(
    cell: AnyCell, data: ImageData, recipe: Recipe, device: str = "cpu", passes: int = 25
) -> float:
    """Seconds that one image takes through a network that is ready to evaluate.

    Returns
    -------
    float
        The median of some passes: CPU seconds of this thread (on a GPU: seconds passed).
    """
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    place = torch.device(device)
    layers = network_layers(cell, data.image, recipe)
    times = []
    with torch.inference_mode():
        rng = np.random.default_rng(0)
        parameters = Parameters(layers, recipe.channels[-1], data.n_classes, [rng], place)
        parameters.running.fill_(1.0)
        network = make_network(cell, data.image, recipe, parameters, 1, training=False)
        network.load(images_last(data.test[:1], place).unsqueeze(0))
        network.fold(1.0)
        network.evaluate()
        for _ in range(passes):
            clock = Clock(place.type != "cpu")
            with clock:
                network.evaluate()
            times.append(clock.seconds)
    return float(np.median(times))


def make_network(
    cell: AnyCell,
    image: Shape,
    recipe: Recipe,
    parameters: Parameters,
    images: int,
    *,
    training: bool,
) -> Network:
    """Put a cell's networks together, for batches of a number of images."""
    if isinstance(cell, LiveCell):
        return nasbench201.Network(cell, image, recipe, parameters, images, training=training)
    return nasbench101.Network(cell, image, recipe, parameters, images, training=training)


class _Evaluator:
    """Accuracies on the three parts of a data set, from as few batches as the recipe allows."""

    def __init__(
        self,
        cell: AnyCell,
        data: ImageData,
        recipe: Recipe,
        parameters: Parameters,
        device: torch.device,
    ) -> None:
        parts = (data.train, data.validation, data.test)
        self._sizes = [len(part) for part in parts]
        n = sum(self._sizes)
        count = -(-n // recipe.evaluation_batch)
        size = -(-n // count)
        images = images_last(np.concatenate(parts), device)
        padding = torch.zeros(*images.shape[:-1], count * size - n, device=device)
        self._batches = torch.cat([images, padding], -1).unsqueeze(0).split(size, -1)
        labels = np.concatenate([data.train_labels, data.validation_labels, data.test_labels])
        self._labels = torch.from_numpy(labels).to(device)
        networks = len(parameters.values)
        self._answers = torch.zeros(networks, count * size, dtype=torch.int64, device=device)
        self._slots = self._answers.split(size, 1)
        self._network = make_network(cell, data.image, recipe, parameters, size, training=False)

    def accuracies(self, share: float) -> list[tuple[float, float, float]]:
        """Training, validation and test accuracy of each network."""
        network = self._network
        network.fold(share)
        for batch, slot in zip(self._batches, self._slots, strict=True):
            network.load(batch)
            network.evaluate()
            torch.argmax(network.logits, 1, out=slot)
        right = self._answers[:, : len(self._labels)] == self._labels
        counts = [part.sum(1).tolist() for part in right.split(self._sizes, 1)]
        train_, validation, test = (
            [count / size for count in part] for part, size in zip(counts, self._sizes, strict=True)
        )
        return list(zip(train_, validation, test, strict=True))


def images_last(images: npt.NDArray[np.float32], device: torch.device) -> Tensor:
    """Reorder ``[n, channels, height, width]`` to ``[channels, height, width, n]``."""
    return torch.from_numpy(np.array(images.transpose(1, 2, 3, 0), order="C")).to(device)


def _batches(values: Tensor, order: Tensor, steps: int) -> Tensor:
    """Contiguous batches ``[steps, networks, ..., batch]`` of the last axis, in their orders."""
    taken = values[..., order].movedim(-2, 0)
    return taken.unflatten(-1, (steps, -1)).movedim(-2, 0).contiguous()
