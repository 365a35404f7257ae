"""A table's folder may hold anything: it opens as what was sealed, or is refused in one line."""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.tabular_data.catalog import entries
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.storage import user_tables
from regretta.tabular_data.table import Table
from regretta.tabular_data.table_files import _sealed
from tests.hostile import MOST_MEMORY, refused

COLUMN = "training_seconds.npy"


def npy(text: str, version: tuple[int, int] = (1, 0), length: int | None = None) -> bytes:
    """An ``.npy`` file with this text for a header, and a length of it that may be a lie."""
    size = len(text) if length is None else length
    return (
        b"\x93NUMPY"
        + bytes(version)
        + size.to_bytes(2 if version == (1, 0) else 4, "little")
        + text.encode()
    )


def described(shape: object, dtype: str = "<f8", order: object = False) -> str:
    return repr({"descr": dtype, "fortran_order": order, "shape": shape}).ljust(117) + "\n"


def archive() -> bytes:
    """What `numpy.load` takes for many arrays."""
    file = BytesIO()
    np.savez(file, a=np.zeros(3))
    return file.getvalue()


COLUMNS = {
    "entries": npy(described((10**15,))),
    "too many entries": npy(described((10**30, 10**30))),
    "negative": npy(described((-4, 2, 2))),
    "objects": npy(described((4, 2, 2), "|O")),
    "words": npy(described(("a",), "<f8", "yes")),
    "brackets": npy("(" * 3000 + ")" * 3000),
    "minuses": npy("-" * 3000 + "1"),
    "no header": npy("{}"),
    "version": npy(described((4, 2, 2)), (2, 0), 0xFFFF_FFF0),
    "long header": npy(" " * 65_000 + described((4, 2, 2))),
    "archive": archive(),
    "pickle": b"\x80\x04]\x94.",
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "page": b"<!DOCTYPE html>",
    "empty": b"",
    "more than the shape": b"",
}

HEADERS = {
    "brackets": b"[" * 8_000_000,
    "lists": b"[" + b"[]," * 2_700_000 + b"[]]",
    "objects": b'{"a":[' + b"{}," * 2_700_000 + b"{}]}",
    "small objects": b'{"a":[' + b'{"abcdefghi":0},' * 500_000 + b"0]}",
    "numbers": b'{"a":[' + b"1e1," * 2_000_000 + b"0]}",
    "names": b'{"a":{' + b",".join(b'"%x":0' % i for i in range(700_000)) + b"}}",
    "long": b" " * 20_000_000,
    "text": b'{"a":"' + "😀".encode() * 2_000_000 + b'"}',
    "wide encoding": '{"format": 2}'.encode("utf-16"),
    "digits": b'{"format": ' + b"9" * 5000 + b"}",
}


def test_whatever_lies_in_the_files_is_one_line_and_little_memory(
    grid_table: Table, tmp_path: Path
) -> None:
    whole = grid_table.write(tmp_path / "whole")
    folders = []
    for name, data in COLUMNS.items():
        folder = tmp_path / f"column {name}"
        shutil.copytree(whole, folder)
        data = data or ((whole / COLUMN).read_bytes() + b"\0" * 8 if "more" in name else b"")
        (folder / COLUMN).write_bytes(data)
        folders.append(folder)
    for name, data in HEADERS.items():
        folder = tmp_path / f"header {name}"
        folder.mkdir()
        (folder / "table.json").write_bytes(data)
        folders.append(folder)
    for name in ("table.json", COLUMN):
        for kind, make in (("pipe", os.mkfifo), ("folder", os.mkdir)):
            folder = tmp_path / f"{name} is a {kind}"
            shutil.copytree(whole, folder)
            (folder / name).unlink()
            make(folder / name)
            folders.append(folder)
    found = refused([("table", "info", folder) for folder in folders])
    assert found.peak < MOST_MEMORY
    said = dict(zip((folder.name for folder in folders), found.said, strict=True))
    assert "a ZIP archive; unpack it" in said["column archive"]
    assert "a Git LFS pointer" in said["column pointer"]
    assert "a web page" in said["column page"]
    assert "more than 8,388,608 bytes" in said["header long"]


