"""From measurements to a table: every number in its place, and how it was made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.tabular_data.columns import TableError
from regretta.tabular_data.measure import (
    MeasureError,
    Measurements,
    Plan,
    load,
    make_plan,
    require_recipe,
    to_table,
)
from regretta.tabular_data.measure.nasbench101.architecture import CONV1X1, CONV3X3
from regretta.tabular_data.spaces import NasBench101, NasBench201
from regretta.tabular_data.spaces.nasbench101_graph import Cell
from regretta.tabular_data.table import Table

SPACE = NasBench101(3)


def plan() -> Plan:
    return make_plan(SPACE, load("digits"), budgets=(1, 4), repeats=3, seed=9, device="cpu")


def measurements(cells: int = 7) -> Measurements:
    """Numbers that tell their place: cell, budget or epoch, repeat."""
    cell, budget, repeat = np.meshgrid(np.arange(cells), np.arange(2), np.arange(3), indexing="ij")
    place = cell / 10 + budget / 100 + repeat / 1000
    cell, repeat, epoch = np.meshgrid(np.arange(cells), np.arange(3), np.arange(4), indexing="ij")
    curve = cell / 10 + epoch / 100 + repeat / 1000
    return Measurements(
        train_accuracy=place + 0.3,
        validation_accuracy=place + 0.2,
        test_accuracy=place + 0.1,
        seconds=place[:, :, 0] + 2,
        seconds_spread=np.full(cells, 1.25),
        parameters=np.arange(cells) + 100,
        multiply_adds=np.arange(cells) + 1000,
        train_curve=curve + 0.3,
        validation_curve=curve + 0.2,
        test_curve=curve + 0.1,
        latency_seconds=np.arange(cells) / 1000 + 0.001,
        machines=("Abacus", "Slide rule"),
        training_seconds=7000.4,
        evaluation_seconds=2000.0,
        cpu_seconds=10000.0,
    )


def test_every_number_is_in_its_place_after_writing_and_opening(tmp_path: Path) -> None:
    to_table(measurements(), plan(), SPACE, "mine").write(tmp_path / "mine")
    table = Table.open(tmp_path / "mine")
    table.verify()
    assert table.budgets == (1, 4)
    columns = table.columns
    for key, value in {
        "train_accuracy": 0.3 + 0.512,
        "validation_accuracy": 0.2 + 0.512,
        "test_accuracy": 0.1 + 0.512,
        "training_seconds": 2 + 0.51,  # the same of all repeats
    }.items():
        assert columns[key].dtype == np.float32
        assert columns[key][5, 1, 2] == pytest.approx(value)
    for key, value in {"train_curve": 0.3, "validation_curve": 0.2, "test_curve": 0.1}.items():
        assert columns[key].shape == (7, 4, 3)  # cell, epoch, repeat
        assert columns[key][5, 3, 1] == pytest.approx(value + 0.531)
    assert columns["parameters"].tolist() == list(range(100, 107))
    np.testing.assert_allclose(columns["latency_seconds"], np.arange(1, 8) / 1000)
    assert columns["flops"].tolist() == list(range(1000, 1007))


def test_a_table_says_how_it_was_made() -> None:
    provenance = to_table(
        measurements(), plan(), SPACE, "mine", licence="CC-BY-4.0", commit="abc123"
    ).provenance
    assert provenance.source == "measured by regretta (table build) on digits"
    assert provenance.licence == "CC-BY-4.0"
    assert provenance.reconstruction == ""
    notes = dict(note.split(": ", 1) for note in provenance.notes)
    assert notes["seed"] == "9"
    assert notes["commit"] == "abc123"
    assert notes["processor"] == "Abacus; Slide rule"
    assert "its slowest pass took 1.25 times its fastest" in notes["training_seconds"]
    assert notes["data"].startswith(
        "500 training, 648 validation and 649 test images of 1 x 8 x 8, 10 classes"
    )
    assert "learning rate 0.2" in notes["training"]
    assert "torch 2." in notes["versions"]
    assert (
        notes["CPU seconds of the build"]
        == "10000 in all, 7000 of them training and 2000 evaluating"
    )


def test_without_a_commit_none_is_named() -> None:
    assert not any(
        "commit" in note
        for note in to_table(measurements(), plan(), SPACE, "mine").provenance.notes
    )


def test_float32_tells_the_counts_of_a_million_images_apart() -> None:
    shares = (np.arange(999_000, 1_000_001) / 1_000_000).astype(np.float32)
    assert len(np.unique(shares)) == 1001


def test_measurements_of_another_space_are_refused() -> None:
    with pytest.raises(TableError, match="6 cells were measured, the plan has 7"):
        to_table(measurements(cells=6), plan(), SPACE, "mine")


def test_the_rows_of_the_plan_are_the_rows_of_the_space() -> None:
    cells = plan().cells
    for row, cell in enumerate(cells):
        assert isinstance(cell, Cell)
        assert SPACE.row_of_cell(cell.matrix, cell.operations) == row
    assert {cell.operations for cell in cells if isinstance(cell, Cell)} >= {
        (),
        (CONV3X3,),
        (CONV1X1,),
    }


def test_strings_that_are_one_function_share_its_numbers() -> None:
    space = NasBench201()
    wide = make_plan(space, load("moved-digits"), budgets=(1, 4), repeats=3, seed=9, device="cpu")
    assert len(wide.cells) == 5260
    numbers = np.arange(5260) / 10_000
    filled = {
        name: value if np.ndim(value) == 0 else np.zeros((5260, *np.shape(value)[1:]))
        for name, value in vars(measurements()).items()
        if name != "machines"
    }
    filled |= {
        "test_accuracy": np.broadcast_to(numbers[:, None, None], (5260, 2, 3)),
        "seconds": np.ones((5260, 2)),
        "seconds_spread": np.ones(5260),
        "latency_seconds": np.ones(5260),
        "parameters": np.arange(5260),
    }
    table = to_table(Measurements(machines=("Abacus",), **filled), wide, space, "mine")
    table.verify()
    assert table.n_cells == 15_625
    # x > 3x3 > 1 > skip > 3, and the same by way of node 2: one function
    strings = (
        "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
        "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|",
        "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
    )
    rows = space.rows(np.stack([space.from_string(text) for text in strings]))
    for column in ("test_accuracy", "parameters"):
        first, same, other = (table.columns[column][row] for row in rows)
        assert np.all(first == same)
        assert np.all(first != other)
    notes = dict(note.split(": ", 1) for note in table.provenance.notes)
    assert "5,260 functions" in notes["cells"]
    assert "the images are not the published ones" in notes["movement"]
    assert notes["recipe"] == wide.recipe.fingerprint(wide.data)


def test_a_table_of_another_recipe_or_of_other_data_is_refused_in_one_line() -> None:
    made, digits = plan(), load("digits")
    table = to_table(measurements(), made, SPACE, "mine")
    require_recipe(table, made.recipe, digits)
    others = [
        (dataclasses.replace(made.recipe, channels=(4, 8)), digits, "measured by another recipe"),
        (made.recipe, load("moved-digits"), "measured on other data than moved-digits"),
    ]
    for recipe, data, says in others:
        with pytest.raises(MeasureError, match=f"mine was {says}") as caught:
            require_recipe(table, recipe, data)
        assert "\n" not in str(caught.value)
