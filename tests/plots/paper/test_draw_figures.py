"""All figures of a paper from whatever is at hand."""

from dataclasses import replace

import numpy as np
import pytest

from regretta.plots.paper import PAPERS, draw_figures
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.nasbench101.searches import anchors, caption, compute, passes, speed_up
from regretta.plots.regret_curve import RegretCurve
from regretta.tabular_data.spaces import NasBench101, NasBench201
from regretta.tabular_data.table import Table

SPACE = NasBench101(3)
PROTOCOL = {"name": "nb101-paper"}


def table_of(space=SPACE, name="toy"):
    accuracy = np.linspace(0.5, 0.9, space.n_cells)
    return Table.from_arrays(
        name,
        space,
        (108,),
        validation_accuracy=accuracy,
        training_seconds=np.full(space.n_cells, 10.0),
    )


def curve(time, mean, label="x"):
    time, mean = np.array(time, dtype=float), np.array(mean)
    return RegretCurve(label, 3, 0, time, mean, mean, mean)


@pytest.fixture
def comparison(suite_of, run_of, tmp_path):
    """A suite in which evolution passes random search at 100 s, on NAS-Bench-101's cells."""
    runs = {
        "random_search": [run_of([10, 1000], [0.3, 0.2], protocol=PROTOCOL)] * 2,
        "regularized_evolution": [run_of([10, 100], [0.4, 0.1], protocol=PROTOCOL)] * 2,
    }
    return suite_of(tmp_path / "comparison", {"toy": runs}, spaces={"toy": "nasbench101/A"})


def test_every_figure_of_the_papers_has_an_outcome(tmp_path):
    outcomes = draw_figures("nasbench101", [table_of()], tmp_path)
    state = {outcome.figure: outcome for outcome in outcomes}
    expected = [
        "2",
        "3",
        "4",
        "5",
        "6",
        "7-left",
        "7-right",
        "7-validation",
        "8",
        "9",
        *(f"S{n}" for n in range(2, 9)),
        "optimizer-ranks",
    ]
    assert list(state) == expected
    assert [f.number for f in PAPERS["nasbench201"].figures] == [
        *("2", "3", "4", "5", "7-and-8", "table-5", "reinforce-learning-rate"),
    ]
    assert state["3"].reason == "figure 3 needs the column parameters; table 'toy' lacks it"
    assert (
        state["S7"].reason == "supplement figure 7 needs several budgets; table 'toy' has 108 only"
    )
    assert state["7-left"].reason == "run `regretta run nasbench101-paper` and pass --suite DIR"
    for number in ("2", "4", "5", "6"):
        assert (tmp_path / state[number].file).read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / f"figure-{number}.pdf").read_bytes().startswith(b"%PDF")
    index = (tmp_path / "figures.md").read_text()
    assert (
        "| Within 6 edits of them, of all points | 100.0 % | 35.4 % of the search space |" in index
    )
    assert (
        "- Supplement figure 4 (evolution's settings): run `regretta run sensitivity-evolution`"
        in index
    )


def test_several_tables_have_their_names_in_the_files(tmp_path, monkeypatch):
    paper = PAPERS["nasbench101"]
    monkeypatch.setattr(
        "regretta.plots.paper.drawing.PAPERS",
        {"nasbench101": replace(paper, figures=paper.figures[:1])},
    )
    draw_figures("nasbench101", [table_of(), table_of(name="other")], tmp_path)
    assert (tmp_path / "figure-2-other.png").exists()
    with pytest.raises(FigureError, match="two tables are called 'toy'"):
        draw_figures("nasbench101", [table_of(), table_of()], tmp_path)


def test_captions_stand_in_the_index_as_they_are(suite_of, run_of, tmp_path):
    runs = {"random_search": [run_of()], "*my_[label]*": [run_of(label="*my_[label]*")]}
    suite = suite_of(tmp_path / "suite", {"nats-cifar10": runs})
    outcomes = draw_figures("nasbench201", [], tmp_path / "out", [suite])
    assert outcomes[-2].rows[-1][0] == "*my_[label]*"
    assert (
        "| \\*my\\_\\[label]\\* | \u2014 | nats-cifar10 |"
        in (tmp_path / "out/figures.md").read_text()
    )


