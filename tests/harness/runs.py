"""Runs of a table, as tests ask for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from regretta.harness.protocols import get_protocol
from regretta.harness.run import Run
from regretta.optimizers.base import Optimizer
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.table import Table


def run_of(
    table: Table, name: str | type[Optimizer], limit: float, workers: int = 1, **changes: Any
) -> Run:
    """A run of a table, searched and judged, until a limit in simulated seconds."""
    optimizer = get_optimizer(name) if isinstance(name, str) else name
    spec = Run(
        table,
        table,
        get_protocol("default"),
        optimizer,
        optimizer.make_settings(),
        "label",
        0,
        0,
        limit,
    )
    return replace(spec, simulated_workers=workers, **changes)
