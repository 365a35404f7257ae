"""``regretta table query``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regretta.cli import main
from regretta.tabular_data.table import Table


def regretta(*arguments: Any) -> int:
    return main(["table", "query", *(str(argument) for argument in arguments)])


@pytest.fixture
def folder(tmp_path: Path, grid_table: Table) -> Path:
    return grid_table.write(tmp_path / "grid")


def test_an_answer_is_lines_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert regretta(folder, "x=b, y=d", "--budget", 9) == 0
    assert capsys.readouterr().out.splitlines() == [
        "table: grid, grid",
        "row: 3",
        "architecture: x=b, y=d",
        "9 epochs:",
        "    validation accuracy: 0.825000; sd 0.007071; repeats 0.820000, 0.830000; rank 1 of 4",
        "    test accuracy: 0.775000; sd 0.007071; repeats 0.770000, 0.780000; rank 1 of 4",
        "    training seconds: 140.5; sd 0.707107; repeats 140, 141",
        "source: made up for tests; licence CC0",
    ]


def test_an_answer_is_json_for_machines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert regretta(folder, "row 3", "--repeat", 0, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["architecture"] == "x=b, y=d"
    assert [t["seconds"]["values"] for t in answer["trainings"]] == [[40], [140]]


def test_an_architecture_may_stand_in_a_file(
    small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = {"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]}
    (tmp_path / "cell.json").write_text(json.dumps(cell))
    (tmp_path / "hash.json").write_text('"53cee42601ad14d661bb6878031d6acb"')
    told = set()
    for architecture in (tmp_path / "cell.json", tmp_path / "hash.json", json.dumps(cell)):
        assert regretta(small101, architecture) == 0
        told.add(capsys.readouterr().out)
    assert len(told) == 1
    assert "in words: 1 = maxpool3x3(input); output = 1" in told.pop()


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("x=b", "lacks parameter 'y'"),
        ("index 5", "name one by row, configuration"),
        ("no-such.json", "cannot read"),
        ("text.json", "is no JSON"),
        ("bytes.json", "is no text in UTF-8"),
        ("large.json", "too large"),
        ("none.json", "holds no architecture"),
    ],
)
def test_a_bad_question_is_one_line(
    folder: Path,
    tmp_path: Path,
    architecture: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.json").write_text("{")
    Path("bytes.json").write_bytes(b"\xff\xfe")
    Path("large.json").write_text(" " * (1 << 20) + "1")
    Path("none.json").write_text("null")
    assert regretta(folder, architecture) == 2
    line = capsys.readouterr().err.strip()
    assert said in line
    assert "\n" not in line


def test_a_reconstruction_says_so(
    tmp_path: Path, grid_table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    modelled = Table.from_arrays(
        "modelled",
        grid_table.space,
        grid_table.budgets,
        validation_accuracy=grid_table.columns["validation_accuracy"],
        training_seconds=grid_table.columns["training_seconds"],
        provenance=replace(grid_table.provenance, reconstruction="all of it"),
    )
    assert regretta(modelled.write(tmp_path / "modelled"), "row 0") == 0
    assert "reconstruction: all of it" in capsys.readouterr().out
