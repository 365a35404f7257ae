"""How far a suite is can be asked at any time and changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.files import compact
from regretta.harness.store.status import SuiteStatus, suite_status
from regretta.tabular_data.locks import locked


@pytest.fixture
def folder(small101: Path, tmp_path: Path) -> Path:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("hyperband"))
    run_suite(
        SuiteSpec("small", (str(small101),), entries, time_limit=1e4, runs=5), tmp_path / "out"
    )
    return tmp_path / "out"


def spoil(folder: Path) -> None:
    place = folder / "runs" / "small101" / "hyperband"
    (place / "00000.json").unlink()
    (place / "00001.json").rename(place / "00001.failed")
    (place / "00002.json").write_bytes((place / "00002.json").read_bytes()[:99])


def test_every_run_is_done_failed_damaged_or_missing(folder: Path) -> None:
    spoil(folder)
    status = suite_status(folder)
    counts = {row.label: (row.done, row.failed, row.damaged, row.missing) for row in status.rows}
    assert counts == {"random_search": (5, 0, 0, 0), "hyperband": (2, 1, 1, 1)}
    assert {row.table for row in status.rows} == {"small101"}
    assert (status.done, status.planned, status.running, status.seconds_left) == (
        7,
        10,
        False,
        None,
    )
    assert "00002.json is damaged (it is truncated)" in status.damaged[0]


def test_compacted_runs_are_done(folder: Path) -> None:
    before = suite_status(folder)
    compact(folder)
    assert suite_status(folder).rows == before.rows


def test_a_run_that_goes_on_is_seen_and_its_end_estimated(small101: Path, tmp_path: Path) -> None:
    spec = SuiteSpec(
        "small", (str(small101),), (OptimizerEntry("random_search"),), time_limit=1e4, runs=9
    )
    seen: list[SuiteStatus] = []

    def look(done: int, total: int) -> None:
        if done == 6:
            for path in (tmp_path / "out").rglob("0*.json"):
                os.utime(path, (0, start + 10 * (1 + int(path.stem))))
            seen.append(suite_status(tmp_path / "out"))
        if done == 0:
            os.utime(tmp_path / "out" / "suite.json", (0, start))

    start = 4e9  # the clock of the folder's disk may be anything
    run_suite(spec, tmp_path / "out", progress=look)
    assert seen[0].running is True
    assert seen[0].seconds_left == pytest.approx(3 * 10)
    assert suite_status(tmp_path / "out").running is False


def test_asking_does_not_disturb_whoever_is_at_work(folder: Path) -> None:
    with locked(folder / "runs", exclusive=False) as lock:
        assert suite_status(folder).running is True
        assert lock.held


def test_the_command_prints_it_for_people_and_for_programs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("small: 10 of 10 runs done, not running\n")
    spoil(folder)
    assert main(["status", str(folder), "--json"]) == 2
    data = json.loads(capsys.readouterr().out)
    assert (data["done"], data["planned"]) == (7, 10)
    assert data["rows"][1]["failed"] == 1
    assert main(["status", str(folder)]) == 2
    assert "run the suite again" in capsys.readouterr().err


def test_a_folder_without_a_suite_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="holds no suite"):
        suite_status(tmp_path)
