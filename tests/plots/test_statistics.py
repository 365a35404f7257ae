"""Known answers from hand calculation and textbooks."""

import numpy as np
import pytest

from regretta.plots.statistics import (
    StatisticsError,
    bootstrap_interval,
    expected_ranks,
    friedman,
    holm,
    interquartile_mean,
    magnitude,
    nemenyi_critical_difference,
    pairwise_tests,
    superiority,
)


def test_interquartile_mean_is_the_mean_of_the_middle_half():
    assert interquartile_mean([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -50.0]) == pytest.approx(
        (2 + 3 + 4 + 5) / 4
    )
    assert interquartile_mean([7.0]) == 7.0


def test_bootstrap_of_two_runs_has_the_three_possible_means():
    found = bootstrap_interval([0.0, 1.0])  # means 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4
    assert (found.estimate, found.low, found.high, found.runs) == (0.5, 0.0, 1.0, 2)


def test_bootstrap_interval_of_a_normal_sample_is_near_the_textbook_one():
    sample = np.random.default_rng(1).normal(size=400)
    found = bootstrap_interval(sample, resamples=5000)
    half = 1.96 * sample.std() / 20
    assert found.low == pytest.approx(sample.mean() - half, abs=0.01)
    assert found.high == pytest.approx(sample.mean() + half, abs=0.01)
    assert found == bootstrap_interval(sample, resamples=5000)


def test_one_run_has_no_interval():
    found = bootstrap_interval([0.25])
    assert found.runs == 1
    assert found.estimate == 0.25
    assert np.isnan(found.low)
    with pytest.raises(StatisticsError, match="finite"):
        bootstrap_interval([0.1, np.nan])


def test_superiority_counts_pairs_and_half_of_ties():
    # of the nine pairs the first is lower in (1,2) (1,4) (1,5) (2,4) (2,5) (3,4) (3,5), tied in
    # (2,2), higher in (3,2)
    assert superiority([1, 2, 3], [2, 4, 5]) == pytest.approx(7.5 / 9)
    assert superiority([np.nan], [3.0]) == 0.0  # a run without a value is the worst


@pytest.mark.parametrize(
    ("delta", "word"),
    [(0.1, "negligible"), (-0.2, "small"), (0.4, "medium"), (-0.9, "large"), (0.147, "small")],
)
def test_magnitude_in_words(delta, word):
    assert magnitude(delta) == word


def test_holm_by_hand():
    # sorted .01 .02 .03 .04, times 4 3 2 1 is .04 .06 .06 .04, never falling: .04 .06 .06 .06
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    assert holm([]).shape == (0,)


def test_rank_sum_test_by_hand():
    # two samples of 3 that do not overlap: 2 of the 20 orders are as extreme, p = 0.1
    (test,) = pairwise_tests({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    assert (test.first, test.second, test.runs, test.test) == ("a", "b", (3, 3), "Mann-Whitney U")
    assert (test.statistic, test.superiority, test.delta, test.magnitude) == (
        0.0,
        1.0,
        1.0,
        "large",
    )
    assert test.p == pytest.approx(0.1)
    assert test.p_holm == pytest.approx(0.1)


def test_tortoises_and_hares():
    # the textbook race T H H H H H T T T T T H (Mann-Whitney U): tortoises 25, hares 11 of 36
    tortoise, hare = [1, 7, 8, 9, 10, 11], [2, 3, 4, 5, 6, 12]
    (test,) = pairwise_tests({"tortoise": tortoise, "hare": hare})
    assert test.superiority == pytest.approx(11 / 36)
    assert test.statistic == 25


def test_signed_rank_test_by_hand():
    # differences -1 -2 -3 -4 -5: only 2 of the 32 signs are as extreme, p = 1/16
    first, second = [1.0, 1, 1, 1, 1], [2.0, 3, 4, 5, 6]
    (test,) = pairwise_tests({"a": first, "b": second}, paired=True)
    assert test.test == "Wilcoxon signed-rank"
    assert test.p == pytest.approx(1 / 16)


def test_pairs_need_equal_numbers_and_values():
    with pytest.raises(StatisticsError, match="equally many"):
        pairwise_tests({"a": [1.0], "b": [1.0, 2.0]}, paired=True)
    with pytest.raises(StatisticsError, match="no evaluation"):
        pairwise_tests({"a": [1.0, np.nan], "b": [1.0, 2.0]}, paired=True)


def test_equal_runs_differ_in_nothing():
    for paired in (False, True):
        (test,) = pairwise_tests({"a": [0.1] * 4, "b": [0.1] * 4}, paired=paired)
        assert (test.p, test.delta) == (1.0, 0.0)


def test_methods_without_runs_or_with_one_each_make_no_claim():
    assert pairwise_tests({"a": [], "b": [1.0, 2.0]}) == ()
    assert pairwise_tests({"a": [1.0], "b": [2.0]}) == ()


def test_expected_ranks_are_the_mean_over_all_draws():
    samples = [[1.0, 4.0], [2.0, 2.0], [3.0, 5.0]]
    # the four draws that differ: (1,2,3) (1,2,5) (4,2,3) (4,2,5) rank 123, 123, 312, 213
    np.testing.assert_allclose(
        expected_ranks(samples), [(1 + 1 + 3 + 2) / 4, (2 + 2 + 1 + 1) / 4, (3 + 3 + 2 + 3) / 4]
    )


DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],  # printed as .975 twice, and ranked 2 and 3
        [0.957, 0.978, 0.946, 0.970],
    ]
)
"""AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 data sets (Demšar 2006, table 6)."""


