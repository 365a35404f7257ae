"""Result files: whole or not there, equal for equal runs, and never trusted blindly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.harness.protocols import get_protocol
from regretta.harness.result import ResultError, RunResult
from regretta.harness.run import Run, run
from regretta.harness.store.files import read_run, write_run
from regretta.optimizers.random_search import RandomSearch
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table


def some_result() -> RunResult:
    table = Table.from_arrays(
        "t",
        GridSpace({"x": list("abcd")}),
        [1],
        validation_accuracy=[0.1, 0.7, 0.3, 0.4],
        training_seconds=[1, 2, 3, 4],
    )
    return run(
        Run(
            table,
            table,
            get_protocol("default"),
            RandomSearch,
            RandomSearch.make_settings(),
            "rs",
            3,
            0,
            50.0,
        )
    )


RESULT = some_result()


def test_a_result_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = write_run(tmp_path, RESULT)
    assert path == tmp_path / "runs" / "t" / "rs" / "00003.json"
    again = read_run(path)
    assert again.to_json() == RESULT.to_json()
    assert again.trajectory.test_error is None
    assert np.array_equal(again.trajectory.time, RESULT.trajectory.time)


def test_without_test_accuracy_there_is_validation_regret_only() -> None:
    assert not RESULT.has_test
    assert RESULT.regret("validation").min() >= 0
    with pytest.raises(ResultError, match="has no test accuracy; ask for validation regret"):
        RESULT.regret("test")
    with pytest.raises(ResultError, match="unknown regret 'tst'"):
        RESULT.regret("tst")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_a_truncated_result_is_refused(cut: int) -> None:
    data = RESULT.to_json()
    with pytest.raises(ResultError):
        RunResult.from_json(data[: cut % (len(data) - 2)])


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_result_with_a_flipped_bit_is_refused(position: int, bit: int) -> None:
    data = bytearray(RESULT.to_json()[:-1])
    data[position % len(data)] ^= 1 << bit
    with pytest.raises(ResultError):
        RunResult.from_json(bytes(data))


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = write_run(tmp_path, RESULT)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        ResultError, match=r"00003.json is damaged \(it is truncated\); delete it and run"
    ):
        read_run(path)
