"""Tables: made of arrays, written, opened, verified, and refused where they are wrong."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.tabular_data.benchmark import BenchmarkError, Metric, Provenance
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table

SPACE = GridSpace({"x": ["a", "b"], "y": ["c", "d"]})


def make(**changes: Any) -> Table:
    arrays: dict[str, Any] = {
        "validation_accuracy": np.full((4, 2, 2), 0.5),
        "training_seconds": np.full((4, 2, 2), 10.0),
    }
    keywords = {"name": "t", "space": SPACE, "budgets": (1, 9)} | arrays | changes
    return Table.from_arrays(
        keywords.pop("name"), keywords.pop("space"), keywords.pop("budgets"), **keywords
    )


def test_a_table_reads_back_as_it_was_written(tmp_path: Path, grid_table: Table) -> None:
    again = Table.open(grid_table.write(tmp_path / "grid"))
    assert (again.name, again.budgets, again.repeats, again.checksum) == (
        "grid",
        (1.0, 9.0),
        2,
        grid_table.checksum,
    )
    assert again.provenance == grid_table.provenance
    assert again.space.parameters == grid_table.space.parameters
    for key, column in grid_table.columns.items():
        assert np.array_equal(again.columns[key], column)
        assert not again.columns[key].flags.writeable
    again.verify()


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = make().write(tmp_path / "one"), make().write(tmp_path / "other")
    for path in sorted(one.iterdir()):
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_a_users_table_takes_a_few_lines(tmp_path: Path) -> None:
    """One budget and one repeat: both axes may be left out."""
    table = Table.from_arrays(
        "mine",
        SPACE,
        [50],
        validation_accuracy=[0.7, 0.8, 0.9, 0.6],
        training_seconds=[10, 20, 30, 40],
    )
    assert table.columns["validation_accuracy"].shape == (4, 1, 1)
    assert table.best_mean_validation_error == pytest.approx(0.1)
    assert not table.has_test


def test_means_and_the_optimum_by_hand(grid_table: Table) -> None:
    # Cell 3 at budget 9: accuracies 0.82 and 0.83, test 0.77 and 0.78.
    assert grid_table.mean_validation_error[3, 1] == pytest.approx(1 - 0.825)
    assert grid_table.best_mean_validation_error == pytest.approx(0.175)
    assert grid_table.best_mean_test_error == pytest.approx(0.225)


def test_missing_repeats_are_left_out_of_means_and_counted() -> None:
    accuracy = np.full((4, 1, 3), 0.5)
    accuracy[1, 0] = [np.nan, 0.6, 0.8]
    seconds = np.where(np.isnan(accuracy), np.nan, 5.0)
    table = make(budgets=(9,), validation_accuracy=accuracy, training_seconds=seconds)
    assert table.available[:, 0].tolist() == [3, 2, 3, 3]
    assert table.mean_validation_error[1, 0] == pytest.approx(0.3)
    assert table.repeat_order is not None
    assert table.repeat_order[1, 0, :2].tolist() == [1, 2]


def test_a_published_mean_comes_before_the_mean_of_repeats() -> None:
    table = make(test_accuracy=np.full((4, 2, 2), 0.4), mean_test_accuracy=np.full((4, 2), 0.41))
    assert table.best_mean_test_error == pytest.approx(0.59)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a/b"}, "name has letters"),
        ({"budgets": (9, 1)}, "ascending"),
        ({"budgets": (0, 1)}, "positive"),
        ({"validation_accuracy": np.full((3, 2, 2), 0.5)}, r"shape \[4, 2, repeats\]"),
        (
            {"validation_accuracy": np.full((4, 2, 2), 91.6)},
            r"row 0\[0, 0\]: an accuracy is a fraction .* got 91.6",
        ),
        ({"training_seconds": np.zeros((4, 2, 2))}, "seconds are above zero"),
        ({"training_seconds": np.full((4, 2, 3), 1.0)}, "differ in shape"),
        ({"training_seconds": np.full((4, 2, 2), np.nan)}, "both accuracy and time, or neither"),
        ({"test_acuracy": np.zeros((4, 2, 2))}, "did you mean 'test_accuracy'"),
        ({"test_accuracy": np.full((4, 2, 2), "x")}, "must hold numbers"),
        ({"test_accuracy": np.full((4, 2, 1), 0.5)}, "differ in shape"),
    ],
)
def test_wrong_arrays_are_refused_in_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TableError, match=said) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


def test_a_cell_without_measurements_needs_partial() -> None:
    accuracy = np.full((4, 2, 2), 0.5)
    accuracy[2] = np.nan
    seconds = np.where(np.isnan(accuracy), np.nan, 1.0)
    with pytest.raises(TableError, match="row 2: a cell has no measurement at all"):
        make(validation_accuracy=accuracy, training_seconds=seconds)
    assert make(validation_accuracy=accuracy, training_seconds=seconds, partial=True).partial


@pytest.mark.parametrize("keep", [0, 40, 150])
def test_a_truncated_column_is_found_when_opening(tmp_path: Path, keep: int) -> None:
    folder = make().write(tmp_path / "t")
    file = folder / "validation_accuracy.npy"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(TableError, match=r"validation_accuracy.npy cannot be mapped"):
        Table.open(folder)


def test_a_changed_byte_is_found_by_verify(tmp_path: Path) -> None:
    folder = make().write(tmp_path / "t")
    file = folder / "training_seconds.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(TableError, match="column training_seconds does not match its checksum"):
        Table.open(folder).verify()


def test_a_changed_header_is_found_when_opening(tmp_path: Path) -> None:
    folder = make().write(tmp_path / "t")
    header = json.loads((folder / "table.json").read_text())
    header["budgets"] = [1, 10]
    (folder / "table.json").write_text(json.dumps(header))
    with pytest.raises(TableError, match="was altered"):
        Table.open(folder)


@pytest.mark.parametrize("version", [1, 99])
def test_another_format_is_refused_in_a_line_that_says_how_to_make_it_anew(
    tmp_path: Path, version: int
) -> None:
    text = json.dumps({"format": version, "columns": {}, "checksum": ""})
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(TableError, match=f"has format {version}, .*`regretta table import`, `bui"):
        Table.open(tmp_path)


def test_data_set_metric_and_collection_survive_and_belong_to_the_checksum(tmp_path: Path) -> None:
    said = {"dataset": "naval", "metric": Metric("MSE", False), "collection": "nas-hpo-bench"}
    table = make(**said)
    again = Table.open(table.write(tmp_path / "t"))
    assert {key: getattr(again, key) for key in said} == said
    assert again.checksum == table.checksum
    assert len({make(**said | {key: make().__dict__[key]}).checksum for key in said}) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_broken_header_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(TableError, match="import it again"):
        Table.open(tmp_path)


def test_what_is_no_table_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"it has no table\.json"):
        Table.open(tmp_path)
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(TableError, match="is not a table"):
        make().write(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_column_file_that_is_a_pickle_runs_nothing(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "owned"),)

    folder = make().write(tmp_path / "t")
    (folder / "training_seconds.npy").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(TableError, match="cannot be mapped"):
        Table.open(folder)
    assert not (tmp_path / "owned").exists()


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="cannot write table"):
        make().write(tmp_path / "file" / "t")


def test_an_unknown_budget_names_those_there_are() -> None:
    with pytest.raises(BenchmarkError, match="no budget 4: it has 1, 9 epochs"):
        make().budget_index(4)


def test_provenance_of_a_reconstruction_survives(tmp_path: Path) -> None:
    table = make(provenance=Provenance(reconstruction="times are modelled", notes=("a", "b")))
    assert Table.open(table.write(tmp_path / "t")).provenance == table.provenance
