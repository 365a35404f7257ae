"""Numbers of runs by Noether's formula: by hand, against the t-test's, and by trying."""

import numpy as np
import pytest
from scipy import stats

from regretta.plots.power import (
    MOST_RUNS,
    runs_needed,
    share_of_variance,
    shown_superiority,
)
from regretta.plots.statistics import rank_sum_test


def test_runs_needed_by_hand():
    # (1.960 + 0.842)^2 = 7.849; over 6 / 4, 6 / 16 and 6 / 100
    assert runs_needed(1.0) == 6
    assert runs_needed(0.75) == 21
    assert runs_needed(0.6) == runs_needed(0.4) == 131


def test_normal_runs_need_about_what_a_t_test_needs():
    # half a standard deviation apart: 2 (1.960 + 0.842)^2 / 0.5^2 = 62.8 for the t-test, whose
    # efficiency against the rank-sum test is pi / 3
    superiority = stats.norm.cdf(0.5 / np.sqrt(2))
    assert runs_needed(superiority) == pytest.approx(62.8 * np.pi / 3, rel=0.06)


@pytest.mark.parametrize("ties", [False, True])
def test_so_many_runs_show_the_difference_four_times_in_five(ties):
    rng = np.random.default_rng(0)

    def draw(n):  # normal, or cut to five values of which some are common
        one, two = rng.normal(-0.8, 1, n), rng.normal(0, 1, n)
        return (np.clip(np.rint(x), -1, 2) for x in (one, two)) if ties else (one, two)

    one, two = draw(20_000)
    above, _ = rank_sum_test(one, two)
    n = runs_needed(1 - above / 20_000**2, ties=share_of_variance(one, two))
    p = [rank_sum_test(*draw(n))[1] for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.8, abs=0.08)


def test_more_tests_need_more_runs():
    # level / 15: z = 2.935, (2.935 + 0.842)^2 / 7.849 = 1.82
    assert runs_needed(0.6, tests=15) / runs_needed(0.6) == pytest.approx(1.82, rel=0.02)


def test_what_is_shown_needs_as_many_runs_as_there_are():
    for runs in (10, 50, 400):
        assert runs_needed(shown_superiority(runs, tests=3) + 1e-9, tests=3) == runs


def test_too_few_runs_show_nothing():
    assert shown_superiority(3) == np.inf
    assert shown_superiority(5, tests=15) == np.inf
    assert runs_needed(0.5) == MOST_RUNS + 1
    assert runs_needed(0.501) == MOST_RUNS + 1


def test_ties_leave_less_variance():
    assert share_of_variance([1, 2, 3], [4, 5]) == 1
    assert share_of_variance([1, 1], [1, 1 + 1e-9]) == 0
    # 1 - (2^3 - 2) / (4^3 - 4)
    assert share_of_variance([1, 2], [2, np.nan]) == pytest.approx(0.9)
