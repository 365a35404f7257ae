"""Friedman's test and Nemenyi's difference against Demšar's worked example and hand calculation."""

import numpy as np
import pytest
from scipy import stats

from regretta.plots.friedman import (
    FEWEST_TABLES,
    friedman,
    friedman_of_runs,
    nemenyi_critical_difference,
    signed_rank_test,
)
from regretta.plots.statistics import StatisticsError

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


def tables_of(values):
    """A table a row, a method a column; one run each unless there is a third axis."""
    return {
        f"t{i}": {f"m{j}": np.atleast_1d(value) for j, value in enumerate(row)}
        for i, row in enumerate(values)
    }


def test_ranks_and_critical_difference_of_demsar():
    found = friedman(tables_of(1 - DEMSAR))
    published = {"m0": 3.143, "m1": 2.000, "m2": 2.893, "m3": 1.964}
    assert found.labels == ("m3", "m1", "m2", "m0")
    for label, rank in zip(found.labels, found.ranks, strict=True):
        assert rank == pytest.approx(published[label], abs=5e-4)
    assert found.tables == 14
    # 2.569 sqrt(4 * 5 / (6 * 14)) = 1.25: no pair differs by so much
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.groups == ((0, 3),)


def test_statistic_of_demsar_corrected_for_his_ties():
    # He gives 9.28 without a correction. Two values are alike in rows 6, 8 and 11, four in row 10:
    # the correction divides by 1 - (3 * (8 - 2) + (64 - 4)) / (14 * (64 - 4)) = 0.907
    found = friedman(tables_of(1 - DEMSAR))
    statistic = 9.28 / (1 - 78 / 840)
    assert found.statistic == pytest.approx(statistic, abs=0.02)
    assert found.f == pytest.approx(13 * statistic / (14 * 3 - statistic), abs=0.02)
    # he rejects with F = 3.69 > F(3, 39) = 2.85 at .05
    assert found.p < 0.05


def test_tables_without_ties_have_the_plain_statistic():
    # ranks 1 2 3 on eight tables and 3 2 1 on four: mean ranks 5/3, 2, 7/3
    # 12 * 12 / (3 * 4) * (1/9 + 0 + 1/9) = 8/3; F = 11 * 8/3 / (24 - 8/3) = 1.375
    found = friedman(tables_of([[1.0, 2.0, 3.0]] * 8 + [[3.0, 2.0, 1.0]] * 4))
    np.testing.assert_allclose(found.ranks, [5 / 3, 2, 7 / 3])
    assert found.statistic == pytest.approx(8 / 3)
    assert found.f == pytest.approx(1.375)
    assert found.p > 0.05
    assert found.groups == ((0, 2),)  # no difference is claimed


def test_all_tables_alike_have_the_chance_that_all_others_follow_the_first():
    found = friedman(tables_of([[1.0, 2.0, 3.0]] * 12))
    assert found.statistic == pytest.approx(24)
    assert found.p == pytest.approx(6.0**-11)
    # 2.343 sqrt(3 * 4 / (6 * 12)) = 0.957: even neighbours differ
    assert found.groups == ()


def test_ranks_of_three_tables_and_four_methods_by_hand():
    # three kinds of tables, four of each: ranks 1 2 3 4, then 2.5 1 2.5 4, then 1.5 3.5 1.5 3.5
    kinds = [[0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.2, 0.3], [0.0, 0.5, 0.0, 0.5]]
    found = friedman(tables_of(kinds * 4))
    ranks = dict(zip(found.labels, found.ranks, strict=True))
    assert ranks["m0"] == pytest.approx(5 / 3)
    assert ranks["m1"] == pytest.approx(6.5 / 3)
    assert ranks["m2"] == pytest.approx(7 / 3)
    assert ranks["m3"] == pytest.approx(11.5 / 3)


def test_runs_are_averaged_and_make_no_block_of_their_own():
    rng = np.random.default_rng(0)
    means = rng.random((12, 4))
    spread = np.array([-0.2, 0.3, -0.1])
    many = friedman(tables_of(means[..., None] + spread))
    once = friedman(tables_of(means))
    assert many.tables == once.tables == 12
    assert many.labels == once.labels
    assert many.p == pytest.approx(once.p)
    # a method may have more runs than another
    tables = tables_of(means)
    tables["t0"]["m0"] = means[0, 0] + np.array([-0.1, 0.1])
    assert friedman(tables).p == pytest.approx(once.p)


def test_rounding_decides_no_rank():
    rng = np.random.default_rng(0)
    noise = rng.uniform(-6e-8, 6e-8, (12, 3))
    with pytest.raises(StatisticsError, match="tied on every table"):
        friedman(tables_of(0.3 + noise))


