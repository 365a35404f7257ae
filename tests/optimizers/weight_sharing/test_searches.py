"""The six as searches like any other: conformance, seeds, kills, and runs in a suite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.harness.campaign import run_suite  # noqa: E402
from regretta.harness.protocols import get_protocol  # noqa: E402
from regretta.harness.run import Run, run  # noqa: E402
from regretta.harness.spec import OptimizerEntry, SuiteSpec  # noqa: E402
from regretta.harness.store.results import load_suite  # noqa: E402
from regretta.optimizers.registry import get_optimizer  # noqa: E402
from regretta.optimizers.weight_sharing.base import WeightSharing  # noqa: E402
from regretta.tabular_data.measure import load  # noqa: E402
from regretta.tabular_data.table import Table  # noqa: E402
from regretta.testing import OptimizerConformance  # noqa: E402
from tests.optimizers.weight_sharing.conftest import TINY, Make  # noqa: E402
from tests.optimizers.weight_sharing.test_methods import SIX  # noqa: E402

QUICK = {"choices": 4}
BUDGET = {"enas": {**QUICK, "samples": 3}, "rsps": QUICK, "setn": QUICK}


class Conformance(OptimizerConformance):
    """On the small images."""

    spaces = ("nasbench201", "nasbench101-4v/A")
    evaluations = 3

    @pytest.fixture(autouse=True)
    def _small(self, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        more = BUDGET.get(self.optimizer.name, {})
        monkeypatch.setattr(type(self), "settings", {**TINY, "data": str(images), **more})

    @pytest.fixture
    def budgets(self) -> tuple[float, ...]:
        return (3.0, 9.0, 27.0)


class TestRsps(Conformance):
    optimizer = get_optimizer("rsps")


class TestDartsV1(Conformance):
    optimizer = get_optimizer("darts_v1")


class TestDartsV2(Conformance):
    optimizer = get_optimizer("darts_v2")


class TestGdas(Conformance):
    optimizer = get_optimizer("gdas")


class TestSetn(Conformance):
    optimizer = get_optimizer("setn")


class TestEnas(Conformance):
    optimizer = get_optimizer("enas")


def made_of(search: WeightSharing) -> list[Any]:
    """All that a seed fixes."""
    return [(epoch.number, epoch.cell, dict(epoch.numbers)) for epoch in search.history]


@pytest.mark.parametrize("name", SIX)
def test_a_killed_search_goes_on_as_if_it_had_not_been(
    make: Make, tmp_path: Path, name: str
) -> None:
    """Killed after two epochs, once more right at its start, and once after the third."""
    values = BUDGET.get(name, {})
    whole = make(name, **values)
    asked = [whole.ask() for _ in range(4)]
    assert whole.ask() is None
    for steps in (3, 0, 4):
        killed = make(name, tmp_path, **values)
        seconds = [killed.ask().seconds for _ in range(steps)]
    again = make(name, tmp_path, **values)
    assert [again.ask().seconds for _ in range(4)] == seconds  # as measured before
    assert again.ask() is None
    assert made_of(again) == made_of(whole) == made_of(killed)
    assert len(asked) == 4
    for part in ("weights", "means", "variances"):
        ours, theirs = getattr(again.supernet, part), getattr(whole.supernet, part)
        assert torch.equal(ours, theirs), part
    assert again.rng.bit_generator.state == whole.rng.bit_generator.state


def test_a_checkpoint_holds_plain_arrays_and_a_damaged_one_starts_anew(
    make: Make, tmp_path: Path
) -> None:
    search = make("gdas", tmp_path)
    search.ask(), search.ask()
    (file,) = tmp_path.iterdir()
    with np.load(file, allow_pickle=False) as archive:
        assert {archive[name].dtype.kind for name in archive.files} <= set("fiu")
    file.write_bytes(file.read_bytes()[:-100])
    again = make("gdas", tmp_path)
    again.ask()
    assert (again.epoch, again.history[0].number) == (0, 0)
    again.ask()
    assert made_of(again) == made_of(search)


def test_the_clock_charges_training_and_the_last_choice(make: Make) -> None:
    for charge in ("last", "all"):
        search = make("rsps", charge=charge, choices=5)
        asked = [search.ask().seconds for _ in range(4)]
        parts = [(epoch.seconds, epoch.choice_seconds) for epoch in search.history]
        assert asked[0] == 0.0
        for number in (1, 2, 3):
            with_choice = charge == "all" or number == 3
            assert asked[number] == parts[number][0] + with_choice * parts[number][1]


@pytest.mark.parametrize("name", SIX)
def test_the_test_images_are_never_touched(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, table: Table
) -> None:
    class Poison:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"the test part was asked for its {name}")

        def __array__(self, *arguments: Any, **keywords: Any) -> Any:
            raise AssertionError("the test part was read")

    def poisoned(name: str) -> Any:
        return replace(load(name), test=Poison(), test_labels=Poison())

    plain = make(name, epochs=1, **BUDGET.get(name, {}))
    list(plain.epochs())
    monkeypatch.setattr("regretta.tabular_data.measure.load", poisoned)
    search = make(name, epochs=1, **BUDGET.get(name, {}))
    list(search.epochs())
    search.check_benchmark(table, search.settings)
    assert made_of(search) == made_of(plain)


# -- in a suite ------------------------------------------------------------------------------------


def spec_of(table: Table, name: str, values: dict[str, Any], limit: float = 1e6) -> Run:
    optimizer = get_optimizer(name)
    settings = optimizer.make_settings(values=values)
    return Run(table, table, get_protocol("default"), optimizer, settings, name, 0, 0, limit)


@pytest.fixture
def folder(table: Table, tmp_path: Path) -> Path:
    return table.write(tmp_path / "tables" / table.name)


def test_all_six_stand_in_one_suite_beside_random_search(
    folder: Path, tiny: dict[str, Any], tmp_path: Path
) -> None:
    entries = [OptimizerEntry(name, settings={**tiny, **BUDGET.get(name, {})}) for name in SIX]
    suite = SuiteSpec(
        "ten",
        (str(folder),),
        (OptimizerEntry("random_search"), *entries),
        time_limit=1000.0,
        runs=1,
        trace=True,
    )
    outcome = run_suite(suite, tmp_path / "out")
    assert (outcome.done, outcome.failures) == (7, ())
    assert not [note for note in outcome.notes if "ended early" in note]
    assert not list((tmp_path / "out").glob("runs/*/*/*.checkpoint"))
    found = load_suite(outcome.folder)
    runs = found.runs["patterns"]
    assert dict(runs["random_search"][0].log) == {}
    for name in SIX:
        (result,) = runs[name]
        assert result.evaluations == len(found.trace("patterns", name, 0)) == 0
        assert result.trajectory.time[0] == 0.0
        assert result.log["epoch"].tolist() == [0.0, 1.0, 2.0, 3.0]
        charged = result.log["seconds"].sum() + result.log["choice_seconds"][-1]
        assert result.elapsed == result.search_seconds == pytest.approx(charged)
        # The table's accuracy is linear in the row, and a cell's mean over its repeats is its own.
        last = int(result.log["cell"][-1])
        assert result.trajectory.cell is not None
        assert result.trajectory.cell[-1] == last
        assert result.regret("test")[-1] == pytest.approx(0.8 * (1 - last / 15_624), abs=1e-6)
        (note,) = (note for note in result.notes if "seconds were measured on" in note)
        assert "cells follow from the seed" in note


def test_one_seed_gives_one_search(table: Table, tiny: dict[str, Any]) -> None:
    first, again, other = (
        run(replace(spec_of(table, "gdas", tiny), seed=seed)) for seed in (0, 0, 1)
    )
    assert first.trajectory.cell is not None
    for name in set(first.log) - {"time", "seconds", "choice_seconds"}:
        np.testing.assert_array_equal(first.log[name], again.log[name])
    assert any((first.log[name] != other.log[name]).any() for name in ("cell", "train_loss"))


def test_a_supernet_that_diverges_fails_its_run_with_one_line(
    folder: Path, tiny: dict[str, Any], tmp_path: Path
) -> None:
    entries = (
        OptimizerEntry("rsps", "high", settings={**tiny, **QUICK, "learning_rate": 1e30}),
        OptimizerEntry("rsps", "fine", settings={**tiny, **QUICK}),
    )
    suite = SuiteSpec("two", (str(folder),), entries, time_limit=1000.0, runs=1)
    outcome = run_suite(suite, tmp_path / "out")
    (failure,) = outcome.failures
    assert outcome.done == 1
    assert failure.message.startswith(
        "high, run 0 on patterns: the supernet diverged in epoch 1: its loss is"
    )
    assert failure.message.endswith("set a lower learning_rate than 1e+30")
    assert "\n" not in failure.message


def test_a_run_that_its_limit_ends_says_so(table: Table, tiny: dict[str, Any]) -> None:
    result = run(spec_of(table, "darts_v1", tiny, limit=1e-9))
    assert result.log["epoch"].tolist() == [0.0]
    assert [note for note in result.notes if "darts_v1 was not done" in note]


def test_cells_of_other_data_may_be_looked_up_if_asked_for(
    table: Table, tiny: dict[str, Any]
) -> None:
    values = {**tiny, "data": "digits", "epochs": 1, "batch": 250, "lookup": "any"}
    result = run(spec_of(table, "darts_v1", values))
    assert [note for note in result.notes if "its supernet learnt digits" in note]


def test_a_search_leaves_pytorch_as_it_was(make: Make) -> None:
    threads, seed = torch.get_num_threads(), torch.initial_seed()
    torch.set_num_threads(2)
    try:
        list(make("darts_v1").epochs())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.initial_seed() == seed
    assert not torch.are_deterministic_algorithms_enabled()
