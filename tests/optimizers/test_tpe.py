"""TPE: hyperopt's own suggestions, driven by ask and tell."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, Proposal, SettingsError
from regretta.optimizers.tpe import Tpe
from regretta.tabular_data.spaces import Categorical, GridSpace, Integer, Space, get_space
from regretta.testing import OptimizerConformance

needs_hyperopt = pytest.mark.skipif(
    find_spec("hyperopt") is None, reason="the extra 'tpe' is not installed"
)


@needs_hyperopt
class TestTpe(OptimizerConformance):
    optimizer = Tpe
    settings: ClassVar[dict[str, Any]] = {"n_startup": 5}
    evaluations = 25


def error_of(entries: list[float]) -> float:
    """Coarse, so that proposals tie."""
    return round(0.1 + 0.01 * float(np.sum(entries)), 2)


def told(proposal: Proposal, error: float) -> Observation:
    return Observation(
        proposal.configurations, 1.0, np.array([error]), np.ones(1), np.ones(1, bool), proposal.tag
    )


def run(search: Tpe, n: int, under_way: int = 1) -> list[list[float]]:
    """What is asked for while the newest of some proposals under way is always told first."""
    asked: list[list[float]] = []
    waiting: list[Proposal] = []
    for _ in range(n):
        proposal = search.ask()
        assert isinstance(proposal, Proposal)
        assert proposal.budget is None
        asked.append(proposal.configurations[0].tolist())
        waiting.append(proposal)
        if len(waiting) == under_way:
            newest = waiting.pop()
            search.tell(told(newest, error_of(newest.configurations[0].tolist())))
    return asked


def stock(space: Space, n: int, under_way: int, settings: Any) -> list[list[float]]:
    """``hyperopt.tpe.suggest`` on its own documents, with the seeds that ours draws."""
    import hyperopt

    hp, dimensions = hyperopt.hp, {}
    for p in space.parameters:
        if isinstance(p, Categorical):
            dimensions[p.name] = hp.choice(p.name, list(range(len(p.choices))))
        elif isinstance(p, Integer):
            dimensions[p.name] = hp.quniform(p.name, p.low, p.high, 1)
        else:
            dimensions[p.name] = hp.uniform(p.name, p.low, p.high)
    trials = hyperopt.Trials()
    domain = hyperopt.base.Domain(lambda _: 0.0, dimensions)
    rng = np.random.default_rng(2)
    asked: list[list[float]] = []
    waiting: list[int] = []
    for number in range(n):
        documents = hyperopt.tpe.suggest(
            trials.new_trial_ids(1),
            domain,
            trials,
            int(rng.integers(2**31 - 1)),
            prior_weight=settings.prior_weight,
            n_startup_jobs=settings.n_startup,
            n_EI_candidates=settings.n_candidates,
            gamma=settings.gamma,
            verbose=False,
        )
        trials.insert_trial_docs(documents)
        trials.refresh()
        drawn = trials._dynamic_trials[-1]["misc"]["vals"]
        asked.append([float(drawn[p.name][0]) for p in space.parameters])
        waiting.append(number)
        if len(waiting) == under_way:
            newest = waiting.pop()
            trial = trials._dynamic_trials[newest]
            trial["result"] = {"loss": error_of(asked[newest]), "status": hyperopt.STATUS_OK}
            trial["state"] = hyperopt.JOB_STATE_DONE
            trials.refresh()
    return asked


@needs_hyperopt
@pytest.mark.parametrize("under_way", [1, 3])
@pytest.mark.parametrize(
    ("space", "values"),
    [
        ("nasbench101/A", {}),
        ("nasbench101-5v/B", {"gamma": 1.0, "n_startup": 5}),
        ("nasbench101-4v/C", {"prior_weight": 0.5, "n_candidates": 7}),
        ("nasbench201", {"gamma": 3.0}),
    ],
)
def test_suggests_what_hyperopt_suggests(
    space: str, values: dict[str, Any], under_way: int
) -> None:
    found, settings = get_space(space), Tpe.make_settings(values=values)
    search = Tpe(Problem(found, (1.0,)), np.random.default_rng(2), settings)
    ours = run(search, 60, under_way)
    assert ours == stock(found, 60, under_way, settings)


@needs_hyperopt
def test_the_order_of_hyperopt_s_draws_does_not_depend_on_the_names_of_a_test() -> None:
    """Names out of order, one a prefix of another, and a parameter of every kind."""
    names = ["zeta", "alpha", "a10", "a9", "B", "alpha_2"]
    space = GridSpace({name: [str(i) for i in range(k + 1)] for k, name in enumerate(names)})
    settings = Tpe.make_settings(values={"n_startup": 4})
    search = Tpe(Problem(space, (1.0,)), np.random.default_rng(2), settings)
    assert run(search, 40) == stock(space, 40, 1, settings)


@needs_hyperopt
def test_a_cell_of_a_space_of_one_cell_is_proposed_again() -> None:
    search = Tpe(Problem(GridSpace({"x": ["a"], "y": ["b"]}), (1.0,)), np.random.default_rng(0))
    assert run(search, 30) == [[0, 0]] * 30


@needs_hyperopt
def test_integers_stay_whole_and_in_their_range() -> None:
    space = get_space("nasbench101-4v/C")
    search = Tpe(Problem(space, (1.0,)), np.random.default_rng(0))
    edges = [p.name for p in space.parameters].index("num_edges")
    drawn = {entries[edges] for entries in run(search, 40)}
    assert drawn <= set(map(float, range(10)))


@pytest.mark.parametrize("setting", ["n_startup", "n_candidates", "gamma", "prior_weight"])
def test_refuses_values_that_make_no_sense(setting: str) -> None:
    with pytest.raises(SettingsError, match=setting):
        Tpe.make_settings(values={setting: 0})


def test_says_what_to_install_where_hyperopt_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperopt", None)
    with pytest.raises(SettingsError, match="install regretta with the extra 'tpe'"):
        Tpe(Problem(get_space("nasbench201"), (1.0,)), np.random.default_rng(0))
