"""Hyperband: brackets and promotions, by hand and against hpbandster's own."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, Proposal, SettingsError
from regretta.optimizers.hyperband import Hyperband, bracket_sizes, ladder, promoted
from regretta.tabular_data.spaces import get_space
from regretta.testing import OptimizerConformance


class TestHyperband(OptimizerConformance):
    optimizer = Hyperband


SPACE = get_space("nasbench201")
BUDGETS = (4.0, 12.0, 36.0, 108.0)


def test_the_brackets_of_the_paper() -> None:
    """η = 3 and budgets 4 to 108: [27, 9, 3, 1], [9, 3, 1], [6, 2], [4], and again."""
    sizes = [bracket_sizes(4, 3.0, bracket) for bracket in range(5)]
    assert sizes == [[27, 9, 3, 1], [9, 3, 1], [6, 2], [4], [27, 9, 3, 1]]


@pytest.mark.parametrize(
    ("budgets", "rungs"),
    [
        (BUDGETS, BUDGETS),
        ((1.0, 3.0, 9.0, 27.0), (1.0, 3.0, 9.0, 27.0)),
        ((200 / 9, 200 / 3, 200.0), (200 / 9, 200 / 3, 200.0)),
        ((200.0,), (200.0,)),
        ((12.0, 200.0), (12.0, 200.0)),
        (tuple(float(e) for e in range(1, 13)), (1.0, 4.0, 12.0)),
        ((100.0, 108.0), (108.0,)),
    ],
)
def test_rungs_are_the_tables_budgets_a_factor_eta_apart(
    budgets: tuple[float, ...], rungs: tuple[float, ...]
) -> None:
    assert ladder(budgets, 3.0) == rungs


def drive(search: Hyperband, errors: Any, proposals: int) -> list[tuple[float, list[list[int]]]]:
    """Ask and tell; `errors` gives the error of a configuration at a budget."""
    asked = []
    for _ in range(proposals):
        proposal = search.ask()
        assert proposal.budget is not None
        found = np.array([errors(c, proposal.budget) for c in proposal.configurations])
        asked.append((proposal.budget, proposal.configurations.tolist()))
        n = len(found)
        search.tell(
            Observation(
                proposal.configurations,
                proposal.budget,
                found,
                np.ones(n),
                np.ones(n, bool),
                proposal.tag,
            )
        )
    return asked


def test_the_best_third_advances_by_hand() -> None:
    """With two rungs the first bracket is [3, 1].

    The configuration with the lowest error meets the full budget.
    """
    search = Hyperband(Problem(SPACE, (36.0, 108.0)), np.random.default_rng(0))
    first = search.ask()
    assert (first.budget, len(first.configurations)) == (36.0, 3)
    errors = np.array([0.3, 0.1, 0.2])
    search.tell(
        Observation(first.configurations, 36.0, errors, np.ones(3), np.ones(3, bool), first.tag)
    )
    second = search.ask()
    assert second.budget == 108.0
    assert second.configurations.tolist() == [first.configurations[1].tolist()]


def test_promotions_fall_as_in_hpbandster_even_with_ties() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        losses = np.round(rng.random(27), 1)
        advanced = _hpbandster_iteration([27, 9], [36.0, 108.0])._advance_to_next_stage(
            list(range(27)), losses
        )
        assert promoted(losses, 9).tolist() == advanced.tolist()


def _hpbandster_iteration(sizes: list[int], budgets: list[float]) -> Any:
    successive_halving = pytest.importorskip("hpbandster.optimizers.iterations").SuccessiveHalving
    iteration = successive_halving(
        HPB_iter=0, num_configs=sizes, budgets=budgets, config_sampler=lambda budget: ({}, {})
    )
    iteration.logger = logging.getLogger("hpbandster-test")
    iteration.stage = 1
    iteration.num_configs = [27, 9]
    return iteration


def test_twenty_brackets_equal_hpbandsters_own() -> None:
    """Same configurations in, same evaluations out.

    The bracket arithmetic and bookkeeping are hpbandster's, in process.
    """
    iterations = pytest.importorskip("hpbandster.optimizers.iterations")
    hyperband = pytest.importorskip("hpbandster.optimizers.hyperband").HyperBand
    dispatcher = pytest.importorskip("hpbandster.core.dispatcher")

    def error(configuration: np.ndarray, budget: float) -> float:
        return float(
            0.1 + np.abs(np.sin(configuration.astype(float) @ np.arange(1, 7))) / (1 + budget / 50)
        )

    search = Hyperband(Problem(SPACE, BUDGETS), np.random.default_rng(7))
    ours = [(b, c) for b, cs in drive(search, error, 50) for c in cs]

    sampled = iter(_samples_of(search_seed=7))
    master = SimpleNamespace(
        max_SH_iter=4,
        eta=3,
        budgets=np.array(BUDGETS),
        config_generator=SimpleNamespace(get_config=lambda budget: ({"c": next(sampled)}, {})),
    )
    theirs = []
    for number in range(20):
        iteration = hyperband.get_next_iteration(master, number, {"result_logger": None})
        assert isinstance(iteration, iterations.SuccessiveHalving)
        iteration.logger = logging.getLogger("hpbandster-test")
        while (following := iteration.get_next_run()) is not None:
            config_id, config, budget = following
            job = dispatcher.Job(config_id, config=config, budget=budget)
            loss = error(np.array(config["c"]), float(budget))
            job.result, job.exception = {"loss": loss, "info": {}}, None
            job.timestamps = {"submitted": 0.0, "started": 0.0, "finished": 1.0}
            iteration.register_result(job)
            theirs.append((float(budget), config["c"]))
    assert theirs[: len(ours)] == ours[: len(theirs)]
    assert len(theirs) == 5 * (27 + 9 + 3 + 1 + 9 + 3 + 1 + 6 + 2 + 4)


def _samples_of(search_seed: int) -> Any:
    """The configurations our Hyperband samples, one at a time: it draws 512 ahead."""
    rng = np.random.default_rng(search_seed)
    while True:
        yield from SPACE.sample(rng, 512).tolist()


def test_while_a_rung_is_under_way_another_bracket_opens() -> None:
    search = Hyperband(Problem(SPACE, BUDGETS), np.random.default_rng(0))
    first, second = search.ask(), search.ask()
    assert isinstance(first, Proposal)
    assert (first.budget, len(first.configurations)) == (4.0, 27)
    assert (second.budget, len(second.configurations)) == (12.0, 9)


def test_a_single_budget_is_one_rung_and_is_said() -> None:
    search = Hyperband(Problem(SPACE, (200.0,)), np.random.default_rng(0))
    assert search.ask().budget == 200.0
    assert search.notes == ["hyperband ran on the single budget 200: one rung, no early stopping"]


def test_eta_below_2_is_refused() -> None:
    with pytest.raises(SettingsError, match="eta must be at least 2"):
        Hyperband.make_settings(values={"eta": 1.5})
