"""Means that a single cell sways, in cases worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from regretta.harness.result import RunResult
from regretta.plots.paper.nasbench101.swayed import swayed


def held(run: RunResult, *cells: int) -> RunResult:
    """The run with these cells as its incumbents."""
    return replace(run, trajectory=replace(run.trajectory, cell=np.array(cells)))


def test_two_of_a_hundred_runs_make_a_third_of_the_mean(run_of: Callable[..., RunResult]) -> None:
    """98 runs at 0.02 and two at 0.52 have the mean 0.03; without the two it is 0.02."""
    good = [held(run_of([10], [0.02]), number) for number in range(98)]
    for_a_while = held(run_of([10, 100, 1000], [0.02, 0.52, 0.02]), 98, 7777, 99)
    found = swayed({"random_search": [*good, for_a_while, for_a_while]}, "test")
    assert found is not None
    assert (found.label, found.cell, found.runs, found.of) == ("random_search", 7777, 2, 100)
    assert found.regret == pytest.approx(0.52)
    assert found.share == pytest.approx(1 / 3)
    assert 100 <= found.at < 1000
    assert "up to 33 % of a mean" in found.told("Random search")


def test_what_many_runs_hold_is_no_accident(run_of: Callable[..., RunResult]) -> None:
    good = [held(run_of([10], [0.02]), number) for number in range(97)]
    bad = held(run_of([10], [0.52]), 7777)
    assert swayed({"random_search": [*good, bad, bad, bad]}, "test") is None


def test_a_twentieth_of_a_mean_is_not_told(run_of: Callable[..., RunResult]) -> None:
    """99 runs at 0.02 and one at 0.12 have the mean 0.021: a twentieth of it is of the one."""
    good = [held(run_of([10], [0.02]), number) for number in range(99)]
    assert swayed({"random_search": [*good, held(run_of([10], [0.12]), 7777)]}, "test") is None
