import csv
from io import StringIO

import numpy as np
import pytest

from regretta.plots.summary import MOST_METHODS, final_table, pairwise_table, summarize
from regretta.plots.tables import ReportTable
from regretta.plots.text import escape_latex

NAMES = {"random_search": "Random search", "bohb": "BOHB", "smac": "SMAC"}


def test_summary_by_hand(run_of):
    runs = [
        run_of([5], [r], evaluations=e) for r, e in ((0.1, 10), (0.2, 20), (0.3, 60), (0.8, 30))
    ]
    (found,) = summarize({"bohb": [*runs, run_of([], [], evaluations=0)]}, "test")
    assert (found.runs, found.silent) == (5, 1)
    assert found.mean.estimate == pytest.approx(0.35)
    assert found.median == pytest.approx(0.3)  # of .1 .2 .3 .8 and a run without a value
    assert found.interquartile.estimate == pytest.approx(0.25)
    assert found.evaluations == 20
    assert found.mean.low < 0.35 < found.mean.high


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
    # names, effect and verdict begin at the left, numbers end at the right
    assert r"\begin{tabular}{llrrrlrrl}" in table.to_latex()
    assert pairwise_table({"bohb": [run_of()]}, NAMES, "toy") is None


def test_half_of_the_runs_without_a_value_leave_no_median(run_of):
    (found,) = summarize({"bohb": [run_of([5], [0.1]), run_of([], [])]}, "test")
    assert found.median == np.inf
    table = final_table({"bohb": [run_of([5], [0.1]), run_of([], [])]}, NAMES, "toy")
    assert table.rows[0][1:4] == ("1 of 2", "10.000", "\u2014")
    assert "1 of 2 runs finished no evaluation" in table.caption
    assert "finished no evaluation" not in final_table({"bohb": [run_of()]}, NAMES, "toy").caption


def test_too_few_runs_are_said_and_not_tested_away(run_of):
    runs = {m: [run_of([5], [r])] * 3 for m, r in (("bohb", 0.1), ("smac", 0.2))}
    table = pairwise_table(runs, NAMES, "toy")
    assert table.rows[0][-1] == "too few runs"
    assert "4 runs a method could" in table.caption


def test_many_methods_are_tested_against_the_baseline_only(run_of):
    names = {f"m{i}": f"M {i}" for i in range(MOST_METHODS + 1)}
    runs = {label: [run_of([5], [0.1 + i / 100])] * 2 for i, label in enumerate(names)}
    table = pairwise_table(runs, names, "toy", baseline="m3")
    assert len(table.rows) == MOST_METHODS
    assert {row[0] for row in table.rows} == {"M 3"}
    assert "compared with M 3 only" in table.caption
    del runs["m0"]
    table = pairwise_table(runs, names, "toy", baseline="m3")
    assert len(table.rows) == MOST_METHODS * (MOST_METHODS - 1) / 2


def test_test_and_validation_regret_of_one_table_are_not_compared(run_of):
    runs = {"bohb": [run_of([5], [0.1])] * 2, "smac": [run_of([5], [0.2], test=False)] * 2}
    assert "validation regret" in pairwise_table(runs, NAMES, "toy").title
    assert "validation regret" in final_table(runs, NAMES, "toy").title


def test_latex_escapes_what_latex_reads():
    assert escape_latex("a_b & 5 % \u2264 ~") == r"a\_b \& 5 \% $\leq$ \textasciitilde{}"
    table = ReportTable("n", "T", "C", ("A_1", "B"), [("x", "1")], ("a", "b"), [("x", None)])
    assert table.to_csv() == "a,b\nx,\n"
    assert r"A\_1 & B \\" in table.to_latex()
    assert r"\begin{tabular}{lr}" in table.to_latex()


def test_where_nobody_knows_the_best_there_are_errors_and_no_regret(run_of):
    runs = {m: [run_of([5], [0.1], reference=None)] * 2 for m in ("bohb", "smac")}
    table = final_table(runs, NAMES, "toy")
    assert table.title == "Final test error on toy, in percent"
    assert table.rows[0][2] == "15.000 [15.000, 15.000]"  # the error is 0.05 above the regret
    assert "regret" not in pairwise_table(runs, NAMES, "toy").title


def test_the_comparisons_with_the_best_that_are_told_are_those_that_were_made(run_of):
    """A method without a run is compared with nobody."""
    two = [run_of([5], [0.1]), run_of([5], [0.2])]
    names = NAMES | {"tpe": "TPE"}
    table = final_table({"bohb": two, "smac": two, "random_search": two, "tpe": []}, names, "toy")
    assert "correction over 2 comparisons with it" in table.caption
    assert [row[0] for row in table.rows] == ["BOHB", "SMAC \u2020", "Random search \u2020", "TPE"]
