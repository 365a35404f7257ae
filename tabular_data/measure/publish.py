"""From measurements to a table, and the one call that does it all.

For example, the table of all NAS-Bench-101 cells of up to five vertices, from a script::

    from pathlib import Path
    from regretta.tabular_data.measure import build_table

    if __name__ == "__main__":
        build_table("nasbench101-5v", "digits", Path("digits101"), workers=2, seed=101,
        device="cpu")
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.measure.builder import (
    Measurements,
    build,
    building_folder,
    free_folder,
)
from regretta.tabular_data.measure.datasets import LARGEST_ANGLE, LARGEST_SHIFT, MOVED, load
from regretta.tabular_data.measure.plan import Plan, family_of, make_plan
from regretta.tabular_data.measure.processor import processor_kind, processor_name
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.timed_table import time_notes, training_column
from regretta.tabular_data.measure.weights import publish_weights
from regretta.tabular_data.spaces import Space, get_space
from regretta.tabular_data.table import Table


def build_table(
    space_name: str,
    data: str,
    out: str | Path,
    *,
    workers: int = 1,
    seed: int = 0,
    budgets: tuple[int, ...] | None = None,
    repeats: int = 3,
    recipe: Recipe | None = None,
    device: str | None = None,
    save_weights: bool = False,
    progress: Callable[[int, int], None] | None = None,
    licence: str = "unknown",
    commit: str = "",
) -> Path:
    """Train every cell of a search space on a data set and write the table.

    A call that was stopped is continued by the same call: the checkpoints are in
    ``<out>.building``, which can be removed once the table is written.

    Parameters
    ----------
    space_name : str
        ``nasbench201``, or one of NAS-Bench-101's spaces such as ``nasbench101-5v``.
    data : str
        Name of a data set, or path of an ``.npz`` file: see `regretta.tabular_data.measure.load`.
    out : str or Path
        Folder of the table; its last part is the table's name.
    workers : int
        Processes, each of one thread.
    seed : int
        Of the build; with it, every training can be repeated by itself.
    budgets : tuple of int, optional
        Epochs, ascending; each is a run of its own. Default: 1, 3, 9, 27, for NAS-Bench-201
        3, 9, 27.
    repeats : int
        Runs of each cell and budget.
    recipe : Recipe, optional
        The network around a cell and how it is trained. Default: that of the space in `RECIPES`.
    device : str, optional
        Default: a GPU if there is one, else ``cpu``.
    save_weights : bool
        Keep the trained weights of the largest budget in the table's folder ``weights``: see
        `regretta.tabular_data.measure.weights.load_network`.
    progress : callable, optional
        Called with cells done and cells in all, at first and whenever one is done.
    licence : str
        Under which the table is given to others.
    commit : str
        Of the code that measures, for the record.

    Returns
    -------
    Path
        The folder ``out``.

    Raises
    ------
    MeasureError
        A setting cannot be used, or cells failed: nothing is published until every cell is there.
    SpaceError
        There is no such space.
    TableError
        The folder cannot be written.
    """
    folder = free_folder(out)
    space = get_space(space_name)
    family_of(space)
    plan = make_plan(
        space,
        load(data),
        recipe=recipe,
        budgets=budgets,
        repeats=repeats,
        seed=seed,
        device=device,
    )
    measured = build(plan, folder, workers=workers, save_weights=save_weights, progress=progress)
    table = to_table(measured, plan, space, folder.name, licence=licence, commit=commit)
    table.write(folder)
    if save_weights:
        publish_weights(plan, building_folder(plan, folder), folder)
    return folder


def to_table(
    measurements: Measurements,
    plan: Plan,
    space: Space,
    name: str,
    *,
    licence: str = "unknown",
    commit: str = "",
) -> Table:
    """Make a table of measurements, with notes of how they were made.

    Parameters
    ----------
    measurements : Measurements
        Accuracies and times become ``float32``, which tells the shares of millions of images apart.
    plan : Plan
        What was measured.
    space : Space
        The space whose cells the plan has.
    name : str
        Of the table.
    licence, commit : str
        As in `build_table`.

    Raises
    ------
    TableError
        The measurements do not fit the space.
    """
    m, rows = measurements, plan.of_row
    if len(m.parameters) != len(plan.cells):
        raise TableError(f"{len(m.parameters)} cells were measured, the plan has {len(plan.cells)}")

    def column(values: NDArray[np.float64]) -> NDArray[np.float32]:
        return values.astype(np.float32)[rows]

    return Table.from_arrays(
        name,
        space,
        plan.budgets,
        validation_accuracy=column(m.validation_accuracy),
        training_seconds=training_column(m.seconds, plan),
        test_accuracy=column(m.test_accuracy),
        train_accuracy=column(m.train_accuracy),
        validation_curve=column(m.validation_curve.transpose(0, 2, 1)),
        test_curve=column(m.test_curve.transpose(0, 2, 1)),
        train_curve=column(m.train_curve.transpose(0, 2, 1)),
        parameters=m.parameters[rows],
        flops=m.multiply_adds[rows],
        latency_seconds=column(m.latency_seconds),
        dataset=plan.data.name,
        provenance=Provenance(
            source=f"measured by regretta (table build) on {plan.data.name}",
            licence=licence,
            notes=tuple(f"{key}: {value}" for key, value in _notes(m, plan, commit).items()),
        ),
    )


def _notes(m: Measurements, plan: Plan, commit: str) -> dict[str, Any]:
    data, recipe, settings = plan.data, plan.recipe, plan.settings()
    image = data.image
    machines = "; ".join(m.machines)
    if m.machines == (processor_name(),):
        machines = processor_kind(plan.device)
    sizes = f"{len(data.train)} training, {len(data.validation)} validation and {len(data.test)}"
    count = "cell" if recipe.cells_per_stage == 1 else "cells"
    width = (
        f"3x3 stem, {len(recipe.channels)} stages of {' and '.join(map(str, recipe.channels))}"
        f" channels with {recipe.cells_per_stage} {count} each,"
    )
    notes: dict[str, Any] = {
        "data": (
            f"{sizes} test images of {image.channels} x {image.height} x {image.width},"
            f" {data.n_classes} classes, SHA-256 {data.checksum}"
        )
    }
    if data.name == MOVED:
        notes["movement"] = (
            f"every image turned by a random angle of up to {LARGEST_ANGLE:g} degrees and shifted"
            f" by up to {LARGEST_SHIFT:g} pixel along each axis, bilinear, zero outside, once"
            " before the split; the images are not the published ones"
        )
    if recipe.skeleton == "nasbench101":
        notes["network"] = f"{width} 2x2 max-pooling between stages, global average, dense layer"
    else:
        notes["network"] = (
            f"{width} a residual block of stride 2 between stages, normalisation, rectifier,"
            " global average, dense layer"
        )
        notes["cells"] = (
            f"{len(plan.cells):,} functions were measured; strings that are one function share"
            " its values"
        )
    return {
        **notes,
        "training": (
            f"SGD with Nesterov momentum {recipe.momentum:g}, batches of {recipe.batch}, learning"
            f" rate {recipe.learning_rate:g} annealed to zero over half a cosine in every budget's"
            f" own run, weight decay {recipe.weight_decay:g}"
        ),
        "recipe": recipe.fingerprint(data),
        "seed": plan.seed,
        "versions": f"torch {settings['torch']}, numpy {settings['numpy']}",
        "device": plan.device,
        "processor": machines,
        **time_notes(m.seconds_spread, plan.device),
        "flops": "multiply-adds of one image in convolutions and the dense layer",
        "CPU seconds of the build": (
            f"{m.cpu_seconds:.0f} in all, {m.training_seconds:.0f} of them training and "
            f"{m.evaluation_seconds:.0f} evaluating"
        ),
        **({"commit": commit} if commit else {}),
    }
