"""Seconds of every cell, measured after all accuracies and apart from them.

A build takes hours, in which the machine does other work or is another one; seconds noted along the
way would tell when a cell was measured as much as what it costs. So the cells are timed last, in
some passes over all of them, each in another random order, and a cell has the median over passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from regretta.tabular_data.measure.plan import Plan
from regretta.tabular_data.measure.processor import processor_name

PASSES = 3
"""Passes over all cells."""

STEPS = 20
"""Training steps of a cell that are timed in a pass, after `WARM_UP` others."""

WARM_UP = 3

TOGETHER = 50
"""Cells that are timed between two checkpoints."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """The cells of a pass that are timed together.

    Attributes
    ----------
    nth
        Of which pass, and which part of it.
    cells
        Their numbers in the plan.
    """

    nth: tuple[int, int]
    cells: tuple[int, ...]


@dataclass(frozen=True)
class PartTimes:
    """What one part took: CPU seconds of one thread (on a GPU: seconds passed), one a cell.

    Attributes
    ----------
    cells
        As in `Part`.
    setup
        To make the network and its parameters.
    step
        Median of a training step.
    latency
        As `regretta.tabular_data.measure.training.latency` says.
    machine
        Kind of processor.
    fingerprint
        Of the build's plan.
    """

    cells: tuple[int, ...]
    setup: tuple[float, ...]
    step: tuple[float, ...]
    latency: tuple[float, ...]
    machine: str
    fingerprint: str

    @property
    def whole(self) -> bool:
        """Whether it has a number of seconds for every cell."""
        values = (*self.setup, *self.step, *self.latency)
        sizes = {len(one) for one in (self.setup, self.step, self.latency)}
        return sizes == {len(self.cells)} and all(
            isinstance(value, float) and 0 < value < inf for value in values
        )


@dataclass(frozen=True, eq=False)
class Times:
    """Seconds of every cell of a plan: medians over passes.

    Attributes
    ----------
    training
        Of one training alone, setup and all steps, by cell and budget: ``[c, b]``.
    latency
        Of one image through a network that is ready to evaluate: ``[c]``.
    spread
        The largest over the smallest ``training`` of the passes at the largest budget: ``[c]``.
    machines
        The kinds of processor that measured.
    """

    training: Floats
    latency: Floats
    spread: Floats
    machines: tuple[str, ...]


def parts(plan: Plan) -> list[Part]:
    """All that is to be timed, in order."""
    found = []
    for nth in range(PASSES):
        order = np.random.default_rng((plan.seed, nth)).permutation(len(plan.cells))
        for start in range(0, len(order), TOGETHER):
            cells = tuple(order[start : start + TOGETHER].tolist())
            found.append(Part((nth, start // TOGETHER), cells))
    return found


def time_part(plan: Plan, part: Part, fingerprint: str) -> PartTimes:
    """Time a part's cells, in this process."""
    from regretta.tabular_data.measure.training import latency

    steps = [step_seconds(plan, number) for number in part.cells]
    return PartTimes(
        part.cells,
        tuple(setup for setup, _ in steps),
        tuple(step for _, step in steps),
        tuple(latency(plan.cells[n], plan.data, plan.recipe, plan.device) for n in part.cells),
        processor_name(),
        fingerprint,
    )


def step_seconds(plan: Plan, number: int) -> tuple[float, float]:
    """Seconds to make a cell's network ready, and those of one training step: the median of some.

    One network is trained alone, on the batch that comes first.
    """
    import torch

    from regretta.tabular_data.measure.architecture import network_layers
    from regretta.tabular_data.measure.clock import Clock
    from regretta.tabular_data.measure.parameters import Parameters
    from regretta.tabular_data.measure.training import images_last, make_network

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    data, recipe, cell = plan.data, plan.recipe, plan.cells[number]
    device = torch.device(plan.device)
    setup, times = Clock(device.type != "cpu"), []
    with torch.inference_mode():
        with setup:
            layers = network_layers(cell, data.image, recipe)
            rng = np.random.default_rng(plan.seed)
            parameters = Parameters(layers, recipe.channels[-1], data.n_classes, [rng], device)
            network = make_network(
                cell, data.image, recipe, parameters, recipe.batch, training=True
            )
        images = images_last(data.train[: recipe.batch], device).unsqueeze(0)
        labels = torch.from_numpy(data.train_labels[: recipe.batch].copy()).to(device)
        target = torch.eye(data.n_classes, device=device)[:, labels].unsqueeze(0)
        for _ in range(WARM_UP + STEPS):
            clock = Clock(device.type != "cpu")
            with clock:
                network.load(images)
                network.forward()
                network.backward(target)
                parameters.average_statistics(recipe.norm_momentum)
                parameters.descend(recipe.learning_rate, recipe.momentum, recipe.weight_decay)
            times.append(clock.seconds)
    return setup.seconds, float(np.median(times[WARM_UP:]))


def gather(plan: Plan, timed: list[PartTimes]) -> Times:
    """Medians over passes; ``timed`` are the times of all `parts`, in their order."""
    setup, step, latency = (np.full((PASSES, len(plan.cells)), np.nan) for _ in range(3))
    for part, one in zip(parts(plan), timed, strict=True):
        where = (part.nth[0], list(one.cells))
        setup[where], step[where], latency[where] = one.setup, one.step, one.latency
    steps = np.array(plan.budgets) * (len(plan.data.train) // plan.recipe.batch)
    training = setup[..., None] + step[..., None] * steps
    longest = training[..., -1]
    return Times(
        np.median(training, axis=0),
        np.median(latency, axis=0),
        longest.max(axis=0) / longest.min(axis=0),
        tuple(sorted({one.machine for one in timed})),
    )
