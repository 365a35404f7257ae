"""JSON and TOML of any content is a document of known types, or one line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from regretta.tabular_data.documents import (
    DocumentError,
    built,
    read_bytes,
    read_json,
    read_toml,
)
from regretta.tabular_data.errors import shown


@dataclass(frozen=True)
class Inner:
    text: str


@dataclass(frozen=True)
class Outer:
    count: int
    ratio: float | None = None
    kind: Literal["a", "b"] = "a"
    many: tuple[Inner, ...] = ()
    limits: Mapping[str, float] | float = 1.0
    rest: Any = None
    file: Path | None = None
    own: str = field(default="kept", metadata={"stored": False})


def test_a_document_becomes_what_it_describes() -> None:
    found = built(
        Outer,
        {
            "count": 3,
            "ratio": 2,
            "kind": "b",
            "many": [{"text": "x"}],
            "limits": {"t": 0.5},
            "rest": {"any": [None, True]},
            "file": "a/b",
        },
    )
    assert found == Outer(3, 2, "b", (Inner("x"),), {"t": 0.5}, {"any": [None, True]}, Path("a/b"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], r"it must be a mapping, got \[\]"),
        ({}, "it lacks count"),
        ({"count": True}, "count must be a whole number, got True"),
        ({"count": 1.0}, "count must be a whole number"),
        ({"count": 1 << 200}, "count must be a whole number"),
        ({"count": 1, "counts": 2}, "unknown entry 'counts'; did you mean 'count'"),
        ({"count": 1, "own": "x"}, "unknown entry 'own'"),
        ({"count": 1, "ratio": "2"}, "ratio must be a finite number, got '2'"),
        ({"count": 1, "ratio": float("nan")}, "ratio must be a finite number"),
        ({"count": 1, "kind": "c"}, "kind must be 'a' or 'b', got 'c'"),
        ({"count": 1, "many": {}}, "many must be a list"),
        ({"count": 1, "many": [{"text": "x"}, 7]}, "entry 2 of many must be a mapping, got 7"),
        ({"count": 1, "many": [{}]}, "entry 1 of many lacks text"),
        ({"count": 1, "limits": "x"}, "limits must be a mapping or a finite number, got 'x'"),
        ({"count": 1, "limits": {"t": None}}, "limits of 't' must be a finite number, got None"),
        ({"count": 1, "rest": float("inf")}, "rest must be .*finite numbers"),
        ({"count": 1, "rest": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}, "rest is nested more than 16"),
        ({"count": 1, "file": "a\0b"}, "file must be a path"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(data: Any, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        built(Outer, data)


def test_where_a_program_wrote_it_nothing_may_lack() -> None:
    with pytest.raises(DocumentError, match="it lacks ratio"):
        built(Outer, {"count": 1}, whole=True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"[1]", "no JSON object"),
        (b'{"a": 1', "not valid JSON"),
        (b'{"a": NaN}', "NaN, which is no number"),
        (b'{"a": "\\ud800"}', "is no text"),
        (b'{"a": "\xff"}', "line 1 has a byte that is no UTF-8"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": ' * 900, "not valid JSON|too deep"),
        (b"[" * 100_000, "nothing but brackets"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>not found</html>", "a web page"),
        (b"PK\x03\x04rest", "a ZIP archive; unpack it"),
        (b"\x1f\x8brest", "a gzip file; unpack it"),
    ],
)
def test_what_is_no_json_is_called_what_it_is(data: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        read_json(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a = ", "not valid TOML"),
        (b"a = \xff", "line 1 has a byte that is no UTF-8"),
        (b"a = " + b"9" * 5000, "not valid TOML"),
        (b"a = " + b"[" * 5000, "too deep"),
        (b"a" + b".a" * 5000 + b" = 1", "more than 100 dots"),
        (b"<html></html>", "a web page"),
    ],
)
def test_what_is_no_toml_is_one_line(data: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        read_toml(data)


def test_a_pipe_a_folder_and_a_large_file_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DocumentError, match="a pipe or a device"):
        read_bytes(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path)
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(DocumentError, match="more than 10 bytes"):
        read_bytes(tmp_path / "large", 10)


def test_any_value_is_shown_in_one_short_line() -> None:
    doubled: list[Any] = []
    for _ in range(100):
        doubled = [doubled, doubled]
    endless: list[Any] = []
    endless.append(endless)
    for value in (doubled, endless, "x" * 10**6, 1 << 10**6, {"a": doubled}, object()):
        assert 0 < len(shown(value, 40)) <= 40
    assert shown([1, "a"]) == "[1, 'a']"


TOML = 'title = "über"\nnames = ["a",\n  "b"]\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_toml_of_any_editor_is_read(encoding: str, end: str) -> None:
    data = TOML.replace("\n", end).encode(encoding)
    assert read_toml(data) == {"title": "über", "names": ["a", "b"]}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TOML.encode("utf-16"), "UTF-16 or UTF-32, and TOML is UTF-8; save it as UTF-8"),
        (TOML.encode("utf-16-be"), "save it as UTF-8"),
        (b"a = 1\n".decode().encode("utf-16-le"), "save it as UTF-8"),
        (TOML.encode("utf-32"), "save it as UTF-8"),
        (("a = 1\n" + TOML).encode("latin-1"), "line 2 has a byte that is no UTF-8 \\(0xfc\\)"),
        (TOML.replace("\n", "\r").encode(), "carriage returns alone"),
    ],
)
def test_toml_in_another_encoding_is_one_line_that_says_what_to_do(data: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        read_toml(data)