def grid(parameters: int, choices: int) -> dict[str, Any]:
    """A grid space with more parameters than anybody has, or more cells than can be written."""
    values = [str(choice) for choice in range(choices)]
    return {"grid": {str(parameter): values for parameter in range(parameters)}, "name": "g"}


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain["columns"].pop("training_seconds"),
        lambda plain: plain["columns"].clear(),
        lambda plain: plain.update(space={"grid": {}, "name": "g"}),
        lambda plain: plain.update(space={"grid": {"x": 4}, "name": "g"}),
        lambda plain: plain.update(space={"grid": {"x": [[[1]]] * 4}, "name": "\n"}),
        lambda plain: plain.update(space=grid(300_000, 1)),
        lambda plain: plain.update(space=grid(9_000, 99)),
        lambda plain: plain.update(space="nasbench101"),
        lambda plain: plain.update(budgets=[1, 2**2000]),
        lambda plain: plain.update(budgets=[]),
        lambda plain: plain.update(budgets="12"),
        lambda plain: plain.update(name="../../x"),
        lambda plain: plain.update(partial=0),
        lambda plain: plain["provenance"].update(notes="text"),
        lambda plain: plain["columns"]["training_seconds"].update(shape=[4, 2, True]),
        lambda plain: plain["columns"]["training_seconds"].update(dtype="|O"),
        lambda plain: plain["columns"]["training_seconds"].update(dtype=8),
    ],
)
def test_a_forged_header_is_refused_although_it_fits_its_checksum(
    grid_table: Table, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    folder = grid_table.write(tmp_path / "t")
    plain = json.loads((folder / "table.json").read_text())
    change(plain)
    columns, _ = plain.pop("columns"), plain.pop("checksum")
    seal = _sealed(plain, {key: column["sha256"] for key, column in columns.items()})
    (folder / "table.json").write_text(json.dumps({**plain, "columns": columns, "checksum": seal}))
    with pytest.raises(TableError, match=r"^table .*/t.*") as caught:
        Table.open(folder)
    assert "\n" not in str(caught.value)


def test_columns_of_one_kind_have_one_shape(grid_table: Table, tmp_path: Path) -> None:
    folder = grid_table.write(tmp_path / "t")
    plain = json.loads((folder / "table.json").read_text())
    half = np.ones((4, 2, 1))
    np.save(folder / COLUMN, half)
    columns, _ = plain.pop("columns"), plain.pop("checksum")
    columns["training_seconds"] |= {"shape": [4, 2, 1], "dtype": "<f8"}
    seal = _sealed(plain, {key: column["sha256"] for key, column in columns.items()})
    (folder / "table.json").write_text(json.dumps({**plain, "columns": columns, "checksum": seal}))
    with pytest.raises(TableError, match="validation_accuracy and training_seconds differ"):
        Table.open(folder)


def test_a_lack_of_descriptors_is_called_so(grid_table: Table, tmp_path: Path) -> None:
    folder = grid_table.write(tmp_path / "t")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
        table = Table.open(folder)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        with pytest.raises(TableError, match="cannot be read: Too many open files"):
            Table.open(folder)
        with pytest.raises(TableError, match=r"training_seconds\.npy: Too many open files"):
            table.columns["training_seconds"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_cannot_be_reached_is_called_by_its_reason(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "table.json").symlink_to("table.json")
    with pytest.raises(TableError, match="cannot be read: Too many levels of symbolic links"):
        Table.open(tmp_path / "t")


def test_a_file_in_place_of_the_folder_is_called_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "t"
    for data, said in ((b"BZh9", "bzip2 file; unpack it"), (b"text", "a file; a table is a fold")):
        file.write_bytes(data)
        with pytest.raises(TableError, match=f"is not a table: it is .*{said}"):
            Table.open(file)


def test_a_command_that_lacks_descriptors_says_so(
    grid_table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(grid_table.write(tmp_path / "t"))
    assert main(["table", "info", folder]) == 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        assert main(["table", "info", folder]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "Too many open files" in capsys.readouterr().err


def test_one_bad_folder_never_breaks_the_list_of_tables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path))
    monkeypatch.setattr("regretta.tabular_data.catalog.PACKAGED", ())  # which it would make first
    before = len(entries())
    bad = [b"", b"[", b"[]", b"{}", b"\xff", HEADERS["digits"], b'{"format": 2, "dataset": []}']
    for number, data in enumerate(bad):
        folder = user_tables() / f"bad{number}"
        folder.mkdir(parents=True)
        (folder / "table.json").write_bytes(data)
    os.mkdir(user_tables() / "pipe")
    os.mkfifo(user_tables() / "pipe" / "table.json")
    assert len(entries()) == before + len(bad) + 1
    assert main(["tables"]) == 0
    listed = capsys.readouterr().out
    assert "digits101  (embedded)" in listed
    assert listed.count("/bad") >= len(bad)
