"""Runs of other people's code beside a suite's: never mixed, never taken for what they are not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regretta.harness.campaign import run_suite
from regretta.harness.elsewhere.joining import with_trajectories
from regretta.harness.elsewhere.records import ElsewhereError, Trajectories, Trajectory
from regretta.harness.elsewhere.trajectories import read_trajectories
from regretta.harness.identity import SuiteError
from regretta.harness.regret import final_regret, steps_at
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.export import export_suite
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.plots.summary import final_table
from regretta.tabular_data.table import Table

LIMIT = 1e4


@pytest.fixture(scope="module")
def folder(small101: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("regularized_evolution"))
    out = tmp_path_factory.mktemp("own") / "out"
    run_suite(SuiteSpec("s", (str(small101),), entries, time_limit=LIMIT, runs=3), out)
    return out


@pytest.fixture(scope="module")
def own(folder: Path) -> SuiteResults:
    return load_suite(folder)


@pytest.fixture(scope="module")
def best(own: SuiteResults) -> float:
    """Test error of the best cell."""
    reference = own.runs["small101"]["random_search"][0].reference
    assert reference is not None
    assert reference.test_error is not None
    return reference.test_error


def other(
    seconds: Sequence[float] = (10.0, LIMIT),
    table: str = "small101",
    method: str = "theirs",
    run: str = "0",
    twice: int = 0,
    path: str = "other.csv",
    **values: Sequence[float],
) -> Trajectories:
    """A file with one trajectory."""
    columns: Mapping[str, Any] = {k: np.array(v, dtype=np.float64) for k, v in values.items()}
    where = f"{path}, line 2"
    one = Trajectory(table, method, run, where, np.array(seconds, float), columns, twice)
    return Trajectories(Path(path), "5" * 64, (one,))


def test_they_stand_among_the_others_with_a_mark(own: SuiteResults, best: float) -> None:
    joined = with_trajectories(own, [other(test_error=[best + 0.1, best + 0.05])])
    assert joined.labels == ("random_search", "regularized_evolution", "theirs ‡")
    (run,) = joined.runs["small101"]["theirs ‡"]
    np.testing.assert_allclose(run.regret("test"), [0.1, 0.05], atol=1e-12)
    assert joined.foreign == ("theirs ‡",)
    (origin,) = joined.elsewhere
    assert origin.caption == ("‡: from other.csv, not run by Regretta; SHA-256 5555555555555555….")
    assert own.labels == ("random_search", "regularized_evolution")


def test_files_have_marks_of_their_own_and_a_suite_s_label_stays_apart(
    own: SuiteResults, best: float
) -> None:
    one = other(method="random_search", test_error=[best, best])
    two = other(method="random_search", path="b.csv", test_error=[best, best])
    joined = with_trajectories(own, [one, two])
    assert joined.labels[2:] == ("random_search ‡1", "random_search ‡2")
    before = final_regret(own.runs["small101"]["random_search"], "test")
    after = final_regret(joined.runs["small101"]["random_search"], "test")
    np.testing.assert_array_equal(before, after)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(st.floats(1, LIMIT), min_size=1, max_size=6, unique=True).map(sorted))
@pytest.mark.parametrize("form", ["csv", "nas_benchmarks"])
def test_exports_of_regretta_come_back_with_the_same_curves(
    own: SuiteResults, tmp_path_factory: pytest.TempPathFactory, form: str, times: list[float]
) -> None:
    out = tmp_path_factory.mktemp("exports") / "out"
    export_suite(own, out, form)
    file = out / "trajectory.csv" if form == "csv" else out
    joined = with_trajectories(own, [read_trajectories(file)])
    for label in own.labels:
        mine, theirs = (joined.runs["small101"][name] for name in (label, f"{label} ‡"))
        assert len(mine) == len(theirs) == 3
        for a, b in zip(mine, theirs, strict=True):
            here, there = (
                steps_at(run.trajectory.time, run.regret("test"), times) for run in (a, b)
            )
            np.testing.assert_allclose(there, here, atol=1e-12)


def test_accuracies_and_regrets_are_errors_of_another_form(own: SuiteResults, best: float) -> None:
    errors = np.array([best + 0.1, best + 0.05])
    for given_as in (
        {"test_error": errors},
        {"test_accuracy": 1 - errors},
        {"test_regret": errors - best},
    ):
        joined = with_trajectories(own, [other(**given_as)])  # type: ignore[arg-type]
        (run,) = joined.runs["small101"]["theirs ‡"]
        np.testing.assert_allclose(run.regret("test"), [0.1, 0.05], atol=1e-12)


def test_what_no_file_says_is_in_no_table(own: SuiteResults, best: float) -> None:
    joined = with_trajectories(own, [other(evaluations=[1, 9], test_error=[best + 0.1, best])])
    names = {label: label for label in joined.labels}
    table = final_table(joined.runs["small101"], names, "small101")
    assert table.rows[2] == ("theirs ‡", "1", "0.000", "0.000", "0.000", "—", "—")
    assert "—" not in table.rows[0]
    with pytest.raises(SuiteError, match="frames and exports are of one folder's own runs"):
        joined.frame("final")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"test_error": [5.7, 5.1]},
            "test_error 5.7, and a fraction is at most 1; if these",
        ),
        ({"test_regret": [3.0, 0.2]}, "test_regret 3, and a fraction is at most 1; if these are"),
        ({"test_accuracy": [94.0, 95.0]}, "test_accuracy 94, and a fraction is at most 1"),
        ({"test_error": [0.01, 0.001]}, "if it is a regret, call it test_regret"),
        ({"test_regret": [0.1, -0.01]}, "test_regret -0.01, and no regret is below zero"),
        ({"test_accuracy": [0.6, 0.99]}, "test_accuracy 0.99, and the best cell of small101 has"),
        (
            {"test_error": [0.6, 0.5]},
            "test_error 0.6, and no cell's error on small101 is above",
        ),
        ({"test_regret": [0.6, 0.5]}, "test_regret 0.6, and no cell's regret on small101 is above"),
        ({"test_accuracy": [0.2, 0.9]}, "test_accuracy 0.2, and no cell's accuracy on small101 is"),
        ({"validation_error": [0.3, 0.2]}, "it has no test_error, test_accuracy or test_regret"),
    ],
)
def test_values_that_the_table_cannot_have_are_one_line(
    own: SuiteResults, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(ElsewhereError, match=r"other\.csv, line 2: ") as refusal:
        with_trajectories(own, [other(**values)])
    assert said in str(refusal.value)


def test_another_table_is_refused(own: SuiteResults, best: float) -> None:
    with pytest.raises(
        ElsewhereError, match=r"is of table 'small102': unknown table of this suite.*did you mean"
    ):
        with_trajectories(own, [other(table="small102", test_error=[best, best])])


def told(suite: SuiteResults, *files: Trajectories) -> str:
    return "; ".join(note for o in with_trajectories(suite, files).elsewhere for note in o.notes)


def test_what_looks_like_errors_among_regrets_is_told(own: SuiteResults, best: float) -> None:
    assert told(own, other(test_regret=[best + 0.04, best + 0.02])) == (
        f"no test_regret on small101 falls below {best:.6g}, the error of the best cell: if these"
        " are errors, call them test_error"
    )
    assert told(own, other(test_regret=[best + 0.04, best / 2])) == ""


def test_what_looks_like_percentages_is_told(own: SuiteResults) -> None:
    firsts = [run.regret("test")[0] for g in own.runs["small101"].values() for run in g]
    worse = max(firsts) + 0.001
    said = told(own, other(test_regret=[worse, worse]))
    assert "all end on small101 with a test_regret that is worse than where any run of" in said


def test_ends_that_differ_are_told(own: SuiteResults, best: float) -> None:
    early = other(seconds=(10, 5000), test_error=[best + 0.1, best])
    assert told(own, early) == (
        "the last records of theirs ‡ on small101 are at 5,000 of 10,000 s: what came after is not"
        " known, and the last value holds to the end"
    )
    late = other(seconds=(10, LIMIT, 2 * LIMIT), test_error=[best + 0.2, best + 0.1, best])
    joined = with_trajectories(own, [late])
    (run,) = joined.runs["small101"]["theirs ‡"]
    np.testing.assert_allclose(run.regret("test"), [0.2, 0.1], atol=1e-12)
    assert joined.elsewhere[0].notes == (
        "records after the limit of 10,000 s on small101 are left out (1 of 1 runs)",
    )
    beyond = with_trajectories(own, [other(seconds=(2 * LIMIT,), test_error=[best])])
    assert len(beyond.runs["small101"]["theirs ‡"][0].trajectory) == 0


def test_before_the_first_valid_evaluation_there_is_no_value(
    own: SuiteResults, best: float
) -> None:
    """The scripts of automl/nas_benchmarks begin at error 1, whose regret is below 1."""
    regrets = [1 - best, 1 - best, best / 2]
    joined = with_trajectories(own, [other(seconds=(0, 5, LIMIT), test_regret=regrets)])
    (run,) = joined.runs["small101"]["theirs ‡"]
    np.testing.assert_array_equal(run.trajectory.time, [LIMIT])
    assert joined.elsewhere[0].notes == (
        "records before the first valid evaluation (error 1) are left out (1 of 1 runs)",
    )


def test_records_that_stand_twice_are_told(own: SuiteResults, best: float) -> None:
    assert told(own, other(twice=2, test_error=[best, best])) == (
        "records of one second with equal values count once (1 of 1 runs)"
    )


def test_a_table_without_test_data_compares_validation_errors(
    small101: Path, tmp_path: Path
) -> None:
    whole = Table.open(small101)
    columns = {name: whole.columns[name] for name in ("validation_accuracy", "training_seconds")}
    Table.from_arrays("untested", whole.space, whole.budgets, **columns).write(tmp_path / "t")
    entries = (OptimizerEntry("random_search"),)
    run_suite(SuiteSpec("s", (str(tmp_path / "t"),), entries, time_limit=LIMIT), tmp_path / "out")
    suite = load_suite(tmp_path / "out")
    reference = suite.runs["untested"]["random_search"][0].reference
    assert reference is not None
    low = reference.validation_error
    joined = with_trajectories(suite, [other(table="untested", mean_validation_error=[low, low])])
    (run,) = joined.runs["untested"]["theirs ‡"]
    assert not run.has_test
    np.testing.assert_array_equal(run.regret("validation"), [0, 0])
    said = told(suite, other(table="untested", validation_error=[low + 0.01, low - 0.001]))
    assert "validation_error is at times better than the best cell's mean" in said
    assert "validation errors are taken as that code saw them" in said
    with pytest.raises(ElsewhereError, match="no mean_validation_error, validation_error or their"):
        with_trajectories(suite, [other(table="untested", test_error=[low, low])])


def test_without_the_table_at_hand_its_best_cell_is_known_all_the_same(
    own: SuiteResults, best: float
) -> None:
    tables = {"small101": replace(own.identity.tables["small101"], place="/nowhere/small101")}
    alone = replace(own, identity=replace(own.identity, tables=tables))
    with pytest.raises(ElsewhereError, match="no regret is below zero"):
        with_trajectories(alone, [other(test_regret=[0.1, -0.1])])
    with_trajectories(alone, [other(test_error=[0.6, best])])


def test_the_page_s_function_turns_evaluations_into_incumbents(
    own: SuiteResults, best: float, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "elsewhere.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    evaluations = [(10, 0.3, best + 0.1), (10, 0.35, best), (20, 0.2, best + 0.05)]
    names["write_incumbents"](tmp_path / "o.csv", "small101", "theirs", {"a": evaluations})
    (run,) = with_trajectories(own, [read_trajectories(tmp_path / "o.csv")]).runs["small101"][
        "theirs ‡"
    ]
    np.testing.assert_array_equal(run.trajectory.time, [10, 40])
    np.testing.assert_allclose(run.regret("test"), [0.1, 0.05], atol=1e-12)


def test_ends_are_told_by_what_the_suite_limits(small101: Path, tmp_path: Path) -> None:
    entries = (OptimizerEntry("random_search"),)
    out = tmp_path / "out"
    run_suite(SuiteSpec("s", (str(small101),), entries, evaluations=50, runs=1), out)
    suite = load_suite(out)
    reference = suite.runs["small101"]["random_search"][0].reference
    assert reference is not None
    low = reference.test_error
    assert low is not None
    errors = [low + 0.1, low]
    assert told(suite, other(evaluations=[3, 40], test_error=errors)) == (
        "the last records of theirs ‡ on small101 are at 40 of 50 evaluations: what came after is"
        " not known, and the last value holds to the end"
    )
    assert told(suite, other(evaluations=[3, 50], test_error=errors)) == ""
    with pytest.raises(ElsewhereError, match="after how many evaluations"):
        with_trajectories(suite, [other(test_error=errors)])
