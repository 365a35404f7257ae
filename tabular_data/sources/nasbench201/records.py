"""One value of an architecture from several records that may disagree.

Every run of an architecture records its parameters, FLOPs, latency and the seconds of one
evaluation, for each seed and schedule. They should agree, and in the published files some do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UPSTREAMS_SEED = 888
_SAME = 1e-9

_OF_SEED = "that of seed 888 is kept, as upstream does, and of the lowest seed where it was not run"
_MEAN = "the mean over the seeds is kept, of the shortest schedule that has it"

RULES: Mapping[str, str] = MappingProxyType(
    {
        "parameters": _OF_SEED,
        "flops": _OF_SEED,
        "latency_seconds": _MEAN,
        "evaluation_seconds": _MEAN,
    }
)
"""Quantity → what is taken where its records disagree.

Seed 888 is right about the parameters in each of the 204 cells whose seeds disagree: its counts
are those of the formula, 73,306 + 28,000 · 1×1 + 243,040 · 3×3 convolutions. Means over seeds are
what NATS-Bench's own ``get_latency`` gives; evaluations are charged at 12 epochs
(``simulate_train_eval``).
"""


class Records:
    """One quantity of every cell, as each seed and schedule recorded it."""

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self._of: dict[tuple[int, int], NDArray[np.float64]] = {}

    def put(self, epochs: int, seed: int, row: int, value: float) -> None:
        """Note one record."""
        key = epochs, seed
        if key not in self._of:
            self._of[key] = np.full(self._cells, np.nan)
        self._of[key][row] = value

    def disagree(self) -> NDArray[np.bool_]:
        """Whether a cell has two records that differ: shape ``[cells]``."""
        low, high = np.full(self._cells, np.inf), np.full(self._cells, -np.inf)
        for values in self._of.values():
            low, high = np.fmin(low, values), np.fmax(high, values)
        differ: NDArray[np.bool_] = high > low * (1 + _SAME)
        return differ

    def of_seed(self) -> NDArray[np.float64]:
        """Seed 888's value, else that of the lowest seed; the longest schedule first."""
        chosen = np.full(self._cells, np.nan)
        for epochs, seed in sorted(
            self._of, key=lambda key: (key[1] != _UPSTREAMS_SEED, key[1], -key[0])
        ):
            values = self._of[epochs, seed]
            chosen = np.where(np.isnan(chosen), values, chosen)
        return chosen

    def mean(self) -> NDArray[np.float64]:
        """The mean over the seeds, of the shortest schedule that has any."""
        chosen = np.full(self._cells, np.nan)
        for epochs in sorted({epochs for epochs, _ in self._of}):
            values = np.array([v for (of, _), v in sorted(self._of.items()) if of == epochs])
            count = (~np.isnan(values)).sum(axis=0)
            mean = np.nansum(values, axis=0) / np.maximum(count, 1)
            chosen = np.where(np.isnan(chosen) & (count > 0), mean, chosen)
        return chosen


def settled(
    recorded: Mapping[str, Records], present: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Columns with one value a cell, and notes on what disagreed or is left out.

    Parameters
    ----------
    recorded
        A key of `RULES` → its records.
    present
        Whether each cell was in the source: shape ``[cells]``.
    """
    columns: dict[str, NDArray[Any]] = {}
    notes = []
    for quantity, records in recorded.items():
        values = records.of_seed() if RULES[quantity] == _OF_SEED else records.mean()
        lacking = np.isnan(values) & present
        if lacking[present].all():
            continue
        if lacking.any():
            notes.append(f"{quantity} is left out: {lacking.sum()} architectures lack it")
            continue
        columns[quantity] = values
        if differ := int(records.disagree().sum()):
            notes.append(
                f"the records of {differ} architectures disagree on {quantity}: {RULES[quantity]}"
            )
    return columns, notes
