"""A build: nothing lost, nothing trained twice, nothing published before every cell is there."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.tabular_data.measure import (
    RECIPES,
    MeasureError,
    Measurements,
    Plan,
    Recipe,
    build,
    build_table,
    load,
    make_plan,
    run_seed,
    training,
)
from regretta.tabular_data.measure import plan as plan_module
from regretta.tabular_data.spaces import NasBench101, NasBench201
from regretta.tabular_data.table import Table

ROOT = Path(__file__).parents[3]
ACCURACIES = (
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "train_curve",
    "validation_curve",
    "test_curve",
)
DIGITS = load("digits")
SETTINGS: dict[str, Any] = {"budgets": (1, 2), "repeats": 2, "seed": 5, "device": "cpu"}


def small_plan(**changes: Any) -> Plan:
    """The seven cells of up to three vertices, two budgets, two repeats."""
    return make_plan(NasBench101(3), DIGITS, **{**SETTINGS, **changes})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("undisturbed")


@pytest.fixture(scope="module")
def undisturbed(home: Path) -> Measurements:
    return build(small_plan(), home / "table")


@pytest.fixture
def finished(undisturbed: Measurements, home: Path, tmp_path: Path) -> Path:
    """Folder of a table to be whose cells are all measured."""
    shutil.copytree(home / "table.building", tmp_path / "table.building")
    return tmp_path / "table"


def same_accuracies(a: Measurements, b: Measurements) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ACCURACIES)


def cells_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((folder / "cells").glob("[0-9]*.json"))}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Epochs of every training from here on, in order."""
    calls: list[int] = []
    original = training.train

    def counted(cell: Any, data: Any, recipe: Any, epochs: int, seeds: Any, **more: Any) -> Any:
        calls.extend(epochs for _ in seeds)
        return original(cell, data, recipe, epochs, seeds, **more)

    monkeypatch.setattr(training, "train", counted)
    return calls


def test_every_cell_budget_and_repeat_is_measured(undisturbed: Measurements) -> None:
    assert undisturbed.validation_accuracy.shape == (7, 2, 2)
    assert undisturbed.validation_curve.shape == (7, 2, 2)
    for name in ACCURACIES:
        values = getattr(undisturbed, name)
        assert ((values >= 0) & (values <= 1)).all()
    assert (undisturbed.seconds > 0).all()
    spent = undisturbed.training_seconds + undisturbed.evaluation_seconds
    assert 0 < spent < undisturbed.cpu_seconds


def test_accuracies_are_shares_of_the_images(undisturbed: Measurements) -> None:
    for values, images in (
        (undisturbed.train_accuracy, 500),
        (undisturbed.validation_accuracy, 648),
    ):
        np.testing.assert_allclose(values * images, np.round(values * images), atol=1e-9)
    np.testing.assert_allclose(
        undisturbed.test_accuracy * 649, np.round(undisturbed.test_accuracy * 649), atol=1e-9
    )


def test_curves_end_in_the_accuracy_of_the_longest_budget(undisturbed: Measurements) -> None:
    for name in ("train", "validation", "test"):
        curve, final = (
            getattr(undisturbed, f"{name}_curve"),
            getattr(undisturbed, f"{name}_accuracy"),
        )
        assert (curve[:, :, -1] == final[:, -1, :]).all()


def test_a_run_has_a_seed_of_its_own_that_depends_on_its_place_only() -> None:
    states = {
        tuple(run_seed(5, row, budget, repeat).generate_state(4).tolist())
        for row in range(7)
        for budget in (1, 2)
        for repeat in range(2)
    }
    assert len(states) == 28
    assert (run_seed(5, 3, 1, 1).generate_state(4) == run_seed(5, 3, 1, 1).generate_state(4)).all()


def test_any_training_can_be_repeated_by_itself(undisturbed: Measurements) -> None:
    plan = small_plan()
    result = training.train(plan.cells[4], plan.data, plan.recipe, 2, [run_seed(5, 4, 2, 1)])
    assert result[0].test_accuracy == undisturbed.test_accuracy[4, 1, 1]


