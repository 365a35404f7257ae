"""A trace's bytes: nothing is rounded, and whatever else is read is refused within bounds."""

from __future__ import annotations

import json
import zlib
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.harness.trace import Trace
from regretta.harness.trace_bytes import from_bytes, sealed, to_bytes
from regretta.tabular_data.documents import DocumentError

RUN = "ab" * 32
COLUMNS = ("time", "cost", "worker", "budget", "repeat", "validation_error", "cell")

seconds = st.floats(0, 1e300, allow_subnormal=True)
errors = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Any trace at all, of no search that there is."""
    n = draw(st.integers(0, 40))
    dim = draw(st.integers(0, 30))

    def column(values: st.SearchStrategy[Any], kind: type = float) -> Any:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype=kind)

    whole = draw(st.sampled_from([st.integers(0, 2), st.integers(-5, 2**40), st.just(7)]))
    configuration = None
    if dim and draw(st.booleans()):
        flat = draw(st.lists(whole, min_size=n * dim, max_size=n * dim))
        configuration = np.array(flat, dtype=np.int64).reshape(n, dim)
    elif dim:
        flat = draw(st.lists(errors, min_size=n * dim, max_size=n * dim))
        configuration = np.array(flat, dtype=np.float64).reshape(n, dim)
    return Trace(
        time=np.sort(column(seconds)),
        cost=column(draw(st.sampled_from([seconds, st.sampled_from([1.0, 2.5])]))),
        worker=column(st.integers(0, draw(st.sampled_from([0, 3, 9999]))), int),
        budget=column(st.sampled_from([4.0, 200 / 9, 108.0])),
        repeat=column(st.integers(-1, 2), int),
        validation_error=column(errors),
        cell=column(st.integers(0, 2**40), int) if draw(st.booleans()) else None,
        configuration=configuration,
    )


@given(traces())
def test_bytes_give_back_the_very_numbers(trace: Trace) -> None:
    again = from_bytes(to_bytes(trace, RUN), RUN)
    for name in COLUMNS:
        kept, read = getattr(trace, name), getattr(again, name)
        assert (kept is None) == (read is None)
        if kept is not None:
            assert kept.dtype == read.dtype
            assert kept.tobytes() == read.tobytes()
    assert (trace.configuration is None) == (again.configuration is None)
    if trace.configuration is not None and again.configuration is not None:
        assert (trace.configuration == again.configuration).all()


def plain(n: int) -> Trace:
    """So many evaluations, one second each, of a space of 26 choices between two."""
    rng = np.random.default_rng(0)
    return Trace(
        time=np.arange(1.0, n + 1),
        cost=np.ones(n),
        worker=np.zeros(n, dtype=np.int64),
        budget=np.full(n, 108.0),
        repeat=np.zeros(n, dtype=np.int64),
        validation_error=np.full(n, 0.25),
        cell=np.zeros(n, dtype=np.int64),
        configuration=rng.integers(0, 2, (n, 26)).astype(np.int8),
    )


def test_what_follows_from_the_rest_takes_no_room() -> None:
    """All that is left are 26 bits of chance an evaluation, in four bytes."""
    assert len(to_bytes(plain(8000), RUN)) < 8000 * 4 + 1000


def test_a_configuration_is_read_in_the_smallest_integers_that_hold_it() -> None:
    read = from_bytes(to_bytes(plain(10), RUN), RUN).configuration
    assert read is not None
    assert read.dtype == np.int8


def changed(header: dict[str, Any], columns: bytes | None = None) -> bytes:
    """A trace with another header and other columns, with a checksum that fits."""
    _, line, deflated = to_bytes(plain(50), RUN).split(b"\n", 2)
    if columns is not None:
        deflated = zlib.compress(columns)
    body = {**json.loads(line), "length": len(deflated), **header}
    content = json.dumps(body).encode() + b"\n" + deflated
    return b"regretta trace " + sha256(content).hexdigest().encode() + b"\n" + content


SHAPES = json.loads(to_bytes(plain(50), RUN).split(b"\n", 2)[1])["shapes"]


@pytest.mark.parametrize(
    ("header", "columns", "said"),
    [
        ({"format": 2}, None, "another version"),
        ({"run": "cd" * 32}, None, "trace of another run"),
        ({"evaluations": 51}, None, "not as long as they must be"),
        ({"evaluations": 49}, None, "a configuration that no evaluation has"),
        ({"evaluations": 10**18}, None, "which no trace has"),
        ({"evaluations": -1}, None, "which no trace has"),
        ({"evaluations": 2 * 10**6, "lowest": [], "sizes": []}, None, "which no trace has"),
        ({"reals": 10**9}, None, "which no trace has"),
        ({"length": 7}, None, "not as long as they must be"),
        ({"shapes": SHAPES[:-1]}, None, "lacks a column"),
        ({"shapes": [*SHAPES, 0]}, None, "not as long as they must be"),
        ({"shapes": [0, 9, *SHAPES[2:]]}, None, "not as long as they must be"),
        ({"shapes": [-1, *SHAPES[1:]]}, None, "a worker that no evaluation has"),
        ({"budgets": []}, None, "a budget that it does not name"),
        ({"sizes": [0] * 26}, None, "a parameter that no space has"),
        ({"sizes": [2] * 25}, None, "a parameter that no space has"),
        ({"lowest": [2**60] * 26}, None, "a parameter that no space has"),
        ({"sizes": [1] * 26}, None, "a configuration that no evaluation has"),
        ({}, b"", "not as long as they must be"),
        ({}, bytes(1 << 27), "not as long as they must be"),
        ({"more": 1}, None, "unknown entry"),
    ],
)
def test_a_forged_trace_is_refused(
    header: dict[str, Any], columns: bytes | None, said: str
) -> None:
    data = changed(header, columns)
    assert sealed(data)
    with pytest.raises(DocumentError, match=said) as error:
        from_bytes(data, RUN)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "truncated"),
        (b"regretta trace ", "truncated"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"<html></html>", "page"),
    ],
)
def test_what_is_no_trace_is_called_what_it_is(data: bytes, said: str) -> None:
    assert not sealed(data)
    with pytest.raises(DocumentError, match=said):
        from_bytes(data, RUN)
