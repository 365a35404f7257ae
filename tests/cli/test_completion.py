"""Shells complete commands, options and the names of what there is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regretta.cli import main

SHELLS = ("bash", "zsh", "fish")


def offered(
    line: str, shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What a shell is offered for the last word of a line, as it hears it."""
    words = line.split(" ")
    monkeypatch.setenv("_REGRETTA_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
    assert main() == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_the_function_that_asks(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_REGRETTA_COMPLETE", f"{shell}_source")
    assert main() == 0
    assert f"_REGRETTA_COMPLETE={shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("regretta stat", "status"),
        ("regretta table que", "query"),
        ("regretta run --only-f", "--only-failed"),
        ("regretta run quic", "quick"),
        ("regretta run quick --optimizer hyper", "hyperband"),
        ("regretta run quick --table digits", "digits101"),
        ("regretta run --plugin x.py --against bo", "bohb"),
        ("regretta run quick --cluster slu", "slurm"),
        ("regretta export results --format par", "parquet"),
        ("regretta table info nb201-cifar100", "nb201-cifar100"),
        ("regretta table query digi", "digits101"),
        ("regretta protocols nb101-p", "nb101-paper"),
        ("regretta optimizers dart", "darts_v1"),
        ("regretta table import nats", "nats-bench"),
        ("regretta figures nasbench1", "nasbench101"),
    ],
)
def test_names_are_completed(
    line: str,
    name: str,
    shell: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = "\n".join(offered(line, shell, monkeypatch, capsys)).replace("\t", "\n").split("\n")
    names = {word.partition(",")[2] or word for word in told}
    assert name in names


def test_where_a_file_will_do_files_are_offered_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offered("regretta run my", "bash", monkeypatch, capsys) == ["file,my"]


def test_what_is_wrong_is_no_traceback_in_the_middle_of_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise OSError("no home")

    monkeypatch.setattr("regretta.tabular_data.catalog.entries", broken)
    assert offered("regretta table info d", "bash", monkeypatch, capsys) == ["dir,d"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes(tmp_path: Path) -> None:
    command = tmp_path / "regretta"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m regretta "$@"\n')
    command.chmod(0o755)
    script = f"""
    PATH={tmp_path}:$PATH
    eval "$(_REGRETTA_COMPLETE=bash_source regretta)"
    COMP_WORDS=(regretta run qui); COMP_CWORD=2
    compopt() {{ :; }}
    _regretta_completion regretta
    echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["quick"]
