"""What a build is to measure: everything that decides a table's numbers, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.measure.architecture import AnyCell
from regretta.tabular_data.measure.code import code_fingerprint
from regretta.tabular_data.measure.datasets import ImageData
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.nasbench201.architecture import stage_shapes
from regretta.tabular_data.measure.recipe import RECIPES, Recipe
from regretta.tabular_data.measure.requirement import choose_device, require_torch
from regretta.tabular_data.spaces import NasBench101, NasBench201, Space
from regretta.tabular_data.spaces.nasbench201_functions import LiveCell, functions

VERSION = 3
BUDGETS = {"nasbench101": (1, 3, 9, 27), "nasbench201": (3, 9, 27)}
"""Epochs at which each family of spaces is measured where nothing else is asked for."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One build: its cells, its data, and how they are trained.

    Attributes
    ----------
    cells : tuple of Cell or LiveCell
        What is trained.
    of_row : numpy.ndarray
        ``int32 [rows]``: the cell that is measured for each row of the table. NAS-Bench-201 has
        15,625 rows and 5,260 cells that differ as functions.
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

    cells: tuple[AnyCell, ...]
    of_row: NDArray[np.int32]
    data: ImageData
    recipe: Recipe
    budgets: tuple[int, ...]
    repeats: int
    seed: int
    device: str

    def settings(self) -> dict[str, Any]:
        """Everything that decides the numbers, as JSON can hold it."""
        cells = json.dumps(
            [
                cell.edges
                if isinstance(cell, LiveCell)
                else (cell.matrix.tolist(), cell.operations)
                for cell in self.cells
            ]
        )
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
            "measuring code": code_fingerprint(),
        }

    def fingerprint(self) -> str:
        """SHA-256 of the settings, in hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()


def family_of(space: Space) -> str:
    """``nasbench101`` or ``nasbench201``: the family of a space that can be measured.

    Raises
    ------
    MeasureError
        The space is of neither.
    """
    if isinstance(space, NasBench101):
        return "nasbench101"
    if isinstance(space, NasBench201):
        return "nasbench201"
    raise MeasureError(
        f"{space.name} cannot be measured; nasbench201 and NAS-Bench-101's spaces can, such as"
        " nasbench101-5v"
    )


def make_plan(
    space: Space,
    data: ImageData,
    *,
    recipe: Recipe | None = None,
    budgets: tuple[int, ...] | None = None,
    repeats: int = 3,
    seed: int = 0,
    device: str | None = None,
) -> Plan:
    """Check the settings of a build and put them together.

    Parameters
    ----------
    space : NasBench101 or NasBench201
        Every one of its cells is measured.
    data : ImageData
    recipe : Recipe, optional
        Default: that of the space's family in `RECIPES`.
    budgets : tuple of int, optional
        Epochs, ascending. Default: those of the space's family in `BUDGETS`.
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
    family = family_of(space)
    recipe = recipe or RECIPES[family]
    budgets = BUDGETS[family] if budgets is None else budgets
    if not budgets or budgets[0] < 1 or any(b <= a for a, b in pairwise(budgets)):
        raise MeasureError(
            f"budgets must be ascending numbers of epochs from 1 on, not {list(budgets)}"
        )
    if repeats < 1:
        raise MeasureError(f"repeats must be at least 1, not {repeats}")
    if seed < 0:
        raise MeasureError(f"seed must not be negative, not {seed}")
    if recipe.skeleton != family:
        raise MeasureError(f"a recipe of {recipe.skeleton} cannot train the cells of {space.name}")
    recipe.check()
    if len(data.train) < recipe.batch:
        raise MeasureError(
            f"{data.name}: {len(data.train)} training images are too few for a batch of"
            f" {recipe.batch}"
        )
    try:
        stage_shapes(data.image, recipe.channels)
    except MeasureError as error:
        raise MeasureError(f"{data.name}: {error}") from None
    cells: tuple[AnyCell, ...]
    if isinstance(space, NasBench101):
        cells = tuple(space.cell(row) for row in range(space.n_cells))
        of_row = np.arange(len(cells), dtype=np.int32)
    else:
        cells, of_row = functions().cells, functions().of_row
    return Plan(cells, of_row, data, recipe, tuple(budgets), repeats, seed, choose_device(device))


def run_seed(seed: int, cell: int, budget: int, repeat: int) -> np.random.SeedSequence:
    """Return the seed of one run, which depends on nothing but its place in the table."""
    return np.random.SeedSequence(seed, spawn_key=(cell, budget, repeat))
