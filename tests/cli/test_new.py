"""`regretta new optimizer` writes a plugin that runs as it is, with a test that passes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from regretta.cli import main


def test_the_new_optimizer_searches_beside_the_others(
    tmp_path: Path, small101: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "optimizer", "my_search", "--out", str(tmp_path / "mine")]) == 0
    plugin = tmp_path / "mine" / "my_search.py"
    assert str(plugin) in capsys.readouterr().out
    arguments = ["--table", str(small101), "--time-limit", "5e3", "--runs", "1", "--workers", "1"]
    arguments += ["--optimizer", "random_search", "--optimizer", "my_search", "--no-report"]
    where = ["--plugin", str(plugin), "--out", str(tmp_path / "out")]
    assert main(["run", "quick", *arguments, *where]) == 0
    assert "2 runs in" in capsys.readouterr().out


@pytest.mark.slow
def test_the_test_that_is_written_beside_it_passes(tmp_path: Path) -> None:
    assert main(["new", "optimizer", "my_search", "--out", str(tmp_path)]) == 0
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_search.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_no_file_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "test_my_search.py"
    mine.write_text("mine")
    assert main(["new", "optimizer", "my_search", "--out", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["../mine", "my-search", "class", "9lives", "", "smac", "séarch"])
def test_a_name_that_cannot_be_is_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "optimizer", "--out", str(tmp_path), "--", name]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
