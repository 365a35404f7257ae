"""The programs of the README and the docs run as they are printed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from regretta.cli import COMMANDS

README = Path(__file__).parents[1] / "README.md"


PAGES = [README, *sorted((README.parent / "docs").glob("*.md"))]


def fences(page: Path) -> list[tuple[str, str]]:
    """Language and text of each code block of a page."""
    whole = re.MULTILINE | re.DOTALL
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=whole)


def block(start: str) -> str:
    """The first code block of the README, or else of the docs, that begins with a line."""
    for page in PAGES:
        for _, found in fences(page):
            if found.startswith(start):
                return found
    raise AssertionError(f"no page has a block that begins with {start!r}")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme") / "annealing.py"
    path.write_text(block("# annealing.py"))
    return path


def regretta(*arguments: str, where: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "regretta", *arguments],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plugin_is_about_twenty_lines() -> None:
    assert len([line for line in block("# annealing.py").splitlines() if line.strip()]) <= 20


def test_the_users_table_and_the_plugin_run_together(plugin: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", block("import numpy as np")], cwd=tmp_path, check=True)
    out = regretta(
        *(
            "run",
            "quick",
            "--table",
            "./mine-table",
            "--time-limit",
            "5000",
            "--out",
            "out",
            "--runs",
            "2",
        ),
        *(
            "--plugin",
            str(plugin),
            "--optimizer",
            "annealing",
            "--optimizer",
            "hyperband",
            "--workers",
            "1",
        ),
        where=tmp_path,
    )
    assert "4 runs in out" in out
    assert (tmp_path / "out" / "figures" / "regret.png").exists()


def test_the_suite_is_a_suite(tmp_path: Path) -> None:
    from regretta.harness.spec import read_spec

    path = tmp_path / "my-suite.toml"
    path.write_text(block('name = "my-suite"'))
    assert [entry.label for entry in read_spec(path).optimizers] == [
        "regularized_evolution",
        "RE, small population",
    ]


def test_one_search_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(block("import regretta\n"))
    done = subprocess.run(
        [sys.executable, "one.py"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "regularized_evolution on digits101: test regret" in done.stdout


@pytest.mark.slow
def test_the_python_program_runs_as_a_saved_file(tmp_path: Path) -> None:
    program = block("from pathlib import Path\nfrom regretta import").replace("runs=5", "runs=1")
    (tmp_path / "five.py").write_text(program)
    subprocess.run([sys.executable, "five.py"], cwd=tmp_path, check=True, timeout=500)
    assert (tmp_path / "results" / "five" / "report.html").exists()


def command_lines() -> list[str]:
    """Every call of `regretta` in a block of shell commands of the README or the docs."""
    blocks = [
        shown
        for page in PAGES
        for language, shown in fences(page)
        if language in ("", "bash", "sh")
    ]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("regretta ")]


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_shown_is_understood(line: str) -> None:
    """Its commands and options are there; whether its files are is the reader's."""
    words = shlex.split(re.sub(r"\$\w+", "1", line), comments=True)[1:]
    words = words[: words.index("|")] if "|" in words else words  # what follows a pipe is not ours
    commands = {command.name: command for command in COMMANDS}
    command: click.Command = commands[words.pop(0)]
    if isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(str(command.name), words)
