"""Measuring how well a supernet ranks cells: real supernets, tiny."""

from pathlib import Path

import numpy as np
import pytest

from regretta.experiments.pages.rank_correlation import Plan, load_ranks, record, sample
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.table import Table

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def plan() -> Plan:
    rising = np.linspace(0.1, 0.9, 15625)
    table = Table.from_arrays(
        *("toy", NasBench201(), (27,)),
        validation_accuracy=rising,
        training_seconds=np.ones(15625),
    )
    values = {
        "recipe": "channels=2,4 cells_per_stage=1",
        "epochs": 3,
        "batch": 250,
        "choices": 1,
        "lookup": "any",
    }
    settings = get_optimizer("rsps").make_settings("digits", values)
    return Plan(table, sample(4), 2, settings)


def test_a_measurement_goes_on_after_a_kill_with_the_same_numbers(
    plan: Plan, tmp_path: Path
) -> None:
    """Of epochs 0 to 3 every second and the last are evaluated."""
    with np.load(record(plan, 0, tmp_path)) as kept:
        whole = dict(kept)
    assert whole["epochs"].tolist() == [0, 2, 3]
    assert whole["accuracy"].shape == (3, 3, 4)  # epochs, kinds of normalization, cells
    half = {**whole, "epochs": whole["epochs"][:1], "accuracy": whole["accuracy"][:1]}
    np.savez(tmp_path / "seed-0.npz", **half)
    with np.load(record(plan, 0, tmp_path)) as again:
        np.testing.assert_array_equal(again["accuracy"], whole["accuracy"])
    found = load_ranks(tmp_path)
    assert (found.table, found.cells, found.supernets) == ("toy", 4, 1)


def test_evaluations_of_another_sample_are_not_mixed(plan: Plan, tmp_path: Path) -> None:
    record(plan, 0, tmp_path)
    other = Plan(plan.table, sample(3), plan.every, plan.settings)
    with pytest.raises(UserError, match="was made with another table, sample or settings"):
        record(other, 0, tmp_path)


def test_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "seed-0.npz").write_bytes(b"PK nonsense")
    with pytest.raises(UserError, match="delete it and run again"):
        load_ranks(tmp_path)
