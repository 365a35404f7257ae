"""What the interactive figures show is what the still ones and the tables do."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from regretta.harness.axis import AXES, SECONDS
from regretta.harness.suite import Failure
from regretta.plots.colors import DARK, contrast, distances, on_dark
from regretta.plots.interactive.data import MOST_POINTS, MOST_RUNS_OF_ONE, explorer_data
from regretta.plots.regret_curve import regret_curves
from regretta.plots.style import CYCLE, METHODS, human_names, method_styles
from regretta.plots.summary import final_table


def data_of(suite):
    styles = method_styles([(label, label) for label in suite.labels])
    names = dict(zip(suite.labels, human_names(suite.labels), strict=True))
    return explorer_data(suite, suite.tables, styles, names, SECONDS)


def numbers(data, place):
    return np.frombuffer(base64.b64decode(data["arrays"][place]), "<f4")


@pytest.fixture(scope="module")
def suite(tmp_path_factory, random_suite_of):
    folder = tmp_path_factory.mktemp("suite")
    return random_suite_of(folder, tables=("one", "two"), methods=("random_search", "bohb"), n=8)


@pytest.fixture(scope="module")
def data(suite):
    return data_of(suite)


@pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
@pytest.mark.parametrize("band", ["ci", "iqr", "sd"])
def test_curves_are_those_of_the_still_figures(suite, data, statistic, band):
    panel = regret_curves(suite.runs["two"], statistic=statistic, band=band, points=MOST_POINTS)
    shown = data["tables"][1]["curves"][0][f"{statistic} {band}"]
    for curve, line in zip(panel.curves, shown["lines"], strict=True):
        for place, values in zip(line, (curve.value, curve.low, curve.high), strict=False):
            assert len(numbers(data, place)) == len(values)
        for place, values in zip(line[1:], (curve.value, curve.low, curve.high), strict=True):
            np.testing.assert_allclose(numbers(data, place), values, rtol=1e-6)


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES.keys())
def test_curves_are_there_against_whatever_runs_count(suite, data, axis):
    place = [shown["name"] for shown in data["axes"]].index(axis.name)
    panel = regret_curves(suite.runs["one"], axis=axis, points=MOST_POINTS)
    shown = data["tables"][0]["curves"][place]["mean ci"]
    for curve, line in zip(panel.curves, shown["lines"], strict=True):
        np.testing.assert_allclose(numbers(data, line[0]), curve.position, rtol=1e-6)
        np.testing.assert_allclose(numbers(data, line[1]), curve.value, rtol=1e-6)


def test_final_values_are_those_of_the_table(suite, data):
    table = final_table(suite.runs["one"], {label: label for label in suite.labels}, "one")
    for row, final in zip(table.rows, data["tables"][0]["finals"], strict=True):
        assert row[1:5] == (final["runs"], final["mean"][0], final["median"][0], final["iqm"][0])


@pytest.mark.parametrize("statistic", ["mean", "iqm"])
def test_curves_end_with_the_value_and_the_interval_of_the_table(data, statistic):
    for table in data["tables"]:
        shown = table["curves"][0][f"{statistic} ci"]["lines"]
        for (_, *line), final in zip(shown, table["finals"], strict=True):
            value, low, high = (f"{100 * numbers(data, place)[-1]:.3f}" for place in line)
            assert final[statistic][0] == f"{value} [{low}, {high}]"


def test_of_thousands_of_runs_all_axes_can_be_chosen(suite_of, run_of, tmp_path):
    runs = {label: [run_of()] * 2_100 for label in ("random_search", "bohb")}
    data = data_of(suite_of(tmp_path, {"toy": runs}))
    assert {shown["name"] for shown in data["axes"]} == set(AXES)


def test_ranks_of_two_methods_add_up_to_three(data):
    for shown in (data["tables"][0]["ranks"][0], data["overall"]["ranks"][0]):
        one, two = (numbers(data, place) for place in shown["y"])
        np.testing.assert_allclose((one + two)[~np.isnan(one)], 3, rtol=1e-6)


def test_a_distribution_ends_with_all_runs(data):
    for line in data["tables"][0]["distribution"]["lines"]:
        regret, fraction = (numbers(data, place) for place in line)
        assert len(regret) == 8
        assert fraction[-1] == 1


def test_single_runs_are_the_incumbents(suite_of, run_of, tmp_path):
    runs = {"bohb": [run_of([5, 50, 500], [0.3, 0.2, 0.2])], "tpe": [run_of([0, 7], [0.4, 0.1])]}
    data = data_of(suite_of(tmp_path, {"toy": runs}))
    ((number, time, regret),) = data["tables"][0]["single"][0]["lines"][0]
    assert number == 0
    np.testing.assert_allclose(numbers(data, time), [5, 50, 1e6])
    np.testing.assert_allclose(numbers(data, regret), [0.3, 0.2, 0.2])
    ((_, time, _),) = data["tables"][0]["single"][0]["lines"][1]
    assert (numbers(data, time) > 0).all()  # second 0 has no place on a logarithmic axis


def test_single_runs_of_several_seeds_say_theirs(suite_of, run_of, tmp_path):
    runs = {"bohb": [run_of(seed=5), run_of(seed=6)], "tpe": [run_of(seed=6, proposals=-1)]}
    single = data_of(suite_of(tmp_path, {"toy": runs}))["tables"][0]["single"][0]
    # What others ran has no seed of Regretta's.
    assert [[line[0] for line in lines] for lines in single["lines"]] == [
        ["0 of seed 5", "1 of seed 6"],
        [0],
    ]


def test_runs_that_nobody_counted_have_lines_against_time_only(suite_of, run_of, tmp_path):
    run = run_of([5, 50], [0.3, 0.1], label="tpe")
    steps = replace(run.trajectory, unique_cells=None, epochs=None)
    foreign = replace(
        run, trajectory=steps, proposals=-1, evaluations=0, unique_cells=0, epochs=0.0
    )
    data = data_of(suite_of(tmp_path, {"toy": {"bohb": [run_of()] * 2, "tpe": [foreign] * 2}}))
    assert len(data["axes"]) == len(AXES)
    (table,) = data["tables"]
    there = [shown["mean ci"]["lines"][1] is not None for shown in table["curves"]]
    assert there == [one["name"] == "seconds" for one in data["axes"]]
    for place, shown in enumerate(table["single"]):
        for _, x, y in shown["lines"][1]:
            assert len(numbers(data, x)) == len(numbers(data, y)) == (3 if there[place] else 0)


def test_of_many_runs_the_first_are_shown_singly_and_the_caption_says_so(
    suite_of, run_of, tmp_path
):
    runs = {"bohb": [run_of()] * (MOST_RUNS_OF_ONE + 1)}
    single, *_ = data_of(suite_of(tmp_path, {"toy": runs}))["tables"][0]["single"]
    assert len(single["lines"][0]) == MOST_RUNS_OF_ONE
    assert f"of each method the first {MOST_RUNS_OF_ONE}" in single["said"]


def test_what_is_missing_has_no_line_and_is_told(suite_of, run_of, tmp_path):
    suite = suite_of(
        tmp_path,
        {"a": {"bohb": [run_of()], "tpe": [run_of([], [])], "smac": []}, "b": {"bohb": [run_of()]}},
        planned=2,
        failures=(Failure("a", "smac", 0, "out of memory"),),
    )
    data = data_of(suite)
    first, second = data["tables"]
    assert [line is None for line in first["curves"][0]["mean ci"]["lines"]] == [False, True, True]
    assert first["finals"][1]["mean"] == ["\u2014", None]
    assert first["finals"][2] is None
    assert any("out of memory" in note for note in first["notes"])
    assert not any("out of memory" in note for note in second["notes"])
    assert set(second["ranks"]) == {None}
    assert set(data["overall"]["ranks"]) == {None}  # one method only has runs on both


def test_regret_of_zero_has_a_place_below_all_others(suite_of, run_of, tmp_path):
    suite = suite_of(tmp_path, {"toy": {"bohb": [run_of([5, 50], [0.3, 0.0])]}})
    shown = data_of(suite)["tables"][0]["curves"][0]["mean ci"]
    assert 0 < shown["floor"] < 0.3


def test_a_reconstruction_is_marked(suite_of, run_of, tmp_path):
    suite = suite_of(tmp_path, {"toy": {"bohb": [run_of(reconstruction="times are modelled")]}})
    (table,) = data_of(suite)["tables"]
    assert table["reconstruction"]
    assert "times are modelled" in table["curves"][0]["mean ci"]["caption"]["modelled"]


def test_every_method_stands_out_from_a_dark_page():
    colors = [color for _, color, _ in METHODS.values()] + [color for color, _ in CYCLE]
    assert min(contrast(on_dark(color), DARK) for color in colors) >= 4.5
    dark = [on_dark(color) for _, color, _ in METHODS.values()]
    apart = distances(dark, dark) + 100 * np.eye(len(dark))
    assert apart[:8, :8].min() > 4
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)  # as WCAG 2.2 defines it
