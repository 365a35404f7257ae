"""`regretta run --plugin FILE --against NAMES` compares a plugin with others at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from regretta.cli import main
from regretta.harness.store.results import load_suite

PLUGIN = '''
from regretta import Optimizer

class First(Optimizer):
    """Proposes the same cell again and again."""
    name = "first"

    def ask(self):
        return self.space.sample(self.rng, 1)[0]
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "first.py"
    path.write_text(PLUGIN)
    return path


def run(*arguments: object) -> int:
    return main(["run", *map(str, arguments)])


def test_the_plugin_and_the_named_ones_run_and_no_other(
    plugin: Path, small101: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    few = ("--table", small101, "--time-limit", 5e3, "--runs", 1, "--workers", 1, "--no-report")
    named = ("--against", "random_search", "regularized_evolution")
    assert run("--plugin", plugin, *named, *few, "--out", out) == 0
    suite = load_suite(out)
    assert suite.labels == ("first", "random_search", "regularized_evolution")
    assert suite.name == "quick"


def test_another_suite_than_quick_may_be_named(
    plugin: Path, small101: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    few = ("--table", small101, "--time-limit", 5e3, "--runs", 1, "--workers", 1, "--no-report")
    named = ("nasbench201", "--against", "random_search")
    assert run(*named, "--plugin", plugin, *few, "--out", out) == 0
    assert load_suite(out).name == "nasbench201"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--against", "random_search"), "--plugin"),
        (("--plugin", "FILE", "--against", "quick"), "needs the name of an optimizer"),
        (("--plugin", "FILE", "--against", "random_serch", "quick", "smac"), "random_search"),
        (("quick", "nasbench201"), "one suite at a time"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(
    arguments: tuple[str, ...], said: str, plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(str(plugin) if word == "FILE" else word for word in arguments)) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
