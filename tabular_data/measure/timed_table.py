"""The seconds of a measured table: as columns, in words, and measured anew on another machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.measure.builder import free_folder, time_cells
from regretta.tabular_data.measure.datasets import load
from regretta.tabular_data.measure.plan import Plan, family_of, make_plan
from regretta.tabular_data.measure.processor import processor_kind
from regretta.tabular_data.measure.recipe import RECIPES, Recipe, require_recipe
from regretta.tabular_data.measure.timing import PASSES, STEPS
from regretta.tabular_data.table import Table

Floats = NDArray[np.float64]


def training_column(training: Floats, plan: Plan) -> NDArray[np.float32]:
    """Seconds ``[c, b]`` of a plan's cells as the column of a table ``[rows, b, r]``."""
    return np.repeat(training.astype(np.float32)[plan.of_row, :, None], plan.repeats, axis=2)


def time_notes(spread: Floats, device: str) -> dict[str, str]:
    """How a table's seconds were measured."""
    clock = "CPU seconds of one thread" if device == "cpu" else "seconds passed"
    median, most = np.quantile(spread, (0.5, 0.95))
    return {
        "training_seconds": (
            f"{clock} that trains one network alone, evaluations excluded: to make it, and its"
            f" steps times the median of {STEPS} timed ones. Measured when all accuracies were, in"
            f" {PASSES} passes over all cells in random orders, of which a cell has the median; its"
            f" slowest pass took {median:.2f} times its fastest (median over cells; 95 % quantile"
            f" {most:.2f}). All repeats of a cell and budget have the same"
        ),
        "latency_seconds": (
            f"median of 25 ways of one image through the network in evaluation, and of {PASSES}"
            " passes over all cells"
        ),
    }


def time_table(
    table: Table,
    out: str | Path,
    *,
    data: str = "",
    recipe: Recipe | None = None,
    workers: int = 1,
    device: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Measure the seconds of a measured table's cells on this machine; all else stays as it is.

    Whoever compares searches that train with searches that look up needs both on one clock. What
    was stopped is continued by the same call.

    Parameters
    ----------
    table : Table
        One that `regretta.tabular_data.measure.build_table` made.
    out, workers, device, progress
        As in `regretta.tabular_data.measure.build_table`.
    data : str
        What it was measured on, if that is a file.
    recipe : Recipe, optional
        By which it was measured. Default: that of the space in `RECIPES`.

    Raises
    ------
    MeasureError
        The table was measured otherwise, or a setting cannot be used.
    """
    folder = free_folder(out)
    recipe = recipe or RECIPES[family_of(table.space)]
    images = load(data or table.dataset)
    require_recipe(table, recipe, images)
    plan = make_plan(
        table.space,
        images,
        recipe=recipe,
        budgets=tuple(int(budget) for budget in table.budgets),
        repeats=table.repeats,
        device=device,
    )
    times = time_cells(plan, folder, workers=workers, progress=progress)
    old = {note.split(": ", 1)[0]: note for note in table.provenance.notes}
    new = {
        **time_notes(times.spread, plan.device),
        "timed anew": f"on {processor_kind(plan.device)}, torch {plan.settings()['torch']}",
    }
    notes = {**old, **{key: f"{key}: {value}" for key, value in new.items()}}
    columns: dict[str, Any] = {
        **table.columns,
        "training_seconds": training_column(times.training, plan),
        "latency_seconds": times.latency.astype(np.float32)[plan.of_row],
    }
    Table.from_arrays(
        folder.name,
        table.space,
        table.budgets,
        **columns,
        dataset=table.dataset,
        provenance=replace(table.provenance, notes=tuple(notes.values())),
    ).write(folder)
    return folder
