"""Trained weights come back as the network that was measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.cli import main  # noqa: E402
from regretta.tabular_data.measure import (  # noqa: E402
    MeasureError,
    TrainedNetwork,
    build_table,
    load,
    load_network,
    make_plan,
    training,
)
from regretta.tabular_data.spaces import NasBench101, NasBench201  # noqa: E402
from regretta.tabular_data.table import Table  # noqa: E402


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_table(
        "nasbench101-3v",
        "digits",
        tmp_path_factory.mktemp("tables") / "small",
        budgets=(1, 2),
        repeats=2,
        device="cpu",
        save_weights=True,
    )


@pytest.mark.parametrize(("row", "repeat"), [(0, 0), (4, 1), (6, 0)])
def test_a_loaded_network_has_the_tables_accuracy(built: Path, row: int, repeat: int) -> None:
    table, data = Table.open(built), load("digits")
    network = load_network(table, built, row, repeat)
    for part in ("validation", "test"):
        right = network.predict(getattr(data, part)) == getattr(data, f"{part}_labels")
        assert right.mean() == pytest.approx(table.columns[f"{part}_accuracy"][row, -1, repeat])


def test_the_command_line_shows_both(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "weights", str(built), "3"]) == 0
    shown = capsys.readouterr().out.splitlines()
    for line in shown[1:]:
        words = line.replace(",", "").split()
        assert words[2] == words[-1]


def test_a_network_of_nasbench201_comes_back_as_a_module() -> None:
    data = load("digits")
    plan = make_plan(NasBench201(), data, device="cpu")
    recipe = dataclasses.replace(plan.recipe, cells_per_stage=1)
    cell = plan.cells[3210]
    results = training.train(cell, data, recipe, 2, [1, 2], weights=True)
    for result in results:
        assert result.weights is not None
        network = TrainedNetwork(
            cell, recipe, data.image, data.n_classes, data.name, data.checksum, result.weights
        )
        answers = network.predict(data.test)
        assert (answers == data.test_labels).mean() == pytest.approx(result.test_accuracy)
        with torch.no_grad():
            logits = network.module()(torch.tensor(data.test))
        assert (logits.argmax(1).numpy() != answers).sum() <= 1  # a tie by rounding, if any


@pytest.mark.parametrize(
    ("row", "repeat", "says"),
    [
        (7, 0, "small has rows from 0 to 6, not 7"),
        (-1, 0, "small has rows from 0 to 6, not -1"),
        (0, 2, "small has repeats from 0 to 1, not 2"),
    ],
)
def test_what_is_not_there_is_one_line(built: Path, row: int, repeat: int, says: str) -> None:
    with pytest.raises(MeasureError, match=says):
        load_network(Table.open(built), built, row, repeat)


def test_a_table_without_weights_and_a_damaged_file_are_one_line(
    built: Path, tmp_path: Path
) -> None:
    table = Table.open(built)
    with pytest.raises(MeasureError, match="small has no weights; `regretta table build --save"):
        load_network(table, tmp_path, 0)
    place = built / "weights" / "00002.npz"
    whole = place.read_bytes()
    try:
        place.write_bytes(whole[:100])
        with pytest.raises(MeasureError, match=r"00002\.npz: damaged weights") as caught:
            load_network(table, built, 2)
        assert "\n" not in str(caught.value)
    finally:
        place.write_bytes(whole)


def test_images_of_another_size_are_one_line(built: Path) -> None:
    network = load_network(Table.open(built), built, 1)
    with pytest.raises(MeasureError, match=r"images must be \[n, 1, 8, 8\], not \[4, 1, 9, 9\]"):
        network.predict(np.zeros((4, 1, 9, 9), dtype=np.float32))


def test_only_nasbench201_has_modules(built: Path) -> None:
    table = Table.open(built)
    assert isinstance(table.space, NasBench101)
    with pytest.raises(MeasureError, match="use predict"):
        load_network(table, built, 1).module()
