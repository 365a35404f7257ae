"""The oracle's answers and charges, by hand."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from regretta.harness.oracle import Oracle
from regretta.harness.protocol import Protocol, ProtocolError
from regretta.harness.protocols import get_protocol
from regretta.tabular_data.benchmark import BenchmarkError
from regretta.tabular_data.spaces import GridSpace, get_space
from regretta.tabular_data.table import Table

DEFAULT = get_protocol("default")


def config(*entries: int) -> np.ndarray:
    return np.array([entries], dtype=np.int8)


def oracle(table: Table, protocol: Protocol = DEFAULT, seed: int = 0) -> Oracle:
    return Oracle(table, protocol, np.random.default_rng(seed))


def one(asked: Oracle, configuration: np.ndarray, level: int) -> tuple[int, int, float, float]:
    """Row, repeat, error and cost of a single configuration."""
    (answer,) = zip(*asked.answer(configuration, level), strict=True)
    return answer


def test_accuracy_and_time_are_of_the_same_repeat(grid_table: Table) -> None:
    """Cell 2 at budget 9: repeat 0 gives error 0.28 for 130 s, repeat 1 error 0.27 for 131 s.

    Nothing else.
    """
    asked = oracle(grid_table)
    seen = set()
    for _ in range(50):
        row, repeat, error, cost = one(asked, config(1, 0), 1)
        seen.add((row, repeat, round(error, 9), cost))
    assert seen == {(2, 0, 0.28, 130.0), (2, 1, 0.27, 131.0)}


def test_each_repeat_is_drawn_equally_often(grid_table: Table) -> None:
    repeats = oracle(grid_table).answer(np.repeat(config(0, 0), 4000, axis=0), 0).repeats
    assert abs(np.mean(repeats) - 0.5) < 4 * 0.5 / np.sqrt(4000)


def test_the_mean_is_observed_where_the_protocol_says_so(grid_table: Table) -> None:
    row, repeat, error, cost = one(
        oracle(grid_table, Protocol("m", "", observe="mean")), config(1, 1), 0
    )
    assert (row, repeat) == (3, -1)
    assert error == pytest.approx(1 - 0.805)
    assert cost == pytest.approx(40.5)


def test_answers_do_not_depend_on_batching(grid_table: Table) -> None:
    many = grid_table.space.sample(np.random.default_rng(5), 3000)
    at_once = oracle(grid_table).answer(many, 1)
    one_by_one, mixed = oracle(grid_table), oracle(grid_table)
    singles = [one(one_by_one, c[None, :], 1) for c in many]
    first = mixed.answer(many[:2], 1).errors
    others = [mixed.answer(part, 1).errors for part in (many[2:1500], many[1500:])]
    assert [s[2] for s in singles] == at_once.errors
    assert [s[3] for s in singles] == at_once.costs
    assert [*first, *others[0], *others[1]] == at_once.errors


def test_an_invalid_configuration_is_error_1_for_free() -> None:
    space = get_space("nasbench101-3v/A")
    table = Table.from_arrays(
        "t", space, [108], validation_accuracy=np.full(7, 0.9), training_seconds=np.full(7, 60.0)
    )
    no_edges, one_edge = config(0, 0, 0, 0), config(0, 1, 0, 0)
    assert one(oracle(table), no_edges, 0) == (-1, -1, 1.0, 0.0)
    answers = oracle(table).answer(np.concatenate([no_edges, one_edge]), 0)
    assert answers.errors == [1.0, pytest.approx(0.1)]
    assert answers.costs == [0.0, 60.0]


def test_a_cell_that_a_partial_table_lacks_is_invalid() -> None:
    table = Table.from_arrays(
        "t",
        GridSpace({"x": list("ab")}),
        [1],
        validation_accuracy=[0.5, np.nan],
        training_seconds=[3, np.nan],
        partial=True,
    )
    assert one(oracle(table), config(1), 0) == (-1, -1, 1.0, 0.0)
    assert oracle(table).answer(np.array([[1], [0]], dtype=np.int8), 0).rows == [-1, 0]


def test_missing_repeats_are_never_drawn() -> None:
    accuracy = np.array([[[np.nan, 0.6, 0.8]]])
    table = Table.from_arrays(
        "t",
        GridSpace({"x": list("a")}),
        [1],
        validation_accuracy=accuracy,
        training_seconds=accuracy * 10,
    )
    drawn = oracle(table).answer(np.zeros((600, 1), dtype=np.int8), 0)
    assert set(drawn.repeats) == {1, 2}
    assert set(np.round(drawn.costs, 6).tolist()) == {6.0, 8.0}


def test_evaluation_is_charged_where_the_protocol_says_so(grid_table: Table) -> None:
    table = Table.from_arrays(
        "t",
        grid_table.space,
        grid_table.budgets,
        **{k: v for k, v in grid_table.columns.items()},  # noqa: C416
        evaluation_seconds=[1, 2, 3, 4],
    )
    charged = oracle(table, Protocol("c", "", charge_evaluation="always", observe="mean"))
    assert one(charged, config(1, 0), 0)[3] == pytest.approx(30.5 + 3)


def test_virtual_budgets_all_train_for_the_same_budget(grid_table: Table) -> None:
    protocol = Protocol(
        "v", "", budgets=(3.0, 10.0, 30.0), virtual=True, trained_budget=1, observe="mean"
    )
    asked = oracle(grid_table, protocol)
    assert asked.budgets == (3.0, 10.0, 30.0)
    assert [one(asked, config(0, 0), level)[3] for level in range(3)] == [10.5] * 3


def test_a_budget_that_is_not_offered_is_refused(grid_table: Table) -> None:
    asked = oracle(grid_table)
    assert (asked.level(None), asked.level(1), asked.level(9.0)) == (1, 0, 1)
    with pytest.raises(BenchmarkError, match="budget 4 is not offered on grid; offered are 1, 9"):
        asked.level(4)


def test_no_test_accuracy_can_be_reached_from_an_oracle(grid_table: Table) -> None:
    """Walk everything the oracle refers to, directly or not: the test column is not among it."""
    secret = grid_table.columns["test_accuracy"]
    seen: set[int] = set()
    frontier: list[object] = [oracle(grid_table).__dict__]
    while frontier:
        thing = frontier.pop()
        if (
            id(thing) in seen
            or isinstance(thing, type)
            or type(thing).__name__ in ("module", "function")
        ):
            continue
        seen.add(id(thing))
        assert thing is not secret
        if isinstance(thing, np.ndarray):
            assert not np.shares_memory(thing, secret)
        frontier += gc.get_referents(thing)


def test_where_evaluation_was_not_measured_a_protocol_may_do_without_and_says_so(
    grid_table: Table,
) -> None:
    asked = oracle(grid_table, Protocol("m", "", charge_evaluation="measured", observe="mean"))
    assert one(asked, config(1, 0), 0)[3] == pytest.approx(30.5)
    assert asked.notes == ("table grid has no evaluation times: only training is charged",)
    with pytest.raises(ProtocolError, match="lacks evaluation_seconds of grid"):
        Protocol("a", "", charge_evaluation="always").check(grid_table)
