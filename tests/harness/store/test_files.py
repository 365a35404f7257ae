"""Many run files become one: the bytes are the same, whatever happens on the way."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.result import ResultError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store import files as compaction
from regretta.harness.store.files import compact, find_runs, label_folders, run_path
from regretta.harness.store.results import load_suite
from regretta.tabular_data.locks import locked

RUNS = 8


@pytest.fixture
def spec(small101: Path) -> SuiteSpec:
    entries = (
        OptimizerEntry("random_search"),
        OptimizerEntry("hyperband", label='odd "number":3, label'),
    )
    return SuiteSpec("small", (str(small101),), entries, time_limit=1e4, runs=RUNS)


@pytest.fixture
def folder(spec: SuiteSpec, tmp_path: Path) -> Path:
    run_suite(spec, tmp_path / "out")
    return tmp_path / "out"


def runs_of(folder: Path) -> dict[tuple[str, int], bytes]:
    return {
        (label.name, number): stored.data
        for label in label_folders(folder)
        for number, stored in find_runs(label).runs.items()
    }


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_every_run_keeps_its_very_bytes(folder: Path) -> None:
    before = {
        (label.name, int(path.stem)): path.read_bytes()
        for label in label_folders(folder)
        for path in label.glob("*.json")
    }
    done = compact(folder)
    assert (done.runs, done.files_before, done.files_after) == (2 * RUNS, 2 * RUNS, 2)
    assert len(files(folder)) == 3
    assert runs_of(folder) == before


def test_a_compacted_suite_reads_the_same_and_is_done(spec: SuiteSpec, folder: Path) -> None:
    before = load_suite(folder)
    compact(folder)
    after = load_suite(folder)
    assert after.damaged == ()
    for label in before.labels:
        assert [r.to_json() for r in after.runs["small101"][label]] == [
            r.to_json() for r in before.runs["small101"][label]
        ]
    outcome = run_suite(spec, folder)
    assert (outcome.done, outcome.new, outcome.set_aside) == (2 * RUNS, 0, ())


def test_more_runs_join_what_is_compacted(spec: SuiteSpec, folder: Path, tmp_path: Path) -> None:
    more = SuiteSpec(spec.name, spec.tables, spec.optimizers, time_limit=1e4, runs=RUNS + 3)
    run_suite(more, tmp_path / "plain")
    compact(folder)
    assert run_suite(more, folder).new == 6
    compact(folder)
    assert compact(folder).files_before == 2
    assert runs_of(folder) == runs_of(tmp_path / "plain")


@pytest.mark.parametrize("seed", range(6))
def test_damage_to_a_compacted_file_costs_the_damaged_runs_only(
    spec: SuiteSpec, folder: Path, seed: int
) -> None:
    before = runs_of(folder)
    compact(folder)
    rng = random.Random(seed)
    path = rng.choice(sorted(folder.rglob("*.jsonl")))
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    damage = rng.choice(["flip", "cut", "cut between two runs"])
    if damage == "flip":
        data[at] ^= 1 << rng.randrange(8)
    elif damage == "cut":
        del data[at:]
    else:
        del data[data.index(b"\n", at - len(data) // 2 if at > len(data) // 2 else 0) + 1 :]
    path.write_bytes(data)
    assert load_suite(folder).damaged
    outcome = run_suite(spec, folder)
    assert any(
        "are damaged" in line and ".damaged and what is missing" in line
        for line in outcome.set_aside
    )
    assert outcome.new <= (2 if damage == "flip" else RUNS)
    assert runs_of(folder) == before
    assert len(list(folder.rglob("*.damaged"))) == 1


@pytest.mark.parametrize("broken", ["replace", "fsync", "unlink"])
def test_whatever_fails_meanwhile_every_run_is_still_there(
    spec: SuiteSpec, folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    before = runs_of(folder)
    calls = iter(range(1000))

    def fail(*arguments: object, **named: object) -> None:
        if next(calls) >= (3 if broken == "unlink" else 0):
            raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(compaction.Path if broken == "unlink" else os, broken, fail)
        with pytest.raises(ResultError, match="all runs are still there"):
            compact(folder)
    assert runs_of(folder) == before
    compact(folder)
    assert runs_of(folder) == before
    assert len(list(folder.rglob("*.json*"))) == 3


def test_damaged_and_failed_runs_stay_as_they_are(folder: Path) -> None:
    place = folder / "runs" / "small101" / "random_search"
    (place / "00001.json").write_bytes(b"{")
    (place / "00002.json").rename(place / "00002.failed")
    done = compact(folder)
    assert done.runs == 2 * RUNS - 2
    assert "00001.json is damaged" in done.skipped[0]
    assert (place / "00001.json").read_bytes() == b"{"
    assert (place / "00002.failed").exists()


def test_a_run_of_another_suite_in_a_compacted_file_is_set_aside(
    spec: SuiteSpec, folder: Path, tmp_path: Path
) -> None:
    before = runs_of(folder)
    other = SuiteSpec("small", spec.tables, spec.optimizers, time_limit=1e4, runs=RUNS, seed=99)
    run_suite(other, tmp_path / "other")
    for name in ("00002.json", "00005.json"):
        stray = tmp_path / "other" / "runs" / "small101" / "random_search" / name
        (folder / "runs" / "small101" / "random_search" / name).write_bytes(stray.read_bytes())
    compact(folder)
    outcome = run_suite(spec, folder)
    assert outcome.new == 2
    assert "was made by other code or another suite" in outcome.set_aside[0]
    assert runs_of(folder) == before


def test_compaction_keeps_away_from_a_run_that_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compaction, "_WAIT_SECONDS", 0.1)
    with locked(folder / "runs", exclusive=False):
        assert main(["compact", str(folder)]) == 2
    assert "somebody is at work in" in capsys.readouterr().err
    assert main(["compact", str(folder)]) == 0
    assert (
        f"{2 * RUNS} runs of {folder} are in 2 files now; there were {2 * RUNS}"
        in capsys.readouterr().out
    )


def test_a_folder_without_a_suite_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="holds no suite"):
        compact(tmp_path)


@pytest.mark.parametrize("name", ["../../x", "/abs/x", "..", ".", "a/b", "a\0b"])
def test_no_name_of_a_table_or_label_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    for path in (run_path(tmp_path, name, "label", 0), run_path(tmp_path, "table", name, 0)):
        assert path.resolve() == path
        assert path.relative_to(tmp_path).parts[0] == "runs"
        assert len(path.relative_to(tmp_path).parts) == 4
