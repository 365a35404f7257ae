"""A benchmark that is no table: a formula, through suite and report."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.protocols import get_protocol
from regretta.harness.run import Run, run
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.results import load_suite
from regretta.optimizers.base import Proposal
from regretta.optimizers.registry import PluginError, plugin_benchmarks
from regretta.plots.report import write_report
from regretta.tabular_data.table import Table
from tests.harness.scripted import scripted

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"
HILLS = DOCS.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
"""The benchmark of the documentation."""


@pytest.fixture
def hills(tmp_path: Path) -> Path:
    path = tmp_path / "hills.py"
    path.write_text(HILLS)
    return path


def suite(plugin: Path) -> SuiteSpec:
    methods = ("random_search", "regularized_evolution", "hyperband")
    entries = tuple(OptimizerEntry(name) for name in methods)
    return SuiteSpec("formula", ("hills",), entries, time_limit=2000.0, runs=3, plugins=(plugin,))


def test_a_formula_goes_through_suite_and_report(hills: Path, tmp_path: Path) -> None:
    outcome = run_suite(suite(hills), tmp_path / "out", workers=2)
    assert (outcome.done, outcome.failures) == (9, ())
    found = load_suite(tmp_path / "out")
    for runs in found.runs["hills"].values():
        for result in runs:
            steps = result.trajectory
            # The configuration tells the regret: the mean distance from 7, over 20.
            distance = np.abs(steps.configuration.astype(float) - 7).mean(axis=1) / 20
            np.testing.assert_allclose(result.regret("test"), distance, atol=1e-12)
            assert steps.cell is None
            assert 0 < result.unique_cells <= result.evaluations
    page = write_report(found)
    assert "hills" in page.read_text(encoding="utf-8")
    assert (tmp_path / "out" / "figures" / "regret.png").exists()


def test_what_is_in_the_way_of_a_plugins_benchmark_is_one_line(hills: Path, tmp_path: Path) -> None:
    assert list(plugin_benchmarks([hills])) == ["hills"]
    for change, said in (
        (('name = "hills"', 'name = ""'), "has no name"),
        (("budgets = (1.0, 9.0)", "def __init__(self): 1 / 0"), "cannot be made: ZeroDivision"),
    ):
        path = tmp_path / "other.py"
        path.write_text(HILLS.replace(*change))
        with pytest.raises(PluginError, match=said):
            plugin_benchmarks([path])


def test_an_answer_that_is_no_number_fails_the_run_and_names_the_configuration(
    hills: Path, tmp_path: Path
) -> None:
    path = tmp_path / "broken.py"
    path.write_text(HILLS.replace("0.1 * draws / budget", "np.nan * draws"))
    outcome = run_suite(suite(path), tmp_path / "out")
    assert len(outcome.failures) == 9
    assert "observe gave error nan and 9.0 seconds for {'x0': " in outcome.failures[0].message


def test_a_formula_has_no_mean_over_repeats(hills: Path) -> None:
    benchmark = plugin_benchmarks([hills])["hills"]
    optimizer = scripted()
    rules = get_protocol("default")
    mean = type(rules)("mean", "", observe="mean")
    with pytest.raises(ValueError, match="offers no mean over repeats"):
        run(Run(benchmark, benchmark, mean, optimizer, optimizer.make_settings(), "x", 0, 0, 9.0))


def test_where_nobody_knows_the_best_the_errors_themselves_are_reported(
    hills: Path, tmp_path: Path
) -> None:
    path = tmp_path / "unknown.py"
    path.write_text(HILLS.partition("    def best")[0])
    outcome = run_suite(suite(path), tmp_path / "out")
    found = load_suite(outcome.folder)
    (result, *_) = found.runs["hills"]["random_search"]
    assert result.reference is None
    steps = result.trajectory
    assert steps.test_error is not None
    np.testing.assert_allclose(result.regret("test"), steps.test_error)
    page = write_report(found).read_text(encoding="utf-8")
    assert "test error" in page.lower()


# -- incumbents that an optimizer names, and seconds of its own ---------------------------------


def test_a_search_may_name_its_incumbent(grid_table: Table) -> None:
    """It evaluates cells 3 and 0 and returns the last it heard of, then one it never evaluated."""

    class Names(scripted(*(np.array(c, dtype=np.int8) for c in ([1, 1], [0, 0])))):  # type: ignore[misc]
        def recommend(self) -> np.ndarray:
            heard = len(self.told)
            return (
                self.told[-1].configurations[0] if heard == 1 else np.array([1, 0], dtype=np.int8)
            )

    protocol = type(get_protocol("default"))("mean", "", observe="mean")
    spec = Run(grid_table, grid_table, protocol, Names, Names.make_settings(), "n", 0, 0, 1e6)
    result = run(spec)
    steps = result.trajectory
    assert steps.cell is not None
    assert steps.cell.tolist() == [3, 2]
    assert steps.time.tolist() == [140.5, 251.0]
    assert steps.validation_error[0] == pytest.approx(0.175)
    assert math.isnan(steps.validation_error[1])
    assert steps.mean_validation_error == pytest.approx([0.175, 0.275])
    again = type(result).from_json(result.to_json())
    assert b"NaN" not in result.to_json()
    np.testing.assert_array_equal(again.trajectory.validation_error, steps.validation_error)


@pytest.mark.parametrize("workers", [1, 2])
def test_seconds_of_the_search_itself_pass_on_the_clock(grid_table: Table, workers: int) -> None:
    """30 s of its own and nothing to evaluate, then 20 s and cell 0, which takes 110.5 s."""

    class Trains(  # type: ignore[misc]
        scripted(
            Proposal(np.empty((0, 2), dtype=np.int8), seconds=30.0),
            Proposal(np.array([[0, 0]], dtype=np.int8), seconds=20.0),
        )
    ):
        parallel = True

    protocol = type(get_protocol("default"))("mean", "", observe="mean")
    settings = Trains.make_settings()
    spec = Run(grid_table, grid_table, protocol, Trains, settings, "t", 0, 0, 1e6, workers)
    result = run(spec)
    # Two workers train side by side: the second proposal starts at once.
    assert result.elapsed == (160.5 if workers == 1 else 130.5)
    assert (result.search_seconds, result.evaluations, result.ended_early) == (50.0, 1, True)
    short = run(replace(spec, time_limit=25.0))
    assert (short.search_seconds, short.elapsed, short.ended_early) == (0.0, 0.0, False)


def test_a_benchmark_finds_modules_and_data_beside_its_file_whenever_it_needs_them(
    hills: Path, tmp_path: Path
) -> None:
    lazy = "from scale import SCALE\n        return SCALE * np.abs(configurations"
    hills.write_text(HILLS.replace("return np.abs(configurations", lazy))
    (tmp_path / "scale.py").write_text(
        "from pathlib import Path\n"
        "SCALE = float(Path(__file__).with_name('scale.txt').read_text())\n"
    )
    (tmp_path / "scale.txt").write_text("0.5")
    spec = replace(suite(hills), runs=1)
    outcome = run_suite(spec, tmp_path / "out")
    assert (outcome.done, outcome.failures) == (3, ())
    assert not [note for note in outcome.notes if "no part" in note]
    (tmp_path / "scale.txt").write_text("0.25")
    with pytest.raises(SuiteError, match="checksum of 'hills'"):
        run_suite(spec, tmp_path / "out")
