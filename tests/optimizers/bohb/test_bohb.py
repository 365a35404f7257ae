"""BOHB: hpbandster's own proposals, brackets and bookkeeping, in process."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import warnings
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, SettingsError
from regretta.optimizers.bohb import Bohb
from regretta.tabular_data.spaces import Configuration, Space, get_space
from regretta.testing import OptimizerConformance

BUDGETS = (4.0, 12.0, 36.0, 108.0)


class TestBohb(OptimizerConformance):
    optimizer = Bohb


def error_of(space: Space, configuration: Configuration, budget: float) -> float:
    """An error that a model can learn; 1 for an invalid configuration."""
    if not space.is_valid(configuration):
        return 1.0
    weights = np.cos(np.arange(space.dim))
    entries = configuration / np.maximum(1, np.array(space.cardinalities))
    return float(0.3 + 0.1 * np.tanh(weights @ entries) + 0.2 / budget)


def proposals(search: Bohb, space: Space, n: int) -> list[tuple[float, list[float]]]:
    asked = []
    for _ in range(n):
        proposal = search.ask()
        configurations, budget = proposal.configurations, proposal.budget
        assert budget is not None
        error = error_of(space, configurations[0], budget)
        asked.append((budget, configurations[0].tolist()))
        search.tell(
            Observation(
                configurations,
                budget,
                np.array([error]),
                np.array([budget]),
                np.array([error < 1]),
                proposal.tag,
            )
        )
    return asked


def stock_proposals(
    space: Space, budgets: tuple[float, ...], settings: Any, seed: int, brackets: int
) -> list[tuple[float, list[float]]]:
    """hpbandster as it comes: its arithmetic, generator and iterations, on the global state."""
    from hpbandster.core.dispatcher import Job
    from hpbandster.optimizers.bohb import BOHB
    from hpbandster.optimizers.config_generators.bohb import BOHB as Generator

    seeds = np.random.default_rng(seed).integers(2**32, size=2)
    chosen = {name: value for name, value in vars(settings).items() if name != "eta"}
    before = np.random.get_state()  # noqa: NPY002
    logger = logging.getLogger("hpbandster")
    logger.addHandler(logging.NullHandler())
    try:
        np.random.seed(int(seeds[1]))  # noqa: NPY002
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            generator = Generator(space.configuration_space(int(seeds[0])), **chosen)
            master = BOHB.__new__(BOHB)
            master.config_generator, master.eta = generator, 3
            # Its constructor's arithmetic.
            master.max_SH_iter = -int(np.log(budgets[0] / budgets[-1]) / np.log(3)) + 1
            master.budgets = budgets[-1] * np.power(
                3, -np.linspace(master.max_SH_iter - 1, 0, master.max_SH_iter)
            )
            asked = []
            for number in range(brackets):
                bracket = master.get_next_iteration(number)
                while (run := bracket.get_next_run()) is not None:
                    identity, values, budget = run
                    configuration = space.from_values(values)
                    job = Job(identity, config=values, budget=budget)
                    job.result = {"loss": error_of(space, configuration, budget), "info": None}
                    bracket.register_result(job)
                    generator.new_result(job)
                    asked.append((budget, configuration.tolist()))
            return asked
    finally:
        np.random.set_state(before)  # noqa: NPY002


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "budgets", "preset", "values", "brackets"),
    [
        ("nasbench101/A", BUDGETS, None, {}, 24),
        ("nasbench101-4v/A", BUDGETS, "script", {}, 20),
        ("nasbench101/B", BUDGETS, None, {"min_bandwidth": 0.01, "top_n_percent": 30}, 24),
        ("nasbench101-4v/C", BUDGETS, None, {"bandwidth_factor": 1.5, "random_fraction": 0.2}, 20),
        ("nasbench201", BUDGETS, None, {"num_samples": 16, "min_points_in_model": 12}, 24),
        ("nasbench201", (200.0,), None, {}, 80),
    ],
)
def test_proposes_what_the_stock_generator_proposes(
    name: str, budgets: tuple[float, ...], preset: str | None, values: dict[str, Any], brackets: int
) -> None:
    space = get_space(name)
    settings = Bohb.make_settings(preset, values)
    stock = stock_proposals(space, budgets, settings, seed=11, brackets=brackets)
    ours = proposals(
        Bohb(Problem(space, budgets), np.random.default_rng(11), settings), space, len(stock)
    )
    assert [entries for _, entries in ours] == [entries for _, entries in stock]
    assert [budget for budget, _ in ours] == pytest.approx([budget for budget, _ in stock])


def test_the_paper_s_brackets() -> None:
    """η 3 and 4 to 108 epochs: [27, 9, 3, 1], [9, 3, 1], [6, 2], [4], and again."""
    space = get_space("nasbench101")
    search = Bohb(Problem(space, BUDGETS), np.random.default_rng(0))
    asked = proposals(search, space, 40 + 13 + 8 + 4 + 27)
    rungs = [(budget, len(list(group))) for budget, group in groupby(budget for budget, _ in asked)]
    assert rungs == [
        *[(4.0, 27), (12.0, 9), (36.0, 3), (108.0, 1)],
        *[(12.0, 9), (36.0, 3), (108.0, 1)],
        *[(36.0, 6), (108.0, 2 + 4)],
        (4.0, 27),
    ]


def test_the_best_third_of_a_rung_goes_on() -> None:
    space = get_space("nasbench201")
    asked = proposals(Bohb(Problem(space, BUDGETS), np.random.default_rng(0)), space, 36)
    first = sorted((error_of(space, np.array(c), 4.0), c) for _, c in asked[:27])
    assert sorted(c for _, c in asked[27:]) == sorted(c for _, c in first[:9])


def test_a_table_with_one_budget_has_one_rung_and_the_run_says_so() -> None:
    space = get_space("nasbench201")
    search = Bohb(Problem(space, (200.0,)), np.random.default_rng(0))
    assert [budget for budget, _ in proposals(search, space, 30)] == [200.0] * 30
    assert search.notes == ["bohb ran on the single budget 200: one rung, no early stopping"]


def test_budgets_that_are_not_powers_apart_are_used_as_they_are() -> None:
    space = get_space("nasbench201")
    asked = proposals(Bohb(Problem(space, (12.0, 200.0)), np.random.default_rng(0)), space, 6)
    assert [budget for budget, _ in asked] == [12.0, 12.0, 12.0, 200.0, 200.0, 200.0]


def test_opens_further_brackets_while_workers_still_train() -> None:
    """Twenty-nine at once: the first bracket's 27, then two of the second bracket's."""
    space = get_space("nasbench201")
    search = Bohb(Problem(space, BUDGETS), np.random.default_rng(0))
    asked = [search.ask() for _ in range(29)]
    assert [proposal.budget for proposal in asked] == [4.0] * 27 + [12.0] * 2
    for proposal in reversed(asked):
        search.tell(
            Observation(
                proposal.configurations,
                4.0,
                np.array([0.5]),
                np.array([1.0]),
                np.ones(1, bool),
                proposal.tag,
            )
        )
    assert [budget for budget, _ in proposals(search, space, 9)] == [12.0] * 9


def test_an_invalid_configuration_is_a_result_with_loss_1() -> None:
    space = get_space("nasbench101")
    search = Bohb(Problem(space, BUDGETS), np.random.default_rng(0))
    asked = proposals(search, space, 27)
    losses = sorted(datum.results[4.0]["loss"] for datum in search._brackets[0].data.values())
    assert losses == sorted(error_of(space, np.array(c, dtype=np.int8), 4.0) for _, c in asked)
    assert losses[-1] == 1.0


def test_only_random_proposals_where_all_shall_be_random() -> None:
    """Without a model, configurations come from ConfigSpace's sampler alone."""
    space = get_space("nasbench201")
    settings = Bohb.make_settings(values={"random_fraction": 1.0})
    asked = proposals(Bohb(Problem(space, (1.0,)), np.random.default_rng(3), settings), space, 60)
    sampler = space.configuration_space(int(np.random.default_rng(3).integers(2**32, size=2)[0]))
    assert [c for _, c in asked] == [
        space.from_values(dict(sampler.sample_configuration())).tolist() for _ in asked
    ]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("eta", 1.5),
        ("num_samples", 0),
        ("random_fraction", 1.2),
        ("top_n_percent", 100),
        ("min_bandwidth", 0.0),
        ("bandwidth_factor", -1.0),
        ("min_points_in_model", "many"),
    ],
)
def test_refuses_values_that_make_no_sense(setting: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=setting):
        Bohb.make_settings(values={setting: value})


