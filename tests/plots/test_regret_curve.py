import numpy as np
import pytest

from regretta.plots.curve_caption import regret_caption
from regretta.plots.regret_curve import draw_regret, regret_curve, regret_curves
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, method_styles, png
from tests.plots.overlap import check_readable

GRID = np.array([1.0, 10.0, 100.0, 1000.0])


def test_mean_of_two_step_curves_by_hand(run_of):
    runs = [run_of([5, 100], [0.4, 0.2]), run_of([20, 500], [0.6, 0.1])]
    curve = regret_curve("a", runs, GRID, kind="test", band="iqr")
    # every run has a value from 20 s on; at 100 s the first has just improved, at 1000 s both have
    np.testing.assert_array_equal(curve.position, [20, 100, 1000])
    np.testing.assert_allclose(curve.value, [(0.4 + 0.6) / 2, (0.2 + 0.6) / 2, (0.2 + 0.1) / 2])
    np.testing.assert_allclose(curve.low, [0.45, 0.3, 0.125])
    np.testing.assert_allclose(curve.high, [0.55, 0.5, 0.175])
    assert (curve.runs, curve.silent) == (2, 0)


def test_bootstrap_band_of_two_runs_spans_them(run_of):
    curve = regret_curve("a", [run_of([5], [0.4]), run_of([5], [0.2])], GRID, kind="test")
    np.testing.assert_allclose([curve.low[-1], curve.value[-1], curve.high[-1]], [0.2, 0.3, 0.4])


def test_one_run_has_no_band(run_of):
    curve = regret_curve("a", [run_of([5], [0.4])], GRID, kind="test")
    assert curve.low is curve.value is curve.high


def test_what_is_recommended_before_anything_was_spent_counts_from_the_next_step_on(run_of):
    """Second 0 has no place on the axis: the curve starts where the second run has its first."""
    runs = {"a": [run_of([0, 5, 100], [0.9, 0.4, 0.2]), run_of([0, 10], [0.5, 0.1])]}
    (curve,) = regret_curves(runs).curves
    assert curve.position[0] == 10
    assert curve.value[0] == pytest.approx((0.4 + 0.1) / 2)
    (curve,) = regret_curves({"a": [run_of([0], [0.5], time_limit=1000)]}).curves
    assert (curve.position[0], curve.value[0]) == (100, 0.5)


def test_a_run_without_evaluation_is_counted_not_averaged(run_of):
    curve = regret_curve("a", [run_of([5], [0.4]), run_of([], [])], GRID, kind="test")
    assert (curve.runs, curve.silent) == (1, 1)
    np.testing.assert_allclose(curve.value, 0.4)
    assert len(regret_curve("a", [run_of([], [])], GRID, kind="test").position) == 0


def test_the_grid_is_logarithmic_and_ends_at_the_limit(run_of):
    found = regret_curves({"a": [run_of([10.0], [0.1], time_limit=1e5)], "b": []}, points=5)
    np.testing.assert_allclose(found.curves[0].position, [1e1, 1e2, 1e3, 1e4, 1e5])
    assert found.end == 1e5
    assert found.curves[1].runs == 0


def suite(run_of, **changes):
    return {
        "random_search": [
            run_of([5, 1000], [0.4, 0.01], **changes),
            run_of([6, 2000], [0.3, 0.02], **changes),
        ],
        "bohb": [run_of([5, 1000], [0.4, 0.0], **changes)] * 2,
        "mine": [],
    }


def words(figure):
    return [painted.text for painted in check_readable(figure)]


def test_caption_tells_runs_start_band_and_zero(run_of):
    text = regret_caption([regret_curves(suite(run_of))])
    for part in ("test regret", "n = 2 runs", "95 % bootstrap", "before its first", "\u2264 0"):
        assert part in text
    assert "Left out: 1 run " in regret_caption([regret_curves({"a": [run_of(), run_of([], [])]})])


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
@pytest.mark.parametrize("tables", [1, 3])
def test_picture_names_kind_runs_and_reconstruction(run_of, width, tables):
    runs = suite(run_of, test=False, reconstruction="times are modelled")
    panels = [regret_curves(runs)] * tables
    figure = draw_regret(panels, method_styles([(label, label) for label in runs]), width)
    shown = words(figure)
    assert "Mean validation regret (fraction)" in shown
    assert "n = 2 runs each" in shown
    assert shown.count("toy\nreconstruction") == tables
    assert "\u2264 0" in shown
    assert "mine" not in shown  # it has no run
    assert png(figure).startswith(b"\x89PNG")


def test_unequal_numbers_of_runs_stand_in_the_legend(run_of):
    runs = {"bohb": [run_of()] * 3, "smac": [run_of()]}
    shown = words(
        draw_regret(
            [regret_curves(runs)], method_styles([("bohb", "bohb"), ("smac", "smac")]), TWO_COLUMNS
        )
    )
    assert "BOHB (n = 3)" in shown
    assert "SMAC (n = 1)" in shown


def test_every_regret_zero_is_still_a_picture(run_of):
    runs = {"bohb": [run_of([5.0], [0.0])]}
    assert png(draw_regret([regret_curves(runs)], method_styles([("bohb", "bohb")]), ONE_COLUMN))
