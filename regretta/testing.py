"""Tests that every optimizer must pass; a plugin author's own tests inherit them.

    from regretta.testing import OptimizerConformance
    from my_opt import MyOptimizer

    class TestMyOptimizer(OptimizerConformance):
        optimizer = MyOptimizer

They need pytest, which Regretta itself does not: ``pip install 'regretta[testing]'``.
"""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from regretta.optimizers.base import Observation, Optimizer, Problem, Proposal, SettingsError
from regretta.tabular_data.spaces import Space, get_space

Step = tuple[list[list[float]], float]


class OptimizerConformance:
    """Set `optimizer`, and `settings` or `evaluations` where the defaults take long."""

    optimizer: ClassVar[type[Optimizer]]
    settings: ClassVar[dict[str, Any]] = {}
    evaluations: ClassVar[int] = 120
    spaces: ClassVar[tuple[str, ...]] = (
        "nasbench201",
        "nasbench101-4v/A",
        "nasbench101-4v/B",
        "nasbench101-4v/C",
    )

    @pytest.fixture(params=["one budget", "four budgets"])
    def budgets(self, request: pytest.FixtureRequest) -> tuple[float, ...]:
        return (108.0,) if request.param == "one budget" else (4.0, 12.0, 36.0, 108.0)

    @pytest.fixture
    def space(self, request: pytest.FixtureRequest) -> Space:
        return get_space(self.spaces[0])

    def search(
        self, space: Space, budgets: tuple[float, ...], seed: int = 0, *, in_parts: bool = False
    ) -> list[Step]:
        """Run the optimizer on an error that has its optimum where every entry is smallest."""
        settings = self.optimizer.make_settings(values=self.settings)
        optimizer = self.optimizer(Problem(space, budgets), np.random.default_rng(seed), settings)
        steps: list[Step] = []
        told = 0
        while told < self.evaluations:
            asked = optimizer.ask()
            if asked is None:
                break
            proposal = asked if isinstance(asked, Proposal) else Proposal(asked)
            budget = budgets[-1] if proposal.budget is None else proposal.budget
            assert budget in budgets, f"budget {budget} is not one of {budgets}"
            configurations = space.check(np.atleast_2d(proposal.configurations))
            assert len(configurations), "a proposal has at least one configuration"
            steps.append((configurations.tolist(), budget))
            valid = space.valid(configurations)
            errors = np.where(valid, self._error(configurations, budget / budgets[-1]), 1.0)
            size = 1 if in_parts else len(configurations)
            for start in range(0, len(configurations), size):
                part = slice(start, start + size)
                observation = Observation(
                    configurations[part],
                    budget,
                    errors[part],
                    np.where(valid[part], budget, 0.0),
                    valid[part],
                    proposal.tag,
                    start,
                )
                optimizer.tell(observation)
            told += len(configurations)
        return steps

    @staticmethod
    def _error(configurations: NDArray[Any], share: float) -> NDArray[np.float64]:
        spread = configurations.astype(np.float64).sum(axis=1)
        return np.asarray(0.05 + 0.9 * spread / (1.0 + spread) + 0.04 * (1.0 - share))

    def test_has_a_name_and_frozen_settings_with_defaults(self) -> None:
        assert self.optimizer.name
        assert is_dataclass(self.optimizer.Settings)
        assert self.optimizer.Settings.__dataclass_params__.frozen  # type: ignore[attr-defined]
        self.optimizer.make_settings()
        assert self.optimizer.__doc__, (
            "the docstring's first line is what `regretta optimizers` shows"
        )

    def test_presets_are_valid_settings(self) -> None:
        for preset in self.optimizer.presets:
            self.optimizer.make_settings(preset)

    def test_refuses_an_unknown_setting(self) -> None:
        with pytest.raises(SettingsError, match="unknown setting"):
            self.optimizer.make_settings(values={"no_such_setting": 1})

    def test_refuses_a_setting_of_another_type(self) -> None:
        for setting in fields(self.optimizer.Settings):
            if isinstance(setting.default, int | float):
                with pytest.raises(SettingsError, match=setting.name):
                    self.optimizer.make_settings(values={setting.name: "a text"})

    def test_proposes_configurations_of_the_space_at_offered_budgets(
        self, budgets: tuple[float, ...]
    ) -> None:
        for name in self.spaces:
            try:
                assert self.search(get_space(name), budgets), f"nothing was proposed on {name}"
            except SettingsError:
                assert name != self.spaces[0], f"refuses {name}"

    def test_a_seed_fixes_every_proposal(self, space: Space, budgets: tuple[float, ...]) -> None:
        if not self.optimizer.reproducible:
            pytest.skip("says of itself that a seed is not enough")
        np.random.seed(1)  # noqa: NPY002 - disturbed on purpose
        random.seed(1)
        first = self.search(space, budgets, seed=3)
        np.random.seed(2)  # noqa: NPY002
        random.seed(2)
        assert self.search(space, budgets, seed=3) == first
        assert self.search(space, budgets, seed=4) != first

    def test_leaves_the_global_random_state_alone(self, space: Space) -> None:
        if not self.optimizer.reproducible:
            pytest.skip("says of itself that it is stock")
        np.random.seed(5)  # noqa: NPY002
        random.seed(5)
        before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index] # noqa: NPY002
        self.search(space, (108.0,))
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before  # type: ignore[index] # noqa: NPY002

    def test_writes_and_prints_nothing(
        self,
        space: Space,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        if not self.optimizer.reproducible:
            pytest.skip("says of itself that it is stock")
        monkeypatch.chdir(tmp_path)
        self.search(space, (108.0,))
        assert list(tmp_path.iterdir()) == []
        assert capfd.readouterr() == ("", "")

    def test_may_hear_of_a_proposal_in_parts(
        self, space: Space, budgets: tuple[float, ...]
    ) -> None:
        if not self.optimizer.parallel or not self.optimizer.reproducible:
            pytest.skip("takes whole proposals only, or is not reproducible")
        assert self.search(space, budgets, in_parts=True) == self.search(space, budgets)

    def test_does_no_worse_than_its_first_proposals(self, space: Space) -> None:
        best = [
            min(
                float(self._error(np.array(configurations), 1.0).min())
                for configurations, _ in steps
            )
            for steps in (self.search(space, (108.0,))[:1], self.search(space, (108.0,)))
        ]
        assert best[1] <= best[0]
