"""A short, repeatable part of the fuzzing that CONTRIBUTING describes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import TARGETS

EXAMPLES = 40


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_read_is_accepted_or_one_line(name: str, tmp_path: Path) -> None:
    seeds, one = TARGETS[name](tmp_path)
    for seed in seeds:
        one(seed)
    _changed(seeds, one)


def _changed(seeds: list[bytes], one: Callable[[bytes], None]) -> None:
    @given(st.data())
    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    def change(data: st.DataObject) -> None:
        content = bytearray(data.draw(st.sampled_from(seeds)))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content)))
            length = data.draw(st.integers(0, 9))
            content[at : at + length] = data.draw(
                st.one_of(
                    st.binary(max_size=9),
                    st.sampled_from([b"null", b"[]", b"{}", b"-1", b"1e999", b'"', b"0" * 99]),
                )
            )
        one(bytes(content))

    change()
