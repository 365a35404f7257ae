"""Numbers of runs by Noether's formula, by hand, against the t-test's, and by trying."""

import numpy as np
import pytest
from scipy import stats

from regretta.plots.power import MOST_RUNS, detectable_difference, runs_needed
from regretta.plots.statistics import rank_sum_test

NORMAL = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
"""A thousand values as a standard normal distribution has them."""


def test_runs_without_scatter_need_only_the_test_itself():
    # A is 1: (1.960 + 0.842)^2 / (6 / 4) = 5.23
    assert runs_needed(np.zeros(10), 0.01) == 6


def test_two_possible_values_by_hand():
    # values -1 and 1, shifted down by 1: the better one is lower in (-2, -1) (-2, 1) (0, 1), not in
    # (0, -1): A = 3/4, and 7.849 / (6 / 16) = 20.9
    assert runs_needed([-1.0, 1.0], 1.0) == 21
    # shifted by 2: (-3, -1) (-3, 1) (-1, 1), and (-1, -1) is a tie: A = 7/8, 7.849 * 64 / 54 = 9.3
    assert runs_needed([-1.0, 1.0], 2.0) == 10


def test_normal_runs_need_about_what_a_t_test_needs():
    # 2 (1.960 + 0.842)^2 / 0.5^2 = 62.8 for the t-test, whose relative efficiency is 3 / pi
    assert runs_needed(NORMAL, 0.5) == pytest.approx(62.8 * np.pi / 3, rel=0.06)


def test_so_many_runs_show_the_difference_four_times_in_five():
    rng = np.random.default_rng(0)
    n = runs_needed(NORMAL, 0.8)
    p = [rank_sum_test(rng.normal(-0.8, 1, n), rng.normal(0, 1, n))[1] for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.8, abs=0.08)


def test_more_tests_need_more_runs():
    assert runs_needed(NORMAL, 0.5, tests=15) > 1.5 * runs_needed(NORMAL, 0.5)
    # 15 (1 / 15 of the level): z = 2.935, (2.935 + 0.842)^2 / 7.849 = 1.82
    assert runs_needed(NORMAL, 0.5, tests=15) / runs_needed(NORMAL, 0.5) == pytest.approx(
        1.82, rel=0.02
    )


def test_the_detectable_difference_needs_as_many_runs_as_there_are():
    for runs in (10, 50, 400):
        found = detectable_difference(NORMAL, runs, tests=3)
        assert runs_needed(NORMAL, found, tests=3) <= runs
        assert runs_needed(NORMAL, 0.95 * found, tests=3) >= runs - 1


def test_too_few_runs_detect_nothing():
    assert detectable_difference(NORMAL, 3) == np.inf
    assert detectable_difference(NORMAL, 5, tests=15) == np.inf
    assert runs_needed(NORMAL, 1e-5) == MOST_RUNS + 1
