"""Equivalence is shown by two one-sided tests, of samples large enough."""

from __future__ import annotations

import numpy as np
import pytest

from regretta.plots.equivalence import equivalence, runs_for_equivalence
from regretta.plots.statistics import StatisticsError


def test_two_small_samples_by_hand() -> None:
    """Variance 1 and three values each: a standard error of 0.8165 with four degrees of freedom,
    of which a table of Student's t has 2.132 at 5 %."""
    found = equivalence([-1, 0, 1], [-1, 0, 1], bound=1.75)
    assert found.difference == 0
    assert (found.low, found.high) == pytest.approx((-1.741, 1.741), abs=1e-3)
    assert found.shown
    assert not equivalence([-1, 0, 1], [-1, 0, 1], bound=1.73).shown


def test_a_difference_beyond_the_bound_is_not_equivalent_however_sure_it_is() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(1.0, 0.1, 500), rng.normal(0.0, 0.1, 500)
    assert equivalence(first, second, bound=0.9).p > 0.99
    assert equivalence(second, first, bound=0.9).p > 0.99
    assert equivalence(first, second, bound=1.1).shown


def test_runs_by_hand() -> None:
    """Twice the square of 1.645 + 1.282 times the standard deviation over the bound."""
    assert runs_for_equivalence(1.0, 1.0) == 18
    assert runs_for_equivalence(1.0, 0.5) == 69


def test_so_many_runs_show_equal_methods_to_be_equivalent_four_times_of_five() -> None:
    rng = np.random.default_rng(1)
    n = runs_for_equivalence(2.0, 1.0)
    pairs = rng.normal(0, 2.0, (600, 2, n))
    shown = np.mean([equivalence(one, two, 1.0).shown for one, two in pairs])
    assert 0.75 < shown < 0.85


@pytest.mark.parametrize("sample", [[], [0.1], [0.1, np.nan]])
def test_too_few_values_are_refused(sample: list[float]) -> None:
    with pytest.raises(StatisticsError, match="two finite values"):
        equivalence(sample, [0.1, 0.2], 0.1)
