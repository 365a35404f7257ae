from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from regretta.plots.critical_difference import critical_difference_caption, draw_critical_difference
from regretta.plots.ecdf import distributions, draw_ecdf, ecdf_caption
from regretta.plots.friedman import friedman
from regretta.plots.rank_over_time import (
    draw_ranks,
    expected_ranks,
    rank_caption,
    rank_curves,
    rank_table,
)
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
    np.testing.assert_allclose(found.position, [1e1, 1e2, 1e3, 1e4, 1e5, 1e6])
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
    np.testing.assert_allclose(found.position, [0.1, 1.0])
    np.testing.assert_allclose(
        found.ranks, [[(2 + 1.5) / 2, (1 + 1.5) / 2], [(1 + 1.5) / 2, (2 + 1.5) / 2]]
    )
    assert "Fraction of the simulated time limit" in words(draw_ranks(found, STYLES, ONE_COLUMN))


def test_expected_ranks_are_the_mean_over_all_draws():
    samples = [[1.0, 4.0], [2.0, 2.0], [3.0, 5.0]]
    # the four draws that differ: (1,2,3) (1,2,5) (4,2,3) (4,2,5) rank 123, 123, 312, 213
    np.testing.assert_allclose(
        expected_ranks(samples), [(1 + 1 + 3 + 2) / 4, (2 + 2 + 1 + 1) / 4, (3 + 3 + 2 + 3) / 4]
    )


def test_expected_ranks_of_three_runs_of_four_methods_by_hand():
    # a ties with b in one draw of nine, else they alternate; c is last but for d without values
    samples = [[0.1, 0.1, 0.3], [0.2, 0.3 + 1e-9, 0.2], [0.5], [np.nan, np.nan]]
    # P(b better than a): of nine pairs a = .3 loses to two .2 and ties with one .3: 2.5 / 9
    np.testing.assert_allclose(expected_ranks(samples), [1 + 2.5 / 9, 1 + 6.5 / 9, 3, 4])


@given(
    st.lists(
        st.lists(st.integers(0, 3) | st.just(np.nan), min_size=1, max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_expected_ranks_agree_with_drawing_every_combination(samples):
    drawn = [
        rankdata([np.inf if np.isnan(value) else value for value in draw])
        for draw in product(*samples)
    ]
    np.testing.assert_allclose(expected_ranks(samples), np.mean(drawn, axis=0))


def test_rounding_decides_no_rank(run_of):
    runs = {m: [run_of([5], [0.1 + noise])] for m, noise in (("bohb", 0), ("smac", 6e-8))}
    np.testing.assert_allclose(rank_curves({"toy": runs}, points=2).ranks, 1.5)


def test_ranks_at_several_times(run_of):
    runs = {  # the limit is 1e6 s
        "random_search": [run_of([1e3, 5e5], [0.2, 0.0])] * 2,
        "bohb": [run_of([5e4], [0.1])] * 3,
        "smac": [run_of([], [])],
    }
    table = rank_table({"toy": runs}, {"random_search": "RS", "bohb": "BOHB", "smac": "SMAC"})
    assert table.columns[1:] == (
        "1 % (2.78 h)",
        "3 % (8.33 h)",
        "10 % (1.16 d)",
        *table.columns[4:],
    )
    assert table.rows == [
        ("RS", "1.00", "1.00", "2.00", "2.00", "1.00"),
        ("BOHB", "2.50", "2.50", "1.00", "1.00", "2.00"),
        ("SMAC", "2.50", "2.50", "3.00", "3.00", "3.00"),
    ]


def test_before_any_method_has_a_value_there_is_no_rank(run_of):
    runs = {m: [run_of([5e5], [0.1])] for m in ("bohb", "smac")}
    table = rank_table({"toy": runs}, {"bohb": "BOHB", "smac": "SMAC"})
    assert table.rows[0] == ("BOHB", *["\u2014"] * 4, "1.50")
    assert table.data_rows[0][-1] is None


def test_an_evaluation_that_crosses_the_limit_counts_at_the_end(run_of):
    runs = {"bohb": [run_of([5, 2e6], [0.3, 0.1])], "smac": [run_of([5], [0.2])]}
    assert rank_curves({"toy": runs}).ranks[:, -1].tolist() == [1, 2]


def test_tables_are_ranked_by_one_kind_of_regret(run_of):
    tables = {t: {m: [run_of(test=t == "one")] for m in "ab"} for t in ("one", "two")}
    found = rank_curves(tables)
    assert found.measure == "validation regret"
    assert "validation regret" in rank_caption(found)


def test_hundreds_of_methods_are_ranked(run_of):
    runs = {f"m{i}": [run_of([5], [i / 1000])] for i in range(300)}
    np.testing.assert_allclose(rank_curves({"toy": runs}).ranks[:, -1], np.arange(1, 301))


def test_critical_difference_diagram_names_ranks_and_tables():
    group = {"random_search": [3.0] * 6, "bohb": [1.0] * 6, "smac": [2.0] * 6}
    found = friedman({f"t{i}": group for i in range(12)})
    text = critical_difference_caption(found, "times are modelled")
    assert "test regret over 12 tables, each method's runs on a table averaged first" in text
    assert "p < 0.0001" in text
    assert "Reconstruction: times are modelled" in text
    for width in (ONE_COLUMN, TWO_COLUMNS):
        figure = draw_critical_difference(found, STYLES, width, True)
        shown = words(figure)
        assert {"BOHB (1.00)", "SMAC (2.00)", "Random search (3.00)", "reconstruction"} <= set(
            shown
        )
        assert png(figure)


def test_a_diagram_without_a_difference_says_so():
    one, two = {"a": [1.0], "b": [2.0], "c": [3.0]}, {"a": [3.0], "b": [2.0], "c": [1.0]}
    found = friedman({f"t{i}": one if i % 2 else two for i in range(12)})
    assert found.p > 0.05
    assert "none is claimed" in critical_difference_caption(found)


def test_a_method_that_ranks_last_for_want_of_a_value_is_counted():
    group = {"a": [1.0], "b": [2.0], "c": [3.0]}
    tables = {f"t{i}": group for i in range(12)}
    tables["t0"] = {**group, "a": [np.nan]}
    assert "ranks last there, which is so once." in critical_difference_caption(friedman(tables))
