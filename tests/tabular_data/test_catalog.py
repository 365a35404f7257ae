"""The catalog: names to tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from regretta.tabular_data.catalog import entries, find_table, open_table
from regretta.tabular_data.table import Table, TableError


def test_an_unknown_table_is_refused_with_the_nearest() -> None:
    with pytest.raises(TableError, match="did you mean 'nb201-cifar10'"):
        find_table("nb201-cifar-10")


def test_a_table_may_be_named_by_its_folder(tmp_path: Path, grid_table: Table) -> None:
    folder = grid_table.write(tmp_path / "mine")
    assert open_table(str(folder)).checksum == grid_table.checksum
    assert open_table(str(folder)) is open_table(str(folder))


def test_a_users_table_wins_over_one_of_the_same_name(
    tmp_path: Path, grid_table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path))
    grid_table.write(tmp_path / "tables" / "nb201-cifar10")
    assert [e.origin for e in entries() if e.name == "nb201-cifar10"] == ["yours"]
    assert open_table("nb201-cifar10").n_cells == 4


def test_the_packaged_tables_are_listed() -> None:
    names = {entry.name for entry in entries()}
    assert {"nb201-cifar10", "nb201-cifar100", "nb201-imagenet16-120"} <= names
    assert {"nashpo-protein", "nashpo-naval", "nashpo-slice", "nashpo-parkinsons"} <= names
