"""Tests that every optimizer must pass; a plugin author's own tests inherit them.

    from regretta.testing import OptimizerConformance
    from my_opt import MyOptimizer

    class TestMyOptimizer(OptimizerConformance):
        optimizer = MyOptimizer

They need pytest, which Regretta itself does not: ``pip install 'regretta[testing]'``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from regretta.optimizers.base import Observation, Optimizer, Problem, Proposal, SettingsError
from regretta.tabular_data.spaces import (
    Categorical,
    GridSpace,
    Integer,
    Real,
    Space,
    get_space,
)

Step = tuple[list[list[float]], float]
"""Configurations proposed together, and their budget."""


class _Numbers(Space):
    """Numbers and a choice, two of them constant; a third of all configurations means no cell."""

    name = "numbers"
    n_cells = 2

    def __init__(self) -> None:
        super().__init__(
            [
                Categorical("only", ("choice",)),
                Integer("width", 8, 10),
                Integer("fixed", 4, 4),
                Real("rate", 0.0, 0.5),
            ]
        )

    def find_rows(self, configurations: NDArray[Any]) -> NDArray[np.int64]:
        return configurations[:, 1].astype(np.int64) - 9

    def describe(self, row: int) -> str:
        return f"width {self.check_row(row) + 9}"


EXTREMES: dict[str, Space] = {
    "one cell": GridSpace({"only": ["choice"]}),
    "parameters with one choice": GridSpace({"a": ["x"], "b": ["x", "y", "z"], "c": ["x"]}),
    "numbers, one of them constant": _Numbers(),
    "many choices": GridSpace({"a": list(range(127)), "b": ["x", "y"]}),
    "more cells than 32 bits count": GridSpace({f"p{i}": list(range(10)) for i in range(16)}),
}
"""Spaces at both ends of what a user's table may have."""


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
    def space(self) -> Space:
        return get_space(self.spaces[0])

    def search(
        self,
        space: Space,
        budgets: tuple[float, ...],
        seed: int = 0,
        *,
        in_parts: bool = False,
        most: int | None = None,
    ) -> list[Step]:
        """Run the optimizer on an error that has its optimum where every entry is smallest.

        Of a search that evaluates nothing, a step is what it recommends.

        Parameters
        ----------
        space, budgets, seed
            What it searches, and the seed of its generator.
        in_parts
            Whether it is told of each configuration of a proposal by itself.
        most
            Evaluations; fewer where the search ends by itself. `evaluations` if None.
        """
        settings = self.optimizer.make_settings(values=self.settings)
        optimizer = self.optimizer(Problem(space, budgets), np.random.default_rng(seed), settings)
        most = self.evaluations if most is None else min(most, self.evaluations)
        steps: list[Step] = []
        told = 0
        while told < most:
            asked = optimizer.ask()
            if asked is None:
                break
            proposal = asked if isinstance(asked, Proposal) else Proposal(asked)
            budget = budgets[-1] if proposal.budget is None else proposal.budget
            assert budget in budgets, f"ask proposed the budget {budget}, not one of {budgets}"
            configurations = space.check(np.atleast_2d(proposal.configurations))
            if not len(configurations):
                recommends = self.optimizer.recommend is not Optimizer.recommend
                assert recommends, "ask proposed no configuration; to end, return None"
                nothing = np.empty(0)
                optimizer.tell(
                    Observation(configurations, budget, nothing, nothing, nothing > 0, proposal.tag)
                )
                incumbent = optimizer.recommend()
                assert incumbent is not None, "it proposed and recommended nothing"
                steps.append((space.check(incumbent[None]).tolist(), budget))
                told += 1
                continue
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
        assert self.optimizer.name, "set `name`, by which suites call it"
        settings = self.optimizer.Settings
        assert is_dataclass(settings), "Settings is a dataclass"
        frozen = settings.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert frozen, "Settings is frozen: @dataclass(frozen=True)"
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

    @pytest.mark.parametrize("extreme", EXTREMES)
    def test_bears_spaces_of_every_size(self, extreme: str) -> None:
        try:
            assert self.search(EXTREMES[extreme], (1.0, 9.0), most=30), "nothing was proposed"
        except SettingsError as refusal:
            pytest.skip(f"says that it cannot: {refusal}")

    def test_bears_budgets_that_agree_to_six_digits(self, space: Space) -> None:
        assert self.search(space, (1.0, 1.0000001), most=30), "nothing was proposed"

    def test_a_seed_fixes_every_proposal(self, space: Space, budgets: tuple[float, ...]) -> None:
        if not self.optimizer.reproducible:
            pytest.skip("says of itself that a seed is not enough")
        with _global_state(1):
            first = self.search(space, budgets, seed=3)
        with _global_state(2):
            again = self.search(space, budgets, seed=3)
        assert _difference(again, first) is None, "one seed, other proposals: draw from self.rng"
        other = self.search(space, budgets, seed=4)
        assert other != first, "another seed, the same proposals: draw from self.rng"

    def test_leaves_the_global_random_state_alone(self, space: Space) -> None:
        if not self.optimizer.reproducible:
            pytest.skip("says of itself that it is stock")
        with _global_state(5) as before:
            self.search(space, (108.0,))
            assert _drawn() == before, "it drew from, or seeded, a global generator: use self.rng"

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
        written = [path.name for path in tmp_path.iterdir()]
        assert not written, f"it left files where it ran: {written}"
        printed = "".join(capfd.readouterr())
        assert not printed, f"it printed {printed[:200]!r}"

    def test_may_hear_of_a_proposal_in_parts(
        self, space: Space, budgets: tuple[float, ...]
    ) -> None:
        if not self.optimizer.parallel or not self.optimizer.reproducible:
            pytest.skip("takes whole proposals only, or is not reproducible")
        apart = self.search(space, budgets, in_parts=True)
        difference = _difference(apart, self.search(space, budgets))
        assert difference is None, (
            f"told in parts it proposes something else at proposal {difference}; "
            "set `parallel = False` if it needs whole proposals"
        )


@contextmanager
def _global_state(seed: int) -> Iterator[object]:
    """Seed the global generators, and put them back afterwards."""
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield _drawn()
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)


def _drawn() -> object:
    """What the global generators would draw next."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return state[1].tolist(), state[2], random.getstate()


def _difference(these: list[Step], those: list[Step]) -> int | None:
    """Number of the first proposal in which two searches differ."""
    pairs = enumerate(zip_longest(these, those))
    return next((number for number, (this, that) in pairs if this != that), None)
