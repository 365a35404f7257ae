"""Tables of four cells, made of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table

SPACE = GridSpace({"x": ["a", "b"], "y": ["c", "d"]})


def make(**changes: Any) -> Table:
    arrays: dict[str, Any] = {
        "validation_accuracy": np.full((4, 2, 2), 0.5),
        "training_seconds": np.full((4, 2, 2), 10.0),
    }
    keywords = {"name": "t", "space": SPACE, "budgets": (1, 9)} | arrays | changes
    return Table.from_arrays(
        keywords.pop("name"), keywords.pop("space"), keywords.pop("budgets"), **keywords
    )
