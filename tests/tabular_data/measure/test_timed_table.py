"""A measured table with the seconds of another machine: they change, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.cli import main
from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.measure import (
    RECIPES,
    MeasureError,
    build_table,
    time_table,
    timing,
)
from regretta.tabular_data.measure.plan import Plan
from regretta.tabular_data.table import Table

SECONDS = ("training_seconds", "latency_seconds")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_table(
        "nasbench101-3v",
        "digits",
        tmp_path_factory.mktemp("tables") / "small",
        budgets=(1, 2),
        repeats=2,
        seed=4,
        device="cpu",
        licence="CC-BY-4.0",
    )


def test_seconds_are_those_of_this_machine_and_all_else_stays(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(plan: Plan, number: int) -> tuple[float, float]:
        return 1.0 + number, 0.5

    monkeypatch.setattr(timing, "step_seconds", slow)
    arguments = ["table", "time", str(built), "--out", str(tmp_path / "mine"), "--device", "cpu"]
    assert main(arguments) == 0
    old, new = Table.open(built), Table.open(tmp_path / "mine")
    new.verify()
    # row 3: 4 seconds, and 10 or 20 steps of half a second; both repeats
    np.testing.assert_allclose(new.columns["training_seconds"][3], [[9, 9], [14, 14]])
    for name in old.columns.keys() - set(SECONDS):
        np.testing.assert_array_equal(new.columns[name], old.columns[name])
    assert new.dataset == "digits"
    assert new.provenance.licence == "CC-BY-4.0"
    before, after = (
        dict(note.split(": ", 1) for note in table.provenance.notes) for table in (old, new)
    )
    assert after["seed"] == before["seed"] == "4"
    assert after["processor"] == before["processor"]
    assert "torch 2." in after["timed anew"]
    assert "3 passes" in after["training_seconds"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"recipe": replace(RECIPES["nasbench101"], learning_rate=0.01)}, "by another recipe"),
        ({"data": "moved-digits"}, "measured on other data than moved-digits"),
        ({"workers": 0}, "workers must be at least 1, not 0"),
        ({"device": "tpu"}, "device 'tpu' is not there"),
    ],
)
def test_a_table_that_was_measured_otherwise_is_refused(
    changes: dict[str, object], says: str, built: Path, tmp_path: Path
) -> None:
    with pytest.raises(MeasureError, match=says) as caught:
        time_table(Table.open(built), tmp_path / "mine", **{"device": "cpu", **changes})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mine").exists()


def test_a_table_that_nobody_trained_is_refused(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table.open(built)
    replace(table, provenance=Provenance()).write(tmp_path / "theirs")
    arguments = ["table", "time", str(tmp_path / "theirs"), "--out", str(tmp_path / "mine")]
    assert main([*arguments, "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert "small does not say by which recipe it was measured" in said
