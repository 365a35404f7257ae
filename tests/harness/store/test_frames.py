"""A suite's results as tidy frames; values by hand from a suite of two evaluations."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.harness.identity import SuiteError
from regretta.harness.store.columns import FRAMES, MEANINGS
from regretta.harness.store.export import export_suite
from regretta.harness.store.frames import suite_columns
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.tabular_data.errors import UserError


def test_every_column_of_every_frame_has_a_meaning(by_hand: SuiteResults) -> None:
    assert set().union(*FRAMES.values()) == set(MEANINGS)
    for kind, columns in FRAMES.items():
        assert tuple(by_hand.frame(kind).columns) == columns


def test_a_trajectory_has_a_line_an_incumbent(by_hand: SuiteResults) -> None:
    """Cells 1 and 2, each in 110 + 10 c + r seconds; one method did nothing, one broke."""
    frame = by_hand.frame("trajectory")
    assert frame["label"].tolist() == ["cells", "cells", "mute", "broken"]
    assert frame["cell"].tolist()[:2] == [1, 2]
    assert frame["architecture"].tolist()[:2] == ["x=a, y=d", "x=b, y=c"]
    assert json.loads(frame["configuration"][1]) == {"x": "b", "y": "c"}
    assert frame["regret_test"].tolist()[:2] == pytest.approx([0.2, 0.1])
    assert frame["time"][2:].isna().all()
    assert (frame["reconstruction"] == "").all()


def test_the_final_frame_has_a_line_a_run_with_its_last_incumbent(by_hand: SuiteResults) -> None:
    frame = by_hand.frame("final").set_index("label")
    assert list(frame.index) == ["cells", "mute", "broken"]
    done = frame.loc["cells"]
    assert (done["evaluations"], done["proposals"], done["unique_cells"]) == (2, 2, 2)
    assert (done["cell"], done["time"]) == (2, done["elapsed"])
    assert done["regret_validation"] == pytest.approx(0.1)
    assert frame.loc["mute", "evaluations"] == 0
    assert math.isnan(frame.loc["mute", "regret_test"])
    assert math.isnan(frame.loc["broken", "run"])


def test_evaluations_are_counted_by_budget(by_hand: SuiteResults, folder: Path) -> None:
    frame = by_hand.frame("budgets")
    counted = list(zip(frame["label"], frame["budget"], frame["evaluations"], strict=True))
    assert counted[:4] == [("cells", 1, 0), ("cells", 9, 2), ("mute", 1, 0), ("mute", 9, 0)]
    suite = load_suite(folder)
    counts = suite.frame("budgets").groupby(["label", "run"])["evaluations"].sum()
    for label, runs in suite.runs["small101"].items():
        assert [counts[label, run.number] for run in runs] == [run.evaluations for run in runs]


def test_evaluations_have_a_line_each(by_hand: SuiteResults) -> None:
    frame = by_hand.frame("evaluations")
    assert frame["label"].tolist() == ["cells", "cells", "mute", "broken"]
    done = frame[:2]
    assert done["evaluation"].tolist() == [1, 2]
    assert done["cell"].tolist() == [1, 2]
    assert done["architecture"].tolist() == ["x=a, y=d", "x=b, y=c"]
    assert [json.loads(entry) for entry in done["configuration"]] == [
        {"x": "a", "y": "d"},
        {"x": "b", "y": "c"},
    ]
    # Cell c at budget 9 in repeat r takes 110 + 10 c + r seconds.
    assert (done["cost"] - done["repeat"]).tolist() == [120, 130]
    assert done["time"].tolist() == done["cost"].cumsum().tolist()
    assert (done["worker"] == 0).all()
    assert (done["budget"] == 9).all()
    accuracy = 0.52 + 0.1 * done["cell"] + 0.01 * done["repeat"]
    assert (1 - done["validation_error"]).tolist() == pytest.approx(accuracy.tolist())
    assert frame["time"][2:].isna().all()


def test_a_curve_holds_the_incumbents_regret_at_each_moment(by_hand: SuiteResults) -> None:
    first, second = by_hand.frame("trajectory")["time"][:2]
    frame = by_hand.frame("curves", times=[0, first, (first + second) / 2, second, 500])
    assert frame["label"].tolist() == ["cells"] * 5
    assert frame["time"].tolist() == [0, first, (first + second) / 2, second, 500]
    assert math.isnan(frame["regret_test"][0])
    assert frame["regret_test"].tolist()[1:] == pytest.approx([0.2, 0.2, 0.1, 0.1])


def test_curves_may_be_read_at_evaluations(by_hand: SuiteResults) -> None:
    """Two evaluations, both incumbents, of regrets 0.2 and 0.1; beyond them nothing is known."""
    frame = by_hand.frame("curves", times=[0, 1, 2, 3], axis="evaluations")
    assert frame["evaluation"].tolist() == [0, 1, 2, 3]
    assert "time" not in frame
    assert frame["regret_test"].tolist()[1:3] == pytest.approx([0.2, 0.1])
    assert frame["regret_test"].isna().tolist() == [True, False, False, True]
    assert by_hand.frame("curves", axis="cells")["cells_by_then"].tolist() == [1, 2]
    with pytest.raises(UserError, match="unknown axis 'evaluation'"):
        by_hand.frame("curves", axis="evaluation")


def test_curves_of_many_runs_share_their_moments(folder: Path) -> None:
    suite = load_suite(folder)
    frame = suite.frame("curves")
    every = [run for runs in suite.runs["small101"].values() for run in runs]
    lines = frame.groupby(["label", "run"])
    assert (lines.size() == 101).all()
    assert len(lines) == len(every) == 4
    for _, line in lines:
        assert (line["time"].to_numpy() == frame["time"][:101].to_numpy()).all()
    assert frame["time"].min() == pytest.approx(min(run.trajectory.time[0] for run in every))
    assert frame["time"].max() == pytest.approx(1e4)
    ends = lines["regret_test"].last()
    for run in every:
        assert ends[run.label, run.number] == run.regret("test")[-1]


def test_the_word_reconstruction_is_in_every_frame(by_hand: SuiteResults) -> None:
    tables = {
        name: replace(table, reconstruction="all of it")
        for name, table in by_hand.identity.tables.items()
    }
    modelled = replace(by_hand, identity=replace(by_hand.identity, tables=tables))
    for kind in FRAMES:
        assert (modelled.frame(kind)["reconstruction"] == "all of it").all()


@pytest.mark.parametrize(
    ("kind", "times", "said"),
    [
        ("finals", None, "did you mean 'final'"),
        ("curves", [], "ascending"),
        ("curves", [2, 1], "ascending"),
        ("curves", [-1, 1], "from 0 on"),
        ("curves", 5, "a list"),
    ],
)
def test_a_bad_frame_is_one_line(by_hand: SuiteResults, kind: str, times: Any, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        by_hand.frame(kind, times)


def test_files_hold_what_frames_show(by_hand: SuiteResults, tmp_path: Path) -> None:
    export_suite(by_hand, tmp_path, "csv")
    for kind in FRAMES:
        with (tmp_path / f"{kind}.csv").open() as file:
            written = list(csv.DictReader(file))
        columns = suite_columns(by_hand, kind)
        for key, column in columns.items():
            told = ["" if value is None else str(value) for value in column]
            assert [line[key] for line in written] == told


def test_parquet_holds_what_frames_show(by_hand: SuiteResults, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra")
    for path in export_suite(by_hand, tmp_path, "parquet"):
        read = parquet.read_table(path).to_pydict()
        expected = suite_columns(by_hand, path.stem)
        assert list(read) == list(expected)
        for key, column in expected.items():
            assert read[key] == column


def test_without_pyarrow_parquet_is_one_line_and_leaves_nothing(
    by_hand: SuiteResults,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    out = tmp_path / "parquet"
    assert main(["export", str(by_hand.folder), "--format", "parquet", "--out", str(out)]) == 2
    assert "pip install 'regretta[parquet]'" in capsys.readouterr().err
    assert not out.exists() or not list(out.iterdir())


PAGE = (Path(__file__).parents[3] / "docs" / "results.md").read_text(encoding="utf-8")


def test_the_page_tells_every_frame_and_column() -> None:
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, flags=re.MULTILINE)))
    assert sorted(told) == sorted([*FRAMES, *MEANINGS])


def test_the_pages_programs_run_one_after_another(tmp_path: Path) -> None:
    programs = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "program.py").write_text("".join(programs), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "regularized_evolution" in done.stdout


def test_numbers_of_a_frame_are_numbers(by_hand: SuiteResults) -> None:
    for kind in FRAMES:
        frame = by_hand.frame(kind)
        for key in ("time", "regret_test", "budget", "evaluations"):
            if key in frame:
                assert np.issubdtype(frame[key].dtype, np.number)
