"""Curves, ranks and times to reach a regret against evaluations, different cells and epochs.

Run `i` of the fixture has its incumbents at evaluations 1, 2, …, and did ten times as many.
"""

import numpy as np
import pytest

from regretta.harness.axis import AXES, counted_axes
from regretta.harness.result import ResultError
from regretta.plots.curve_caption import regret_caption
from regretta.plots.look import Look, LookError
from regretta.plots.rank_over_time import draw_ranks, rank_caption, rank_curves, rank_table
from regretta.plots.reach import place_of_reach, reach_tables
from regretta.plots.regret_curve import draw_regret, regret_curves
from regretta.plots.style import ONE_COLUMN, method_styles
from regretta.plots.verdict import verdicts
from tests.plots.overlap import check_readable

EVALUATIONS = AXES["evaluations"]
STYLES = method_styles([(m, m) for m in ("random_search", "bohb", "setn")])
NAMES = {"random_search": "Random search", "bohb": "BOHB", "setn": "SETN"}


@pytest.fixture
def runs(run_of):
    """Random search ends at 10 and 20 evaluations, BOHB at 30; SETN evaluates nothing."""
    derived = run_of([0], [0.2])
    derived.trajectory.evaluation[:] = 0
    nothing = {"evaluations": 0, "unique_cells": 0, "epochs": 0.0, "evaluations_by_budget": {}}
    return {
        "random_search": [run_of([5, 100], [0.4, 0.2]), run_of([20], [0.6])],
        "bohb": [run_of([1, 2, 3], [0.5, 0.3, 0.1])] * 2,
        "setn": [type(derived)(**{**fields(derived), **nothing})],
    }


def fields(run):
    return {name: getattr(run, name) for name in run.__dataclass_fields__}


def test_a_curve_against_evaluations_by_hand(runs):
    found = regret_curves(runs, axis=EVALUATIONS, band="iqr")
    random_search, bohb, setn = found.curves
    assert random_search.position.tolist() == list(range(1, 11))
    np.testing.assert_allclose(random_search.value, [(0.4 + 0.6) / 2, *[(0.2 + 0.6) / 2] * 9])
    assert bohb.position.tolist() == list(range(1, 31))
    np.testing.assert_allclose(bohb.value, [0.5, 0.3, *[0.1] * 28])
    assert (found.end, setn.runs) == (30, 0)


def test_cells_and_epochs_have_their_own_places(runs):
    cells, epochs = (regret_curves(runs, axis=AXES[name]) for name in ("cells", "epochs"))
    assert [curve.end for curve in cells.curves[:2]] == [8, 24]
    assert [curve.end for curve in epochs.curves[:2]] == [1080, 3240]
    assert epochs.curves[1].position[0] == 108
    assert epochs.curves[1].value[0] == pytest.approx(0.5)


def test_the_caption_says_the_axis_where_curves_end_and_who_has_none(runs):
    text = regret_caption([regret_curves(runs, axis=EVALUATIONS)])
    for part in (
        "against evaluations on toy",
        "ends where the first of its method's runs does",
        "Random search 10 evaluations, BOHB 30 evaluations",
        "No curve: SETN has a run without evaluations.",
    ):
        assert part in text
    by_time = regret_caption([regret_curves(runs)])
    assert "against simulated wall-clock time" in by_time
    assert "ends where" not in by_time


def test_the_figure_says_the_axis(runs):
    figure = draw_regret([regret_curves(runs, axis=AXES["epochs"])], STYLES, ONE_COLUMN)
    words = [painted.text for painted in check_readable(figure)]
    assert "Epochs trained" in words
    assert not [word for word in words if "time" in word]


def test_ranks_end_where_the_first_run_does(runs):
    """At 1 evaluation BOHB's 0.5 beats one run of random search and loses to the other; at 10 it
    beats both.
    """
    found = rank_curves({"toy": runs}, axis=EVALUATIONS, fractions=(0.1, 1.0))
    assert found.labels == ("random_search", "bohb")
    np.testing.assert_array_equal(found.position, [1, 10])
    np.testing.assert_allclose(found.ranks, [[1.5, 2], [1.5, 1]])
    text = rank_caption(found)
    assert "against evaluations" in text
    assert "Ranks end where the first run does at 10 evaluations" in text
    assert "Without a rank, as runs of theirs have no evaluations that are known: SETN." in text
    words = [painted.text for painted in check_readable(draw_ranks(found, STYLES, ONE_COLUMN))]
    assert "Evaluations" in words


def test_a_table_of_ranks_heads_its_columns_with_what_was_read(runs):
    table = rank_table({"toy": runs}, NAMES, axis=EVALUATIONS)
    assert table.columns[-1] == "100 % (10 evaluations)"
    assert table.columns[-2] == "30 % (3 evaluations)"
    assert "the evaluations that every run has" in table.title


def test_evaluations_to_reach_a_regret(runs):
    reached = place_of_reach(runs["random_search"] + runs["bohb"], 0.3, "test", EVALUATIONS)
    assert reached.tolist() == [2, np.inf, 2, 2]
    table, faster = reach_tables(
        *(runs, NAMES, "toy"), baseline="random_search", axis=EVALUATIONS, targets=[0.3]
    )
    assert table.name == "evaluations-to-regret"
    assert table.data_columns[-3:] == (
        "evaluations_half_of_runs",
        "evaluations_low",
        "evaluations_high",
    )
    own, other = table.rows
    # half of random search's two runs is one; the interval holds the other, which ended at 10.
    # Its final median is 0.4, with which the first run begins.
    assert own == ("Random search", "2 [2, > 10], 1 of 2", "1 [1, > 10], 1 of 2")
    assert other[1] == "2 [2, 2]"
    assert "Random search > 10 evaluations, BOHB > 30 evaluations" in table.caption
    assert "Left out, as runs of theirs have no evaluations that are known: SETN." in table.caption
    assert "in evaluations" in faster.title


def test_the_answer_counts_as_the_axis_does(runs):
    del runs["setn"]
    (line,) = map(str, verdicts({"toy": runs}, NAMES, axis=EVALUATIONS))
    assert "from 3 evaluations on (until 10 evaluations, where the first run ends)" in line


def test_runs_without_counts_say_so(run_of):
    old = run_of(epochs=None)
    with pytest.raises(ResultError, match="before runs counted epochs trained"):
        regret_curves({"a": [old]}, axis=AXES["epochs"])
    with pytest.raises(LookError, match=r"unknown axis 'epoch'.*epochs"):
        Look(axis="epoch")


def test_trajectories_from_elsewhere_have_no_place_where_their_counts_are_not_known(run_of):
    unknown = {"evaluations": 0, "unique_cells": 0, "epochs": 0.0, "proposals": -1}
    runs = {"bohb": [run_of()], "setn": [run_of(**unknown)]}
    text = regret_caption([regret_curves(runs, axis=EVALUATIONS)])
    assert "No curve: SETN has a run whose evaluations are not known." in text
    assert [axis.name for axis in counted_axes(runs["bohb"] + runs["setn"])] == list(AXES)
    (only,) = rank_curves({"toy": runs}, axis=EVALUATIONS).labels
    assert only == "bohb"
