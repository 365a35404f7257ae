"""With ``--json`` stdout is one document of values, whatever happens, or empty."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from regretta.cli import COMMANDS, main
from regretta.cli.output import print_json
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"

SUITE = """
tables = ["{table}"]
plugins = ["odd.py"]
time_limit = 5e3
runs = 2
optimizers = [{{ name = "random_search" }}, {{ name = "odd" }}]
"""

PLUGIN = """
from regretta import Optimizer

class Odd(Optimizer):
    name = "odd"

    def ask(self):
        raise RuntimeError("no idea")
"""


def leaves(commands: Any, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for command in commands:
        name = f"{before}{command.name}"
        if isinstance(command, click.Group):
            yield from leaves(command.commands.values(), f"{name} ")
        else:
            yield name, command


ALL = dict(leaves(COMMANDS))


@pytest.fixture
def folder(small101: Path, tmp_path: Path) -> Path:
    """Results of a suite, one of whose two optimizers always fails."""
    (tmp_path / "odd.py").write_text(PLUGIN)
    (tmp_path / "s.toml").write_text(SUITE.format(table=small101))
    main(["run", str(tmp_path / "s.toml"), "--out", str(tmp_path / "out"), "--no-report"])
    return tmp_path / "out"


def printed(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> Any:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))


@pytest.mark.parametrize("command", ALL)
def test_every_command_has_it(command: str) -> None:
    assert any("--json" in option.opts for option in ALL[command].params)


def test_every_command_is_on_the_page() -> None:
    listed = set()
    for cell in re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)
        group, _, _ = first.rpartition(" ")
        listed |= {first, *(f"{group} {other}".strip() for other in others)}
    assert set(ALL) - listed == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "quik"],
        ["run", "quick", "--no-such-option"],
        ["status", "no/such/folder"],
        ["report", "no/such/folder"],
        ["export", "no/such/folder", "--out", "x"],
        ["table", "info", "digits102"],
        ["table", "query", "digits101", "row -1"],
        ["optimizers", "--plugin", "no-such.py"],
        ["figures", "nasbench102"],
    ],
)
def test_of_a_failure_stdout_has_nothing_and_stderr_a_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"regretta: [^\n]+\n", said.err)


def test_run_tells_its_failures_by_value(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = printed(capsys, "run", tmp_path / "s.toml", "--out", folder, code=1)
    assert (told["name"], told["done"], told["planned"], told["new"]) == ("s", 2, 4, 0)
    assert Path(told["report"]).name == "report.html"
    assert Path(told["report"]).is_file()
    first = told["failures"][0]
    assert (first["table"], first["label"], first["number"]) == ("small101", "odd", 0)
    assert first["place"] == f"{(tmp_path / 'odd.py').resolve()}:8"
    assert first["place"] not in first["message"]
    assert "no idea" in json.loads(Path(first["record"]).read_text())["traceback"]


def test_status_counts_and_names_what_failed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = printed(capsys, "status", folder)
    assert (told["running"], told["seconds_left"], told["damaged"]) == (False, None, [])
    counts = [(row["label"], row["done"], row["failed"], row["missing"]) for row in told["rows"]]
    assert counts == [("random_search", 2, 0, 0), ("odd", 0, 2, 0)]
    assert [failure["number"] for failure in told["failures"]] == [0, 1]


def test_damage_is_in_the_document_and_in_the_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "runs" / "small101" / "random_search" / "00000.json"
    file.write_bytes(file.read_bytes()[:99])
    for command in ("status", "compact"):
        told = printed(capsys, command, folder, code=2)
        assert ["00000.json is damaged" in line for line in told["damaged"]] == [True]


def test_what_is_written_is_named_by_paths_that_open(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = printed(capsys, "export", folder, "--format", "csv", "--out", tmp_path / "csv")
    assert {Path(file).name for file in told["files"]} >= {"final.csv", "trajectory.csv"}
    assert all(Path(file).is_file() for file in told["files"])
    assert told["without_runs"] == [{"table": "small101", "label": "odd"}]
    told = printed(capsys, "new", "optimizer", "mine", "--out", tmp_path / "new")
    assert [Path(told[key]).is_file() for key in ("plugin", "test")] == [True, True]


def test_a_missing_measurement_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = np.array([[[0.5, np.nan]], [[0.6, 0.7]]])
    table = Table.from_arrays(
        "holes",
        GridSpace({"x": ["a", "b"]}),
        (1.0,),
        validation_accuracy=accuracy,
        training_seconds=np.where(np.isnan(accuracy), np.nan, 1.0),
    )
    place = table.write(tmp_path / "holes")
    told = printed(capsys, "table", "query", place, "x=a")
    assert told["trainings"][0]["validation"]["values"] == [0.5, None]
    told = printed(capsys, "table", "info", place)
    assert told["optimum"]["test"] is None
    assert told["missing"] == [{"budget": 1.0, "repeats": 1, "cells": 0}]


@pytest.mark.parametrize(
    "arguments",
    [
        ["suites"],
        ["tables"],
        ["optimizers"],
        ["protocols"],
        ["table", "info", "digits101"],
        ["table", "verify", "digits101"],
    ],
)
def test_every_key_is_on_the_page(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    told = printed(capsys, *arguments)
    page = PAGE.read_text()
    rows = told if isinstance(told, list) else [told]
    named = {key for row in rows for key in row}
    if arguments == ["protocols"]:  # whose fields are those of the class
        named = {"name", "summary", "source", "rules"} & named
    assert [key for key in sorted(named) if f"`{key}`" not in page] == []


def test_numbers_that_json_lacks_are_null_and_paths_are_texts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json(
        {
            "none": [math.nan, math.inf, -math.inf, np.float32("nan")],
            "some": [np.float32(0.5), np.int64(3), True],
            "array": np.array([[1.0, math.nan]]),
            "path": Path("a/ü"),
        }
    )
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text) == {
        "none": [None, None, None, None],
        "some": [0.5, 3, True],
        "array": [[1.0, None]],
        "path": "a/ü",
    }
