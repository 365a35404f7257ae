"""The ask/tell contract between the harness and whatever searches."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Benchmark
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces import Configuration, Configurations, Space


class SettingsError(UserError):
    """An optimizer's setting that does not exist or cannot have that value."""


@dataclass(frozen=True)
class Problem:
    """What a search may know beforehand.

    Attributes
    ----------
    space
        The search space.
    budgets
        Budgets a proposal may ask for, ascending; the last one is the full training.
    folder
        Where a search that `keeps_checkpoints` may keep what it needs to go on after it was killed;
        it need not be there yet, the folder above it is. None: nothing is kept.
    """

    space: Space
    budgets: tuple[float, ...]
    folder: Path | None = None

    @property
    def full_budget(self) -> float:
        """The largest budget."""
        return self.budgets[-1]


# Proposals and observations are made for every evaluation, and to freeze one takes two
# microseconds: they are frozen by agreement.
@dataclass(slots=True)
class Proposal:
    """Configurations to evaluate, one after another, at one budget.

    Attributes
    ----------
    configurations
        Shape ``[n, dim]``.
    budget
        One of the problem's budgets; None means the largest.
    tag
        Anything; comes back with the observation, so that a search with several things under way
        knows which one it hears of.
    seconds
        Seconds that the search spent itself to make this proposal, training a model, say: they pass
        on the simulated clock before the evaluations start. With them a proposal may be empty, and
        without them where the search overrides `recommend`.
    """

    configurations: Configurations
    budget: float | None = None
    tag: Any = None
    seconds: float = 0.0


@dataclass(slots=True)
class Observation:
    """What came of a proposal, or of a part of it: all a real search would see.

    Attributes
    ----------
    configurations
        Shape ``[k, dim]``.
    budget
        The budget that was asked for.
    errors
        Observed validation errors, fractions: shape ``[k]``. 1 for an invalid configuration.
    costs
        Simulated seconds, shape ``[k]``. 0 for an invalid configuration.
    valid
        Whether each configuration means a cell, shape ``[k]``.
    tag
        The proposal's tag.
    start
        Position of the first of these configurations within its proposal.
    """

    configurations: Configurations
    budget: float
    errors: NDArray[np.float64]
    costs: NDArray[np.float64]
    valid: NDArray[np.bool_]
    tag: Any = None
    start: int = 0

    @property
    def configuration(self) -> Configuration:
        """The first configuration; the only one where proposals are single."""
        first: Configuration = self.configurations[0]
        return first

    @property
    def error(self) -> float:
        """Observed validation error of the first configuration."""
        return float(self.errors[0])

    @property
    def cost(self) -> float:
        """Simulated seconds of the first configuration."""
        return float(self.costs[0])

    def __iter__(self) -> Iterator[tuple[Configuration, float]]:
        """Pairs of configuration and observed validation error."""
        return zip(self.configurations, self.errors.tolist())  # noqa: B905 - equal by construction, and often called


@dataclass(frozen=True)
class NoSettings:
    """For an optimizer without settings."""