def test_other_budgets_and_repeats_change_no_run(undisturbed: Measurements, tmp_path: Path) -> None:
    fewer = build(small_plan(budgets=(2,), repeats=1), tmp_path / "table")
    assert (fewer.test_accuracy[:, 0, 0] == undisturbed.test_accuracy[:, 1, 0]).all()


def test_a_finished_build_trains_nothing_again(
    finished: Path, trained: list[int], undisturbed: Measurements
) -> None:
    assert same_accuracies(build(small_plan(), finished), undisturbed)
    assert not trained


def test_cells_of_nasbench201_are_measured_goes_on_and_are_the_same_again(
    tmp_path: Path, trained: list[int]
) -> None:
    whole = make_plan(NasBench201(), DIGITS, budgets=(1, 2), repeats=2, seed=5, device="cpu")
    few = dataclasses.replace(whole, cells=whole.cells[:2], of_row=whole.of_row[:2])
    first = build(few, tmp_path / "table")
    assert first.validation_curve.shape == (2, 2, 2)
    assert (first.latency_seconds > 0).all()
    assert (first.seconds[:, 1] > first.seconds[:, 0]).all()  # two epochs take longer than one
    (tmp_path / "table.building" / "cells" / "00001.json").unlink()
    again = build(few, tmp_path / "table")
    assert same_accuracies(first, again)
    assert trained == [1, 1, 2, 2] * 3


