"""What killed writers left is removed by the next one there; what a living one writes is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.spec import OptimizerEntry, SuiteSpec, read_spec
from regretta.harness.store.export import export_suite
from regretta.harness.store.results import load_suite
from regretta.plots.report import write_report
from regretta.tabular_data.catalog import entries
from regretta.tabular_data.locks import locked
from regretta.tabular_data.measure.checkpoint import CheckpointFolder
from regretta.tabular_data.spaces.nasbench101_index import _arrays
from tests.harness.held import held_suite


@pytest.fixture
def results(small101: Path, tmp_path: Path) -> Path:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("hyperband"))
    spec = SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=2)
    run_suite(spec, tmp_path / "out")
    return tmp_path / "out"


def check(places: list[Path], writer: Callable[[], object]) -> None:
    """Leftovers in some places go with the next writer, but for those of a writer who is alive."""
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    dead = [place / ".some.file.abcd1234.part" for place in places]
    alive = [place / ".some.file.wxyz6789.part" for place in places]
    for path in (*dead, *alive):
        path.write_bytes(b"half a ")
    with locked(alive[0], exclusive=True), locked(alive[-1], exclusive=True):
        writer()
        assert alive[0].exists()
        assert alive[-1].exists()
        assert [path for path in dead if path.exists()] == []
    writer()
    assert [path for path in alive if path.exists()] == []


def test_of_exports(results: Path, tmp_path: Path) -> None:
    suite, out = load_suite(results), tmp_path / "exported"
    check([out], lambda: export_suite(suite, out, "csv"))
    places = [out, out / "random_search", out / "hyperband"]
    check(places, lambda: export_suite(suite, out))


@pytest.mark.slow
def test_of_reports(results: Path) -> None:
    suite = load_suite(results)
    places = [results, results / "figures", results / "tables"]
    check(places, lambda: write_report(suite))


def test_of_runs_and_plugins(small101: Path, tmp_path: Path) -> None:
    suite, door = held_suite(tmp_path, small101, runs=1)
    door.touch()
    spec, folder = read_spec(suite), tmp_path / "out"
    run_suite(spec, folder)
    (plugin,) = (folder / "plugins").iterdir()
    places = [folder, plugin, *(folder / "runs" / "small101").iterdir()]
    check(places, lambda: run_suite(spec, folder))


def test_of_builds(tmp_path: Path) -> None:
    building = CheckpointFolder(tmp_path / "t.building", "")

    def build() -> None:
        with building.lock():
            pass

    check([building.path, building.path / "cells", building.path / "weights"], build)


def test_of_tables_and_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path))
    check([tmp_path / "tables", tmp_path / "cache" / "tables"], entries)
    check([tmp_path / "cache"], lambda: _arrays.__wrapped__(3))
