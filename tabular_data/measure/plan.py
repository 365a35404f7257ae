"""What a build is to measure: everything that decides a table's numbers, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from regretta.tabular_data.measure.datasets import ImageData
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.requirement import choose_device, require_torch
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.spaces.nasbench101_graph import Cell

VERSION = 1


@dataclass(frozen=True)
class Plan:
    """One build: its cells, its data, and how they are trained.

    Attributes
    ----------
    cells : tuple of Cell
        One a row of the table.
    data : ImageData
    recipe : Recipe
    budgets : tuple of int
        Epochs, ascending; each is a run of its own.
    repeats : int
        Runs of each cell and budget.
    seed : int
        Of the build. See `run_seed`.
    device : str
    """

    cells: tuple[Cell, ...]
    data: ImageData
    recipe: Recipe
    budgets: tuple[int, ...]
    repeats: int
    seed: int
    device: str

    def settings(self) -> dict[str, Any]:
        """Everything that decides the numbers, as JSON can hold it."""
        cells = json.dumps([(cell.matrix.tolist(), cell.operations) for cell in self.cells])
        return {
            "version": VERSION,
            "cells": len(self.cells),
            "cells_sha256": hashlib.sha256(cells.encode()).hexdigest(),
            "data": self.data.name,
            "data_sha256": self.data.checksum,
            "recipe": json.loads(json.dumps(asdict(self.recipe))),
            "budgets": list(self.budgets),
            "repeats": self.repeats,
            "seed": self.seed,
            "device": self.device,
            "torch": require_torch(),
            "numpy": np.__version__,
        }

    def fingerprint(self) -> str:
        """SHA-256 of the settings, in hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()


def make_plan(
    space: NasBench101,
    data: ImageData,
    *,
    recipe: Recipe | None = None,
    budgets: tuple[int, ...] = (1, 3, 9, 27),
    repeats: int = 3,
    seed: int = 0,
    device: str | None = None,
) -> Plan:
    """Check the settings of a build and put them together.

    Parameters
    ----------
    space : NasBench101
        Every one of its cells is measured.
    data : ImageData
    recipe : Recipe, optional
        Default: ``Recipe()``.
    budgets : tuple of int
        Epochs, ascending.
    repeats : int
        Runs of each cell and budget.
    seed : int
        Not negative.
    device : str, optional
        Default: a GPU if there is one, else ``cpu``.

    Raises
    ------
    MeasureError
        A setting cannot be used; one line says which.
    """
    if not budgets or budgets[0] < 1 or any(b <= a for a, b in pairwise(budgets)):
        raise MeasureError(
            f"budgets must be ascending numbers of epochs from 1 on, not {list(budgets)}"
        )
    if repeats < 1:
        raise MeasureError(f"repeats must be at least 1, not {repeats}")
    if seed < 0:
        raise MeasureError(f"seed must not be negative, not {seed}")
    recipe = recipe or Recipe()
    if len(data.train) < recipe.batch:
        raise MeasureError(
            f"{data.name}: {len(data.train)} training images are too few for a batch of"
            f" {recipe.batch}"
        )
    smallest = min(data.image.height, data.image.width)
    if smallest >> (len(recipe.widths) - 1) < 1:
        raise MeasureError(
            f"{data.name}: images of {smallest} pixels are too small for {len(recipe.widths)}"
            " stages"
        )
    cells = tuple(space.cell(row) for row in range(space.n_cells))
    return Plan(cells, data, recipe, tuple(budgets), repeats, seed, choose_device(device))


def run_seed(seed: int, row: int, budget: int, repeat: int) -> np.random.SeedSequence:
    """Return the seed of one run, which depends on nothing but its place in the table."""
    return np.random.SeedSequence(seed, spawn_key=(row, budget, repeat))
