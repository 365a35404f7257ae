"""REINFORCE, its gradient by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, SettingsError
from regretta.optimizers.reinforce import Reinforce
from regretta.tabular_data.spaces import GridSpace, get_space
from regretta.testing import OptimizerConformance


class TestReinforce(OptimizerConformance):
    optimizer = Reinforce


SPACE = GridSpace({"x": ["a", "b"], "y": ["c", "d", "e"]})


def make(**values: Any) -> Reinforce:
    return Reinforce(
        Problem(SPACE, (1.0,)), np.random.default_rng(0), Reinforce.make_settings(values=values)
    )


def tell(search: Reinforce, configuration: list[int], error: float, valid: bool = True) -> None:
    search.tell(
        Observation(
            np.array([configuration], dtype=np.int8),
            1.0,
            np.array([error]),
            np.ones(1),
            np.array([valid]),
        )
    )


def test_the_first_policy_is_uniform() -> None:
    assert make().policy[0, :2].tolist() == [0.5, 0.5]
    assert make().policy[1].tolist() == pytest.approx([1 / 3] * 3)
    assert make().policy[0, 2] == 0.0


def test_the_first_reward_is_its_own_baseline() -> None:
    """Bias-corrected average of one reward is that reward, so the first advantage is zero."""
    search = make()
    tell(search, [0, 1], 0.2)
    assert search.logits[1].tolist() == [0.0, 0.0, 0.0]


def test_two_steps_of_the_gradient_by_hand() -> None:
    """Rewards 0.8 and 0.9, decay 0.9, rate 0.5.

    Averages: 0.08; 0.9·0.08 + 0.1·0.9 = 0.162, corrected 0.162 / (1 − 0.81) = 0.852632. Advantage
    0.047368. Configuration (1, 2) under the uniform policy: x gains (−½, +½), y (−⅓, −⅓, +⅔), times
    0.5 · advantage.
    """
    search = make(learning_rate=0.5)
    tell(search, [0, 0], 0.2)
    tell(search, [1, 2], 0.1)
    step = 0.5 * (0.9 - 0.162 / 0.19)
    assert search.logits[0, :2] == pytest.approx([-step / 2, step / 2])
    assert search.logits[1] == pytest.approx([-step / 3, -step / 3, 2 * step / 3])
    weights = np.exp([-step / 2, step / 2])
    assert search.policy[0, :2] == pytest.approx(weights / weights.sum())


def test_adam_takes_a_first_step_of_the_learning_rate() -> None:
    """With bias correction the first Adam step is the rate times the sign of the gradient (up to
    epsilon).
    """
    search = make(adam=True, learning_rate=0.01)
    search._updates = 1
    step = search._step(np.array([[0.3, -0.2, 0.0], [0.1, 0.1, -0.2]]))
    assert step == pytest.approx(np.array([[0.01, -0.01, 0.0], [0.01, 0.01, -0.01]]), rel=1e-5)


def test_invalid_samples_never_reach_the_gradient() -> None:
    search = make()
    tell(search, [0, 0], 0.2)
    tell(search, [1, 1], 1.0, valid=False)
    assert search._updates == 1


def test_proposals_follow_the_policy() -> None:
    search = make()
    search.logits[:] = np.array(
        [[0.0, np.log(3.0), -np.inf], [np.log(2.0), np.log(1.0), np.log(1.0)]]
    )
    search._set_policy()
    n = 4000
    drawn = np.array([search.ask() for _ in range(n)])
    assert abs(drawn[:, 0].mean() - 0.75) < 4 * np.sqrt(0.1875 / n)
    assert abs((drawn[:, 1] == 0).mean() - 0.5) < 4 * np.sqrt(0.25 / n)


def test_only_valid_configurations_are_proposed() -> None:
    space = get_space("nasbench101/A")
    search = Reinforce(Problem(space, (108.0,)), np.random.default_rng(0))
    assert space.valid(np.array([search.ask() for _ in range(50)])).all()


def test_real_parameters_are_refused() -> None:
    with pytest.raises(SettingsError, match="use encoding A or B"):
        Reinforce(Problem(get_space("nasbench101-4v/C"), (108.0,)), np.random.default_rng(0))
    with pytest.raises(SettingsError, match="learning_rate must be above 0"):
        make(learning_rate=0.0)
