"""ASHA: the promotions of algorithm 2, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regretta.optimizers.asha import Asha, Rung
from regretta.optimizers.base import Observation, Problem, Proposal, SettingsError
from regretta.tabular_data.spaces import get_space
from regretta.testing import OptimizerConformance


class TestAsha(OptimizerConformance):
    optimizer = Asha


SPACE = get_space("nasbench201")


def search(eta: float = 2.0, budgets: tuple[float, ...] = (1.0, 2.0, 4.0)) -> Asha:
    return Asha(
        Problem(SPACE, budgets), np.random.default_rng(0), Asha.make_settings(values={"eta": eta})
    )


def answer(asha: Asha, proposal: Proposal, error: float, valid: bool = True) -> None:
    budget = proposal.budget
    assert budget is not None
    seen = Observation(
        proposal.configurations,
        budget,
        np.array([error]),
        np.array([budget]),
        np.array([valid]),
        proposal.tag,
    )
    asha.tell(seen)


def same(one: Proposal, other: Proposal) -> bool:
    return bool((one.configurations == other.configurations).all())


def test_algorithm_2_with_eta_2_and_three_rungs() -> None:
    """A promotion follows as soon as a configuration is in the better half of its rung, whoever
    comes later.
    """
    asha = search()
    a, b = asha.ask(), asha.ask()
    assert (a.budget, b.budget) == (1.0, 1.0)
    answer(asha, a, 0.5)
    c = asha.ask()  # floor(1 / 2) = 0 of one: nothing to promote
    assert c.budget == 1.0
    answer(asha, b, 0.3)
    b1 = asha.ask()  # floor(2 / 2) = 1 of two: b
    assert b1.budget == 2.0
    assert same(b1, b)
    d = asha.ask()  # b is promoted already
    assert d.budget == 1.0
    answer(asha, c, 0.2)
    c1 = asha.ask()  # floor(3 / 2) = 1 of three: c, although b went before it
    assert c1.budget == 2.0
    assert same(c1, c)
    answer(asha, d, 0.4)
    e = asha.ask()  # floor(4 / 2) = 2 of four: c and b, both promoted
    assert e.budget == 1.0
    answer(asha, b1, 0.25)
    answer(asha, c1, 0.15)
    answer(asha, e, 0.1)
    c2 = (
        asha.ask()
    )  # the highest rung with something to promote comes first: c goes to the top before e moves
    assert c2.budget == 4.0
    assert same(c2, c)
    e1 = asha.ask()  # floor(5 / 2) = 2 of five: e and c
    assert e1.budget == 2.0
    assert same(e1, e)
    answer(asha, c2, 0.1)
    assert asha.ask().budget == 1.0  # the top rung promotes nothing


def test_of_several_the_best_is_promoted_first() -> None:
    asha = search(eta=3.0, budgets=(1.0, 3.0))
    asked = [asha.ask() for _ in range(9)]
    for proposal, error in zip(asked, (0.9, 0.3, 0.8, 0.1, 0.7, 0.6, 0.2, 0.5, 0.4), strict=True):
        answer(asha, proposal, error)
    promoted = [asha.ask() for _ in range(4)]
    assert [proposal.budget for proposal in promoted] == [3.0, 3.0, 3.0, 1.0]
    assert all(same(found, asked[k]) for found, k in zip(promoted, (3, 6, 1), strict=False))


def test_of_equal_errors_the_first_heard_of_is_promoted() -> None:
    asha = search(eta=2.0, budgets=(1.0, 2.0))
    asked = [asha.ask() for _ in range(2)]
    answer(asha, asked[1], 0.5)
    answer(asha, asked[0], 0.5)
    assert same(asha.ask(), asked[1])
    assert asha.ask().budget == 1.0


def test_a_rung_promotes_as_the_definition_says() -> None:
    """Against a literal reading of the algorithm.

    Sort the rung, take its best 1/eta, leave out those promoted.
    """
    rng = np.random.default_rng(0)
    for eta in (2.0, 2.5, 3.0, 4.0):
        rung, errors = Rung(), [float(e) for e in rng.integers(0, 40, 300) / 40]
        promoted: list[int] = []
        for told in range(1, len(errors) + 1):
            rung.add(errors[told - 1], np.array([told - 1]))
            ranked = sorted(range(told), key=lambda k: (errors[k], k))[: int(told / eta)]
            while candidates := [k for k in ranked if k not in promoted]:
                found = rung.promote(eta)
                assert found is not None
                assert found[0] == candidates[0]
                promoted.append(candidates[0])
            assert rung.promote(eta) is None


def test_an_invalid_configuration_takes_no_place_in_a_rung() -> None:
    asha = search()
    asked = [asha.ask() for _ in range(4)]
    answer(asha, asked[0], 0.5)
    for proposal in asked[1:3]:
        answer(asha, proposal, 1.0, valid=False)
    assert asha.ask().budget == 1.0
    answer(asha, asked[3], 0.6)
    assert same(asha.ask(), asked[0])


def test_it_never_makes_a_worker_wait() -> None:
    asha = search()
    assert all(asha.ask().budget == 1.0 for _ in range(1000))


def test_a_single_budget_is_random_search_and_says_so() -> None:
    asha = search(budgets=(200.0,))
    for error in (0.3, 0.2, 0.1):
        proposal = asha.ask()
        assert proposal.budget == 200.0
        answer(asha, proposal, error)
    assert asha.notes == ["asha ran on the single budget 200: one rung, no early stopping"]


@pytest.mark.parametrize("eta", [1.9, float("nan"), -3.0])
def test_eta_below_two_is_refused(eta: float) -> None:
    with pytest.raises(SettingsError, match="eta must be at least 2"):
        Asha.make_settings(values={"eta": eta})


def test_the_papers_eta_is_a_preset() -> None:
    settings: Any = Asha.make_settings("paper")
    assert settings.eta == 4.0
