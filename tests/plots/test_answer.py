"""Who leads, in words that the numbers bear."""

import numpy as np
import pytest

from regretta.plots.answer import answer
from regretta.plots.power import runs_needed
from regretta.plots.verdict import verdicts

NAMES = {label: label.upper() for label in "abcdef"}


def answers(tables, names, *more):
    """What is said of each, in one text."""
    return [str(verdict) for verdict in verdicts(tables, names, *more)]


@pytest.fixture
def ending(run_of):
    """Runs of a method that all start alike at 5 s and end with the given regrets from 50 s on."""
    return lambda regrets: [run_of([5, 50], [0.5, regret]) for regret in regrets]


def test_a_clear_leader_is_named_with_time_margin_and_certainty(ending):
    runs = {
        "a": ending(np.linspace(0.2, 0.3, 20)),
        "b": ending(np.linspace(0.02, 0.04, 20)),
        "c": ending(np.linspace(0.06, 0.08, 20)),
    }
    found = answer(runs)
    assert found.labels == ("b", "c", "a")
    assert found.ranks == pytest.approx((1, 2, 3))
    assert (found.behind, found.level_with) == (("c", "a"), ())
    assert found.gap.estimate == pytest.approx(0.04)
    assert found.gap.low < 0.04 < found.gap.high
    assert 50 <= found.since < 55  # on a grid of moments
    (text,) = answers({"toy": runs}, NAMES)
    assert text.startswith("toy: B leads: at the end it is better than each of the other 2 method")
    assert "From when: B has had the best average rank (1.00 of 3 at the end) from 5" in text
    assert "before that A was as good or better." in text  # all start alike
    assert "How sure: n = 20 runs a method; p < 0.0001, at most, against" in text
    assert "after Holm's correction for 3 pairs" in text
    assert "What cannot be told: Nothing among the others" in text
    assert "Its mean test regret is 4.000 [" in text
    assert "below that of C. A run of it beats one of C with probability 1.00" in text


def test_the_lead_counts_from_when_it_is_never_lost_again(run_of):
    runs = {
        "a": [run_of([5, 1000], [0.3, 0.0])] * 10,
        "b": [run_of([5, 100, 10000], [0.3, 0.2, 0.1])] * 10,
    }
    found = answer(runs)
    assert found.labels[0] == "a"
    assert 1000 <= found.since < 1150


def test_what_cannot_be_told_apart_is_said_with_what_would_be_needed(ending):
    rng = np.random.default_rng(0)
    scatter = rng.normal(0, 0.01, 50)
    runs = {
        "a": ending(0.10 + scatter),
        "b": ending(0.102 + scatter[::-1]),
        "c": ending(0.3 + scatter),
    }
    found = answer(runs)
    assert (found.labels[0], found.behind, found.level_with) == ("a", ("c",), ("b",))
    assert found.gap.estimate == pytest.approx(0.002)
    # of normal values a fifth of a standard deviation apart A is .556, which would need
    # (2.394 + 0.842)^2 / (6 * .056^2) = 560 runs
    assert found.odds == pytest.approx(0.556, abs=0.02)
    assert found.needed == runs_needed(found.odds, tests=3)
    assert 300 < found.needed < 1100
    (text,) = answers({"toy": runs}, NAMES)
    assert text.startswith("toy: Nobody leads alone: n = 50 cannot tell A, the first by average")
    assert "rank, from B; it is better than C." in text
    assert "Its mean test regret is 0.200 [" in text
    # 1/2 + (2.394 + 0.842) / sqrt(300)
    assert "So many runs would show a probability of 0.69 or more" in text
    assert "a method to show what is seen (0.200 percentage points, and a run of it" in text


def test_methods_of_which_no_two_differ_cannot_be_told_apart(ending):
    runs = {label: ending(np.linspace(0.1, 0.2, 10) + i * 1e-3) for i, label in enumerate("abcdef")}
    (text,) = answers({"toy": runs}, NAMES)
    assert "Nobody can be said to lead: n = 10 cannot tell the 6 methods apart." in text
    assert "What cannot be told: Who is better among the others: no two of them" in text


def test_who_leads_may_leave_the_others_level(ending):
    runs = {"a": ending([0.01] * 20), "b": ending([0.1, 0.2] * 10), "c": ending([0.1, 0.2] * 10)}
    (text,) = answers({"toy": runs}, NAMES)
    assert "toy: A leads" in text
    assert "What cannot be told: Among the others: B from C." in text


def test_who_led_before_is_said(run_of):
    runs = {
        "a": [run_of([5, 1000], [0.3, 0.0])] * 10,
        "b": [run_of([5, 100], [0.4, 0.1])] * 10,
        "c": [run_of([5], [0.5])] * 10,
    }
    assert answer(runs).before == "b"
    assert "before that B was as good or better" in answers({"toy": runs}, NAMES)[0]
    always = {"a": [run_of([5], [0.1])] * 10, "b": [run_of([5], [0.2])] * 10}
    assert answer(always).before is None
    assert "(1.00 of 2 at the end) from the start." in answers({"toy": always}, NAMES)[0]


def test_what_is_not_shown_needs_more_runs_than_there_are(ending):
    # most runs end alike, and bad ones are rare: the means differ, the order hardly does
    rng = np.random.default_rng(0)
    for share in (0.1, 0.2, 0.4):
        good = np.where(rng.random(30) < 0.05, 0.02, 0.0036)
        bad = np.where(rng.random(30) < share, 0.02, 0.0036)
        found = answer({"a": ending(good), "b": ending(bad)})
        assert not found.level_with or found.needed > 30


