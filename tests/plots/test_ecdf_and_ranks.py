import numpy as np

from regretta.plots.critical_difference import critical_difference_caption, draw_critical_difference
from regretta.plots.ecdf import distributions, draw_ecdf, ecdf_caption
from regretta.plots.rank_over_time import draw_ranks, rank_caption, rank_curves
from regretta.plots.statistics import friedman
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, method_styles, png

STYLES = method_styles([(label, label) for label in ("random_search", "bohb", "smac", "tpe")])


def words(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def test_distribution_counts_runs_that_never_finished(run_of):
    runs = {"bohb": [run_of([5], [0.3]), run_of([5], [0.0]), run_of([], []), run_of([5], [0.1])]}
    found = distributions(runs)
    np.testing.assert_allclose(found.curves[0].regret, [0.0, 0.1, 0.3], atol=1e-12)
    np.testing.assert_allclose(found.curves[0].fraction, [0.25, 0.5, 0.75])
    assert "finished no evaluation" in ecdf_caption(found)
    assert "\u2264 0" in ecdf_caption(found)
    for width in (ONE_COLUMN, TWO_COLUMNS):
        assert "Final test regret (fraction)" in words(draw_ecdf(found, STYLES, width))


def test_ranks_of_two_methods_that_cross(run_of):
    runs = {
        "random_search": [run_of([10, 1000], [0.2, 0.1])] * 2,
        "bohb": [run_of([100, 10000], [0.3, 0.0])] * 3,
    }
    found = rank_curves({"toy": runs}, points=6)
    np.testing.assert_allclose(found.time, [1e1, 1e2, 1e3, 1e4, 1e5, 1e6])
    np.testing.assert_allclose(found.ranks, [[1, 1, 1, 2, 2, 2], [2, 2, 2, 1, 1, 1]])
    assert found.runs == {"random_search": (2,), "bohb": (3,)}
    assert "test regret" in rank_caption(found)
    assert "Simulated wall-clock time (s)" in words(draw_ranks(found, STYLES, TWO_COLUMNS))


def test_ranks_over_tables_are_averaged_at_equal_fractions_of_their_limits(run_of):
    fast = {
        "bohb": [run_of([1, 5], [0.2, 0.0], time_limit=10)],
        "smac": [run_of([1], [0.1], time_limit=10)],
    }
    slow = {
        "bohb": [run_of([10], [0.2], time_limit=100)],
        "smac": [run_of([10], [0.2], time_limit=100)],
        "tpe": [],
    }
    found = rank_curves({"fast": fast, "slow": slow}, points=2)
    assert found.labels == ("bohb", "smac")
    np.testing.assert_allclose(found.time, [0.1, 1.0])
    np.testing.assert_allclose(
        found.ranks, [[(2 + 1.5) / 2, (1 + 1.5) / 2], [(1 + 1.5) / 2, (2 + 1.5) / 2]]
    )
    assert "Fraction of the simulated time limit" in words(draw_ranks(found, STYLES, ONE_COLUMN))


def test_critical_difference_diagram_names_ranks_and_blocks():
    group = {"random_search": [3.0] * 6, "bohb": [1.0] * 6, "smac": [2.0] * 6}
    found = friedman({"one": group, "two": group})
    text = critical_difference_caption(found, "times are modelled")
    assert "12 blocks (2 tables × 6 runs per method)" in text
    assert "Reconstruction: times are modelled" in text
    for width in (ONE_COLUMN, TWO_COLUMNS):
        figure = draw_critical_difference(found, STYLES, width, True)
        shown = words(figure)
        assert {"BOHB (1.00)", "SMAC (2.00)", "Random search (3.00)", "reconstruction"} <= set(
            shown
        )
        assert png(figure)
