"""Train one cell once, on one thread, and time it.

The same seed gives the same bits on the same kind of machine: initial weights and the order
of the images come from NumPy's generators, and on one thread the arithmetic has one order.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regretta.tabular_data.measure.datasets import ImageData
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.nasbench101.architecture import convolutions
from regretta.tabular_data.measure.nasbench101.network import Network
from regretta.tabular_data.measure.parameters import Parameters
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.spaces.nasbench101_graph import Cell


@dataclass(frozen=True)
class TrainingResult:
    """What one run measured.

    Attributes
    ----------
    train_accuracy, validation_accuracy, test_accuracy : float
        Share of images told right at the end of the run, from 0 to 1.
    seconds : float
        CPU seconds of the thread that trained, evaluations excluded (on a GPU: seconds passed).
    evaluation_seconds : float
        The same of the evaluations.
    curves : tuple of tuple of float or None
        Training, validation and test accuracy after every epoch, if asked for. Their last
        values are the three accuracies.
    """

    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    seconds: float
    evaluation_seconds: float
    curves: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]] | None = None


def train(
    cell: Cell,
    data: ImageData,
    recipe: Recipe,
    epochs: int,
    seed: int | np.random.SeedSequence,
    *,
    curves: bool = False,
    device: str = "cpu",
) -> TrainingResult:
    """Train the network of a cell for a number of epochs.

    Parameters
    ----------
    cell : Cell
    data : ImageData
    recipe : Recipe
    epochs : int
        The budget. The learning rate reaches zero at its end.
    seed : int or numpy.random.SeedSequence
        Of the initial weights and of the order of the images.
    curves : bool
        Evaluate after every epoch, not only after the last one. It changes no other result.
    device : str
        ``cpu``, or a GPU as PyTorch names it.

    Returns
    -------
    TrainingResult
        A run whose loss is no longer finite ends like any other, with the accuracies that
        its network has.

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
    n_train = len(data.train)
    steps = n_train // recipe.batch
    if not steps:
        raise MeasureError(
            f"{data.name}: {n_train} training images are too few for a batch of {recipe.batch}"
        )
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    place = torch.device(device)
    rng = np.random.default_rng(seed)
    with torch.inference_mode():
        clock = _Clock(place)
        clock.start()
        layers = convolutions(cell, data.image, recipe.widths, recipe.cells_per_stage)
        parameters = Parameters(layers, recipe.widths[-1], data.n_classes, rng, place)
        network = Network(cell, data.image, recipe, parameters, recipe.batch, training=True)
        images = _positions_first(data.train, place)
        one_hot = torch.eye(data.n_classes, device=place)[
            :, torch.from_numpy(data.train_labels.copy()).to(place)
        ]
        clock.stop()
        evaluation_clock = _Clock(place)
        evaluation_clock.start()
        evaluator = _Evaluator(cell, data, recipe, parameters, place)
        evaluation_clock.stop()
        history: list[tuple[float, float, float]] = []
        step, total = 0, epochs * steps
        for epoch in range(epochs):
            clock.start()
            order = torch.from_numpy(rng.permutation(n_train)[: steps * recipe.batch]).to(place)
            batches = _batches(images, order, steps)
            targets = _batches(one_hot, order, steps)
            for batch, target in zip(batches, targets, strict=True):
                network.inputs.copy_(batch)
                network.forward()
                network.backward(target)
                parameters.average_statistics(recipe.norm_momentum)
                rate = 0.5 * recipe.learning_rate * (1.0 + math.cos(math.pi * step / total))
                parameters.descend(rate, recipe.momentum, recipe.weight_decay)
                step += 1
            clock.stop()
            if curves or epoch == epochs - 1:
                evaluation_clock.start()
                history.append(evaluator.accuracies(1.0 - (1.0 - recipe.norm_momentum) ** step))
                evaluation_clock.stop()
    columns = tuple(zip(*history, strict=True))
    return TrainingResult(
        *history[-1],
        seconds=clock.seconds,
        evaluation_seconds=evaluation_clock.seconds,
        curves=(columns[0], columns[1], columns[2]) if curves else None,
    )


class _Clock:
    """Adds up the CPU seconds of this thread, or on a GPU the seconds passed."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type != "cpu"
        self._since = 0.0
        self.seconds = 0.0

    def _now(self) -> float:
        if self._on_gpu:
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.thread_time()

    def start(self) -> None:
        self._since = self._now()

    def stop(self) -> None:
        self.seconds += self._now() - self._since


class _Evaluator:
    """Accuracies on the three parts of a data set, from as few batches as the recipe allows."""

    def __init__(
        self,
        cell: Cell,
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
        images = _positions_first(np.concatenate(parts), device)
        padding = torch.zeros(*images.shape[:-1], count * size - n, device=device)
        self._batches = torch.cat([images, padding], -1).split(size, -1)
        labels = np.concatenate([data.train_labels, data.validation_labels, data.test_labels])
        self._labels = torch.from_numpy(labels).to(device)
        self._answers = torch.zeros(count * size, dtype=torch.int64, device=device)
        self._slots = self._answers.split(size)
        self._network = Network(cell, data.image, recipe, parameters, size, training=False)

    def accuracies(self, share: float) -> tuple[float, float, float]:
        network = self._network
        network.fold(share)
        for batch, slot in zip(self._batches, self._slots, strict=True):
            network.inputs.copy_(batch)
            network.evaluate()
            torch.argmax(network.logits, 0, out=slot)
        right = (self._answers[: len(self._labels)] == self._labels).split(self._sizes)
        train_, validation, test = (int(part.sum()) / len(part) for part in right)
        return train_, validation, test


def _positions_first(images: npt.NDArray[np.float32], device: torch.device) -> Tensor:
    """Reorder ``[n, channels, height, width]`` to ``[channels, height, width, n]``."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(1, 2, 3, 0))).to(device)


def _batches(values: Tensor, order: Tensor, steps: int) -> Tensor:
    """Contiguous batches ``[steps, ..., batch]`` of the last axis of ``values``, in an order."""
    taken = values.index_select(values.dim() - 1, order)
    return taken.unflatten(-1, (steps, -1)).movedim(-2, 0).contiguous()
