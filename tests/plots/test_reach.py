"""Time to reach a regret and stay there, and speed-ups: by hand, and against plain resampling."""

import csv
from io import StringIO

import numpy as np
import pytest

from regretta.plots.reach import (
    choose_targets,
    half_of_runs,
    place_of_reach,
    reach,
    reach_tables,
    speed_up,
)
from regretta.plots.statistics import Interval

NAMES = {"random_search": "Random search", "bohb": "BOHB", "smac": "SMAC"}
INF = np.inf


def test_a_regret_that_rises_again_was_not_reached(run_of):
    dips = run_of([5, 50, 500, 900], [0.3, 0.1, 0.2, 0.05])
    np.testing.assert_array_equal(place_of_reach([dips], 0.1, "test"), [900])
    np.testing.assert_array_equal(place_of_reach([dips], 0.2, "test"), [50])
    np.testing.assert_array_equal(place_of_reach([dips], 0.3, "test"), [5])
    np.testing.assert_array_equal(place_of_reach([dips], 0.04, "test"), [INF])


def test_a_run_that_ends_above_or_never_began_is_later_than_the_limit(run_of):
    runs = [run_of([5, 50, 500], [0.3, 0.1, 0.2]), run_of([7], [0.3]), run_of([], [])]
    np.testing.assert_array_equal(place_of_reach(runs, 0.1, "test"), [INF, INF, INF])


def test_a_round_target_is_reached_in_spite_of_rounding(run_of):
    # the errors are 0.05 + regret and the reference 0.05: regrets of 0.005 come out as 0.0049999...
    for target in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        assert place_of_reach([run_of([5, 30], [0.5, target])], target, "test")[0] == 30


def test_half_of_an_even_number_of_runs_is_enough(run_of):
    runs = {"bohb": [run_of([5], [0.1]), run_of([5], [0.3])]}
    (found,) = reach(runs, [0.2], "test", None)
    assert found.half.estimate == 5
    assert (found.runs, found.reached, found.speedup) == (2, 1, None)


def test_the_interval_of_one_run_is_none_and_of_two_the_range():
    assert np.isnan(half_of_runs(np.array([7.0])).low)
    # of two drawn again the earlier is 3 in three of four cases, 9 in one
    assert half_of_runs(np.array([3.0, 9.0])) == Interval(3.0, 3.0, 9.0, 2)


def test_the_interval_is_that_of_plain_resampling():
    rng = np.random.default_rng(0)
    times = np.sort(rng.exponential(size=31))
    again = np.sort(rng.choice(times, (20_000, 31)), axis=1)[:, 15]
    low, high = np.quantile(again, [0.025, 0.975], method="inverted_cdf")
    found = half_of_runs(times)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_the_interval_covers_the_median_as_often_as_it_says():
    rng = np.random.default_rng(1)
    found = [half_of_runs(np.sort(rng.exponential(size=41))) for _ in range(500)]
    share = np.mean([one.low <= np.log(2) <= one.high for one in found])
    assert 0.91 < share < 0.99


def test_censored_runs_reach_into_the_interval():
    found = half_of_runs(np.array([1.0, 2.0, 3.0, INF, INF]))
    assert found.estimate == 3
    assert found.high == INF
    assert half_of_runs(np.array([1.0, INF, INF])).estimate == INF


def test_speed_up_over_the_baseline(run_of):
    runs = {
        "random_search": [run_of([5, t], [0.3, 0.1]) for t in (100, 200, 300)],
        "bohb": [run_of([5, t], [0.3, 0.1]) for t in (40, 50, 900)],
        "smac": [run_of([5], [0.3]), run_of([5], [0.3]), run_of([5, 9], [0.3, 0.1])],
    }
    base, fast, never = reach(runs, [0.15], "test", "random_search")
    assert (base.half.estimate, base.speedup, base.reached) == (200, None, 3)
    assert fast.half.estimate == 50
    assert fast.speedup.estimate == 4
    assert fast.speedup.low < 4 < fast.speedup.high
    assert (never.half.estimate, never.reached, never.speedup) == (INF, 1, None)


def test_the_interval_of_a_speed_up_resamples_both():
    rng = np.random.default_rng(0)
    base, own = np.sort(rng.exponential(4, 40)), np.sort(rng.exponential(1, 60))
    tops = np.sort(rng.choice(base, (20_000, 40)), axis=1)[:, 19]
    bottoms = np.sort(rng.choice(own, (20_000, 60)), axis=1)[:, 29]
    low, high = np.quantile(tops / bottoms, [0.025, 0.975])
    found = speed_up(base, own)
    assert found.estimate == base[19] / own[29]
    assert found.low == pytest.approx(low, rel=0.1)
    assert found.high == pytest.approx(high, rel=0.1)
    assert found == speed_up(base, own)


def test_an_unknown_ratio_widens_the_interval_to_either_side():
    late = np.array([1.0, 1.0, INF])  # of three drawn again half are late in 7 of 27 cases
    found = speed_up(late, late)
    assert found.estimate == 1
    assert (found.low, found.high) == (0, INF)


def test_a_speed_up_of_single_runs_has_no_interval():
    found = speed_up(np.array([10.0]), np.array([5.0]))
    assert found.estimate == 2
    assert np.isnan(found.low)


def test_targets_are_round_and_around_the_middle_method(run_of):
    runs = {
        label: [run_of([5, 50], [0.3, end])]
        for label, end in (("bohb", 0.0), ("smac", 0.003), ("tpe", 0.2))
    }
    assert choose_targets(runs, "test") == (0.01, 0.005, 0.002)
    assert choose_targets({"smac": runs["smac"]}, "test") == (0.02, 0.01, 0.005)
    assert choose_targets({"bohb": [run_of([], [])]}, "test") == ()
    assert choose_targets({"bohb": [], "smac": runs["smac"]}, "test") == (0.02, 0.01, 0.005)


def test_tables_say_time_interval_and_how_many_runs_got_there(run_of):
    runs = {
        "random_search": [run_of([5, t], [0.3, 0.1]) for t in (100, 200, 300)],
        "bohb": [run_of([5, t], [0.3, 0.1]) for t in (40, 50, 900)],
        "smac": [run_of([5], [0.3]), run_of([5], [0.3]), run_of([5, 9], [0.3, 0.1])],
    }
    times, ratios = reach_tables(runs, NAMES, "toy", baseline="random_search", targets=[0.15])
    assert times.columns[1] == "\u2264 15 %"
    assert [row[1] for row in times.rows] == [
        "3.33 min [1.67 min, 5 min]",
        "50 s [40 s, 15 min]",
        "> 11.6 d [9 s, > 11.6 d], 1 of 3",
    ]
    assert "stay at or below" in times.caption
    assert "censored" in times.caption
    rows = list(csv.DictReader(StringIO(times.to_csv())))
    assert [row["seconds_half_of_runs"] for row in rows[:3]] == ["200.0", "50.0", ""]
    assert [row[0] for row in ratios.rows] == ["BOHB", "SMAC"]
    assert ratios.rows[0][1].startswith("\u00d74 [")
    assert ratios.rows[1][1] == "\u2014"
    assert "Random search" in ratios.title


def test_without_a_baseline_there_are_times_only(run_of):
    runs = {"bohb": [run_of([5, 50], [0.3, 0.1])]}
    assert len(reach_tables(runs, NAMES, "toy", baseline=None, targets=[0.2])) == 1
    assert len(reach_tables(runs, NAMES, "toy", baseline="bohb", targets=[0.2])) == 1
    assert reach_tables({"bohb": [run_of([], [])]}, NAMES, "toy", baseline="bohb") == []