class Optimizer(ABC):
    """A search algorithm. Subclass it, set `name`, write `ask` and `tell`: that is a plugin.

    The harness makes one instance a run, with a problem and a generator. It calls `ask`, evaluates
    what was proposed, calls `tell`, and so on until the simulated time is over. All randomness must
    come from `rng`; then a seed reproduces a run. Made without the two, an instance holds settings
    only: ``regretta.search("digits101", MyOptimizer(population_size=20), seconds=100)``.

    Attributes
    ----------
    name
        How suites and the command line call it.
    Settings
        A frozen dataclass of the optimizer's settings with their defaults.
    presets
        Named sets of settings, such as ``script`` for the defaults of a paper's script.
    parallel
        Whether `ask` may be called again while earlier proposals are still under way.
    uses_budgets
        Whether the optimizer asks for budgets below the largest.
    reproducible
        Whether a seed alone fixes its proposals.
    finite
        Whether a search is done by itself, after so many epochs, say. Then it is no fault to end
        before the limit, and a run that the limit ended says so.
    keeps_checkpoints
        Whether it keeps what it needs to go on in its problem's `folder`, at once or not at all.
        That folder belongs to one run; it is removed once the run's result is written.
    space, budgets, settings, rng
        Set by the constructor: the search space, the budgets that may be asked for (ascending),
        this run's settings, and this run's random generator.
    notes
        Sentences for whoever reads the results, such as a multi-fidelity method that met a single
        budget.
    discarded
        Configurations that it drew and threw away as invalid before it proposed; they count among
        the proposals of a run.
    logged
        Rows of `log` that the harness has not taken yet.
    """

    name: ClassVar[str] = ""
    Settings: ClassVar[type[Any]] = NoSettings
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    parallel: ClassVar[bool] = False
    uses_budgets: ClassVar[bool] = False
    reproducible: ClassVar[bool] = True
    finite: ClassVar[bool] = False
    keeps_checkpoints: ClassVar[bool] = False

    def __init__(
        self,
        problem: Problem | None = None,
        rng: np.random.Generator | None = None,
        settings: Any = None,
        **values: Any,
    ) -> None:
        if settings is None:
            settings = self.make_settings(values=values)
        elif values:
            raise SettingsError(f"{self.name}: give settings, or values of them, not both")
        self.settings: Any = settings
        if problem is None or rng is None:
            if problem is not None or rng is not None:
                raise TypeError("an optimizer that is to search needs a problem and a generator")
            return  # not at work yet: whoever runs it makes another of these settings
        self.problem = problem
        self.space = problem.space
        self.budgets = problem.budgets
        self.rng = rng
        self.notes: list[str] = []
        self.discarded = 0
        self.logged: list[dict[str, float]] = []
        self.setup()

    def setup(self) -> None:  # noqa: B027 - a hook, empty on purpose
        """Called once before the first `ask`; the place for a population, a model, and the like.

        Raises
        ------
        SettingsError
            If the settings and the problem do not fit together.
        """

    @abstractmethod
    def ask(self) -> Configuration | Configurations | Proposal | None:
        """What to evaluate next.

        Returns
        -------
        A configuration (shape ``[dim]``), several (shape ``[n, dim]``), or a `Proposal` where the
        budget matters. None: nothing before something under way comes back; with nothing under way,
        the search is over.
        """

    def tell(self, observation: Observation) -> None:  # noqa: B027 - random search learns nothing
        """Learn what came of a proposal. Called once a proposal, or once a part of it."""

    def recommend(self) -> Configuration | None:
        """The configuration that the search would return now: the incumbent, from this moment on.

        Override it where that is not the one with the lowest error seen: the argmax of a policy, or
        what a search that evaluates nothing derives from its own model. Asked after each `tell`.

        Returns
        -------
        A configuration, shape ``[dim]``; None to leave the incumbent as it is.
        """
        return None

    def log(self, **numbers: float) -> None:
        """Note a row of the search's own measurements, such as the loss of an epoch.

        Called within `ask`. The rows stand in the run's result with the simulated time at which
        that proposal was done. What has no value in a row is left out there.

        Raises
        ------
        ValueError
            If a number is not finite, or is called ``time``.
        """
        for name, number in numbers.items():
            if name == "time" or not math.isfinite(number):
                why = "the harness adds it" if name == "time" else "leave out what has no value"
                raise ValueError(f"log: {name} is {number}; {why}")
        self.logged.append({name: float(number) for name, number in numbers.items()})

    @classmethod  # noqa: B027 - a hook, empty on purpose
    def check_benchmark(cls, benchmark: Benchmark, settings: Any) -> None:
        """Refuse a benchmark that it cannot search with these settings.

        Asked before a suite's first run, and before each run.

        Raises
        ------
        UserError
            In one line.
        """

    @classmethod
    def make_settings(
        cls, preset: str | None = None, values: Mapping[str, Any] | None = None
    ) -> Any:
        """The settings of a preset with some values changed.

        Raises
        ------
        SettingsError
            If the preset or a setting does not exist (the message has the nearest names), or a
            value has another type than the setting's default or is refused by the optimizer.
        """
        if preset is not None and preset not in cls.presets:
            raise SettingsError(unknown(f"preset of {cls.name}", preset, cls.presets))
        merged = {**(cls.presets[preset] if preset else {}), **(values or {})}
        known = {f.name: f for f in fields(cls.Settings)}
        for key, value in merged.items():
            if key not in known:
                raise SettingsError(unknown(f"setting of {cls.name}", key, known))
            merged[key] = _typed(cls.name, key, value, known[key].default)
        try:
            return cls.Settings(**merged)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"settings of {cls.name}: {error}") from error


def _typed(optimizer: str, key: str, value: Any, default: Any) -> Any:
    """The value in the default's type; whole numbers pass for floats, nothing else is converted."""
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, bool | int | float | str) and type(value) is not type(default):
        raise SettingsError(
            f"setting {key!r} of {optimizer} takes a {type(default).__name__} such as {default!r},"
            f" got {value!r}"
        )
    return value