def test_a_table_of_each_of_two_suites_has_a_file_of_its_own(suite_of, run_of, tmp_path):
    def suite(name, regret):
        runs = {label: [run_of([5], [regret], label=label)] for label in ("random_search", "bohb")}
        return suite_of(tmp_path / name, {"nats-cifar10": runs})

    suites = [suite("one", 0.1), suite("two", 0.2)]
    outcomes = draw_figures("nasbench201", [], tmp_path / "out", suites)
    files = [o.file for o in outcomes if o.figure == "table-5"]
    assert files == ["nasbench201-table5-one.csv", "nasbench201-table5-two.csv"]
    first, second = ((tmp_path / "out" / file).read_text() for file in files)
    assert "nats-cifar10,bohb,bohb,,1,,,85.0" in first  # errors are regret plus 0.05
    assert "nats-cifar10,bohb,bohb,,1,,,75.0" in second


def test_bad_input_is_one_clear_line(tmp_path):
    with pytest.raises(
        FigureError, match="unknown paper 'nasbench102'; did you mean 'nasbench101'"
    ):
        draw_figures("nasbench102", [], tmp_path)
    with pytest.raises(
        FigureError, match="nasbench101 needs tables of its cells; table 'toy' has nasbench201"
    ):
        draw_figures("nasbench101", [table_of(NasBench201())], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(FigureError, match="figures cannot be written to"):
        draw_figures("nasbench201", [], tmp_path / "file")


def test_the_comparison_is_drawn_from_a_suite(comparison, tmp_path):
    outcomes = {
        o.figure: o for o in draw_figures("nasbench101", [], tmp_path / "out", [comparison])
    }
    for side in ("7-left", "7-right", "7-validation"):
        assert (tmp_path / "out" / outcomes[side].file).exists()
        assert "Published: 500 runs" in outcomes[side].caption
    assert "is not the study of figure S4" in outcomes["S4"].reason
    assert outcomes["2"].reason.startswith("it needs a table with train_accuracy")


def test_evolution_passes_random_search_at_100_seconds(comparison):
    found = compute("7-left", comparison, "toy")
    assert found.passing["regularized_evolution"] == pytest.approx(
        100, rel=0.05
    )  # the grid has 400 points
    assert anchors(found)[0].published == "about 13.9 h"
    # Evolution is at random search's final 0.2 or below from 100 s on, of 1,000,000 s.
    faster = found.faster["regularized_evolution"]
    assert faster.estimate == pytest.approx(10_000, rel=0.05)
    assert (faster.low, faster.high) == pytest.approx((faster.estimate,) * 2)  # all runs are alike
    assert anchors(found)[1].published == "about 5 times faster"
    assert found.missing == (
        "runs of REINFORCE, Hyperband, SMAC, BOHB, TPE",
        "the paper's 10,000,000 simulated seconds: the runs have 1,000,000",
    )
    assert "Regularized evolution stays below random search's mean regret from" in caption(found)


def test_figure_7_is_drawn_by_validation_regret_too(suite_of, run_of, tmp_path):
    """Incumbents of mean validation error 0.35 and 0.25, where the best cell has 0.05."""
    run = run_of([10, 1000], [0.1, 0.0], protocol=PROTOCOL)
    errors = replace(run.trajectory, mean_validation_error=np.array([0.35, 0.25]))
    run = replace(run, trajectory=errors)
    runs = {"random_search": [run], "hyperband": [replace(run, optimizer="hyperband")]}
    spaces = {"toy": "nasbench101/A"}
    found = compute("7-validation", suite_of(tmp_path, {"toy": runs}, spaces=spaces), "toy")
    for curve in found.shown.curves:
        assert (curve.value[0], curve.value[-1]) == pytest.approx((0.3, 0.2))
    assert found.passing == {}  # what the paper says is of test regret
    assert "nasbench#10" in caption(found)
    untested = {label: [run_of(test=False)] for label in runs}
    suite = suite_of(tmp_path / "untested", {"toy": untested}, spaces=spaces)
    with pytest.raises(FigureError, match="figure 7 left of untested shows validation regret"):
        compute("7-validation", suite, "toy")


def test_of_two_labels_the_first_stands_for_the_optimizer(suite_of, run_of, tmp_path):
    runs = {
        "random_search": [run_of([10], [0.2])],
        "ageing": [run_of([10], [0.1], label="ageing", optimizer="regularized_evolution")],
        "no ageing": [run_of([10], [0.3], label="no ageing", optimizer="regularized_evolution")],
    }
    assert compute("7-left", suite_of(tmp_path, {"toy": runs}), "toy").passing == {
        "regularized_evolution": 10.0
    }


def test_another_protocol_or_missing_runs_are_told(suite_of, run_of, tmp_path):
    runs = {"random_search": [run_of()], "bohb": [run_of()] * 2}
    suite = suite_of(tmp_path, {"toy": runs}, planned=2)
    found = compute("7-right", suite, "toy")
    assert "(nb101-paper): the suite follows default;" in caption(found)
    assert "runs: of 2 planned there are random_search 1" in caption(found)


def test_settings_are_studied_one_optimizer_at_a_time(suite_of, run_of, tmp_path):
    runs = {label: [run_of(label=label, optimizer="smac")] for label in ("ten trees", "five trees")}
    suite = suite_of(tmp_path, {"toy": runs})
    assert [c.label for c in compute("S2", suite, "toy").shown.curves] == [
        "ten trees",
        "five trees",
    ]
    for number in ("7-left", "S3", "S6", "S8"):
        with pytest.raises(FigureError, match=f"not the study of figure {number}"):
            compute(number, suite, "toy")
    nothing = suite_of(tmp_path, {"toy": {"smac": [run_of([], [])]}})
    with pytest.raises(FigureError, match="no finished evaluation on toy"):
        compute("S2", nothing, "toy")


def test_evolution_without_ageing_makes_it_the_study_of_s8(suite_of, run_of, tmp_path):
    runs = {
        name: [run_of(label=name, optimizer=name)]
        for name in ("random_search", "regularized_evolution", "reinforce")
    }
    with pytest.raises(FigureError, match="not the study of figure S8"):
        compute("S8", suite_of(tmp_path / "comparison", {"toy": runs}), "toy")
    unaged = run_of(label="NRE", optimizer="regularized_evolution")
    runs["NRE"] = [replace(unaged, settings={**unaged.settings, "ageing": False})]
    suite = suite_of(tmp_path / "study", {"toy": runs})
    assert [curve.label for curve in compute("S8", suite, "toy").shown.curves] == list(runs)
    for number in ("7-left", "7-right"):
        with pytest.raises(FigureError, match=f"not the study of figure {number}"):
            compute(number, suite, "toy")


def test_what_never_reaches_random_search_s_final_value_is_not_faster(run_of):
    slow, base = [run_of([10, 100], [0.4, 0.3])], [run_of([10], [0.2])]
    assert speed_up(slow, base, "test").estimate == 0
    rising = [run_of([10, 20, 30], [0.1, 0.5, 0.2])]
    assert speed_up(rising, base, "test").estimate == pytest.approx(1e6 / 30, rel=0.05)


@pytest.mark.parametrize(
    ("mean", "moment"),
    [
        ([0.5, 0.1, 0.1], 20),
        ([0.1, 0.1, 0.1], 10),
        ([0.1, 0.5, 0.1], 30),
        ([0.5, 0.1, 0.2], np.inf),
    ],
)
def test_passing_means_staying_below(mean, moment):
    assert passes(curve([10, 20, 30], mean), curve([5], [0.2])) == moment
