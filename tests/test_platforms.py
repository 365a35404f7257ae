"""Linux and macOS are supported; Windows is refused in one line that names it."""

from __future__ import annotations

import subprocess
import sys

import pytest

# click asks for the platform too, and has to be itself.
WINDOWS = "import sys, click; sys.platform = 'win32'\n"


def last_line(code: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS + code], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr.splitlines()


def test_the_command_says_it_in_one_line() -> None:
    code, said = last_line("from regretta.__main__ import main; sys.exit(main())")
    assert code == 1
    assert said == ["regretta: Regretta runs on Linux and macOS, not on Windows (in WSL it does)"]


@pytest.mark.parametrize(
    "code", ["from regretta import Optimizer", "import regretta.tabular_data.errors"]
)
def test_an_import_says_it_too(code: str) -> None:
    status, said = last_line(code)
    assert status == 1
    assert said[-1].startswith("ImportError: Regretta runs on Linux and macOS, not on Windows")