def test_densities_are_statsmodels_to_the_last_bit() -> None:
    from statsmodels.nonparametric.kernel_density import KDEMultivariate

    from regretta.optimizers.bohb.generator import _Density

    rng = np.random.default_rng(0)
    data = np.column_stack(
        [rng.integers(0, 3, 200), rng.random(200), rng.integers(0, 20, 200), np.ones(200)]
    )
    kde = KDEMultivariate(
        data=data, var_type="ucuu", bw="normal_reference", rng=np.random.RandomState(0)
    )
    kde.bw = np.clip(kde.bw, 0.3, None)
    # In the last column the data know one value only: no finite density where a point has another.
    points = np.column_stack(
        [rng.integers(0, 3, 9), rng.random(9), rng.integers(0, 21, 9), np.arange(9) % 2]
    )
    with np.errstate(all="ignore"):
        expected = np.array([float(kde.pdf(point)) for point in points])
    assert np.isfinite(expected).any()
    assert not np.isfinite(expected).all()
    np.testing.assert_array_equal(_Density(kde)(points), expected)


SCRIPT = """
import hashlib
from tests.optimizers.bohb.test_bohb import BUDGETS, proposals
from regretta.optimizers.base import Problem
from regretta.optimizers.bohb import Bohb
from regretta.tabular_data.spaces import get_space
import numpy as np
space = get_space("nasbench101")
found = proposals(Bohb(Problem(space, BUDGETS), np.random.default_rng(5)), space, 150)
print(hashlib.sha256(repr(found).encode()).hexdigest())
"""


@pytest.mark.slow
def test_a_seed_is_enough_in_any_process() -> None:
    assert len({_printed(SCRIPT, hash_seed) for hash_seed in ("1", "2")}) == 1


def test_imports_hpbandster_only_when_a_search_starts() -> None:
    assert (
        _printed("import sys, regretta.optimizers.bohb; print('hpbandster' in sys.modules)", "0")
        == "False\n"
    )


def test_many_runs_in_one_process_leave_nothing_behind() -> None:
    space = get_space("nasbench201")

    def objects_after(runs: int) -> int:
        for seed in range(runs):
            proposals(Bohb(Problem(space, BUDGETS), np.random.default_rng(seed)), space, 60)
        gc.collect()
        return len(gc.get_objects())

    before = objects_after(2)
    assert objects_after(10) - before < 1000


def _printed(script: str, hash_seed: str) -> str:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout
