"""Traces in a suite's folder: whose they are, what is said where there is none, and damage."""

from __future__ import annotations

import csv
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.result import ResultError
from regretta.harness.spec import OptimizerEntry, SuiteSpec, read_spec
from regretta.harness.store.files import compact
from regretta.harness.store.folder import spec_of_folder
from regretta.harness.store.results import load_suite
from regretta.harness.store.status import suite_status
from tests.harness.test_trace_bytes import changed
from tests.hostile import MOST_MEMORY, refused

LABELS = ("random_search", "hyperband")


@pytest.fixture(scope="module")
def spec(small101: Path) -> SuiteSpec:
    entries = tuple(map(OptimizerEntry, LABELS))
    return SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=3, trace=True)


@pytest.fixture(scope="module")
def whole(spec: SuiteSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six finished runs, all with a trace."""
    out = tmp_path_factory.mktemp("traced") / "out"
    run_suite(spec, out)
    return out


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "out")


def contents(folder: Path, suffix: str = "") -> dict[str, bytes]:
    files = (path for path in (folder / "runs").rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in files if suffix in path.name
    }


def traces_of(folder: Path, label: str = "random_search") -> list[Path]:
    return sorted((folder / "runs" / "small101" / label).glob("*.trace"))


def lines_of(folder: Path) -> Any:
    """The frame of evaluations, and what was said besides."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        return load_suite(folder).frame("evaluations"), [str(warning.message) for warning in said]


def test_a_trace_changes_no_result(spec: SuiteSpec, whole: Path, tmp_path: Path) -> None:
    run_suite(replace(spec, trace=False), tmp_path / "out")
    assert contents(tmp_path / "out", ".json") == contents(whole, ".json")
    assert not contents(tmp_path / "out", ".trace")
    assert len(contents(whole, ".trace")) == 6


def test_every_run_has_its_own_trace(whole: Path) -> None:
    suite = load_suite(whole)
    frame, said = lines_of(whole)
    assert not said
    for label in LABELS:
        for run in suite.runs["small101"][label]:
            trace = suite.trace("small101", label, run.number)
            steps = run.trajectory
            assert len(trace) == run.evaluations
            assert trace.time[steps.evaluation - 1].tolist() == steps.time.tolist()
            lines = frame[(frame["label"] == label) & (frame["run"] == run.number)]
            assert lines["time"].tolist() == trace.time.tolist()
            assert lines["validation_error"].cummin().iloc[-1] == steps.validation_error[-1]


def test_worker_processes_give_the_same_traces(
    spec: SuiteSpec, whole: Path, tmp_path: Path
) -> None:
    run_suite(spec, tmp_path / "out", workers=2)
    assert contents(tmp_path / "out") == contents(whole)


def test_an_interrupted_suite_has_the_traces_of_an_undisturbed_one(
    spec: SuiteSpec, whole: Path, tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_suite(spec, tmp_path / "out", progress=stop)
    assert len(contents(tmp_path / "out", ".trace")) == 2
    run_suite(spec, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole)


def test_a_trace_whose_run_was_never_written_is_written_again(
    spec: SuiteSpec, whole: Path, out: Path
) -> None:
    for file in (out / "runs").rglob("00001.json"):
        file.unlink()
    run_suite(spec, out)
    assert contents(out) == contents(whole)


def test_a_folder_that_is_gone_on_with_goes_on_keeping_traces(out: Path) -> None:
    assert run_suite(replace(spec_of_folder(out), runs=4), out).notes == ()
    assert len(contents(out, ".trace")) == 8


def test_finished_runs_are_not_done_again_for_a_trace(spec: SuiteSpec, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_suite(replace(spec, trace=False, runs=2), out)
    before = contents(out)
    outcome = run_suite(spec, out)
    (said,) = outcome.notes
    assert outcome.new == 2
    assert "4 of 4 finished runs" in said
    assert "run the suite with --trace into another --out" in said
    assert contents(out).items() > before.items()
    frame, (told,) = lines_of(out)
    assert "4 runs lack a trace" in told
    assert "--trace" in told
    lacking = frame[frame["time"].isna()]
    assert lacking[["label", "run"]].to_numpy().tolist() == [
        [label, number] for label in LABELS for number in (0, 1)
    ]
    assert suite_status(out).traced == 2


def test_runs_that_lose_their_siblings_traces_are_said(spec: SuiteSpec, out: Path) -> None:
    (said,) = run_suite(replace(spec, trace=False, runs=4), out).notes
    assert said.startswith("6 of 6 finished runs")
    assert "further ones have none unless --trace is given" in said
    assert suite_status(out).traced == 6
    assert suite_status(out).done == 8


def test_without_any_trace_evaluations_are_one_line(spec: SuiteSpec, tmp_path: Path) -> None:
    run_suite(replace(spec, trace=False), tmp_path / "out")
    suite = load_suite(tmp_path / "out")
    with pytest.raises(SuiteError, match=r"6 runs lack a trace.*with --trace into another --out"):
        suite.frame("evaluations")
    with pytest.raises(ResultError, match="run 0 of 'hyperband' on 'small101' has no trace"):
        suite.trace("small101", "hyperband", 0)
    with pytest.raises(ResultError, match="has no run 7 of 'hyperband'"):
        suite.trace("small101", "hyperband", 7)


def test_a_changed_byte_anywhere_is_refused(out: Path) -> None:
    file = traces_of(out)[0]
    data = file.read_bytes()
    suite = load_suite(out)
    rng = np.random.default_rng(0)
    for at in [*range(0, 80, 7), *rng.integers(0, len(data), 60).tolist()]:
        file.write_bytes(data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :])
        with pytest.raises(ResultError, match=r"^trace .* is damaged \(.*\)") as error:
            suite.trace("small101", "random_search", 0)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("length", [0, 1, 50, 80, 200, -1])
def test_a_truncated_trace_is_refused(out: Path, length: int) -> None:
    file = traces_of(out)[0]
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ResultError, match="is damaged"):
        load_suite(out).trace("small101", "random_search", 0)


def test_the_trace_of_another_run_is_refused(out: Path) -> None:
    first, second, _ = traces_of(out)
    shutil.copy(second, first)
    with pytest.raises(ResultError, match="it is the trace of another run"):
        load_suite(out).trace("small101", "random_search", 0)


def test_a_damaged_trace_costs_itself_only(
    whole: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = traces_of(out)[1]
    file.write_bytes(file.read_bytes()[:-3])
    frame, (said,) = lines_of(out)
    assert said.startswith(f"trace {file} is damaged")
    undisturbed, _ = lines_of(whole)
    there = frame[frame["time"].notna()]
    others = undisturbed[(undisturbed["label"] != LABELS[0]) | (undisturbed["run"] != 1)]
    assert there["time"].tolist() == others["time"].tolist()
    assert main(["export", str(out), "--format", "csv", "--out", str(tmp_path / "csv")]) == 2
    assert "is damaged" in capsys.readouterr().err
    with (tmp_path / "csv" / "evaluations.csv").open() as lines:
        blank = [line for line in csv.DictReader(lines) if not line["time"]]
    assert [(line["label"], line["run"]) for line in blank] == [("random_search", "1")]
    assert contents(out, ".json") == contents(whole, ".json")
    assert main(["status", str(out)]) == 0


def test_hostile_traces_are_refused_within_bounds(out: Path, tmp_path: Path) -> None:
    """256 MB of nothing in few bytes; as many evaluations as there may be; each at odds."""
    n = 1_300_000
    many: dict[str, Any] = {"evaluations": n, "lowest": [], "sizes": []}
    plain = [0, 0] * 3 + [0, 0, 0] * 2
    hostile: tuple[tuple[dict[str, Any], bytes], ...] = (
        ({}, bytes(1 << 28)),
        ({**many, "shapes": [*plain, 0, 0, 0, 0]}, b""),
        ({**many, "evaluations": n // 10, "shapes": [*plain, 0, 1, 0, 0]}, b"\1" * (n // 10)),
    )
    runs = load_suite(out).runs["small101"]["random_search"]
    for file, run, (header, columns) in zip(traces_of(out), runs, hostile, strict=True):
        file.write_bytes(changed({**header, "run": run.checksum}, columns))
    command = ["export", out, "--format", "csv", "--out", tmp_path / "csv"]
    done = refused([command], lines=3)
    assert done.said[0].count("is damaged") == 3
    assert done.peak < MOST_MEMORY, done.peak


def test_an_unreadable_trace_is_no_damage(out: Path) -> None:
    file = traces_of(out)[0]
    file.unlink()
    file.mkdir()
    with pytest.raises(ResultError, match=r"cannot be read: "):
        load_suite(out).trace("small101", "random_search", 0)


def test_a_run_that_was_done_again_does_not_take_the_old_ones_trace(out: Path) -> None:
    (result, *_) = load_suite(out).runs["small101"]["random_search"]
    file = out / "runs" / "small101" / "random_search" / "00000.json"
    file.write_bytes(replace(result, evaluations=result.evaluations + 1, trace=None).to_json())
    with pytest.raises(ResultError, match="has no trace"):
        load_suite(out).trace("small101", "random_search", 0)


def test_compacted_traces_are_the_same_traces(whole: Path, out: Path) -> None:
    done = compact(out)
    assert (done.files_before, done.files_after) == (12, 4)
    assert not contents(out, ".trace").keys() & contents(whole, ".trace").keys()
    assert suite_status(out).traced == 6
    assert lines_of(out)[1] == []
    before, after = load_suite(whole), load_suite(out)
    for label in LABELS:
        for number in range(3):
            trace = after.trace("small101", label, number)
            assert trace.time.tolist() == before.trace("small101", label, number).time.tolist()


def test_traces_are_compacted_again_and_again(spec: SuiteSpec, out: Path, tmp_path: Path) -> None:
    compact(out)
    again = replace(spec, runs=5)
    assert run_suite(again, out).notes == ()
    compact(out)
    assert compact(out).files_after == 4
    run_suite(again, tmp_path / "anew")
    told, said = lines_of(out)
    assert told.equals(lines_of(tmp_path / "anew")[0])
    assert said == []


def test_a_damaged_trace_is_not_compacted_and_stays(out: Path) -> None:
    file = traces_of(out)[1]
    file.write_bytes(file.read_bytes()[:-3])
    compact(out)
    assert traces_of(out) == [file]
    with pytest.raises(ResultError, match="is damaged"):
        load_suite(out).trace("small101", "random_search", 1)
    assert len(load_suite(out).trace("small101", "random_search", 2)) > 0


def test_damage_to_compacted_traces_is_refused(out: Path) -> None:
    compact(out)
    (file,) = (out / "runs" / "small101" / "random_search").glob("*.traces")
    data = file.read_bytes()
    start = data.index(b"regretta trace ", 20)
    rng = np.random.default_rng(0)
    for at in [*rng.integers(0, start, 15).tolist(), *rng.integers(start, len(data), 15).tolist()]:
        file.write_bytes(data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :])
        suite = load_suite(out)
        refused = 0
        for number in range(3):
            try:
                suite.trace("small101", "random_search", number)
            except ResultError as error:
                assert re.match(r"traces? \S+ (is|are) damaged", str(error))  # noqa: PT017
                refused += 1
        assert refused == (3 if at < start else 1)
    file.write_bytes(data[:start] + data[start:][: (len(data) - start) // 2])
    with pytest.raises(ResultError, match="is damaged of run 2"):
        load_suite(out).trace("small101", "random_search", 2)


def test_a_failed_run_has_no_trace(spec: SuiteSpec, tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(
        "from regretta import Optimizer\n"
        "class Late(Optimizer):\n"
        "    name = 'late'\n"
        "    def setup(self): self.asked = 0\n"
        "    def ask(self):\n"
        "        self.asked += 1\n"
        "        return self.space.sample(self.rng, 1)[0] if self.asked < 50 else 1 / 0\n"
    )
    late = replace(
        spec, optimizers=(OptimizerEntry("late"),), plugins=(tmp_path / "late.py",), runs=1
    )
    assert len(run_suite(late, tmp_path / "out").failures) == 1
    assert not contents(tmp_path / "out", ".trace")


def test_a_suites_file_and_the_command_line_say_whether_traces_are_kept(
    small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text(
        f'tables = ["{small101}"]\ntime_limit = 1e3\nruns = 1\ntrace = true\n'
        "[[optimizers]]\nname = 'random_search'\n"
    )
    wanted = ((), 1), (("--no-trace",), 0), (("--trace",), 1)
    for number, (option, kept) in enumerate(wanted):
        out = tmp_path / str(number)
        assert main(["run", str(suite), "--out", str(out), "--no-report", *option]) == 0
        assert len(contents(out, ".trace")) == kept
    suite.write_text(suite.read_text().replace("true", "1"))
    assert main(["run", str(suite)]) == 2
    assert "trace must be true or false" in capsys.readouterr().err


def test_the_suite_quick_keeps_traces() -> None:
    assert read_spec(Path(__file__).parents[3] / "experiments" / "suites" / "quick.toml").trace
