"""The command line: exit codes, one clear line for every bad input, JSON for machines."""

from __future__ import annotations

import json
import pydoc
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from regretta.cli import COMMANDS, main, tables

SUITE = """
name = "tiny"
tables = ["{table}"]
time_limit = 5e3
runs = 2
seed = 1

[[optimizers]]
name = "random_search"

[[optimizers]]
name = "regularized_evolution"
settings = {{ population_size = 5, tournament_size = 2 }}
"""

PLUGIN = '''
from regretta import Optimizer

class {name}(Optimizer):
    """An optimizer of a test."""
    name = "{name}"

    def ask(self):
        {ask}
'''


@pytest.fixture
def suite(tmp_path: Path, small101: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE.format(table=small101))
    return path


def plugin(folder: Path, name: str, ask: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(PLUGIN.format(name=name, ask=ask))
    return path


def regretta(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


def refused(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    """Stderr of a command that must exit with 2 and one line."""
    assert regretta(*arguments) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("regretta: ")
    assert "\n" not in said
    return said


def test_run_leaves_results_report_and_figures(suite: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert regretta("run", suite, "--out", out, "--workers", 1) == 0
    assert (out / "report.html").stat().st_size > 1000
    assert (out / "figures" / "regret.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "figures" / "regret.pdf").read_bytes().startswith(b"%PDF")
    assert len(list(out.glob("runs/small101/*/*.json"))) == 4
    assert regretta("report", out) == 0


def test_run_can_be_changed_from_the_command_line(suite: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    mine = plugin(tmp_path, "mine", "return self.space.sample(self.rng, 1)[0]")
    options = [
        "--runs",
        1,
        "--optimizer",
        "mine",
        "--optimizer",
        "random_search",
        "--time-limit",
        1e3,
        "--seed",
        9,
    ]
    assert (
        regretta(
            "run", suite, "--out", out, "--workers", 1, "--plugin", mine, "--no-report", *options
        )
        == 0
    )
    assert sorted(p.parent.name for p in out.glob("runs/*/*/*.json")) == ["mine", "random_search"]
    result = json.loads(next(out.glob("runs/*/mine/*.json")).read_text())
    assert (result["seed"], result["time_limit"], result["number"]) == (9, 1000.0, 0)


def test_export_writes_the_peers_schema(suite: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    regretta("run", suite, "--out", out, "--workers", 1, "--no-report")
    assert regretta("export", out, "--format", "nas_benchmarks", "--out", tmp_path / "peers") == 0
    assert (tmp_path / "peers" / "random_search" / "run_0.json").exists()


def test_an_optimizer_that_raises_fails_its_runs_and_the_exit_code_is_1(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = plugin(tmp_path, "broken", 'raise RuntimeError("no idea")')
    out = tmp_path / "out"
    assert regretta("run", suite, "--out", out, "--workers", 1, "--plugin", broken) == 1
    said = capsys.readouterr().err
    assert "failed: broken, run 0 on small101: ask raised RuntimeError: no idea" in said
    assert "2 runs failed" in said
    assert len(list(out.glob("runs/*/*/*.json"))) == 4
    assert (out / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "quik"], "unknown suite 'quik'; did you mean 'quick'"),
        (["run", "no/such.toml"], "cannot be read: No such file"),
        (
            ["run", "{suite}", "--table", "nb201-cifar1"],
            "unknown table 'nb201-cifar1'; did you mean",
        ),
        (
            ["run", "{suite}", "--optimizer", "bohp"],
            "unknown optimizer 'bohp'; did you mean 'bohb'",
        ),
        (
            ["run", "{suite}", "--time-limit", "-1"],
            "a time limit is a number of seconds above 0, got -1",
        ),
        (["run", "{suite}", "--runs", "0"], "runs must be from 1 to 1,000,000,000, got 0"),
        (["run", "{suite}", "--workers", "0"], "workers must be at least 1"),
        (["run", "{suite}", "--seed", "-1"], "seed must not be negative"),
        (["run", "{suite}", "--plugin", "none.py"], "none.py cannot be read"),
        (["run", "{suite}", "--out", "{suite}/below"], "cannot write to"),
        (["report", "{folder}"], "holds no suite"),
        (["export", "{folder}", "--out", "x"], "holds no suite"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    filled = [a.format(suite=suite, folder=tmp_path / "nothing") for a in arguments]
    if "--out" not in filled and filled[0] == "run":
        filled += ["--out", str(tmp_path / "out")]
    assert said in refused(capsys, *filled)
    assert not (tmp_path / "out").exists()


def test_an_invalid_budget_or_configuration_of_a_plugin_is_named(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = plugin(tmp_path, "wrong", "return [9] * self.space.dim")
    assert regretta("run", suite, "--out", tmp_path / "out", "--workers", 1, "--plugin", wrong) == 1
    assert "ask proposed something invalid: parameter 'edge_0'" in capsys.readouterr().err


def test_a_plugin_without_ask_is_refused_before_any_run(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lacking.py"
    path.write_text("from regretta import Optimizer\nclass L(Optimizer):\n    name = 'lacking'\n")
    assert "'lacking' lacks the method 'ask'" in refused(
        capsys, "run", suite, "--plugin", path, "--out", tmp_path / "out"
    )


def test_a_damaged_result_is_named_by_report_and_nothing_is_lost(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    regretta("run", suite, "--out", out, "--workers", 1, "--no-report")
    path = next(out.glob("runs/*/random_search/00000.json"))
    path.write_bytes(path.read_bytes()[:50])
    capsys.readouterr()
    assert regretta("report", out) == 2
    assert "00000.json is damaged (it is truncated)" in capsys.readouterr().err
    assert len(list(out.glob("runs/*/*/*.json"))) == 4


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert regretta("run", "quik", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["optimizers", "tables", "suites", "protocols"])
def test_every_list_exists_for_people_and_for_machines(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regretta(command) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3
    assert regretta(command, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    names = [row["name"] for row in rows]
    assert regretta(command, names[1], "--json") == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == [names[1]]
    assert f"unknown {command[:-1]} '{names[0]}x'; did you mean" in refused(
        capsys, command, f"{names[0]}x"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["run"], "Missing argument 'SUITE'. (see regretta run --help)"),
        (
            ["run", "quick", "--optimzer", "x"],
            "No such option '--optimzer'. Did you mean '--optimizer'?",
        ),
        (["run", "quick", "--runs", "many"], "'many' is not a valid integer"),
        (["run", "quick", "--scheduler", "tcp://a:1", "--cluster", "slurm"], "exclude each other"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *arguments)


@pytest.mark.parametrize("arguments", [[], ["table"]])
def test_without_a_command_the_commands_are_listed(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert regretta(*arguments) == 2
    assert "Commands:" in capsys.readouterr().out


ALL = [command for command in COMMANDS if not isinstance(command, click.Group)]


@pytest.mark.parametrize("command", [*ALL, *tables.table.commands.values()])
def test_the_help_of_a_command_names_its_python_call(command: click.Command) -> None:
    _, said, calls = " ".join((command.help or "").split()).partition("In Python: ")
    assert said
    for name in re.findall(r"regretta(?:\.\w+)+", calls):
        assert pydoc.locate(name), name


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys\nfrom regretta.cli import main\nmain(['--help'])\n"
        "print(sorted({'numpy', 'scipy', 'matplotlib', 'smac', 'ConfigSpace'}"
        " & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
