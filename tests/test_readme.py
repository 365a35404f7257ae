"""The README's programs run as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from regretta.optimizers.registry import load_plugin
from regretta.testing import OptimizerConformance

README = Path(__file__).parents[1] / "README.md"


def block(start: str) -> str:
    """The README's code block that begins with a line."""
    for found in re.findall(
        r"```\w+\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL
    ):
        if found.startswith(start):
            return str(found)
    raise AssertionError(f"the README has no block that begins with {start!r}")


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


def test_the_plugin_conforms(plugin: Path) -> None:
    (annealing,) = load_plugin(plugin)
    suite = type("TestAnnealing", (OptimizerConformance,), {"optimizer": annealing})()
    suite.test_has_a_name_and_frozen_settings_with_defaults()
    suite.test_proposes_configurations_of_the_space_at_offered_budgets((108.0,))


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
