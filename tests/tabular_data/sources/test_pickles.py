"""No pickle makes anything run or be imported."""

from __future__ import annotations

import collections
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.pickles import loads, read_pickles


def machine(data: bytes, where: str) -> object:
    return next(read_pickles(BytesIO(data), where))


class Hostile:
    """Pickles to a call that leaves a file behind."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call, self.arguments


def hostile_pickles(trace: Path) -> dict[str, bytes]:
    """Pickles that would create `trace`, by protocol and by way of asking for the global."""
    attacks = {
        f"protocol {p}": pickle.dumps(Hostile(os.mkdir, str(trace)), protocol=p) for p in range(6)
    }
    attacks["nested"] = pickle.dumps({"a": [1.0, {"b": (Hostile(open, str(trace), "w"),)}]})
    attacks["inst"] = b"(S" + repr(str(trace)).encode() + b"\nios\nmkdir\n."
    attacks["eval"] = pickle.dumps(Hostile(eval, f"__import__('os').mkdir({str(trace)!r})"))
    attacks["extension"] = b"\x80\x02\x82\x01."
    return attacks


@pytest.mark.parametrize("read", [loads, machine])
def test_a_hostile_pickle_runs_nothing(
    read: Callable[[bytes, str], object], tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    for name, attack in hostile_pickles(trace).items():
        with pytest.raises((SourceError, ValueError)):
            read(attack, "the file")
        assert not trace.exists(), name


def test_the_attacks_are_real(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    pickle.loads(hostile_pickles(trace)["protocol 2"])
    assert trace.exists()


@pytest.mark.parametrize("read", [loads, machine])
def test_no_module_is_imported(read: Callable[[bytes, str], object]) -> None:
    assert "antigravity" not in sys.modules
    with pytest.raises(
        SourceError, match=r"the file is refused: its pickle asks for antigravity\.geohash"
    ):
        read(b"\x80\x02cantigravity\ngeohash\n.", "the file")
    assert "antigravity" not in sys.modules


PLAIN = {
    "a": [1, -2, 70_000, 2**40, 2.5, (True, None), (1, 2, 3, 4)],
    "b": {"x"},
    "é" * 300: b"bytes",
    (1,): [()] * 3,
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_containers_strings_and_numbers_are_read(protocol: int) -> None:
    assert machine(pickle.dumps(PLAIN, protocol), "the file") == PLAIN
    shared = ["twice"] * 2 + [{i: float(i) for i in range(3000)}]
    assert machine(pickle.dumps([shared, shared], protocol), "the file") == [shared, shared]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_numpy_scalars_and_ordered_dictionaries_have_stand_ins(protocol: int) -> None:
    value = collections.OrderedDict(
        a=np.float64(0.1),
        b=np.float32(0.5),
        c=np.int64(-7),
        d=np.bool_(True),
        e=[np.float64(1e-300)] * 2,
    )
    found = machine(pickle.dumps(value, protocol), "the file")
    assert found == value
    assert type(found["a"]) is float
    with pytest.raises(SourceError, match=r"asks for collections\.OrderedDict"):
        next(read_pickles(BytesIO(pickle.dumps(value, protocol)), "the file", {}))


def test_numbers_of_another_byte_order_are_refused() -> None:
    with pytest.raises(SourceError, match="byte order '>'"):
        machine(pickle.dumps(np.dtype(">f8")), "the file")


def test_successive_pickles_are_read_one_by_one() -> None:
    data = b"".join(pickle.dumps([i] * i) for i in range(5))
    assert list(islice(read_pickles(BytesIO(data), "the file"), 5)) == [[i] * i for i in range(5)]


def test_a_large_collection_can_be_taken_entry_by_entry() -> None:
    key = "a key shared by all entries"
    big = {
        "entries": {i: {key: [float(i)], "taken": f"own string {i}"} for i in range(2500)},
        "last": key,
    }
    found = []

    def take(entries: dict[object, object]) -> bool:
        if "taken" not in entries:
            return False
        found.append(dict(entries))
        entries.clear()
        return True

    rest = next(read_pickles(BytesIO(pickle.dumps(big)), "the file", take=take))
    assert found == list(big["entries"].values())  # type: ignore[attr-defined]
    assert rest == {"entries": {i: {} for i in range(2500)}, "last": key}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it ends too early"),
        (b"\x80\x04]", "it ends too early"),
        (b"\x80\x04\x8e" + b"\xff" * 8, "longer than any in plain data"),
        (b"\x80\x02h\x07.", r"\(7\)"),
        (b"\x80\x02K\x01e.", "pop from empty list"),
        (b"\x80\x02K\x01(K\x02e.", "appends to what is no list"),
        (b"\x80\x02](K\x01K\x02u.", "no dictionary"),
        (b"\x80\x02}(K\x01u.", "shorter"),
        (b"\x80\x02}(]K\x02u.", r"a key or a set's member is \[\]"),
        (b"\x80\x02]]R.", "calls what is no function"),
        (b"\x80\x02]}b.", "state of plain data"),
        (b"\x80\x02P1\n.", "opcode 0x50"),
        (b"\x80\x02\x86.", "stack is too short"),
    ],
)
def test_what_does_not_fit_is_one_line_with_its_byte(data: bytes, reason: str) -> None:
    with pytest.raises(
        SourceError, match=rf"^the file is damaged: its pickle stops near byte \d+ .*{reason}"
    ):
        machine(data, "the file")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_pickle_is_an_object_or_one_line(data: st.DataObject) -> None:
    value = {"a": [1.5] * 5, "b": {"c": (1, "d")}, "e": np.float64(2.0)}
    whole = bytearray(pickle.dumps(value, protocol=data.draw(st.integers(2, 5))))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(SourceError):
        machine(bytes(whole[: data.draw(st.integers(at, len(whole)))]), "the file")
