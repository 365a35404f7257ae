"""Replacing loses nothing, whatever moment a kill or a failure hits, and leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regretta.tabular_data import storage
from regretta.tabular_data.catalog import entries, open_table
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.storage import (
    atomic_folder,
    cached_arrays,
    folder_below,
    write_atomically,
)
from regretta.tabular_data.table import Table
from tests.file_faults import FAULTS, Fault, at_every_operation


def table_of(accuracy: float, name: str = "t") -> Table:
    return Table.from_arrays(
        name,
        GridSpace({"x": [1, 2]}),
        [1],
        validation_accuracy=[accuracy, 0.5],
        training_seconds=[1.0, 1.0],
    )


OLD, NEW = table_of(0.1), table_of(0.9)


@pytest.fixture(params=["exchanged", "moved away"])
def replacing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How a folder takes the place of another: in one step, or in two where there is no such."""
    if request.param == "moved away":
        monkeypatch.setattr(storage, "exchange", lambda one, other: False)
    return str(request.param)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_that_is_replaced_is_there_whole_at_every_moment(
    tmp_path: Path, replacing: str, fault: Fault
) -> None:
    path = tmp_path / "t"
    OLD.write(path)
    outcomes = []
    for outcome in at_every_operation(lambda: NEW.write(path), fault):
        outcomes.append(outcome)
        if fault in ("fails once", "interrupted"):
            assert path.exists(), "who lives puts back what was moved away"
        there = Table.open(path)  # which puts back what was moved away
        there.verify()
        allowed = {"refused": [OLD], "done": [NEW]}.get(outcome, [OLD, NEW])
        if fault == "fails once" or outcome == "done":
            assert there.checksum in [table.checksum for table in allowed]
        assert there.checksum in (OLD.checksum, NEW.checksum)
        OLD.write(path)
        assert names(tmp_path) == ["t"], "what the fault left is gone with the next writer"
    assert len(outcomes) > 20
    assert fault != "killed" or set(outcomes) == {"killed"}
    assert Table.open(path).checksum == NEW.checksum


@pytest.mark.parametrize("fault", FAULTS)
def test_a_new_table_is_there_whole_or_not_at_all(tmp_path: Path, fault: Fault) -> None:
    path = tmp_path / "t"
    for _ in at_every_operation(lambda: NEW.write(path), fault):
        if path.exists():
            Table.open(path).verify()
        clear_leftovers(tmp_path, "t")
        assert names(tmp_path) in ([], ["t"])
        storage.remove(path)
    assert Table.open(path).checksum == NEW.checksum


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_replaced_is_there_whole_at_every_moment(
    tmp_path: Path, fault: Fault
) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(b"old")

    def write() -> None:
        try:
            write_atomically(path, b"new")
        except OSError as error:
            raise TableError(str(error)) from error

    for _ in at_every_operation(write, fault):
        assert path.read_bytes() in (b"old", b"new")
        clear_leftovers(tmp_path)
        assert names(tmp_path) == ["report.html"]
        path.write_bytes(b"old")
    assert path.read_bytes() == b"new"


def killed_while_moved_away(path: Path) -> None:
    """What a writer leaves that is killed between the two steps."""
    path.rename(path.with_name(f".{path.name}.abcd1234.old"))
    NEW.write(path.with_name("whole")).rename(path.with_name(f".{path.name}.abcd1234.part"))


@pytest.mark.parametrize(
    "start",
    [
        lambda path: Table.open(path),
        lambda path: open_table(path),
        lambda path: open_table(path.name),
        lambda path: entries(),
        lambda path: table_of(0.3).write(path),
        lambda path: table_of(0.3, "u").write(path.with_name("u")) and Table.open(path),
    ],
    ids=["open", "by path", "by name", "list", "write", "write another"],
)
def test_whoever_comes_next_puts_the_old_table_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[Path], object]
) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path))
    path = OLD.write(tmp_path / "tables" / "t")
    killed_while_moved_away(path)
    start(path)
    assert Table.open(path).checksum in (OLD.checksum, table_of(0.3).checksum)
    assert [name for name in names(path.parent) if name.startswith(".")] == []


def test_nothing_is_taken_from_a_writer_who_is_alive(tmp_path: Path) -> None:
    path = OLD.write(tmp_path / "t")
    with atomic_folder(path) as scratch:
        (scratch / "file").write_text("mine")
        clear_leftovers(tmp_path)
        NEW.write(path)
        assert (scratch / "file").read_text() == "mine"
        assert Table.open(path).checksum == NEW.checksum
        moved = path.rename(scratch.with_suffix(".old"))
        clear_leftovers(tmp_path)
        assert moved.exists(), "its writer is between the two steps"
        moved.rename(path)
    assert names(tmp_path) == ["t"]
    assert names(path) == ["file"]


def test_what_is_no_leftover_stays(tmp_path: Path) -> None:
    for name in (".bashrc", "a.part", ".a.part", ".t.abcd1234.part.txt", ".t.ABCD1234.part", "t"):
        (tmp_path / name).write_text("precious")
    os.mkfifo(tmp_path / ".t.abcd1235.part.x")
    before = names(tmp_path)
    clear_leftovers(tmp_path)
    assert names(tmp_path) == before


def test_a_leftover_that_is_a_link_goes_without_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".t.abcd1234.part").symlink_to(tmp_path / "precious")
    clear_leftovers(tmp_path / "here")
    assert names(tmp_path / "precious") == ["file"]


def test_a_table_behind_a_link_is_replaced_where_the_link_is(
    tmp_path: Path, replacing: str
) -> None:
    OLD.write(tmp_path / "kept")
    (tmp_path / "t").symlink_to(tmp_path / "kept")
    NEW.write(tmp_path / "t")
    assert Table.open(tmp_path / "t").checksum == NEW.checksum
    assert Table.open(tmp_path / "kept").checksum == OLD.checksum
    assert names(tmp_path) == ["kept", "t"]


def test_two_folders_of_one_name_at_once_leave_one(tmp_path: Path, replacing: str) -> None:
    """Neither was there when the other began."""
    path = tmp_path / "t"
    with atomic_folder(path) as one:
        (one / "one").touch()
        with atomic_folder(path) as other:
            (other / "other").touch()
    assert names(tmp_path) == ["t"]
    assert names(path) == ["one"]


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(FileNotFoundError):
        write_atomically(gone / "file", b"x")
    with pytest.raises(FileNotFoundError):
        folder_below(gone, "a", "b")
    assert not gone.exists()


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "empty", "description", "missing"])
def test_a_damaged_cache_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path))
    array = np.arange(5, dtype=np.int32)
    made = []

    def build() -> dict[str, np.ndarray]:
        made.append(1)
        return {"numbers": array}

    for _ in range(2):
        assert cached_arrays("c", ["numbers"], build)["numbers"].tolist() == array.tolist()
    assert len(made) == 1
    file = tmp_path / "cache" / "c" / ("arrays.json" if damage == "description" else "numbers.npy")
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[-3] ^= 1
    changed = {"cut": data[:-1], "grow": data + b"0", "empty": b"", "description": b"[" * 9999}
    file.write_bytes(changed.get(damage, data))
    if damage == "missing":
        file.unlink()
    for _ in range(2):
        assert cached_arrays("c", ["numbers"], build)["numbers"].tolist() == array.tolist()
    assert len(made) == 2
