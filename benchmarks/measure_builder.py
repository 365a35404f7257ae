"""Speed of `regretta table build`: cells per core-hour, and where the CPU time of a cell goes.

    python benchmarks/measure_builder.py [--space nasbench201] [--cells 24] [--seed 0]

Cells are drawn at random and measured as a build measures them (all budgets and repeats, one
thread, without writing). For NAS-Bench-201, one training step is timed beside plain autograd on
the same cells in the same run. CPU time is counted, so that a busy machine shows less in it.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from regretta.tabular_data.measure import Plan, load, make_plan, measure_cell
from regretta.tabular_data.measure.nasbench201.module import CellNetwork
from regretta.tabular_data.measure.processor import processor_kind
from regretta.tabular_data.measure.training import train
from regretta.tabular_data.spaces import get_space
from regretta.tabular_data.spaces.nasbench201_functions import LiveCell

DATA = {"nasbench201": "moved-digits"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="nasbench101-5v")
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--steps", action="store_true", help="time single steps only")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    plan = make_plan(
        get_space(options.space), load(DATA.get(options.space, "digits")), seed=101, device="cpu"
    )
    numbers = np.random.default_rng(options.seed).choice(
        len(plan.cells), min(options.cells, len(plan.cells)), replace=False
    )
    print(f"machine            {processor_kind()}")
    print(
        f"versions           Python {platform.python_version()}, torch {torch.__version__},"
        f" numpy {np.__version__}"
    )
    if isinstance(plan.cells[0], LiveCell):
        steps(plan, numbers.tolist())
    if not options.steps:
        whole_cells(plan, numbers.tolist())


def whole_cells(plan: Plan, numbers: list[int]) -> None:
    """Measure cells as a build does."""
    fingerprint = plan.fingerprint()
    measure_cell(plan, 0, fingerprint)  # what PyTorch does once a process is not the builder's
    start, wall = time.process_time(), time.perf_counter()
    records = [measure_cell(plan, number, fingerprint) for number in numbers]
    cpu, passed = time.process_time() - start, time.perf_counter() - wall
    failed = [record for record in records if record.failure]
    if failed:
        raise SystemExit(f"cell {failed[0].row} failed: {failed[0].failure}")
    training = sum(run.seconds for record in records for run in record.runs)
    evaluation = sum(run.evaluation_seconds for record in records for run in record.runs)
    times = np.array([record.cpu_seconds for record in records])
    epochs = plan.repeats * sum(plan.budgets)
    count = epochs * (len(plan.data.train) // plan.recipe.batch) * len(numbers)
    print(
        f"cells              {len(numbers)} of {len(plan.cells)}: {len(plan.budgets)} budgets x"
        f" {plan.repeats} repeats each"
    )
    print(f"cells / core-hour  {3600 * len(numbers) / cpu:,.0f}")
    print(f"CPU s / cell       {times.mean():.2f} (from {times.min():.2f} to {times.max():.2f})")
    print(f"whole table        {len(plan.cells) * cpu / len(numbers) / 3600:.2f} core-hours")
    print(
        f"training           {training / cpu:6.1%} of CPU time, {training / count * 1e3:.2f} ms a"
        " step"
    )
    print(
        f"evaluation         {evaluation / cpu:6.1%}, after every epoch of the longest budget and"
        " at every end"
    )
    print(f"everything else    {1 - (training + evaluation) / cpu:6.1%}")
    print(f"wall / CPU         {passed / cpu:.2f}")


def steps(plan: Plan, numbers: list[int]) -> None:
    """A step and an evaluation in plain autograd, and by the engine, alone and side by side."""
    autograd = np.array([_autograd(plan, number) for number in numbers])
    alone, beside = (
        np.array([_engine(plan, number, networks) for number in numbers])
        for networks in (1, plan.repeats)
    )
    for name, values in (
        ("autograd", autograd),
        ("engine, alone", alone),
        (f"engine, {plan.repeats} side by side", beside),
    ):
        step, evaluation = 1e3 * values.mean(0)
        print(
            f"{name:26} {step:6.2f} ms a step ({autograd[:, 0].mean() / step * 1e3:.1f} times"
            f" quicker), {evaluation:6.1f} ms an evaluation"
        )


def _engine(plan: Plan, number: int, networks: int) -> tuple[float, float]:
    seeds = list(range(networks))
    result = train(plan.cells[number], plan.data, plan.recipe, 2, seeds, curves=True)[0]
    count = 2 * (len(plan.data.train) // plan.recipe.batch)
    return result.seconds / count, result.evaluation_seconds / 2


def _autograd(plan: Plan, number: int, count: int = 20) -> tuple[float, float]:
    cell, data, recipe = plan.cells[number], plan.data, plan.recipe
    assert isinstance(cell, LiveCell)
    network = CellNetwork(cell, data.image, recipe, data.n_classes)
    descent = torch.optim.SGD(
        network.parameters(),
        recipe.learning_rate,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=True,
    )
    images = torch.tensor(data.train[: recipe.batch])
    labels = torch.tensor(data.train_labels[: recipe.batch])

    def step() -> None:
        descent.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        descent.step()

    every = [torch.tensor(part) for part in (data.train, data.validation, data.test)]

    @torch.inference_mode()
    def evaluate() -> None:
        network.eval()
        for part in every:
            for batch in part.split(recipe.evaluation_batch):
                network(batch).argmax(1)
        network.train()

    step()
    return _seconds(step, count), _seconds(evaluate, 2)


def _seconds(action: Callable[[], object], count: int) -> float:
    start = time.thread_time()
    for _ in range(count):
        action()
    return (time.thread_time() - start) / count


if __name__ == "__main__":
    main()
