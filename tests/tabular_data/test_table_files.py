"""Tables on disk: written, opened, verified, and refused where they are wrong."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.tabular_data.benchmark import Metric, Provenance
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.table import Table
from tests.tabular_data.made import make


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


@pytest.mark.parametrize("keep", [0, 40, 150])
def test_a_truncated_column_is_found_when_opening(tmp_path: Path, keep: int) -> None:
    folder = make().write(tmp_path / "t")
    file = folder / "validation_accuracy.npy"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(TableError, match=r"validation_accuracy.npy cannot be read \(it is"):
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


def forged(folder: Path, **changes: Any) -> None:
    """A header with other entries and a checksum that fits."""
    file = folder / "table.json"
    plain = json.loads(file.read_text()) | changes
    columns = plain.pop("columns")
    plain.pop("checksum")
    sums = {key: spec["sha256"] for key, spec in columns.items()}
    sealed = hashlib.sha256(json.dumps([plain, sums], sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps({**plain, "columns": columns, "checksum": sealed}))


COLUMN = {"dtype": "<f8", "shape": [4, 2, 2], "sha256": ""}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../../elsewhere"},
        {"name": "/abs/olute"},
        {"name": 3},
        {"name": None},
        {"space": {"grid": {"x": 3}, "name": "g"}},
        {"space": "nasbench999"},
        {"space": ["grid"]},
        {"budgets": [9, 1]},
        {"budgets": ["1", "9"]},
        {"budgets": 9},
        {"budgets": [1]},
        {"partial": "no"},
        {"dataset": ["x"]},
        {"dataset": "a\x1b[2J"},
        {"metric": {"name": "accuracy"}, "provenance": {}},
        {"metric": {"name": "accuracy", "higher_is_better": "yes"}},
        {"metric": "accuracy"},
        {"provenance": {"notes": 3}},
        {"provenance": None},
        {"provenance": {"source": 3, "licence": "", "reconstruction": "", "notes": []}},
        {"more": 1},
        {"columns": {"../../x": COLUMN}},
        {"columns": {"training_seconds": {**COLUMN, "shape": [9]}}},
        {"columns": {"training_seconds": {**COLUMN, "shape": "4"}}},
        {"columns": {"training_seconds": []}},
        {"columns": {"training_seconds": {"sha256": ""}}},
    ],
    ids=str,
)
def test_a_header_that_fits_its_checksum_is_checked_all_the_same(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    folder = make().write(tmp_path / "t")
    try:
        forged(folder, **changes)
    except (TypeError, KeyError):  # no checksum can be made of it
        file = folder / "table.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(TableError) as caught:
        Table.open(folder)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_table_opened_under_another_encoding_can_be_written(
    small101: Path, tmp_path: Path
) -> None:
    table = Table.open(small101, "B", "after")
    again = Table.open(table.write(tmp_path / "t"))
    again.verify()
    assert again.space.name == "nasbench101-4v/B/after-pruning"
    assert again.n_cells == table.n_cells


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "[" * 100_000])
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
    with pytest.raises(TableError, match="cannot be read"):
        Table.open(folder)
    assert not (tmp_path / "owned").exists()


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="cannot write table"):
        make().write(tmp_path / "file" / "t")


def test_provenance_of_a_reconstruction_survives(tmp_path: Path) -> None:
    table = make(provenance=Provenance(reconstruction="times are modelled", notes=("a", "b")))
    assert Table.open(table.write(tmp_path / "t")).provenance == table.provenance