def test_friedman_ranks_of_demsar():
    error = 1 - DEMSAR
    halves = {
        f"t{half}": {f"m{j}": error[7 * half : 7 * half + 7, j] for j in range(4)}
        for half in range(2)
    }
    found = friedman(halves)
    published = {"m0": 3.143, "m1": 2.000, "m2": 2.893, "m3": 1.964}
    assert {
        n: round(float(r), 3) for n, r in zip(found.labels, found.ranks, strict=True)
    } == published
    assert (found.blocks, found.tables, found.runs) == (14, 2, 7)
    assert found.labels == ("m3", "m1", "m2", "m0")
    # critical difference 1.25 (2.569 sqrt(4 * 5 / (6 * 14))): no pair differs by so much
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.groups == ((0, 3),)


def test_friedman_statistic_by_hand():
    # ranks 1 2 3 in all of n blocks: 12 n / (3 * 4) * ((1-2)^2 + 0 + (3-2)^2) = 2 n
    group = {"a": [1.0] * 5, "b": [2.0] * 5, "c": [3.0] * 5}
    found = friedman({"one": group, "two": group})
    assert found.statistic == pytest.approx(20)
    assert found.p == pytest.approx(np.exp(-10))  # chi-squared with two degrees of freedom
    assert found.groups == ((0, 1), (1, 2))  # a critical difference of 1.048 spans neighbours only


@pytest.mark.parametrize(
    ("methods", "quantile"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)]
)
def test_nemenyi_quantiles_of_demsar(methods, quantile):
    blocks = methods * (methods + 1) / 6  # makes the root one
    assert nemenyi_critical_difference(methods, blocks) == pytest.approx(quantile, abs=0.001)


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        (
            {"t": {"a": [1.0] * 9, "b": [2.0] * 9}, "u": {"a": [1.0] * 9, "b": [2.0] * 9}},
            "there are 2",
        ),
        ({"t": {m: [1.0] * 20 for m in "abc"}}, "there is one"),
        ({t: {m: [1.0] * (20 if m == t else 19) for m in "abc"} for t in "ab"}, "19 to 20"),
        ({t: {m: [1.0] * 3 for m in "abc"} for t in "ab"}, "there are 6"),
        ({t: {m: [1.0] * 9 for m in "abc"} for t in "ab"}, "tied"),
    ],
)
def test_friedman_is_refused_with_a_reason(tables, reason):
    with pytest.raises(StatisticsError, match=reason):
        friedman(tables)


def test_a_run_without_a_value_ranks_last():
    group = {"a": [np.nan] * 5, "b": [2.0] * 5, "c": [3.0] * 5}
    assert friedman({"one": group, "two": group}).labels == ("b", "c", "a")
