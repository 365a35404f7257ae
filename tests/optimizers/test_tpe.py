"""TPE: hyperopt's own suggestions, driven by ask and tell."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, Proposal, SettingsError
from regretta.optimizers.tpe import Tpe
from regretta.tabular_data.spaces import get_space
from regretta.testing import OptimizerConformance

needs_hyperopt = pytest.mark.skipif(
    find_spec("hyperopt") is None, reason="the extra 'tpe' is not installed"
)


@needs_hyperopt
class TestTpe(OptimizerConformance):
    optimizer = Tpe
    settings: ClassVar[dict[str, Any]] = {"n_startup": 5}
    evaluations = 25


def run(search: Tpe, n: int) -> list[tuple[list[float], float]]:
    asked = []
    for _ in range(n):
        proposal = search.ask()
        assert isinstance(proposal, Proposal)
        assert proposal.budget is None
        error = 0.1 + 0.01 * float(proposal.configurations.sum())
        asked.append((proposal.configurations[0].tolist(), error))
        search.tell(told(proposal, error))
    return asked


def told(proposal: Proposal, error: float) -> Observation:
    return Observation(
        proposal.configurations, 1.0, np.array([error]), np.ones(1), np.ones(1, bool), proposal.tag
    )


@needs_hyperopt
def test_suggests_what_hyperopt_s_own_loop_suggests() -> None:
    """``fmin`` draws a seed for every suggestion; with the same seeds the searches are one."""
    import hyperopt

    space = get_space("nasbench201")
    ours = run(Tpe(Problem(space, (1.0,)), np.random.default_rng(2)), 40)

    trials = hyperopt.Trials()
    dimensions = {p.name: hyperopt.hp.choice(p.name, list(range(5))) for p in space.parameters}
    domain = hyperopt.base.Domain(lambda chosen: 0.1 + 0.01 * sum(chosen.values()), dimensions)
    rng = np.random.default_rng(2)
    for _ in range(40):
        docs = hyperopt.tpe.suggest(
            trials.new_trial_ids(1), domain, trials, int(rng.integers(2**31 - 1))
        )
        trials.insert_trial_docs(docs)
        trials.refresh()
        doc = trials._dynamic_trials[-1]
        doc["result"] = domain.evaluate(hyperopt.base.spec_from_misc(doc["misc"]), None)
        doc["state"] = hyperopt.JOB_STATE_DONE
        trials.refresh()
    stock = [[t["misc"]["vals"][p.name][0] for p in space.parameters] for t in trials.trials]
    assert [c for c, _ in ours] == stock
    assert [error for _, error in ours] == pytest.approx(trials.losses())


@needs_hyperopt
def test_observations_find_their_proposals_whatever_their_order() -> None:
    search = Tpe(Problem(get_space("nasbench201"), (1.0,)), np.random.default_rng(0))
    asked = [search.ask() for _ in range(3)]
    for proposal, error in reversed(list(zip(asked, (0.1, 0.2, 0.3), strict=True))):
        search.tell(told(proposal, error))
    assert search._trials.losses() == [0.1, 0.2, 0.3]


@needs_hyperopt
def test_integers_stay_whole_and_in_their_range() -> None:
    space = get_space("nasbench101-4v/C")
    search = Tpe(Problem(space, (1.0,)), np.random.default_rng(0))
    edges = [p.name for p in space.parameters].index("num_edges")
    drawn = {c[edges] for c, _ in run(search, 40)}
    assert drawn <= set(map(float, range(10)))


@pytest.mark.parametrize("setting", ["n_startup", "n_candidates", "gamma", "prior_weight"])
def test_refuses_values_that_make_no_sense(setting: str) -> None:
    with pytest.raises(SettingsError, match=setting):
        Tpe.make_settings(values={setting: 0})


def test_says_what_to_install_where_hyperopt_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperopt", None)
    with pytest.raises(SettingsError, match="install regretta with the extra 'tpe'"):
        Tpe(Problem(get_space("nasbench201"), (1.0,)), np.random.default_rng(0))
