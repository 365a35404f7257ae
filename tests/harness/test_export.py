"""Results in the peers' schema."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.export import export_suite, nas_benchmarks_lists
from regretta.harness.store.folder import load_suite
from tests.harness.test_result import RESULT


@pytest.fixture(scope="module")
def folder(small101: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("reinforce"))
    out = tmp_path_factory.mktemp("export") / "suite"
    run_suite(SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=2), out)
    return out


def test_one_file_a_run_with_the_three_lists(folder: Path, tmp_path: Path) -> None:
    export_suite(load_suite(folder), tmp_path)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.json")) == [
        "random_search/run_0.json",
        "random_search/run_1.json",
        "rl/run_0.json",
        "rl/run_1.json",
    ]
    data = json.loads((tmp_path / "rl" / "run_1.json").read_text())
    assert set(data) == {"regret_validation", "regret_test", "runtime"}
    assert len(data["regret_validation"]) == len(data["regret_test"]) == len(data["runtime"]) > 1
    assert data["runtime"] == sorted(data["runtime"])


def test_regrets_are_those_of_the_incumbent_at_each_time(folder: Path, tmp_path: Path) -> None:
    suite = load_suite(folder)
    (first, _) = suite.runs["small101"]["random_search"]
    lists = nas_benchmarks_lists(first)
    assert lists["runtime"][-1] == first.elapsed
    best = first.reference.validation_error
    assert lists["regret_validation"][-1] == first.trajectory.validation_error[-1] - best
    assert lists["regret_test"][-1] == lists["regret_test"][-2]


def test_without_test_accuracy_the_test_regret_is_null() -> None:
    assert nas_benchmarks_lists(RESULT)["regret_test"] is None


def test_csv_has_a_row_an_incumbent(folder: Path, tmp_path: Path) -> None:
    (path,) = export_suite(load_suite(folder), tmp_path, "csv")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    runs = load_suite(folder).runs["small101"]
    assert len(rows) == sum(len(run.trajectory) for label in runs for run in runs[label])
    assert float(rows[0]["time"]) == runs["random_search"][0].trajectory.time[0]


def test_what_cannot_be_exported_is_one_line(folder: Path, tmp_path: Path) -> None:
    suite = load_suite(folder)
    with pytest.raises(SuiteError, match="unknown export format 'cvs'; did you mean 'csv'"):
        export_suite(suite, tmp_path, "cvs")
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match="cannot write to"):
        export_suite(suite, tmp_path / "file")
    with pytest.raises(SuiteError, match="has no finished run to export"):
        export_suite(replace(suite, runs={"small101": dict.fromkeys(suite.labels, ())}), tmp_path)