@pytest.mark.parametrize(
    ("methods", "quantile"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)]
)
def test_nemenyi_quantiles_of_demsar(methods, quantile):
    blocks = methods * (methods + 1) / 6  # makes the root one
    assert nemenyi_critical_difference(methods, blocks) == pytest.approx(quantile, abs=0.001)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[1.0, 2.0]] * 12, "2 have runs on every table"),
        ([[1.0]] * 12, "1 have runs"),
        ([[1.0, 2.0, 3.0]], "more than 10 tables .* there are 1"),
        ([[1.0, 2.0, 3.0]] * 10, "more than 10 tables .* there are 10"),
        ([[1.0, 1.0, 1.0]] * 12, "tied on every table"),
        ([], "0 have runs"),
    ],
)
def test_the_test_is_refused_with_a_reason(values, reason):
    with pytest.raises(StatisticsError, match=reason):
        friedman(tables_of(values))


def test_five_hundred_runs_do_not_stand_in_for_tables():
    with pytest.raises(StatisticsError, match="runs on one table are no further tables"):
        friedman({t: {m: np.random.default_rng(0).random(500) for m in "abc"} for t in "uv"})


def test_a_method_without_a_run_on_a_table_is_named():
    tables = tables_of([[1.0, 2.0, 3.0]] * 12)
    tables["t3"]["m1"] = np.empty(0)
    with pytest.raises(StatisticsError, match="m1 has no run on t3"):
        friedman(tables)


def test_a_run_without_a_value_puts_its_method_last_on_that_table():
    tables = tables_of([[1.0, 2.0, 3.0]] * 12)
    tables["t0"]["m0"] = np.array([1.0, np.nan])
    found = friedman(tables)
    assert found.unfinished == 1
    np.testing.assert_allclose(
        found.ranks, [(11 * 1 + 3) / 12, (11 * 2 + 1) / 12, (11 * 3 + 2) / 12]
    )


def test_test_and_validation_regret_never_meet(run_of):
    # by test regret the order is a b c on every table but one, which has validation regret only
    def runs(test):
        return {m: [run_of([5], [0.1 * i], test=test)] for i, m in enumerate("abc")}

    tables = {f"t{i}": runs(True) for i in range(FEWEST_TABLES)}
    assert friedman_of_runs(tables).measure == "test regret"
    assert friedman_of_runs({**tables, "t0": runs(False)}).measure == "validation regret"


def test_hundreds_of_methods_have_a_difference():
    values = np.random.default_rng(0).random((12, 300))
    found = friedman(tables_of(values))
    assert len(found.labels) == 300
    assert 0 < found.p <= 1
    assert found.critical_difference > 100


def test_signed_ranks_of_two_methods_by_hand():
    # the first is better by 1 .. 6: 2 of 64 signs are as extreme
    assert signed_rank_test(tables_of([[1.0, 1.0 + i] for i in range(1, 7)])) == ("m0", 2 / 64)
    # worse by the least of them: sums 19 and more are 21 (once) and 19 (once), of either sign
    values = [[2.0, 1.0], *([1.0, 1.0 + i] for i in range(2, 7))]
    assert signed_rank_test(tables_of(values)) == ("m0", 4 / 64)
    assert signed_rank_test(tables_of([row[::-1] for row in values])) == ("m1", 4 / 64)


def test_tables_on_which_two_methods_tie_speak_for_neither():
    # ranks of the ties are 1.5 and 1.5; of the others 3 4 5 6 7, all of one sign: 2 of 32
    values = [[1.0, 1.0], [1.0, 1.0 + 1e-9], *([1.0, 1.0 + i] for i in range(1, 6))]
    assert signed_rank_test(tables_of(values)) == ("m0", 2 / 32)
    assert signed_rank_test(tables_of([[1.0, 1.0]] * 6)) == ("m0", 1.0)


def test_signed_ranks_agree_with_scipy_where_it_counts_too():
    values = np.random.default_rng(0).normal(size=(12, 2))
    expected = stats.wilcoxon(*values.T, method="exact").pvalue
    assert signed_rank_test(tables_of(values))[1] == pytest.approx(expected)


def test_an_unfinished_run_loses_its_table():
    values = [[1.0, 1.0 + i] for i in range(1, 7)]
    values[0] = [np.nan, 1.0]  # the largest difference of six: sums of 9 and more in size
    lost = signed_rank_test(tables_of(values))
    assert lost == signed_rank_test(tables_of([[99.0, 1.0], *values[1:]]))
    assert signed_rank_test(tables_of([[np.nan, np.nan]] * 6))[1] == 1.0


def test_signed_ranks_are_refused_for_other_than_two_or_for_few_tables():
    with pytest.raises(StatisticsError, match="6 tables or more"):
        signed_rank_test(tables_of([[1.0, 2.0]] * 5))
    with pytest.raises(StatisticsError, match="there are 3"):
        signed_rank_test(tables_of([[1.0, 2.0, 3.0]] * 8))
