"""Results in the peers' schema."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.columns import FRAMES
from regretta.harness.store.export import export_suite, nas_benchmarks_lists
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.harness.store.status import suite_status
from tests.harness.test_result import RESULT


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_one_file_a_run_in_the_peers_schema(folder: Path, tmp_path: Path) -> None:
    export_suite(load_suite(folder), tmp_path)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.json")) == [
        "random_search/run_0.json",
        "random_search/run_1.json",
        "rl/run_0.json",
        "rl/run_1.json",
    ]
    data = json.loads((tmp_path / "rl" / "run_1.json").read_text())
    lists = ["regret_validation", "regret_observed", "regret_test", "runtime"]
    assert {len(data[key]) for key in lists} == {len(data["runtime"])}
    assert data["runtime"] == sorted(data["runtime"])
    assert (data["label"], data["optimizer"], data["run"]) == ("reinforce", "reinforce", 1)
    assert (data["time_limit"], data["seed"], data["settings"]["baseline_decay"]) == (1e4, 0, 0.9)


def test_regrets_are_those_of_the_incumbent_at_each_time(folder: Path, tmp_path: Path) -> None:
    suite = load_suite(folder)
    (first, _) = suite.runs["small101"]["random_search"]
    lists = nas_benchmarks_lists(first)
    assert lists["runtime"][-1] == first.elapsed
    best = first.reference.validation_error
    assert lists["regret_observed"][-1] == first.trajectory.validation_error[-1] - best
    assert lists["regret_validation"][-1] == first.regret("validation")[-1]
    assert lists["regret_test"][-1] == lists["regret_test"][-2]


def test_without_test_accuracy_the_test_regret_is_null() -> None:
    assert nas_benchmarks_lists(RESULT)["regret_test"] is None


def test_csv_has_a_row_an_incumbent(folder: Path, tmp_path: Path) -> None:
    written = export_suite(load_suite(folder), tmp_path, "csv")
    assert [path.name for path in written] == [f"{kind}.csv" for kind in FRAMES]
    rows = read_csv(tmp_path / "trajectory.csv")
    runs = load_suite(folder).runs["small101"]
    assert len(rows) == sum(len(run.trajectory) for label in runs for run in runs[label])
    assert float(rows[0]["time"]) == runs["random_search"][0].trajectory.time[0]
    assert tuple(rows[0]) == FRAMES["trajectory"]


def test_a_csv_row_says_all_of_its_incumbent(by_hand: SuiteResults, tmp_path: Path) -> None:
    first, second, mute, broken = read_csv(export_suite(by_hand, tmp_path / "csv", "csv")[0])
    # Cell c at budget 9 in repeat r: accuracy 0.52 + 0.1 c + 0.01 r, so 0.525 + 0.1 c on average;
    # the best of the table is cell 3. It takes 110 + 10 c + r seconds.
    for row, cell, values in (
        (first, 1, {"x": "a", "y": "d"}),
        (second, 2, {"x": "b", "y": "c"}),
    ):
        assert row["cell"] == str(cell)
        assert json.loads(row["configuration"]) == values
        assert row["architecture"] == ", ".join(f"{k}={v}" for k, v in values.items())
        assert float(row["regret_validation"]) == pytest.approx(0.1 * (3 - cell))
        assert float(row["regret_test"]) == pytest.approx(0.1 * (3 - cell))
        observed = float(row["validation_error"])
        assert observed in (
            pytest.approx(0.48 - 0.1 * cell),
            pytest.approx(0.47 - 0.1 * cell),
        )
        assert float(row["regret_observed"]) == pytest.approx(observed - (0.475 - 0.3))
        assert (row["time_limit"], row["seed"], row["ended_early"]) == ("500.0", "0", "True")
    assert 120 <= float(first["time"]) <= 121
    assert float(first["elapsed"]) == float(second["time"])
    for row, label, run in ((mute, "mute", "0"), (broken, "broken", "")):
        assert (row["label"], row["run"], row["time"], row["cell"]) == (label, run, "", "")
        assert row["time_limit"] == "500.0"


def test_a_name_means_the_same_in_every_format(by_hand: SuiteResults, tmp_path: Path) -> None:
    rows = read_csv(export_suite(by_hand, tmp_path / "csv", "csv")[0])
    (path,) = (p for p in export_suite(by_hand, tmp_path / "peers") if p.parent.name == "cells")
    data = json.loads(path.read_text())
    for key in data.keys() & set(FRAMES["trajectory"]):
        if isinstance(data[key], list):
            assert data[key][:2] == [float(row[key]) for row in rows[:2]], key
        elif key != "settings":
            assert ("" if data[key] is None else str(data[key])) == rows[0][key], key


def test_the_command_says_which_method_has_nothing_to_export(
    by_hand: SuiteResults, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(by_hand.folder), "--out", str(tmp_path / "peers")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"2 files in {tmp_path / 'peers'}",
        "note: broken on grid has no finished run",
    ]


def test_no_two_methods_share_a_folder(by_hand: SuiteResults, tmp_path: Path) -> None:
    (run,) = by_hand.runs["grid"]["cells"]
    labels = ("reinforce", "rl", "cells")
    methods = dict.fromkeys(labels, by_hand.identity.methods["cells"])
    suite = replace(
        by_hand,
        identity=replace(by_hand.identity, methods=methods),
        runs={"grid": {label: (replace(run, label=label),) for label in labels}},
    )
    written = export_suite(suite, tmp_path / "peers")
    assert len(set(written)) == 3
    assert [json.loads(path.read_text())["label"] for path in written] == list(labels)
    assert [path.parent.name for path in written] == ["reinforce", "rl", "cells"]


def test_what_cannot_be_exported_is_one_line(folder: Path, tmp_path: Path) -> None:
    suite = load_suite(folder)
    with pytest.raises(SuiteError, match="unknown export format 'cvs'; did you mean 'csv'"):
        export_suite(suite, tmp_path, "cvs")
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match="cannot write to"):
        export_suite(suite, tmp_path / "file")
    with pytest.raises(SuiteError, match="has no finished run to export"):
        export_suite(replace(suite, runs={"small101": dict.fromkeys(suite.labels, ())}), tmp_path)


def test_a_search_that_ended_early_is_told_by_run_status_and_report(
    by_hand: SuiteResults, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = by_hand.runs["grid"]["cells"]
    said = (
        f"cells on grid: 1 run ended early, at {run.elapsed:g} of 500 s, as the optimizer had"
        " nothing more to propose; seen were 2 of 4 cells"
    )
    silent = (
        "mute on grid: 1 run ended early, at 0 of 500 s, as the optimizer had nothing more to"
        " propose; seen were 0 of 4 cells"
    )
    assert suite_status(by_hand.folder).ended_early == (said, silent)
    assert main(["status", str(by_hand.folder)]) == 0
    assert f"note: {said}\n" in capsys.readouterr().out
    main(["run", str(by_hand.folder)])
    assert f"note: {said}\n" in capsys.readouterr().out
    page = (by_hand.folder / "report.html").read_text()
    assert said in page
    assert silent in page


def test_no_spreadsheet_takes_a_label_for_a_formula(small101: Path, tmp_path: Path) -> None:
    entries = (OptimizerEntry("random_search", label="=HYPERLINK(1)"),)
    run_suite(SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=1), tmp_path / "out")
    export_suite(load_suite(tmp_path / "out"), tmp_path / "csv", "csv")
    rows = read_csv(tmp_path / "csv" / "trajectory.csv")
    assert {row["label"] for row in rows} == {"'=HYPERLINK(1)"}
    assert all(float(row["time"]) > 0 for row in rows)