def test_means_that_differ_by_rare_bad_runs_are_told_from_an_order_that_does_not(ending):
    usual = np.where(np.arange(30) % 2, 0.0034, 0.0036)
    bad = np.where(np.arange(30) < 4, 0.02, usual)
    (text,) = answers({"toy": {"a": ending(usual), "b": ending(bad)}}, NAMES)
    assert "The interval of the means excludes zero all the same" in text


def test_methods_that_end_alike_have_no_leader(ending):
    runs = {"a": ending([0.1, 0.1]), "b": ending([0.1 + 1e-9, 0.1])}
    (text,) = answers({"toy": runs}, NAMES)
    assert "Both methods end alike" in text
    assert np.isnan(answer(runs).since)


def test_single_runs_say_nothing_about_others(ending):
    (text,) = answers({"toy": {"a": ending([0.1]), "b": ending([0.2])}}, NAMES)
    assert "by one run of each method: nothing can be said" in text


def test_few_runs_are_said_to_be_too_few(ending):
    runs = {label: ending(0.1 * i + np.array([0, 0.01, 0.02])) for i, label in enumerate("abc")}
    (text,) = answers({"toy": runs}, NAMES)
    assert "n = 3 cannot tell the 3 methods apart" in text
    assert (
        "So few runs could hardly show any: tests of 3 pairs need 5 at the least" in text
    )  # 3 * 2 / 252 < .05


def test_nothing_to_compare_is_said(run_of, ending):
    assert answers({"toy": {"a": ending([0.1]), "b": []}}, NAMES) == [
        "toy: One method only, so there is nothing to compare."
    ]
    assert answers({"toy": {"a": [run_of([], [])], "b": [run_of([], [])]}}, NAMES) == [
        "toy: No run finished an evaluation, so there is nothing to compare. What is missing: 2"
        " runs finished no evaluation: they count as the worst, in no mean."
    ]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"table_checksum": "d" * 64}, "tables"),
        ({"protocol": {"name": "nb101-paper"}}, "protocols"),
        ({"time_limit": 1e7}, "limits"),
    ],
)
def test_runs_of_different_making_are_not_compared(run_of, change, what):
    runs = {"a": [run_of()], "b": [run_of(**change)]}
    assert f"of different {what}, and are not compared" in answers({"toy": runs}, NAMES)[0]


def test_what_is_not_there_is_said_in_the_answer(ending):
    runs = {"a": ending([0.1] * 9), "b": ending([0.2] * 10)}
    (text,) = answers({"toy": runs}, NAMES, {"a": 12, "b": 10}, {"toy": {"a": 2, "b": 0}})
    assert "This is not final: 19 of 22 runs are there." in text
    assert "2 runs failed (2 of A): what is left out can flatter" in text
    assert "missing" not in answers({"toy": runs}, NAMES, {"a": 9, "b": 10})[0]


def test_runs_without_an_evaluation_are_counted(run_of, ending):
    runs = {"a": [*ending([0.1] * 9), run_of([], [])], "b": ending(np.linspace(0.2, 0.3, 10))}
    (text,) = answers({"toy": runs}, NAMES)
    assert "1 runs finished no evaluation" not in text
    assert "1 run finished no evaluation: it counts as the worst, in no mean." in text
    nobody = {"a": ending([0.1] * 5), "b": [run_of([], [])] * 5}
    assert answer(nobody).gap is None
    assert "A leads" in answers({"toy": nobody}, NAMES)[0]


def test_several_tables_have_a_word_on_all_of_them(ending):
    far = {"a": ending([0.1] * 8), "b": ending([0.2] * 8), "c": ending([0.3] * 8)}
    even = {label: ending([0.1] * 8) for label in "abc"}
    lines = answers({"one": far, "two": far, "three": even}, NAMES)
    assert len(lines) == 4
    # ranks 1, 1 and 2 of a
    assert lines[0].startswith("Over 3 tables: A has the best average rank at the end (1.33 of 3).")
    assert "Shown to lead: A on 2, nobody on 1." in lines[0]
    assert "needs more than 10 tables" in lines[0]
    lines = answers({f"t{i}": even if i == 0 else far for i in range(12)}, NAMES)
    assert "Friedman's test with Nemenyi's tells A from" in lines[0]
    lines = answers({"one": even, "two": even}, NAMES)
    assert "Shown to lead: nobody on any of the 2." in lines[0]
    assert lines[0].startswith("Over 2 tables: Nobody is shown to lead. All methods have the same")
    few = {label: runs[:2] for label, runs in far.items()}  # tell nothing on one table
    lines = answers({f"t{i}": few for i in range(12)}, NAMES)
    assert lines[0].startswith("Over 12 tables: A has the best average rank at the end (1.00 of 3)")
    assert "Shown to lead: nobody on any of the 12." in lines[0]


def test_two_methods_on_many_tables_are_paired_by_table(ending):
    runs = {"a": ending([0.1, 0.2, 0.15]), "b": ending([0.2, 0.3, 0.25])}
    (first, *_) = answers({f"t{i}": runs for i in range(6)}, NAMES)
    assert "Over tables A is better by Wilcoxon's signed-rank test (p = 0.031)." in first
    (first, *_) = answers({f"t{i}": runs for i in range(5)}, NAMES)
    assert "two methods need 6 tables or more" in first


def test_hundreds_of_methods_have_an_answer(ending):
    runs = {f"m{i}": ending(0.1 + i / 500 + np.linspace(0, 0.1, 10)) for i in range(120)}
    (text,) = answers({"toy": runs}, {label: label for label in runs})
    assert "cannot tell m0, the first by average rank, from m1" in text
    assert "others" in text
