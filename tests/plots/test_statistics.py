"""Known answers from hand calculation and textbooks."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.harness.regret import TOLERANCE
from regretta.plots.statistics import (
    fewest_runs,
    holm,
    interquartile_mean,
    least_p,
    magnitude,
    pairwise_tests,
    rank_sum_test,
    superiority,
)


def test_interquartile_mean_is_the_mean_of_the_middle_half():
    assert interquartile_mean([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -50.0]) == pytest.approx(
        (2 + 3 + 4 + 5) / 4
    )
    assert interquartile_mean([7.0]) == 7.0


def test_superiority_counts_pairs_and_half_of_ties():
    # of the nine pairs the first is lower in (1,2) (1,4) (1,5) (2,4) (2,5) (3,4) (3,5), tied in
    # (2,2), higher in (3,2)
    assert superiority([1, 2, 3], [2, 4, 5]) == pytest.approx(7.5 / 9)
    assert superiority([np.nan], [3.0]) == 0.0  # a run without a value is the worst
    assert superiority([np.nan], [np.nan]) == 0.5  # and tied with others of its kind


@pytest.mark.parametrize(
    ("delta", "word"),
    [(0.1, "negligible"), (-0.2, "small"), (0.4, "medium"), (-0.9, "large"), (0.147, "small")],
)
def test_magnitude_in_words(delta, word):
    assert magnitude(delta) == word


def test_holm_by_hand():
    # sorted .01 .02 .03 .04, times 4 3 2 1 is .04 .06 .06 .04, never falling: .04 .06 .06 .06
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.6]), [1.0, 1.0])
    assert holm([]).shape == (0,)


def test_rank_sum_test_by_hand():
    # two samples of 3 that do not overlap: 2 of the 20 orders are as extreme, p = 0.1
    (test,) = pairwise_tests({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    assert (test.first, test.second, test.runs) == ("a", "b", (3, 3))
    assert (test.statistic, test.superiority, test.delta, test.magnitude) == (0, 1, 1, "large")
    assert test.p == test.p_holm == test.least_p == pytest.approx(0.1)
    assert test.better is None


def test_tortoises_and_hares():
    # the textbook race T H H H H H T T T T T H (Mann-Whitney U): tortoises 25, hares 11 of 36
    tortoise, hare = [1, 7, 8, 9, 10, 11], [2, 3, 4, 5, 6, 12]
    (test,) = pairwise_tests({"tortoise": tortoise, "hare": hare})
    assert test.superiority == pytest.approx(11 / 36)
    assert test.statistic == 25


def test_ties_within_few_runs_are_counted_out():
    # 0 0 0 against 1 1 1: two of the twenty splits are as extreme, while the normal approximation
    # with its correction for ties has (9/2 - 1/2) / sqrt(4.05), p = 0.047
    assert rank_sum_test([0.0] * 3, [1.0] * 3)[1] == pytest.approx(0.1)
    # 0 0 against 0 1: ranks 2 2 2 4; sums of two are 4 in three of six splits, 6 in three others
    assert rank_sum_test([0.0, 0.0], [0.0, 1.0])[1] == 1.0


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=1, max_size=5),
)
def test_few_runs_have_the_share_of_splits_that_are_as_extreme(first, second):
    pooled = np.array(first + second)
    ranks = np.array([(pooled < x).sum() + ((pooled == x).sum() + 1) / 2 for x in pooled])
    splits = combinations(range(len(pooled)), len(first))
    sums = np.array([ranks[list(split)].sum() for split in splits])
    far = np.abs(sums - ranks.mean() * len(first))
    seen = abs(ranks[: len(first)].sum() - ranks.mean() * len(first))
    assert rank_sum_test(first, second)[1] == pytest.approx((far >= seen - 1e-9).mean())


def test_p_values_of_nothing_but_chance_are_rarely_small():
    # heavily tied and small samples, as of regrets that many runs bring to zero
    rng = np.random.default_rng(0)
    for runs in (3, 6, 12):
        p = [rank_sum_test(*rng.integers(0, 3, (2, runs)))[1] for _ in range(400)]
        assert np.mean(np.array(p) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_rounding_decides_nothing():
    # the same three accuracies in another order have means 1.1e-16 apart
    one, two = 0.1, 0.1 + 1.1e-16
    (test,) = pairwise_tests({"a": [one] * 20, "b": [two] * 20})
    assert (test.p, test.delta, test.better) == (1.0, 0.0, None)
    (test,) = pairwise_tests({"a": [one] * 20, "b": [one + 3.3e-5] * 20})  # an image in a repeat
    assert (test.delta, test.better) == (1.0, "a")


def test_equal_runs_differ_in_nothing():
    for runs in (1, 2, 4, 100):
        (test,) = pairwise_tests({"a": [0.1] * runs, "b": [0.1] * (runs + 1)})
        assert (test.p, test.delta) == (1.0, 0.0)
    assert pairwise_tests({"a": [np.nan] * 3, "b": [np.nan] * 3})[0].p == 1.0


def test_methods_without_runs_or_with_one_each_make_no_claim():
    assert pairwise_tests({"a": [], "b": [1.0, 2.0]}) == ()
    assert pairwise_tests({"a": [1.0], "b": [2.0]}) == ()
    assert pairwise_tests({}) == ()
    assert pairwise_tests({"a": [1.0, 2.0]}) == ()


def test_the_family_of_holm_is_what_is_tested():
    rng = np.random.default_rng(1)
    samples = {f"m{i}": rng.random(10) for i in range(4)}
    pairs = pairwise_tests(samples)
    assert len(pairs) == 6
    np.testing.assert_allclose([t.p_holm for t in pairs], holm([t.p for t in pairs]))
    some = pairwise_tests(samples, against="m2")
    assert [(t.first, t.second) for t in some] == [("m2", "m0"), ("m2", "m1"), ("m2", "m3")]
    np.testing.assert_allclose([t.p_holm for t in some], holm([t.p for t in some]))


def test_how_few_runs_can_show_anything():
    assert least_p(3, 3) == pytest.approx(2 / 20)
    assert least_p(1, 1) == 1.0
    assert fewest_runs(1) == 4  # 2 / 70
    assert fewest_runs(15) == 6  # 15 * 2 / 924 is .032; with five runs 15 * 2 / 252


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.floats(-0.4, 0.4))
def test_two_methods_are_told_the_same_from_either_side(values, share):
    other = [value + share * TOLERANCE for value in reversed(values)]
    (above, p), (below, q) = rank_sum_test(values, other), rank_sum_test(other, values)
    assert p == pytest.approx(q)
    assert above + below == len(values) ** 2
