"""One search of the conformance suite, and how a fault is told: in words, with its line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from regretta.optimizers.base import Observation, Optimizer, Problem, Proposal, SettingsError
from regretta.optimizers.places import place_in
from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces import Space
from regretta.tabular_data.text import described

Step = tuple[list[list[float]], float]
"""Configurations proposed together, and their budget."""


class Examined:
    """An optimizer that is examined; a fault fails the test.

    Attributes
    ----------
    optimizer
        The class.
    settings
        Those that differ from the defaults.
    evaluations
        Of one search.
    """

    optimizer: ClassVar[type[Optimizer]]
    settings: ClassVar[dict[str, Any]] = {}
    evaluations: ClassVar[int] = 120

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
        optimizer: Optimizer = self._called(
            "__init__",
            self.optimizer,
            *(Problem(space, budgets), np.random.default_rng(seed), settings),
        )
        most = self.evaluations if most is None else min(most, self.evaluations)
        steps: list[Step] = []
        told = 0
        while told < most:
            asked = self._called("ask", optimizer.ask)
            if asked is None:
                break
            proposal = asked if isinstance(asked, Proposal) else Proposal(asked)
            budget = budgets[-1] if proposal.budget is None else proposal.budget
            if budget not in budgets:
                self.fail(
                    "ask",
                    f"a proposal has one of the offered budgets, {listed(budgets)}",
                    f"it proposed the budget {budget!r}",
                    "take one of self.budgets, or leave the budget out for the largest",
                )
            configurations = self._configurations(space, proposal)
            if not len(configurations):
                nothing = np.empty(0)
                observation = Observation(
                    configurations, budget, nothing, nothing, nothing > 0, proposal.tag
                )
                steps.append((self._recommended(optimizer, space, observation), budget))
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
                self._called("tell", optimizer.tell, observation)
            told += len(configurations)
        return steps

    def fail(self, method: str, expected: str, found: str, mend: str, where: str = "") -> NoReturn:
        """Fail a test in words.

        Parameters
        ----------
        method
            The optimizer's method that it is about.
        expected, found, mend
            What every optimizer does, what this one did, what to do.
        where
            File and line; by default where the method begins.
        """
        pytest.fail(
            f"{self.optimizer.name or self.optimizer.__name__}: {expected}\n"
            f"  but: {found}\n"
            f"  where: {where or self._line_of(method)}\n"
            f"  mend: {mend}",
            pytrace=False,
        )

    def _line_of(self, method: str) -> str:
        """Where a method of the optimizer begins, or else its class."""
        for what in (getattr(self.optimizer, method, None), self.optimizer):
            with suppress(OSError, TypeError):
                _, line = inspect.getsourcelines(what)  # type: ignore[arg-type]
                file = inspect.getsourcefile(what)  # type: ignore[arg-type]
                return f"{file}:{line}, {getattr(what, '__qualname__', method)}"
        return self.optimizer.__qualname__

    def _called(self, method: str, function: Callable[..., Any], *given: Any) -> Any:
        """What a method of the optimizer returns; an error is a failure that names its line."""
        try:
            return function(*given)
        except SettingsError:  # it says that it cannot search the space
            raise
        except Exception as error:
            place = place_in(error, files_of(self.optimizer))
            self.fail(
                method,
                f"{method} raises nothing, whatever the space, the budgets and the seed",
                f"it raised {described(error)}",
                "mend that line; a space or setting that it cannot do is refused with a"
                " regretta.SettingsError from setup",
                f"{place}, called by {method}" if place else "",
            )

    def _configurations(self, space: Space, proposal: Proposal) -> NDArray[Any]:
        """The configurations of a proposal: shape ``[k, dim]``."""
        try:
            return space.check(np.atleast_2d(proposal.configurations))
        except Exception as error:
            self.fail(
                "ask",
                f"ask proposes configurations of the space {space.name}: a vector of {space.dim}"
                " numbers, or rows of such vectors",
                f"it proposed {shown(proposal.configurations)}: {described(error)}",
                "make them with self.space.sample, mutate or from_values, and change a copy by"
                " entries that self.space.parameters allows",
            )

    def _recommended(
        self, optimizer: Optimizer, space: Space, observation: Observation
    ) -> list[list[float]]:
        """What a search recommends that evaluates nothing."""
        if self.optimizer.recommend is Optimizer.recommend:
            self.fail(
                "ask",
                "a proposal has at least one configuration",
                "it proposed an empty array",
                "to end the search, return None",
            )
        self._called("tell", optimizer.tell, observation)
        incumbent = self._called("recommend", optimizer.recommend)
        if incumbent is None:
            self.fail(
                "recommend",
                "a search that proposes nothing recommends a configuration",
                "it proposed and recommended nothing",
                "return a configuration from recommend, or propose one in ask",
            )
        return list(self._configurations(space, Proposal(incumbent)).tolist())

    @staticmethod
    def _error(configurations: NDArray[Any], share: float) -> NDArray[np.float64]:
        spread = configurations.astype(np.float64).sum(axis=1)
        return np.asarray(0.05 + 0.9 * spread / (1.0 + spread) + 0.04 * (1.0 - share))


def files_of(optimizer: type[Optimizer]) -> set[Path]:
    """The sources of an optimizer and of what it inherits from, Regretta's contract left out."""
    files = set()
    for cls in optimizer.__mro__[: optimizer.__mro__.index(Optimizer)]:
        with suppress(OSError, TypeError):
            files.add(Path(inspect.getfile(cls)))
    return files


def listed(values: Sequence[object]) -> str:
    """Values with commas between."""
    return ", ".join(str(value) for value in values)
