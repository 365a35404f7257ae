"""Ranks of optimizers on NAS-HPO-Bench, against ranks worked out by hand."""

import numpy as np
import pytest

from regretta.plots.paper import draw_figures
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.nasbench101.optimizer_ranks import caption, compute, draw
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, png

TABLES = ("nashpo-protein", "nashpo-naval", "nashpo-slice", "nashpo-parkinsons")
ONE_BUDGET = {"100": 2}


@pytest.fixture
def crossing(run_of):
    """On every table random search leads for the first half of the limit, then TPE does."""

    def runs(limit):
        of = {"time_limit": limit, "test": False, "evaluations_by_budget": ONE_BUDGET}
        return {
            "random_search": [run_of([0.01 * limit], [0.2], **of)] * 2,
            "hyperband": [run_of([0.01 * limit], [0.2], label="hyperband", **of)],
            "tpe": [run_of([0.02 * limit, 0.5 * limit], [0.3, 0.1], label="tpe", **of)] * 3,
        }

    return {
        table: runs(limit)
        for table, limit in zip(TABLES, (140_000, 40_000, 270_000, 20_000), strict=True)
    }


@pytest.fixture
def ranks_of(suite_of, tmp_path):
    return lambda runs: compute(suite_of(tmp_path, runs))


def test_ranks_are_averaged_over_tables_at_equal_fractions_of_their_limits(crossing, ranks_of):
    found = ranks_of(crossing)
    assert found.curves.labels == ("random_search", "hyperband", "tpe")
    ranks = dict(zip(found.curves.labels, found.curves.ranks, strict=True))
    early, late = found.curves.position < 0.5, found.curves.position >= 0.5
    # The two that are always alike share ranks 1 and 2, then 2 and 3.
    for label in ("random_search", "hyperband"):
        np.testing.assert_allclose(ranks[label][early], 1.5)
        np.testing.assert_allclose(ranks[label][late], 2.5)
    np.testing.assert_allclose(ranks["tpe"][early], 3)
    np.testing.assert_allclose(ranks["tpe"][late], 1)
    assert found.curves.position[[0, -1]] == pytest.approx([0.01, 1])
    assert found.missing == (
        "budgets below the full training (Hyperband is random search)",
        "test error",
    )


def test_tables_weigh_alike_and_a_run_without_a_value_is_last(crossing, run_of, ranks_of):
    silent = {
        **crossing,
        "nashpo-naval": {
            **crossing["nashpo-naval"],
            "tpe": [run_of([], [], label="tpe", test=False)],
        },
    }
    found = ranks_of(silent)
    assert found.curves.ranks[2, -1] == pytest.approx((1 + 1 + 1 + 3) / 4)


def test_the_caption_says_what_a_reader_must_know(crossing, ranks_of):
    words = caption(ranks_of(crossing))
    for said in (
        "n = 1–3 runs per method",
        "a run without a finished evaluation ranks last, and ties share their rank",
        "equal fractions of their time limits (1.62 d on nashpo-protein",
        "error is min(MSE, 1) of standardized targets",
        "validation regret",
    ):
        assert said in words
    for width in (ONE_COLUMN, TWO_COLUMNS):
        assert png(draw(ranks_of(crossing), width)).startswith(b"\x89PNG")


def test_what_a_suite_lacks_is_told(crossing, run_of, ranks_of):
    several = {"100": 2, "33": 4}
    runs = {
        "bohb": [run_of(label="bohb", evaluations_by_budget=several)],
        "tpe": [run_of(label="tpe", evaluations_by_budget=several)],
        "smac": [],
    }
    found = ranks_of({"nashpo-slice": runs, "other": runs})
    assert found.missing == (
        "runs on nashpo-protein, nashpo-naval, nashpo-parkinsons",
        "runs on every table of SMAC",
    )
    assert found.curves.position[-1] == 1e6
    assert "The time limit is 11.6 d on nashpo-slice." in caption(found)


def test_nothing_to_rank_is_one_line(crossing, run_of, ranks_of):
    with pytest.raises(
        FigureError,
        match=r"finished evaluations on nashpo-protein.*; there are runs on none of its tables",
    ):
        ranks_of({})
    with pytest.raises(FigureError, match="there are runs on toy"):
        ranks_of({"toy": crossing[TABLES[0]]})
    with pytest.raises(FigureError, match="there are runs on nashpo-naval"):
        ranks_of({"nashpo-naval": {"tpe": [run_of([], [])], "smac": []}})
    with pytest.raises(
        FigureError, match="two methods with runs on each of nashpo-naval; there are 1"
    ):
        ranks_of({"nashpo-naval": {"tpe": [run_of()], "smac": []}})


def test_one_figure_is_drawn_of_all_tables_of_a_suite(crossing, suite_of, tmp_path):
    suite = suite_of(tmp_path / "suite", crossing, spaces=dict.fromkeys(crossing, "nas-hpo-bench"))
    outcomes = {o.figure: o for o in draw_figures("nasbench101", [], tmp_path / "out", [suite])}
    assert outcomes["optimizer-ranks"].file == "figure-optimizer-ranks.png"
    assert (tmp_path / "out" / "figure-optimizer-ranks.pdf").read_bytes().startswith(b"%PDF")
    assert outcomes["7-left"].reason == "run `regretta run nasbench101-paper` and pass --suite DIR"
