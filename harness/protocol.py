"""A protocol: what a search sees, what it is charged, and what counts as its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np

from regretta.tabular_data.benchmark import Benchmark, Rule
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import Counting, NasBench101
from regretta.tabular_data.table import Table


@dataclass(frozen=True)
class Rules:
    """The rules of a protocol's source, a sentence each, and where the protocol departs.

    Attributes
    ----------
    validity
        Which configurations are no cell, and what becomes of them.
    crossing
        What becomes of the evaluation that crosses the time limit.
    repeats
        Which measurement an evaluation shows.
    incumbent
        Which evaluation becomes the incumbent, and on what it is judged.
    charge
        What an evaluation costs.
    """

    validity: str = ""
    crossing: str = ""
    repeats: str = ""
    incumbent: str = ""
    charge: str = ""


class ProtocolError(UserError):
    """A protocol that does not exist, or that asks for what a table lacks."""


@dataclass(frozen=True)
class Protocol:
    """The rules of a comparison.

    An invalid configuration is always observed as error 1 at no cost, and equal configurations are
    charged each time they are evaluated.

    Attributes
    ----------
    name, summary
        How suites call it, and one sentence for people.
    observe
        ``repeat``: one measured repeat, drawn anew for every evaluation; accuracy and time are of
        that same repeat. ``mean``: the means over the repeats; those that differ by no more than
        `regretta.harness.regret.TOLERANCE` tie.
    repeat
        The one repeat, from 0, that every evaluation shows; None for drawing one.
    budgets
        Budgets a search may ask for; empty for all of the table's. Of several, those a table lacks
        are left out as long as the largest is there, unless `virtual`.
    virtual
        The budgets are names only: every evaluation trains for `trained_budget`, whatever was
        asked.
    trained_budget
        Budget of every evaluation where `virtual`.
    charge_evaluation
        Whether one pass over the validation set is charged besides the training: ``never``,
        ``always``, or ``measured``, which is where the table has its time; a run without it says so
        in its notes.
    incumbent
        ``any``: the lowest observed validation error so far, whatever its budget. ``largest``: only
        evaluations asked for at the largest budget count.
    test
        ``mean``: the incumbent's mean test error at `report_budget`. ``repeat``: that of the very
        repeat that was observed.
    report_budget
        Budget at which the incumbent is judged; None for the table's largest.
    crossing
        Whether the evaluation that crosses the time limit still counts.
    time_limits
        Default time limit, simulated seconds, by the table's data set; ``""`` for all others.
    search_data
        Data set that every search runs on; the incumbent is judged on the table's own. Empty: the
        same.
    space, needs_budgets, needs_test, needs_repeats
        What a table must have.
    counting
        Which of NAS-Bench-101's two rules decides whether a configuration has too many edges:
        ``before`` or ``after`` pruning. None: the table's own.
    source
        Where the rules come from.
    rules
        The source's own rules in words.
    based_on
        Of a protocol of a user's own, the named one that it changes; otherwise empty.

    Raises
    ------
    ProtocolError
        If two of its rules contradict each other.
    """

    name: str
    summary: str = field(compare=False)
    observe: Literal["repeat", "mean"] = "repeat"
    repeat: int | None = None
    budgets: tuple[float, ...] = ()
    virtual: bool = False
    trained_budget: float | None = None
    charge_evaluation: Literal["never", "always", "measured"] = "never"
    incumbent: Literal["any", "largest"] = "any"
    test: Literal["mean", "repeat"] = "mean"
    report_budget: float | None = None
    crossing: bool = False
    time_limits: Mapping[str, float] = field(default_factory=dict)
    search_data: str = ""
    space: str = ""
    needs_budgets: tuple[float, ...] = ()
    needs_test: bool = False
    needs_repeats: int = 1
    counting: Counting | None = None
    source: str = field(default="", compare=False)
    rules: Rules = field(default=Rules(), compare=False, metadata={"stored": False})
    based_on: str = ""

    def __post_init__(self) -> None:
        own = self.test == "repeat"
        observed = "test = 'repeat' reports the observed training, and"
        ascending = list(self.budgets) == sorted(set(self.budgets))
        single = [("trained_budget", self.trained_budget), ("report_budget", self.report_budget)]
        for wrong, said in (
            (
                self.observe == "mean" and self.repeat is not None,
                "observe = 'mean' shows all repeats, and repeat shows one",
            ),
            (self.observe == "mean" and own, f"{observed} observe = 'mean' observes no single one"),
            (
                own and self.trained_budget is not None,
                f"{observed} trained_budget makes its budget another than was asked for",
            ),
            (own and self.search_data, f"{observed} search_data trains on other data"),
            (self.virtual and self.trained_budget is None, "virtual budgets need a trained_budget"),
            (self.repeat is not None and self.repeat < 0, f"repeat is from 0, got {self.repeat}"),
            (
                not ascending or not all(budget > 0 for budget in self.budgets),
                f"budgets ascend and are above 0, got {', '.join(f'{b:g}' for b in self.budgets)}",
            ),
            *(
                (budget is not None and budget <= 0, f"{name} is above 0, got {budget}")
                for name, budget in single
            ),
        ):
            if wrong:
                raise ProtocolError(f"protocol {self.name!r}: {said}")

    def rule(self) -> Rule:
        """What an evaluation shows and costs."""
        return Rule(
            mean=self.observe == "mean",
            evaluation=self.charge_evaluation != "never",
            repeat=self.repeat,
        )

    def offered_budgets(self, searched: Benchmark) -> tuple[float, ...]:
        """Budgets a search may ask for, ascending."""
        if not self.budgets:
            return searched.budgets
        if self.virtual:
            return self.budgets
        return tuple(budget for budget in self.budgets if _has(searched, budget))

    def time_limit(self, benchmark: Benchmark) -> float | None:
        """The protocol's own time limit, simulated seconds; None where it has none."""
        return self.time_limits.get(benchmark.dataset, self.time_limits.get(""))

    def check(self, benchmark: Benchmark, searched: Benchmark | None = None) -> None:
        """Refuse a benchmark that lacks what the protocol asks for.

        Parameters
        ----------
        benchmark
            What incumbents are judged on.
        searched
            What is searched, where it is another one.

        Raises
        ------
        ProtocolError
            Naming the benchmark, the protocol and all that is missing.
        """
        searched = searched or benchmark
        lacking = []
        if self.space and not benchmark.space.name.startswith(self.space):
            lacking.append(f"the search space {self.space} (it has {benchmark.space.name})")
        if self.needs_test and not benchmark.has_test:
            lacking.append("test accuracy")
        if self.test == "repeat" and "test_accuracy" not in _columns(searched):
            lacking.append("test accuracy of each repeat")
        report = [self.report_budget] if self.report_budget is not None else []
        for owner, budgets in (
            (benchmark, [*self.needs_budgets, *report]),
            (searched, self._searched_budgets()),
        ):
            for budget in budgets:
                missing = f"budget {budget:.12g} of {owner.name}"
                if not _has(owner, budget) and missing not in lacking:
                    lacking.append(missing)
        if benchmark.repeats < self.needs_repeats:
            lacking.append(f"{self.needs_repeats} repeats (it has {benchmark.repeats})")
        if self.charge_evaluation == "always" and "evaluation_seconds" not in _columns(searched):
            lacking.append(f"evaluation_seconds of {searched.name}")
        if self.repeat is not None and self.repeat >= searched.repeats:
            has = f"it has {searched.repeats}, counted from 0"
            lacking.append(f"repeat {self.repeat} of {searched.name} ({has})")
        if searched.n_cells != benchmark.n_cells:
            lacking.append(f"the same cells as {searched.name}")
        if not lacking:
            self._refuse_other_training(benchmark, searched)
            lacking += self._gaps(benchmark, searched)
        if lacking:
            raise ProtocolError(
                f"protocol {self.name!r} cannot run on table {benchmark.name!r}, which lacks"
                f" {'; '.join(lacking)}"
            )

    def _refuse_other_training(self, benchmark: Benchmark, searched: Benchmark) -> None:
        """Refuse to report the observed training where it is not the one that regret is about."""
        if self.counting is not None and not isinstance(benchmark.space, NasBench101):
            raise ProtocolError(
                f"protocol {self.name!r} cannot run on table {benchmark.name!r}: counting is about"
                " NAS-Bench-101's cells only"
            )
        if self.test != "repeat":
            return
        report = benchmark.budgets[-1] if self.report_budget is None else self.report_budget
        offered = self.offered_budgets(searched)
        counted = offered[-1:] if self.incumbent == "largest" else offered
        others = [budget for budget in counted if abs(budget - report) > 1e-9 * report]
        if others or searched is not benchmark:
            what = f"budget {others[0]:.12g}" if others else f"table {searched.name!r}"
            raise ProtocolError(
                f"protocol {self.name!r} cannot run on table {benchmark.name!r}: test = 'repeat'"
                f" would report trainings of {what}, and regret is about budget {report:.12g} of"
                f" {benchmark.name!r}; set test = 'mean'"
                + (", incumbent = 'largest' or other budgets" if others else "")
            )

    def _gaps(self, benchmark: Benchmark, searched: Benchmark) -> list[str]:
        """What tables lack of cells that a search can meet: no search may run into a gap."""
        if not (isinstance(benchmark, Table) and isinstance(searched, Table)):
            return []
        present = searched.available.any(axis=1)
        offered = self.offered_budgets(searched)
        trained = offered if self.trained_budget is None else (self.trained_budget,)
        needed = [(searched, "measurement", b, searched.available) for b in trained]
        report = benchmark.budgets[-1] if self.report_budget is None else self.report_budget
        needed.append((benchmark, "measurement", report, benchmark.available))
        if benchmark.mean_test_error is not None:
            tested = ~np.isnan(benchmark.mean_test_error)
            needed.append((benchmark, "test accuracy", report, tested))
        if self.test == "repeat":
            both = np.isnan(searched.columns["test_accuracy"]) <= np.isnan(
                searched.columns["validation_accuracy"]
            )
            needed += [(searched, "test accuracy of each repeat", b, both.all(2)) for b in trained]
        if self.repeat is not None:
            shown = ~np.isnan(searched.columns["validation_accuracy"][:, :, self.repeat])
            needed += [(searched, f"repeat {self.repeat}", b, shown) for b in trained]
        gaps = {}
        for owner, what, budget, measured in needed:
            missing = present & ~measured[:, owner.budget_index(budget)].astype(bool)
            if missing.any():
                row = int(np.argmax(missing))
                said = f"{what} at budget {budget:.12g} of {owner.name}"
                cells = f"{int(missing.sum()):,} cells, the first is row {row}"
                gaps[said] = f"{said} for {cells} ({owner.space.describe(row)})"
        return list(gaps.values())

    def _searched_budgets(self) -> list[float]:
        if self.trained_budget is not None:
            return [self.trained_budget]
        return [self.budgets[-1]] if self.budgets else []

    def as_dict(self) -> dict[str, Any]:
        """The fields that results keep, as JSON can hold them.

        Those of protocols of one's own stand there only where they say something.
        """
        plain = {
            f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("stored", True)
        }
        for name, nothing in (("repeat", None), ("based_on", "")):
            if plain[name] == nothing:
                del plain[name]
        return {
            key: (
                list(value)
                if isinstance(value, tuple)
                else dict(value)
                if isinstance(value, Mapping)
                else value
            )
            for key, value in plain.items()
        }


def _columns(benchmark: Benchmark) -> Mapping[str, Any]:
    return benchmark.columns if isinstance(benchmark, Table) else {}


def _has(benchmark: Benchmark, budget: float) -> bool:
    return any(abs(level - budget) <= 1e-9 * level for level in benchmark.budgets)
