"""Whatever the code of a plugin does, it is the failure of its own run, said in one line."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from regretta.harness.campaign import SuiteOutcome, run_suite
from regretta.harness.spec import OptimizerEntry, SpecError, SuiteSpec, read_spec
from regretta.harness.store.results import load_suite
from regretta.harness.suite import Failure

PLUGIN = """
import ctypes, itertools, os, signal, subprocess, sys
from collections import deque
from pathlib import Path
from regretta import Optimizer

HERE = Path(__file__).parent

class Odd:
    def ask(self):
        self.misbehave()
        return self.space.sample(self.rng, 1)[0]

class Weird(BaseException):
    pass

class Speechless(Exception):
    def __str__(self):
        raise Weird

class Innocent(Odd, Optimizer):
    name = "innocent"
    def misbehave(self): pass
"""

FATAL = {
    "leaves": "os._exit(7)",
    "segfaults": "ctypes.string_at(0)",
    "aborts": "os.abort()",
    "exits": "sys.exit('enough')",
    "interrupts": "raise KeyboardInterrupt",
    "strange": "raise Weird('odd \\x1b[31m')",
    "mute": "raise Speechless",
    "talks": "raise ValueError('word ' * 10_000_000)",
    "recurses": "self.misbehave()",
    "loops": "while True: pass",
    "loops_in_c": "deque(itertools.repeat(0), maxlen=0)",
    "asks": "input()",
}
HARMLESS = {
    "prints": "print('step', 'x' * 9999); sys.stderr.write('y' * 9999)",
    "breeds": "(HERE / 'pids').open('a').write(f'{subprocess.Popen([\"sleep\", \"999\"]).pid} ')",
    "forks": "self.forked = getattr(self, 'forked', None) or os.fork()",
}
LINES = {
    "leaves": "its worker process died 3 times (exit code 7)",
    "segfaults": "its worker process died 3 times (killed by SIGSEGV)",
    "aborts": "its worker process died 3 times (killed by SIGABRT)",
    "exits": "SystemExit: enough",
    "interrupts": "KeyboardInterrupt",
    "strange": "Weird: odd [31m",
    "mute": "ask raised Speechless: its text cannot be made",
    "talks": "ask raised ValueError: word word",
    "recurses": "ask raised RecursionError",
    "loops": "it was ended as it took longer than run_time_limit, 4 s",
    "loops_in_c": "it was ended as it took longer than run_time_limit, 4 s",
    "asks": "ask raised EOFError",
}


def write_plugin(folder: Path) -> dict[str, int]:
    """The plugin's file; name of an optimizer → line at which it misbehaves."""
    text, lines = PLUGIN, {}
    for name, what in {**FATAL, **HARMLESS}.items():
        text += f"\nclass {name.title()}(Odd, Optimizer):\n    name = '{name}'\n"
        text += f"    def misbehave(self):\n        {what}\n"
        lines[name] = text.count("\n")
    (folder / "odd.py").write_text(text)
    return lines


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("misbehaving")


@pytest.fixture(scope="module")
def lines(place: Path) -> Mapping[str, int]:
    return write_plugin(place)


@pytest.fixture(scope="module")
def spec(small101: Path, place: Path, lines: Mapping[str, int]) -> SuiteSpec:
    names = ("random_search", *lines, "innocent")
    return SuiteSpec(
        "misbehaving",
        (str(small101),),
        tuple(map(OptimizerEntry, names)),
        time_limit=1e4,
        run_time_limit=4.0,
        runs=1,
        plugins=(place / "odd.py",),
    )


@pytest.fixture(scope="module")
def outcome(spec: SuiteSpec, place: Path) -> SuiteOutcome:
    return run_suite(spec, place / "out", workers=1)


@pytest.fixture(scope="module")
def failures(outcome: SuiteOutcome) -> dict[str, Failure]:
    return {failure.label: failure for failure in outcome.failures}


def test_only_runs_that_misbehave_fail(spec: SuiteSpec, failures: Mapping[str, Failure]) -> None:
    assert set(failures) == set(FATAL)


def test_other_runs_are_as_if_nothing_had_happened(
    spec: SuiteSpec, outcome: SuiteOutcome, place: Path, tmp_path: Path
) -> None:
    good = tuple(OptimizerEntry(name) for name in ("random_search", *HARMLESS, "innocent"))
    run_suite(replace(spec, optimizers=good), tmp_path / "quiet", workers=2)
    for label in ("random_search", "innocent"):
        (run,) = load_suite(place / "out").runs["small101"][label]
        (same,) = load_suite(tmp_path / "quiet").runs["small101"][label]
        assert run.to_json() == same.to_json()


@pytest.mark.parametrize("name", FATAL)
def test_the_line_says_which_run_what_and_where(
    failures: Mapping[str, Failure], lines: Mapping[str, int], place: Path, name: str
) -> None:
    line = failures[name].line
    assert line.startswith(f"{name}, run 0 on small101: {LINES[name]}")
    assert line.endswith(f", at {place.resolve() / 'odd.py'}:{lines[name]}")
    assert len(line) < 1500
    assert line.isprintable()


@pytest.mark.parametrize("name", FATAL)
def test_its_record_is_there_and_small(
    failures: Mapping[str, Failure], place: Path, name: str
) -> None:
    (record,) = (place / "out" / "runs" / "small101" / name).glob("*.failed")
    assert record.stat().st_size < 100_000
    assert "odd.py" in failures[name].traceback


def test_what_runs_print_is_a_note_that_says_how_it_began(outcome: SuiteOutcome) -> None:
    (note,) = [note for note in outcome.notes if "print" in note]
    assert note.startswith(
        "what runs of prints print is not shown; run 0 on small101 printed: step xxx"
    )
    assert len(note) < 300


def test_processes_that_a_run_has_started_end_with_the_suite(
    outcome: SuiteOutcome, place: Path
) -> None:
    pids = [int(pid) for pid in (place / "pids").read_text().split()]
    assert pids
    until = time.monotonic() + 30
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(psutil.pid_exists, pids))


def test_a_script_needs_no_guard(small101: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from regretta import OptimizerEntry, SuiteSpec, run_suite\n"
        f"spec = SuiteSpec('s', ({str(small101)!r},), (OptimizerEntry('random_search'),),"
        " time_limit=1e4, runs=4)\n"
        f"print(run_suite(spec, {str(tmp_path / 'out')!r}, workers=2).new)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("4\n", "", 0)


def test_a_limit_of_real_time_is_a_number_above_zero(small101: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="run_time_limit is a number of real seconds above 0"):
        SuiteSpec("s", (str(small101),), (OptimizerEntry("smac"),), run_time_limit=0.0)
    suite = tmp_path / "s.toml"
    suite.write_text(
        f"tables = [{str(small101)!r}]\nrun_time_limit = 90\n[[optimizers]]\nname = 'smac'\n"
    )
    assert read_spec(suite).run_time_limit == 90
    assert read_spec(suite).changed(run_time_limit=5.0).run_time_limit == 5.0
