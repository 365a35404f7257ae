"""What commands print: nothing that commands the terminal; progress where it helps."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from regretta.cli import main, progress
from regretta.cli.output import tell
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


def test_when_something_else_is_counted_the_estimate_begins_anew() -> None:
    with Progress("table", "cell") as bar:
        bar.update(5, 7)
        bar.update(7, 7)
        bar.update(0, 21)
        assert bar.line() == "table: 0 of 21 cells done"
        bar.update(3, 21)
        assert bar.line().startswith("table: 3 of 21 cells done, about ")


def test_a_short_command_says_nothing_of_its_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("quick") as bar:
        bar.update(0, 60)
        bar.update(60, 60)
    assert capsys.readouterr().err == ""


BAR = """
import time
from regretta.cli.progress import Progress
with Progress("a-suite-with-a-long-name-indeed") as bar:
    for done in range(0, 1201, 60):
        bar.update(done, 1200)
        time.sleep(0.02)
    bar.say("something in between")
"""


def on_a_terminal(columns: int, **environment: str) -> bytes:
    """What a program writes to a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", BAR],
            stdin=subprocess.DEVNULL,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", **environment},
        )
    finally:
        os.close(slave)
    written = b""
    while True:
        try:
            some = os.read(master, 65_536)
        except OSError:  # Linux, at the end
            break
        if not some:
            break
        written += some
    os.close(master)
    assert process.wait() == 0
    return written


def test_in_a_narrow_terminal_the_bar_is_one_line_that_says_how_far_it_is() -> None:
    written = on_a_terminal(40).decode()
    bars = [part for part in re.split(r"[\r\n]+", written) if "1200" in part]
    assert bars
    assert max(len(bar.rstrip()) for bar in bars) <= 40
    assert all(re.search(r"\d+% +\d+/1200, [\d:?]+ left", bar) for bar in bars)


def test_a_terminal_without_colours_or_letters_gets_neither() -> None:
    written = on_a_terminal(80, NO_COLOR="1", PYTHONIOENCODING="ascii")
    assert b"1200" in written
    assert b"\x1b[3" not in written
    assert written.isascii()


def test_a_terminal_that_cannot_go_back_gets_no_bar() -> None:
    written = on_a_terminal(80, TERM="dumb")
    assert written.split(b"\r\n") == [b"regretta: something in between", b""]


def test_characters_that_the_encoding_lacks_are_written_in_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    tell("0.1 ± 0.2 … für 方法")
    sys.stdout.flush()
    assert written.getvalue() == b"0.1 +- 0.2 ... f\\xfcr \\u65b9\\u6cd5\n"
