"""A benchmark: whatever can be searched, and judged afterwards on what no search sees.

A table is one. So is a formula, a surrogate model, a sampled table: anything that answers three
questions. What does an evaluation show and cost (`observe`)? How good is a configuration really
(`judge`)? What is the best there is (`best`)?
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import Configurations, Space
from regretta.tabular_data.spaces.parameters import as_number


class BenchmarkError(UserError):
    """A benchmark that cannot do what a protocol asks, or lacks what a search asks for."""


@dataclass(frozen=True)
class Provenance:
    """Where a benchmark's numbers come from.

    Attributes
    ----------
    source
        Who measured it, and the file it was read from.
    licence
        Licence of the data.
    reconstruction
        Empty for measured data. Otherwise says which numbers are modelled; the word
        "reconstruction" then follows them into every result, report and picture.
    notes
        Anything a reader of the numbers must know.
    """

    source: str = "arrays given by the user"
    licence: str = "unknown"
    reconstruction: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """What an accuracy or error of a benchmark is a measure of.

    Attributes
    ----------
    name
        As people write it: ``accuracy``, ``SSIM``, ``perplexity``, ``MSE``.
    higher_is_better
        Which way is better. Searches see errors, lower is better, in either case.
    """

    name: str = "accuracy"
    higher_is_better: bool = True


@dataclass(frozen=True)
class Rule:
    """What of a benchmark an evaluation shows and costs; part of a protocol.

    Attributes
    ----------
    mean
        Show the mean over all repeats instead of one repeat.
    evaluation
        Charge one pass over the validation set besides the training.
    repeat
        The one repeat, from 0, to show; None for one that is drawn.
    """

    mean: bool = False
    evaluation: bool = False
    repeat: int | None = None


class Answers(NamedTuple):
    """What came of some evaluations, one after another: four lists of one length.

    Attributes
    ----------
    rows
        Row of each cell; −1 for an invalid configuration. Where cells are not numbered, 0.
    repeats
        Observed repeat; −1 for an invalid configuration, and where not one repeat was observed.
    errors
        Validation errors, lower is better; 1 for an invalid configuration.
    costs
        Seconds; 0 for an invalid configuration.
    """

    rows: list[int]
    repeats: list[int]
    errors: list[float]
    costs: list[float]


@dataclass(frozen=True, eq=False)
class Observed:
    """What `Benchmark.observe` gives.

    Attributes
    ----------
    errors
        Validation errors, lower is better: shape ``[n]``.
    seconds
        What each evaluation costs: shape ``[n]``.
    valid
        Whether each configuration can be evaluated at all, shape ``[n]``; None where all can. The
        errors and seconds of others are not looked at.
    """

    errors: ArrayLike
    seconds: ArrayLike
    valid: ArrayLike | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """What `Benchmark.judge` gives: errors that no search sees.

    Attributes
    ----------
    validation_error
        Expected validation error: shape ``[n]``.
    test_error
        Expected test error, shape ``[n]``; None where the benchmark has no test data.
    """

    validation_error: NDArray[np.float64]
    test_error: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Reference:
    """What regret is measured from.

    The lowest errors of any configuration at the largest budget.
    """

    validation_error: float
    test_error: float | None


Draws = Sequence[float] | NDArray[np.float64]
"""Numbers from [0, 1), one an evaluation."""


class Observer(ABC):
    """Answers one search. It holds what a search may see and nothing else."""

    notes: tuple[str, ...] = ()

    @abstractmethod
    def answer(self, configurations: Configurations, level: int, draws: Draws) -> Answers:
        """Evaluate configurations at one budget.

        Parameters
        ----------
        configurations
            Shape ``[n, dim]``, in the space's dtype.
        level
            Position of the budget on the benchmark's budget axis.
        draws
            `n` numbers from [0, 1), one an evaluation: all the chance there is.

        Raises
        ------
        BenchmarkError
            If a valid configuration cannot be evaluated at that budget.
        SpaceError
            If one is no configuration of the space.
        """


class Benchmark(ABC):
    """Something to search: subclass it, and write `observe`, `judge` and, if it is known, `best`.

    Attributes
    ----------
    name
        How suites and reports call it.
    space
        The search space.
    budgets
        Training budgets, ascending, in `budget_unit`.
    budget_unit
        ``epochs``, say.
    dataset
        Name of the data that was trained on; empty where there is none.
    metric
        What errors are a measure of.
    provenance
        Where the numbers come from.
    checksum
        A text that differs whenever any answer may differ; it belongs to every result. That of a
        benchmark in a plugin may stay empty: the plugin's code belongs to every result too.
    numbered
        Whether the space's rows number the cells; if not, configurations stand for themselves.
    """

    name: str
    space: Space
    budgets: tuple[float, ...]
    budget_unit: str = "epochs"
    dataset: str = ""
    metric: Metric = Metric()
    provenance: Provenance = Provenance()
    checksum: str = ""
    numbered: ClassVar[bool] = False

    @abstractmethod
    def observe(
        self, configurations: Configurations, budget: float, draws: NDArray[np.float64]
    ) -> Observed:
        """What an evaluation of each configuration shows and costs.

        Parameters
        ----------
        configurations
            Shape ``[n, dim]``.
        budget
            One of `budgets`.
        draws
            Shape ``[n]``, uniform in [0, 1): all the chance there is, so that a seed repeats it.
        """

    @abstractmethod
    def judge(self, configurations: Configurations, budget: float) -> Judged:
        """The errors that a search cannot see, of configurations that can be evaluated.

        Parameters
        ----------
        configurations
            Shape ``[n, dim]``.
        budget
            The budget that is reported: one of `budgets`.
        """

    def best(self, budget: float) -> Reference | None:
        """The lowest errors of any configuration at a budget; None where nobody knows.

        Without it there is no regret: reports then show errors.
        """
        return None

    @property
    def has_test(self) -> bool:
        """Whether `judge` gives test errors; if not, regret is validation regret."""
        return True

    @property
    def n_cells(self) -> int:
        """Number of cells of the space."""
        return self.space.n_cells

    @property
    def repeats(self) -> int:
        """Number of measured repeats of a training; 1 where they are drawn."""
        return 1

    def verify(self) -> None:  # noqa: B027 - a formula has nothing to do here
        """Make sure that the numbers are those of `checksum`; a formula has nothing to check.

        Raises
        ------
        UserError
            If they are not.
        """

    def check_unchanged(self) -> None:  # noqa: B027
        """Make sure, in microseconds, that its files are still those that were opened.

        Raises
        ------
        UserError
            If they are not; what was read before is right all the same.
        """

    def observer(self, rule: Rule) -> Observer:
        """What answers a search under a rule.

        Raises
        ------
        BenchmarkError
            If the benchmark cannot follow it.
        """
        if rule.mean or rule.evaluation or rule.repeat is not None:
            what = "mean over repeats" if rule.mean else "charge for evaluation"
            if rule.repeat is not None:
                what = "single repeats to choose from"
            raise BenchmarkError(
                f"benchmark {self.name!r} offers no {what}; use a protocol that does without"
            )
        return _Asking(self)

    def budget_index(self, budget: float) -> int:
        """Position of a budget on the budget axis.

        Raises
        ------
        BenchmarkError
            If there is no such budget.
        """
        number = as_number(budget)
        for index, level in enumerate(self.budgets):
            if number is not None and abs(level - number) <= 1e-9 * level:
                return index
        asked = f"{budget!r:.40}" if number is None else f"{number:.12g}"
        shown = ", ".join(f"{level:.12g}" for level in self.budgets)
        raise BenchmarkError(
            f"{self.name!r} has no budget {asked}: it has {shown} {self.budget_unit}"
        )


class _Asking(Observer):
    """Asks a benchmark's own `observe`, and checks what it says."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._space = benchmark.space

    def answer(self, configurations: Configurations, level: int, draws: Draws) -> Answers:
        configurations = self._space.check(configurations)
        budget = self._benchmark.budgets[level]
        n = len(configurations)
        observed = self._benchmark.observe(configurations, budget, np.asarray(draws))
        valid = np.ones(n, dtype=bool) if observed.valid is None else np.asarray(observed.valid)
        errors = np.asarray(observed.errors, dtype=np.float64)
        seconds = np.asarray(observed.seconds, dtype=np.float64)
        for what, values in (("errors", errors), ("seconds", seconds), ("valid", valid)):
            if values.shape != (n,):
                raise BenchmarkError(
                    f"benchmark {self._benchmark.name!r}: observe gave {what} of shape"
                    f" {list(values.shape)} for {n} configurations"
                )
        good = ~valid | (np.isfinite(errors) & np.isfinite(seconds) & (seconds > 0))
        if not good.all():
            k = int(np.argmin(good))
            raise BenchmarkError(
                f"benchmark {self._benchmark.name!r}: observe gave error {errors[k]} and"
                f" {seconds[k]} seconds for {self._space.to_values(configurations[k])} at budget"
                f" {budget:.12g}; both must be finite, and seconds above zero"
            )
        return Answers(
            np.where(valid, 0, -1).tolist(),
            [-1] * n,
            np.where(valid, errors, 1.0).tolist(),
            np.where(valid, seconds, 0.0).tolist(),
        )
