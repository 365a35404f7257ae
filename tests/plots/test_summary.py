import csv
from io import StringIO

import numpy as np
import pytest

from regretta.plots.summary import (
    choose_targets,
    final_table,
    pairwise_table,
    reach,
    reach_table,
    summarize,
    time_to_reach,
)
from regretta.plots.tables import ReportTable, latex_escape

NAMES = {"random_search": "Random search", "bohb": "BOHB", "smac": "SMAC"}


def test_summary_by_hand(run_of):
    runs = [
        run_of([5], [r], evaluations=e) for r, e in ((0.1, 10), (0.2, 20), (0.3, 60), (0.8, 30))
    ]
    (found,) = summarize({"bohb": [*runs, run_of([], [], evaluations=0)]}, "test")
    assert (found.runs, found.silent) == (5, 1)
    assert found.mean.estimate == pytest.approx(0.35)
    assert found.median == pytest.approx(0.25)
    assert found.interquartile.estimate == pytest.approx(0.25)
    assert found.evaluations == 20
    assert found.mean.low < 0.35 < found.mean.high


def test_time_to_reach_is_the_first_moment_even_if_test_regret_rises_again(run_of):
    runs = [run_of([5, 50, 500], [0.3, 0.1, 0.2]), run_of([7], [0.3]), run_of([], [])]
    np.testing.assert_array_equal(time_to_reach(runs, 0.1 + 1e-12, "test"), [50, np.inf, np.inf])


def test_speed_up_over_the_baseline(run_of):
    runs = {
        "random_search": [run_of([5, t], [0.3, 0.1]) for t in (100, 200, 300)],
        "bohb": [run_of([5, t], [0.3, 0.1]) for t in (40, 50, 900)],
        "smac": [run_of([5], [0.3]), run_of([5], [0.3]), run_of([5, 9], [0.3, 0.1])],
    }
    base, fast, never = reach(runs, [0.15], "test", "random_search")
    assert (base.half, base.speedup, base.reached) == (200, 1.0, 3)
    assert (fast.half, fast.speedup) == (50, 4.0)
    assert (never.half, never.reached) == (np.inf, 1)
    assert np.isnan(never.speedup)
    table = reach_table(runs, NAMES, "toy", baseline="random_search", targets=[0.15])
    assert table.columns[1] == "\u2264 15 %"
    assert table.rows[1][1] == "50 s (\u00d74)"
    assert table.rows[2][1] == "\u2014 (1)"


def test_half_of_an_even_number_of_runs_is_enough(run_of):
    runs = {"bohb": [run_of([5], [0.1]), run_of([5], [0.3])]}
    assert reach(runs, [0.2], "test", None)[0].half == 5


def test_targets_are_round_and_around_the_middle_method(run_of):
    runs = {
        label: [run_of([5, 50], [0.3, end])]
        for label, end in (("bohb", 0.0), ("smac", 0.003), ("tpe", 0.2))
    }
    assert choose_targets(runs, "test") == (0.01, 0.005, 0.002)
    assert choose_targets({"smac": runs["smac"]}, "test") == (0.02, 0.01, 0.005)
    assert choose_targets({"bohb": [run_of([], [])]}, "test") == ()


def test_final_table_keeps_full_precision_in_csv(run_of):
    runs = {
        "bohb": [run_of([5], [0.1]), run_of([5], [0.2])],
        "smac": [],
        "random_search": [run_of([], [])],
    }
    table = final_table(runs, NAMES, "toy", "-toy")
    rows = list(csv.DictReader(StringIO(table.to_csv())))
    assert table.name == "final-regret-toy"
    assert float(rows[0]["mean"]) == pytest.approx(0.15)
    assert (rows[1]["runs"], rows[1]["mean"]) == ("0", "")
    assert table.rows[2][1] == "0 of 1"
    assert table.rows[0][2] == "15.000 [10.000, 20.000]"


def test_pairwise_table_says_who_is_better_and_how_many_runs(run_of):
    rng = np.random.default_rng(0)
    runs = {label: [run_of([5], [r]) for r in rng.uniform(low, low + 0.1, 10)] for label, low in
            (("random_search", 0.5), ("bohb", 0.1))}  # fmt: skip
    table = pairwise_table(runs, NAMES, "toy")
    assert table.rows[0][:3] == ("Random search", "BOHB", "10, 10")
    assert table.rows[0][-1] == "BOHB better"
    assert pairwise_table({"bohb": [run_of()]}, NAMES, "toy") is None


def test_latex_escapes_what_latex_reads():
    assert latex_escape("a_b & 5 % \u2264 ~") == r"a\_b \& 5 \% $\leq$ \textasciitilde{}"
    table = ReportTable("n", "T", "C", ("A_1", "B"), [("x", "1")], ("a", "b"), [("x", None)])
    assert table.to_csv() == "a,b\nx,\n"
    assert r"A\_1 & B \\" in table.to_latex()
    assert r"\begin{tabular}{lr}" in table.to_latex()