BUILD = """
import sys
from pathlib import Path
from regretta.tabular_data.measure import build, load, make_plan
from regretta.tabular_data.spaces import NasBench101
plan = make_plan(NasBench101(3), load("digits"), budgets=(1, 2), repeats=2, seed=5, device="cpu")
build(plan, Path(sys.argv[1]), workers=int(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_build_goes_on_as_if_nothing_had_been(
    workers: int, tmp_path: Path, undisturbed: Measurements, trained: list[int]
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", BUILD, str(tmp_path / "table"), str(workers)]
    folder = tmp_path / "table.building"
    with subprocess.Popen(command, env=environment, cwd=tmp_path) as process:
        until = time.monotonic() + 120
        while len(cells_in(folder)) < 2 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    _wait_until_still(folder)
    kept = cells_in(folder)
    assert 2 <= len(kept) < 7, f"killed at {len(kept)} of 7 cells"
    assert same_accuracies(build(small_plan(), tmp_path / "table"), undisturbed)
    assert len(trained) == 4 * (7 - len(kept))
    assert {name: content for name, content in cells_in(folder).items() if name in kept} == kept


def _wait_until_still(folder: Path) -> None:
    """Workers notice that their build is gone within moments; a cell may still come in."""
    last, since = len(cells_in(folder)), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.02)
        if len(cells_in(folder)) != last:
            last, since = len(cells_in(folder)), time.monotonic()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 6}, "seed was 5, now 6"),
        ({"repeats": 3}, "repeats was 2, now 3"),
        ({"budgets": (1, 2, 3)}, r"budgets was \[1, 2\], now \[1, 2, 3\]"),
    ],
)
def test_checkpoints_of_other_settings_are_refused_in_one_line(
    changes: dict[str, Any], says: str, finished: Path, trained: list[int]
) -> None:
    with pytest.raises(
        MeasureError, match=f"table.building: checkpoints of other settings .*{says}"
    ) as caught:
        build(small_plan(**changes), finished)
    assert "\n" not in str(caught.value)
    assert not trained


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content.replace(b'"row": 3', b'"row": 2'),
        lambda content: content.replace(b'"fingerprint": "', b'"fingerprint": "0'),
    ],
    ids=["truncated", "empty", "of another row", "of another build"],
)
def test_a_damaged_checkpoint_is_measured_again(
    damage: Callable[[bytes], bytes], finished: Path, trained: list[int], undisturbed: Measurements
) -> None:
    place = finished.with_name("table.building") / "cells" / "00003.json"
    place.write_bytes(damage(place.read_bytes()))
    assert same_accuracies(build(small_plan(), finished), undisturbed)
    assert trained == [1, 1, 2, 2]


def test_a_build_begun_by_other_code_is_refused(
    finished: Path, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "code_fingerprint", lambda: "of another commit")
    with pytest.raises(MeasureError, match="begun by another version of the code") as caught:
        build(small_plan(), finished)
    assert "\n" not in str(caught.value)
    assert not trained


def test_two_builds_never_share_a_folder(tmp_path: Path) -> None:
    from regretta.tabular_data.measure.checkpoint import CheckpointFolder

    plan = small_plan()
    folder = CheckpointFolder(tmp_path / "table.building", plan.fingerprint())
    folder.open(plan)
    with (
        folder.lock(),
        pytest.raises(MeasureError, match="another build is running in this folder"),
    ):
        build(plan, tmp_path / "table")


def test_a_cell_that_raises_is_noted_blocks_publishing_and_is_tried_again(
    finished: Path, trained: list[int], monkeypatch: pytest.MonkeyPatch, undisturbed: Measurements
) -> None:
    broken = small_plan().cells[2]
    place = finished.with_name("table.building") / "cells" / "00002.json"
    place.unlink()
    working = training.train

    def train(cell: Any, *rest: Any, **more: Any) -> Any:
        if str(cell) == str(broken):
            raise RuntimeError("out of memory\nand many more lines")
        return working(cell, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train", train)
        with pytest.raises(
            MeasureError,
            match=r"1 of 7 cells failed, the first is row 2 \(RuntimeError: out of mem",
        ):
            build_table("nasbench101-3v", "digits", finished, **SETTINGS)
    assert not finished.exists()
    record = json.loads(place.read_text())
    assert (record["failure"], record["runs"]) == ("RuntimeError: out of memory", [])
    assert not trained
    table = Table.open(build_table("nasbench101-3v", "digits", finished, **SETTINGS))
    assert trained == [1, 1, 2, 2]
    np.testing.assert_array_equal(
        table.columns["test_accuracy"], undisturbed.test_accuracy.astype(np.float32)
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"budgets": (3, 1)},
            r"budgets must be ascending numbers of epochs from 1 on, not \[3, 1\]",
        ),
        ({"budgets": (0, 1)}, "budgets must be ascending"),
        ({"budgets": ()}, "budgets must be ascending"),
        ({"repeats": 0}, "repeats must be at least 1, not 0"),
        ({"seed": -1}, "seed must not be negative, not -1"),
        ({"device": "tpu"}, "device 'tpu' is not there"),
        ({"recipe": RECIPES["nasbench201"]}, "a recipe of nasbench201 cannot train the cells of"),
        ({"recipe": Recipe(channels=())}, "channels must be numbers from 1 on"),
        ({"recipe": Recipe(learning_rate=0)}, "learning_rate must be above zero, not 0"),
        ({"recipe": Recipe(channels=(2,) * 5)}, "images of 8 by 8 pixels are too small for 5 st"),
    ],
)
def test_settings_that_cannot_be_are_one_line(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(MeasureError, match=says):
        small_plan(**changes)


def test_too_few_training_images_for_a_batch_are_refused_before_any_training(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "few.npz", images=rng.random((60, 8, 8)), labels=np.arange(60) % 2)
    with pytest.raises(MeasureError, match="few: 16 training images are too few for a batch of 50"):
        build_table("nasbench101-3v", str(tmp_path / "few.npz"), tmp_path / "table")


def test_workers_must_be_one_at_least(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="workers must be at least 1, not 0"):
        build(small_plan(), tmp_path / "table", workers=0)


def test_a_plan_of_other_cells_is_another_build() -> None:
    plan = small_plan()
    assert dataclasses.replace(plan, cells=plan.cells[::-1]).fingerprint() != plan.fingerprint()
    assert small_plan().fingerprint() == plan.fingerprint()


def test_a_space_that_nobody_knows_is_named_with_its_neighbours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'nasbench101-5v"):
        build_table("nasbench101-55v", "digits", tmp_path / "table")
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_no_table_is_never_overwritten(tmp_path: Path, trained: list[int]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("42")
    with pytest.raises(MeasureError, match="mine exists and is not a table"):
        build_table("nasbench101-3v", "digits", tmp_path / "mine", **SETTINGS)
    with pytest.raises(MeasureError, match="the folder's name becomes the table's"):
        build_table("nasbench101-3v", "digits", tmp_path / "my table", **SETTINGS)
    assert not trained
