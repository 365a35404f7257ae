"""Suites on disk: resumed, never lost, the same bytes in any order, never mixed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import regretta
from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.planning import plan
from regretta.harness.protocol import ProtocolError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.results import load_suite
from regretta.optimizers.base import SettingsError
from regretta.optimizers.registry import PluginError
from regretta.tabular_data.columns import TableError

PLUGIN = """
from pathlib import Path
from regretta import Optimizer

class Fragile(Optimizer):
    "Fails in some runs."
    name = "fragile"

    def ask(self):
        if self.rng.random() < 0.004 and not Path("MENDED").exists():
            raise RuntimeError("out of ideas")
        return self.space.sample(self.rng, 1)[0]
"""


@pytest.fixture
def spec(small101: Path) -> SuiteSpec:
    entries = (
        OptimizerEntry("random_search"),
        OptimizerEntry(
            "regularized_evolution", settings={"population_size": 10, "tournament_size": 3}
        ),
        OptimizerEntry("reinforce"),
        OptimizerEntry("hyperband"),
    )
    return SuiteSpec("small", (str(small101),), entries, time_limit=2e4, runs=3, seed=5)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_suite_is_the_same_bytes_in_one_process_and_in_three(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    run_suite(spec, tmp_path / "one")
    outcome = run_suite(spec, tmp_path / "three", workers=3)
    assert (outcome.done, outcome.new) == (12, 12)
    assert files(tmp_path / "one") == files(tmp_path / "three")
    assert len(files(tmp_path / "one")) == 13


def test_the_order_of_the_optimizers_changes_no_result(spec: SuiteSpec, tmp_path: Path) -> None:
    run_suite(spec, tmp_path / "one")
    run_suite(replace(spec, optimizers=spec.optimizers[::-1]), tmp_path / "other")
    one, other = files(tmp_path / "one"), files(tmp_path / "other")
    del one["suite.json"], other["suite.json"]
    assert one == other


def test_an_interrupted_suite_goes_on_where_it_was(spec: SuiteSpec, tmp_path: Path) -> None:
    run_suite(spec, tmp_path / "whole")

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_suite(spec, tmp_path / "part", progress=stop)
    kept = {
        name: (tmp_path / "part" / name).stat().st_mtime_ns for name in files(tmp_path / "part")
    }
    assert len(kept) == 6
    outcome = run_suite(spec, tmp_path / "part")
    assert (outcome.done, outcome.new) == (12, 7)
    assert files(tmp_path / "part") == files(tmp_path / "whole")
    for name in kept.keys() - {"suite.json"}:
        assert (tmp_path / "part" / name).stat().st_mtime_ns == kept[name]


def test_more_runs_and_optimizers_join_a_suite(spec: SuiteSpec, tmp_path: Path) -> None:
    run_suite(replace(spec, runs=1, optimizers=spec.optimizers[:1]), tmp_path)
    outcome = run_suite(replace(spec, runs=2), tmp_path)
    assert (outcome.done, outcome.new) == (8, 7)
    found = load_suite(tmp_path)
    assert found.planned("random_search") == 2
    assert set(found.labels) == {"random_search", "regularized_evolution", "reinforce", "hyperband"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 6}, "seed is 5 there and 6 here"),
        ({"name": "other"}, "name is 'small' there and 'other' here"),
        ({"time_limit": 3e4}, "time_limit of 'small101' is 20000.0 there and 30000.0 here"),
        ({"encoding": "B"}, "encoding is '' there and 'B' here"),
        (
            {"optimizers": (OptimizerEntry("hyperband", settings={"eta": 4}),)},
            "settings of 'hyperband' is",
        ),
        (
            {"optimizers": (OptimizerEntry("reinforce", "hyperband"),)},
            "optimizer of 'hyperband' is 'hyperband' there and 'reinforce' here",
        ),
    ],
)
def test_a_folder_of_another_suite_is_left_alone(
    spec: SuiteSpec, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    run_suite(replace(spec, runs=1), tmp_path)
    before = files(tmp_path)
    with pytest.raises(SuiteError) as caught:
        run_suite(replace(spec, **change), tmp_path)
    assert said in str(caught.value)
    assert "choose another --out" in str(caught.value)
    assert files(tmp_path) == before


def test_a_folder_with_other_things_is_left_alone(spec: SuiteSpec, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(SuiteError, match="is not empty and holds no suite"):
        run_suite(spec, tmp_path)
    assert list(files(tmp_path)) == ["thesis.tex"]


def test_an_unwritable_folder_is_one_line(spec: SuiteSpec, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match="cannot write to"):
        run_suite(spec, tmp_path / "file" / "out")


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "other run"])
def test_a_damaged_result_is_set_aside_and_done_again(
    spec: SuiteSpec, tmp_path: Path, damage: str
) -> None:
    run_suite(spec, tmp_path)
    before = files(tmp_path)
    path = tmp_path / "runs" / "small101" / "reinforce" / "00001.json"
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    other = path.with_name("00002.json").read_bytes()
    path.write_bytes(
        {"truncate": data[:90], "flip": data, "empty": b"", "other run": other}[damage]
    )
    assert len(load_suite(tmp_path).damaged) == 1
    outcome = run_suite(spec, tmp_path)
    assert (outcome.done, outcome.new) == (12, 1)
    aside = "00001.replaced" if damage == "other run" else "00001.damaged"
    assert f"{aside} and the run is done again" in outcome.set_aside[0]
    after = files(tmp_path)
    assert after.pop(f"runs/small101/reinforce/{aside}") is not None
    assert after == before


def test_an_optimizer_that_fails_in_one_run_fails_that_run_only(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    plugin = tmp_path / "fragile.py"
    plugin.write_text(PLUGIN)
    mixed = replace(
        spec,
        optimizers=(*spec.optimizers[:1], OptimizerEntry("fragile")),
        plugins=(plugin,),
        runs=6,
    )
    outcomes = [run_suite(mixed, tmp_path / str(workers), workers=workers) for workers in (1, 2)]
    assert outcomes[0].failures == outcomes[1].failures or len(outcomes[0].failures) == len(
        outcomes[1].failures
    )
    one, _ = outcomes
    assert 0 < len(one.failures) < 6
    assert one.done == 12 - len(one.failures)
    assert one.failures[0].message.startswith("fragile, run ")
    assert "ask raised RuntimeError: out of ideas" in one.failures[0].message
    kept = load_suite(tmp_path / "1").failures
    assert [f.number for f in kept] == [f.number for f in one.failures]
    assert "RuntimeError: out of ideas" in kept[0].traceback


def test_a_failed_run_is_tried_again_and_its_record_goes(spec: SuiteSpec, tmp_path: Path) -> None:
    plugin, mended = tmp_path / "fragile.py", tmp_path / "away" / "mended"
    plugin.write_text(PLUGIN.replace("MENDED", str(mended)))
    mixed = replace(spec, optimizers=(OptimizerEntry("fragile"),), plugins=(plugin,))
    first = run_suite(mixed, tmp_path / "out")
    assert first.failures
    mended.parent.mkdir()  # not beside the plugin: it would be its data and change what it is
    mended.touch()
    second = run_suite(mixed, tmp_path / "out")
    assert (second.failures, second.done) == ((), 3)
    assert load_suite(tmp_path / "out").failures == ()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"tables": ("digits11",)}, TableError, "unknown table"),
        ({"protocol": "nb101-paper"}, ProtocolError, "which lacks the search space nasbench101/"),
        ({"optimizers": (OptimizerEntry("smack"),)}, PluginError, "did you mean 'smac'"),
        (
            {"optimizers": (OptimizerEntry("hyperband", settings={"etta": 3}),)},
            SettingsError,
            "did you mean 'eta'",
        ),
        (
            {"optimizers": (OptimizerEntry("hyperband", preset="papr"),)},
            SettingsError,
            "unknown preset of hyperband",
        ),
        ({"time_limit": None}, SuiteError, "has no time limit for table 'small101'"),
        ({"time_limit": {"other": 3.0}}, SuiteError, "has no time limit for table"),
        ({"encoding": "Z"}, TableError, "no encoding 'Z'"),
    ],
)
def test_what_cannot_run_is_refused_before_the_first_run(
    spec: SuiteSpec, tmp_path: Path, change: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        run_suite(replace(spec, **change), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_result_carries_settings_versions_and_the_tables_checksum(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    run_suite(replace(spec, runs=1), tmp_path)
    (result,) = load_suite(tmp_path).runs["small101"]["regularized_evolution"]
    table = next(iter(plan(spec).tables.values())).table
    assert result.table_checksum == table.checksum
    assert result.settings["population_size"] == 10
    assert result.settings["ageing"] is True
    assert set(result.versions) >= {"python", "numpy"}
    assert result.versions["regretta"] == regretta.__version__
    assert result.reference.test_error == table.best_mean_test_error


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 77}'])
def test_a_broken_suite_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "suite.json").write_text(text)
    with pytest.raises(SuiteError) as caught:
        load_suite(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(SuiteError, match="holds no suite"):
        load_suite(tmp_path / "nowhere")


def test_suite_json_is_readable_by_others(spec: SuiteSpec, tmp_path: Path) -> None:
    run_suite(replace(spec, runs=1), tmp_path)
    data = json.loads((tmp_path / "suite.json").read_text())
    assert data["tables"]["small101"]["cells"] == 91
    hyperband = data["methods"]["hyperband"]
    assert (hyperband["optimizer"], hyperband["settings"]) == ("hyperband", {"eta": 3.0})
    assert {"numpy", "python"} <= hyperband["packages"].keys()
