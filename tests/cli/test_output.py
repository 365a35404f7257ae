"""What commands print: nothing that commands the terminal; progress where it helps."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from regretta.cli import main, progress
from regretta.cli.progress import Progress

EVIL = "red \\x1b[31m\\x07 \\x9b2J"
PLUGIN = f'''
from regretta import Optimizer

class Odd(Optimizer):
    "{EVIL}"
    name = "odd"

    def ask(self):
        raise RuntimeError("{EVIL}")
'''


def commands_in(text: str) -> set[str]:
    return {c for c in text if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0)}


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "odd.py"
    path.write_text(PLUGIN)
    return path


def test_a_strangers_text_commands_no_terminal(
    plugin: Path, small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["optimizers", "--plugin", str(plugin)]) == 0
    assert main(["optimizers", "--plugin", str(plugin), "--json"]) == 0
    suite = tmp_path / "s.toml"
    suite.write_text(
        f'tables = ["{small101}"]\nplugins = ["odd.py"]\nruns = 1\ntime_limit = 1e4\n'
        '[[optimizers]]\nname = "odd"\n'
    )
    assert main(["run", str(suite), "--out", str(tmp_path / "out"), "--workers", "1"]) == 1
    said = capsys.readouterr()
    assert "red" in said.out
    assert "RuntimeError: red [31m 2J" in said.err.replace("  ", " ")
    assert commands_in(said.out + said.err) == set()


def test_the_line_of_a_failed_run_names_the_file_with_its_traceback(
    plugin: Path, small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "s.toml"
    suite.write_text(
        f'tables = ["{small101}"]\nplugins = ["odd.py"]\nruns = 1\ntime_limit = 1e4\n'
        '[[optimizers]]\nname = "odd"\n'
    )
    main(["run", str(suite), "--out", str(tmp_path / "out"), "--workers", "1"])
    line = capsys.readouterr().err.splitlines()[0]
    before, _, path = line.partition("; traceback in ")
    assert before.startswith("regretta: failed: odd, run 0 on small101: ask raised RuntimeError")
    assert before.endswith(f", at {plugin.resolve()}:9")
    assert "RuntimeError" in json.loads(Path(path).read_text())["traceback"]


def test_away_from_a_terminal_progress_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_A_LINE", 0.01)
    said = ""
    with Progress("quick") as bar:
        bar.update(10, 60)
        bar.update(20, 60)
        while not said:
            time.sleep(0.01)
            said = capsys.readouterr().err
    assert said.startswith("regretta: quick: 20 of 60 runs done, about 0.0 minutes left\n")


def test_a_short_command_says_nothing_of_its_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("quick") as bar:
        bar.update(0, 60)
        bar.update(60, 60)
    assert capsys.readouterr().err == ""
