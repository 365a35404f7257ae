"""What a suite will cost before it starts: from runs that were measured, scaled to this machine.

`costs.json` holds, for every optimizer that comes along, how many processor seconds a run took
until so many proposals, in units of `unit_seconds`, which was measured right beside; and how many
proposals it makes in the simulated time of one full evaluation. ``benchmarks/measure_costs.py``
writes it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from regretta.harness.protocol import Protocol
from regretta.harness.suite import PlannedMethod, PlannedTable, Suite
from regretta.tabular_data.table import Table

_REPETITIONS = 7


@dataclass(frozen=True)
class ExpectedCost:
    """What the runs of a label that are to be done will take.

    Attributes
    ----------
    label
        The label.
    runs
        How many there are.
    seconds
        Processor seconds of all of them on this machine; None where nothing is known.
    """

    label: str
    runs: int
    seconds: float | None


def expected_costs(
    suite: Suite, left: Mapping[tuple[str, str], int], unit: float | None = None
) -> list[ExpectedCost]:
    """What the runs of a suite that are to be done will take, by label.

    Parameters
    ----------
    suite
        The suite.
    left
        Runs to do by table and label.
    unit
        Seconds of `unit_seconds`; measured now unless given.
    """
    found = []
    unit = unit_seconds() if unit is None else unit
    for label, method in suite.methods.items():
        runs, seconds = 0, 0.0
        known = True
        for name, planned in suite.tables.items():
            count = left.get((name, label), 0)
            if count:
                units = _units(suite, planned, method)
                known = known and units is not None
                seconds += count * (units or 0.0) * unit
                runs += count
        if runs:
            found.append(ExpectedCost(label, runs, seconds if known else None))
    return found


def in_words(costs: list[ExpectedCost], workers: int) -> str:
    """The line that says what a suite will take."""
    known = [cost for cost in costs if cost.seconds is not None]
    hours = {cost.label: (cost.seconds or 0.0) / 3600 for cost in known}
    total = sum(hours.values())
    each = ", ".join(f"{label} {_hours(h)}" for label, h in hours.items())
    unknown = [cost.label for cost in costs if cost.seconds is None]
    said = (
        f"estimate before the start, from runs measured elsewhere and a short test of this machine:"
        f" {each} core-hours; in all {_hours(total)} core-hours"
    )
    if workers > 1:
        said += f", {_hours(total / workers)} hours with {workers} workers"
    if unknown:
        said += f"; nothing is known yet of {', '.join(unknown)}"
    return said


def _hours(hours: float) -> str:
    return f"{hours:.1f}" if hours >= 1 else f"{hours:.2g}"


def unit_seconds() -> float:
    """Processor seconds that this machine takes for a fixed piece of Python and NumPy: a tenth of a
    second in all.

    The least of several, as whoever else is at work only makes it longer.
    """
    return min(_unit() for _ in range(_REPETITIONS))


def _unit() -> float:
    rng = np.random.default_rng(0)
    start = time.process_time()
    seen: dict[bytes, float] = {}
    for _ in range(400):
        vector = rng.random(26)
        order = np.argsort(vector)
        seen[(vector > 0.5).tobytes()] = float(vector[order].cumsum()[-1])
        sum(value * value for value in vector.tolist())
    matrix = rng.random((200, 200))
    for _ in range(4):
        matrix = np.sqrt(np.abs(np.sort(matrix, axis=0)))
    return time.process_time() - start


@cache
def _measured() -> Mapping[str, Any]:
    text = files("regretta.harness").joinpath("costs.json").read_text(encoding="utf-8")
    costs: Mapping[str, Any] = json.loads(text)["optimizers"]
    return costs


def _units(suite: Suite, planned: PlannedTable, method: PlannedMethod) -> float | None:
    """Units of one run; None where nothing is known."""
    about = _measured().get(method.optimizer.name)
    searched = planned.search_table
    if about is None or not isinstance(searched, Table) or _of_another_kind(method):
        return None
    evaluations = float(planned.evaluations or np.inf)
    if planned.time_limit is not None:
        fitting = planned.time_limit / mean_seconds(searched, suite.protocol)
        evaluations = min(evaluations, fitting * suite.spec.simulated_workers)
    proposals = about["proposals_an_evaluation"] * evaluations
    return _at(about["proposals"], about["units"], proposals)


def _of_another_kind(method: PlannedMethod) -> bool:
    """Whether a method has other parts than the default, named by texts, not only other numbers."""
    usual = asdict(method.optimizer.make_settings())
    return any(
        value != usual[key]
        for key, value in asdict(method.settings).items()
        if isinstance(value, str) or isinstance(usual[key], str)
    )


def _at(proposals: list[float], units: list[float], at: float) -> float:
    """Units until so many proposals, between and beyond those measured as a power of them."""
    x, y = np.log(proposals), np.log(units)
    i = int(np.clip(np.searchsorted(x, np.log(at)), 1, len(x) - 1))
    slope = (y[i] - y[i - 1]) / (x[i] - x[i - 1])
    return float(np.exp(y[i] + slope * (np.log(at) - x[i])))


def mean_seconds(table: Table, protocol: Protocol) -> float:
    """Simulated seconds of one evaluation at the largest budget, mean over cells and repeats."""
    budget = protocol.offered_budgets(table)[-1]
    if protocol.trained_budget is not None:
        budget = protocol.trained_budget
    level = table.budget_index(budget)
    return float(np.nanmean(table.columns["training_seconds"][:, level], dtype=np.float64))
