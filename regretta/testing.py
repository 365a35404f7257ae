"""Tests that every optimizer must pass; a plugin author's own tests inherit them.

    from regretta.testing import OptimizerConformance
    from my_opt import MyOptimizer

    class TestMyOptimizer(OptimizerConformance):
        optimizer = MyOptimizer

A failure says what every optimizer does, what this one did, in which line, and how to mend it.
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

from regretta.conformance import Examined, Step, files_of, listed
from regretta.optimizers.base import SettingsError
from regretta.optimizers.places import place_in
from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces import (
    Categorical,
    GridSpace,
    Integer,
    Real,
    Space,
    get_space,
)
from regretta.tabular_data.text import described


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


class OptimizerConformance(Examined):
    """Set `optimizer`, and `settings` or `evaluations` where the defaults take long."""

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

    def test_has_a_name_and_frozen_settings_with_defaults(self) -> None:
        if not self.optimizer.name:
            self.fail(
                "",
                "it has a name, by which suites call it",
                "it has none",
                "set name = 'my_search'",
            )
        settings = self.optimizer.Settings
        if not is_dataclass(settings) or not settings.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            self.fail(
                "Settings",
                "its settings are a frozen dataclass, so that no run changes those of another",
                f"Settings is {'not frozen' if is_dataclass(settings) else 'no dataclass'}",
                "write @dataclass(frozen=True) above class Settings",
            )
        self._settings_by_default()
        if not self.optimizer.__doc__:
            self.fail(
                "",
                "its docstring's first line says what it is, for `regretta optimizers`",
                "the class has no docstring",
                "write one line in triple quotes below its class line",
            )

    def _settings_by_default(self) -> None:
        try:
            self.optimizer.make_settings()
        except Exception as error:
            self.fail(
                "Settings",
                "every setting has a default, and the defaults are allowed",
                f"Settings() raised {described(error)}",
                "give each field a default that __post_init__ does not refuse",
                place_in(error, files_of(self.optimizer)),
            )

    def test_presets_are_valid_settings(self) -> None:
        for preset in self.optimizer.presets:
            try:
                self.optimizer.make_settings(preset)
            except Exception as error:
                self.fail(
                    "",
                    "its presets are settings that it has",
                    f"preset {preset!r} raised {described(error)}",
                    "correct presets, or Settings",
                )

    def test_refuses_an_unknown_setting(self) -> None:
        self._refuses("no_such_setting", 1, "a setting that it does not have")

    def test_refuses_a_setting_of_another_type(self) -> None:
        for setting in fields(self.optimizer.Settings):
            if isinstance(setting.default, int | float):
                self._refuses(setting.name, "a text", "a text where a setting is a number")

    def _refuses(self, setting: str, value: object, what: str) -> None:
        try:
            self.optimizer.make_settings(values={setting: value})
        except SettingsError as error:
            if setting in str(error):
                return
            found = f"the SettingsError does not name it: {described(error)}"
        except Exception as error:
            found = f"it raised {described(error)}"
        else:
            found = "it took it"
        self.fail(
            "Settings",
            f"{what} is refused with a SettingsError that names it",
            f"of {setting} = {value!r} {found}",
            "leave make_settings as it is inherited, and raise regretta.SettingsError in"
            " __post_init__",
        )

    def test_proposes_configurations_of_the_space_at_offered_budgets(
        self, budgets: tuple[float, ...]
    ) -> None:
        for name in self.spaces:
            try:
                self._proposes(get_space(name), budgets)
            except SettingsError as refusal:
                if name == self.spaces[0]:
                    self.fail(
                        "setup",
                        f"it searches {name}, the first of the test's `spaces`",
                        f"it refuses: {described(refusal)}",
                        "name a space that it can search first in `spaces` of the test",
                    )

    def _proposes(
        self, space: Space, budgets: tuple[float, ...], most: int | None = None
    ) -> list[Step]:
        """The steps of a search, which has at least one."""
        steps = self.search(space, budgets, most=most)
        if not steps:
            self.fail(
                "ask",
                f"it proposes something on {space.name} with budgets {listed(budgets)}",
                "its first ask returned None, which ends the search",
                "propose a configuration first; a space that it cannot search is refused with a"
                " regretta.SettingsError from setup",
            )
        return steps

    @pytest.mark.parametrize("extreme", EXTREMES)
    def test_bears_spaces_of_every_size(self, extreme: str) -> None:
        try:
            self._proposes(EXTREMES[extreme], (1.0, 9.0), most=30)
        except SettingsError as refusal:
            pytest.skip(f"says that it cannot: {refusal}")

    def test_bears_budgets_that_agree_to_six_digits(self, space: Space) -> None:
        self._proposes(space, (1.0, 1.0000001), most=30)

    def test_a_seed_fixes_every_proposal(self, space: Space, budgets: tuple[float, ...]) -> None:
        if not self.optimizer.reproducible:
            pytest.skip("says of itself that a seed is not enough")
        with _global_state(1):
            first = self.search(space, budgets, seed=3)
        with _global_state(2):
            again = self.search(space, budgets, seed=3)
        if (number := _difference(again, first)) is not None:
            self.fail(
                "ask",
                "all its chance comes from self.rng, so that a seed fixes every proposal",
                f"with one seed, proposal {number} was {_step(first, number)} and then"
                f" {_step(again, number)}",
                "draw from self.rng only; a set of texts has another order in every process, and"
                " what is kept outside of self is there in the next run too",
            )
        if self.search(space, budgets, seed=4) == first:
            self.fail(
                "ask",
                "another seed is another search",
                f"seeds 3 and 4 gave the same {len(first)} proposals",
                "draw from self.rng, and make no generator of your own with a fixed seed",
            )

    def test_leaves_the_global_random_state_alone(self, space: Space) -> None:
        if not self.optimizer.reproducible:
            pytest.skip("says of itself that it is stock")
        with _global_state(5) as before:
            self.search(space, (108.0,))
            after = _drawn()
        if after != before:
            self.fail(
                "ask",
                "the global generators of NumPy and Python stay as they are",
                "it drew from one of them, or seeded it",
                "use self.rng in place of np.random.… and random.…, and pass it (or an integer"
                " drawn from it) to libraries as their random state",
            )

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
        if written:
            self.fail(
                "ask",
                "a run leaves no files",
                f"it left {listed(sorted(written))} in the folder where it ran",
                "keep no files; a search that must go on after a kill has keeps_checkpoints = True"
                " and a folder of its own",
            )
        if printed := "".join(capfd.readouterr()):
            self.fail(
                "ask",
                "a run prints nothing",
                f"it printed {printed[:200]!r}",
                "take prints out, or note what is of interest with self.log(name=number)",
            )

    def test_may_hear_of_a_proposal_in_parts(
        self, space: Space, budgets: tuple[float, ...]
    ) -> None:
        if not self.optimizer.parallel or not self.optimizer.reproducible:
            pytest.skip("takes whole proposals only, or is not reproducible")
        apart = self.search(space, budgets, in_parts=True)
        whole = self.search(space, budgets)
        if (number := _difference(apart, whole)) is not None:
            self.fail(
                "tell",
                "a proposal's results may come in parts, as they do from workers side by side",
                f"told in parts, proposal {number} was {_step(apart, number)}, told at once it was"
                f" {_step(whole, number)}",
                "let tell take any number of configurations (observation.start says where they"
                " begin); set parallel = False if it needs whole proposals",
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


def _step(steps: list[Step], number: int) -> str:
    """A proposal as a message shows it."""
    return shown(steps[number]) if number < len(steps) else "none, as the search had ended"


def _difference(these: list[Step], those: list[Step]) -> int | None:
    """Number of the first proposal in which two searches differ."""
    pairs = enumerate(zip_longest(these, those))
    return next((number for number, (this, that) in pairs if this != that), None)
