"""Small images and a table that says it was measured on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.optimizers.base import Problem
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.table import Table

SPACE = NasBench201()
TINY = {"recipe": "channels=2,3 cells_per_stage=1", "epochs": 3}

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """216 noisy images of 4 x 4 pixels with three labels: 60 for training, 78 for validation."""
    rng = np.random.default_rng(0)
    labels = np.arange(216) % 3
    patterns = rng.normal(size=(3, 4, 4))
    path = tmp_path_factory.mktemp("images") / "patterns.npz"
    np.savez(path, images=patterns[labels] + 0.5 * rng.normal(size=(216, 4, 4)), labels=labels)
    return path


@pytest.fixture
def tiny(images: Path) -> dict[str, Any]:
    """Settings of a search that takes a moment."""
    return {**TINY, "data": str(images)}


@pytest.fixture
def make(tiny: dict[str, Any]) -> Make:
    """Makes a search by its optimizer's name, on the small images."""

    def made(name: str, folder: Path | None = None, seed: int = 0, **values: Any) -> Any:
        optimizer = get_optimizer(name)
        settings = optimizer.make_settings(values={**tiny, **values})
        problem = Problem(SPACE, (27.0,), folder)
        return optimizer(problem, np.random.default_rng(seed), settings)

    return made


@pytest.fixture
def table(tiny: dict[str, Any]) -> Table:
    """A table of the small images and recipe; a cell's accuracy grows with its row."""
    settings = get_optimizer("rsps").make_settings(values=tiny)
    data, recipe = settings.the_data(), settings.the_recipe()
    accuracy = np.linspace(0.1, 0.9, SPACE.n_cells)
    return Table.from_arrays(
        "patterns",
        SPACE,
        (3.0, 9.0),
        validation_accuracy=np.stack([accuracy, accuracy + 0.01], axis=1),
        test_accuracy=np.stack([accuracy, accuracy + 0.02], axis=1),
        training_seconds=np.full((SPACE.n_cells, 2), 1.0),
        dataset=data.name,
        provenance=Provenance(
            source="made up for tests",
            licence="CC0",
            notes=(f"data: SHA-256 {data.checksum}", f"recipe: {recipe.fingerprint(data)}"),
        ),
    )
