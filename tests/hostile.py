"""Runs commands on hostile files in a process of their own, which may take little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

MOST_MEMORY = 300
"""Megabytes that a refusal may take, Python and NumPy included."""

_CHILD = r"""
import contextlib, io, json, re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
except (ImportError, ValueError, OSError):
    pass
from regretta.cli import main

outcomes = []
for command in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(command)
    outcomes.append([code, said.getvalue()])
try:
    with open("/proc/self/status") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) >> 10
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
print(json.dumps([outcomes, peak]))
"""


@dataclass(frozen=True)
class Refused:
    """What each command said, and the megabytes that all of them took at most."""

    said: list[str]
    peak: int


def refused(commands: Sequence[Sequence[Any]], timeout: float = 240, lines: int = 1) -> Refused:
    """Run commands one after another; each must end with code 2 and say one line, or so many."""
    asked = json.dumps([[str(part) for part in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=asked,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"the process died with {done.returncode}: {done.stderr[-500:]}")
    outcomes, peak = json.loads(done.stdout.splitlines()[-1])
    for command, (code, said) in zip(commands, outcomes, strict=True):
        assert code == 2, (command, code, said)
        assert said.startswith("regretta: "), (command, said)
        assert said.count("\n") <= lines, (command, said)
        assert max(map(len, said.splitlines())) < 1000, (command, said)
    return Refused([said for _, said in outcomes], peak)
