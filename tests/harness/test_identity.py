"""A result belongs to the suite and the code that made it; what differs is never mixed."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from regretta.experiments.catalog import find_suite
from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError, SuiteIdentity
from regretta.harness.planning import plan
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.export import export_suite
from regretta.harness.store.results import load_suite
from regretta.harness.store.status import suite_status

PLUGIN = """
from regretta import Optimizer
from steps import nth

class Walk(Optimizer):
    "Proposes a cell of its choice again and again."
    name = "walk"

    def ask(self):
        return self.space.sample(self.rng, nth())[-1]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "walk.py"
    path.parent.mkdir()
    path.write_text(PLUGIN)
    (path.parent / "steps.py").write_text("def nth():\n    return 1\n")
    return path


@pytest.fixture
def spec(small101: Path, plugin: Path) -> SuiteSpec:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("walk"))
    return SuiteSpec(
        "small", (str(small101),), entries, time_limit=2e4, runs=2, seed=5, plugins=(plugin,)
    )


def runs(folder: Path) -> dict[str, bytes]:
    found = sorted((folder / "runs").rglob("*.json"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("file", ["walk.py", "steps.py"])
def test_runs_of_an_edited_plugin_are_not_mixed_with_those_before(
    spec: SuiteSpec, plugin: Path, tmp_path: Path, file: str
) -> None:
    out = tmp_path / "out"
    run_suite(spec, out)
    before = runs(out)
    edited = plugin.with_name(file)
    edited.write_text(
        edited.read_text().replace("nth())", "nth() + 1)").replace("return 1", "return 2")
    )
    said = (
        r"out: 'walk' has runs there already, and its code has changed since .*; give it another"
        r" --label, choose another --out, or do its runs again with --redo-changed"
    )
    with pytest.raises(SuiteError, match=said):
        run_suite(replace(spec, runs=4), out)
    assert runs(out) == before

    other = spec.changed(optimizers=["walk"], label="walk 2", runs=4)
    assert run_suite(other, out).new == 4
    assert {path: data for path, data in runs(out).items() if path in before} == before

    again = run_suite(spec, out, redo_changed=True)
    assert again.new == 2
    assert again.set_aside == (
        "2 runs of 'walk' on small101 were made by other code or another suite; they are kept as"
        " *.replaced and done again",
    )
    replaced = sorted((out / "runs" / "small101" / "walk").glob("*.replaced"))
    kept = {path.with_suffix(".json").name: path.read_bytes() for path in replaced}
    assert kept == {Path(p).name: data for p, data in before.items() if "/walk/" in p}
    found = load_suite(out).runs["small101"]
    assert [run.code for run in found["walk"]] == [found["walk 2"][0].code] * 2
    assert found["walk"][0].code != found["random_search"][0].code


def test_what_a_reader_alone_sees_of_a_plugin_may_change(
    spec: SuiteSpec, plugin: Path, tmp_path: Path
) -> None:
    run_suite(spec, tmp_path / "out")
    plugin.write_text("# A comment.\n" + PLUGIN.replace("again and again", "for ever"))
    assert run_suite(spec, tmp_path / "out").new == 0


def test_a_plugin_without_a_finished_run_may_be_mended(
    spec: SuiteSpec, plugin: Path, tmp_path: Path
) -> None:
    plugin.write_text(PLUGIN.replace("nth()", "nothing"))
    first = run_suite(spec, tmp_path / "out")
    assert (first.done, len(first.failures)) == (2, 2)
    plugin.write_text(PLUGIN)
    assert run_suite(spec, tmp_path / "out").done == 4


def test_another_version_of_a_package_that_an_optimizer_uses_is_told(spec: SuiteSpec) -> None:
    here = plan(spec).identity()
    walk = here.methods["walk"]
    older = replace(walk, packages={**walk.packages, "numpy": "1.0", "hyperopt": "0.2"})
    there = replace(here, methods={**here.methods, "walk": older})
    numpy = re.escape(walk.packages["numpy"])
    said = (
        f"'walk' has runs .* numpy was 1.0 and is {numpy} now, hyperopt was 0.2 and is not used now"
    )
    with pytest.raises(SuiteError, match=said):
        there.joined(here)
    assert there.joined(here, ["walk"]).methods == here.methods


def test_another_regretta_that_makes_runs_differently_is_told(spec: SuiteSpec) -> None:
    here = plan(spec).identity()
    old = {label: replace(method, harness="0") for label, method in here.methods.items()}
    with pytest.raises(SuiteError, match="Regretta's own code has changed since"):
        replace(here, methods=old).joined(here)


def test_a_folder_of_results_can_be_run_again_with_its_plugin(
    spec: SuiteSpec, plugin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_suite(spec, out)
    for path in plugin.parent.glob("*.py"):
        path.unlink()
    for known in (out, out / "suite.json"):
        again = find_suite(known)
        assert run_suite(again, out).new == 0
    assert run_suite(again, tmp_path / "anew").new == 4
    assert runs(tmp_path / "anew") == runs(out)
    assert load_suite(tmp_path / "anew").title == load_suite(out).title


def test_a_plugin_that_is_given_takes_the_place_of_the_copy(
    spec: SuiteSpec, plugin: Path, tmp_path: Path
) -> None:
    run_suite(spec, tmp_path / "out")
    plugin.write_text(PLUGIN.replace("nth())", "nth() + 1)"))
    given = find_suite(tmp_path / "out").changed(plugins=[plugin], plugin_optimizers=["walk"])
    with pytest.raises(SuiteError, match="'walk' has runs there already, and its code has changed"):
        run_suite(given, tmp_path / "out")
    run_suite(given, tmp_path / "anew")
    walk, anew = (load_suite(tmp_path / f).runs["small101"]["walk"] for f in ("out", "anew"))
    assert walk[0].code != anew[0].code


def test_two_versions_of_a_plugin_are_run_again_each_with_its_own(
    spec: SuiteSpec, plugin: Path, tmp_path: Path
) -> None:
    run_suite(spec, tmp_path / "out")
    (plugin.parent / "steps.py").write_text("def nth():\n    return 2\n")
    run_suite(spec.changed(optimizers=["walk"], label="walk 2"), tmp_path / "out")
    assert run_suite(find_suite(tmp_path / "out"), tmp_path / "anew").new == 6
    assert runs(tmp_path / "anew") == runs(tmp_path / "out")


def test_an_altered_copy_of_a_plugin_is_not_run(spec: SuiteSpec, tmp_path: Path) -> None:
    run_suite(spec, tmp_path / "out")
    (copy,) = (tmp_path / "out").glob("plugins/*/steps.py")
    copy.write_text("def nth():\n    return 3\n")
    with pytest.raises(
        SuiteError, match="is not the plugin any more that runs there were made with"
    ):
        find_suite(tmp_path / "out")


def test_results_of_another_suite_are_not_taken_for_its_own(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    small = replace(spec, optimizers=spec.optimizers[:1], plugins=())
    for seed in (5, 6):
        run_suite(replace(small, seed=seed), tmp_path / str(seed))
    stray = "runs/small101/random_search/00000.json"
    (tmp_path / "5" / stray).write_bytes((tmp_path / "6" / stray).read_bytes())
    found = load_suite(tmp_path / "5")
    assert len(found.runs["small101"]["random_search"]) == 1
    assert "00000.json is that of another suite" in found.damaged[0]
    assert suite_status(tmp_path / "5").rows[0].damaged == 1
    assert run_suite(small, tmp_path / "5").new == 1


def test_a_title_says_what_was_run(spec: SuiteSpec, tmp_path: Path) -> None:
    whole = replace(spec, title="A walk against chance")
    out = tmp_path / "out"
    run_suite(whole.changed(optimizers=["walk"]), out)
    assert load_suite(out).title == "walk on small101"
    run_suite(whole, out)
    assert load_suite(out).title == "A walk against chance"
    run_suite(whole.changed(optimizers=["random_search"], runs=3), out)
    assert load_suite(out).title == "A walk against chance"
    run_suite(whole.changed(optimizers=["hyperband"]), out)
    assert load_suite(out).title == "walk, random_search, hyperband on small101"


FORMAT_1 = {
    "format": 1,
    "name": "small",
    "title": "",
    "protocol": {"name": "default"},
    "seed": 0,
    "simulated_workers": 1,
    "encoding": "",
    "tables": {"small101": {"checksum": "0" * 64, "time_limit": 1e4}},
    "optimizers": {"random_search": {"optimizer": "random_search", "settings": {}}},
    "runs": 2,
    "sha256": "0" * 64,
}


def test_a_folder_of_version_0_1_is_refused_with_the_way_out(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    (tmp_path / "out" / "runs").mkdir(parents=True)
    (tmp_path / "out" / "suite.json").write_text(json.dumps(FORMAT_1))
    said = (
        r"suite\.json is of another version of regretta \(format 1, this one reads 2\); run the"
        r" suite again into another --out"
    )
    for attempt in (load_suite, suite_status, find_suite):
        with pytest.raises(SuiteError, match=said):
            attempt(tmp_path / "out")
    with pytest.raises(SuiteError, match=said):
        run_suite(spec, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "suite.json").read_text()) == FORMAT_1


def test_an_identity_is_what_its_file_says(spec: SuiteSpec) -> None:
    identity = plan(spec).identity()
    again = SuiteIdentity.from_json(identity.to_json())
    assert again.to_json() == identity.to_json()
    assert (again.tables, again.protocol) == (identity.tables, identity.protocol)


BENCHMARK = """
import numpy as np
from regretta import Benchmark, GridSpace
from regretta.tabular_data.benchmark import Judged, Observed

class Line(Benchmark):
    "The error is the distance from the last choice."
    name = "line"
    space = GridSpace({"x": list(range(5))})
    budgets = (1.0,)

    def observe(self, configurations, budget, draws):
        return Observed(1 - configurations[:, 0] / 4, np.full(len(configurations), 10.0))

    def judge(self, configurations, budget):
        errors = 1 - configurations[:, 0] / 4
        return Judged(errors, errors)
"""


def test_a_plugins_benchmark_is_run_again_from_its_copy(tmp_path: Path) -> None:
    plugin = tmp_path / "line.py"
    plugin.write_text(BENCHMARK)
    entries = (OptimizerEntry("random_search"),)
    spec = SuiteSpec("l", ("line",), entries, time_limit=200, runs=2, plugins=(plugin,))
    run_suite(spec, tmp_path / "out")
    export_suite(load_suite(tmp_path / "out"), tmp_path / "csv", "csv")
    with (tmp_path / "csv" / "trajectory.csv").open() as file:
        for row in csv.DictReader(file):
            choice = json.loads(row["configuration"])["x"]
            assert float(row["test_error"]) == 1 - int(choice) / 4
    plugin.unlink()
    assert run_suite(find_suite(tmp_path / "out"), tmp_path / "anew").new == 2
    assert runs(tmp_path / "anew") == runs(tmp_path / "out")
