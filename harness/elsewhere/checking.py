"""Whether a trajectory of other people's code can be of the table that it claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from regretta.harness.elsewhere.records import ElsewhereError, Trajectory
from regretta.harness.regret import TOLERANCE
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.tabular_data.benchmark import Reference
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.errors import UserError

_NOTHING_VALID = 0.98
"""From such an error on a record is of a search that has seen no valid cell: peers begin at 1."""

Errors = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Checked:
    """A trajectory as errors that its table may have.

    Attributes
    ----------
    run
        The trajectory.
    reference
        The table's lowest errors; None where nobody knows them.
    start
        Its first record with a valid evaluation.
    test, mean, observed
        Test errors, mean validation errors, and validation errors as its search saw them: shape
        ``[k]``; None where it has none.
    """

    run: Trajectory
    reference: Reference | None
    start: int
    test: Errors | None
    mean: Errors | None
    observed: Errors | None


def check(
    suite: SuiteResults,
    run: Trajectory,
    kinds: Sequence[str],
    told: Counter[str],
    doubts: Counter[tuple[str, str]],
) -> Checked:
    """Check a trajectory against its table.

    Parameters
    ----------
    suite
        Results of a suite that has the table.
    run
        The trajectory.
    kinds
        Which errors are compared there: ``test``, ``validation``.
    told
        Gets what a reader must know, and of how many runs.
    doubts
        Gets the table and what looks strange there if it is so of all runs.

    Raises
    ------
    ElsewhereError
        If it lacks such errors, or has one that the table cannot have.
    """
    own = [result for group in suite.runs[run.table].values() for result in group]
    reference = next((result.reference for result in own), None)
    found: dict[str, Errors | None] = {}
    for kind, name in (("test", "test"), ("mean", "mean_validation"), ("observed", "validation")):
        best = None
        if reference is not None:
            best = reference.test_error if kind == "test" else reference.validation_error
        compared = ("test" if kind == "test" else "validation") in kinds
        table = _Table(suite, run, kind, best, own, told if compared else Counter(), doubts)
        found[kind] = table.errors(name)
    if "validation" in kinds and found["mean"] is None and found["observed"] is not None:
        found["mean"] = found["observed"]
        told[
            "validation errors are taken as that code saw them, where those of this suite are means"
            " over the repeats"
        ] += 1
    for kind, errors in (("test", found["test"]), ("validation", found["mean"])):
        if kind in kinds and errors is None and len(run.seconds):
            lacking = "test_error, test_accuracy or test_regret"
            if kind == "validation":
                lacking = "mean_validation_error, validation_error or their regrets"
            raise ElsewhereError(
                f"{run.where}: it has no {lacking}, and {kind} errors are compared on {run.table}"
            )
    first = found["test" if kinds[0] == "test" else "mean"]
    start = 0 if first is None else _first_valid(first)
    return Checked(run, reference, start, found["test"], found["mean"], found["observed"])


def _first_valid(errors: Errors) -> int:
    valid = errors < _NOTHING_VALID
    return int(np.argmax(valid)) if valid.any() else len(errors)


@dataclass(frozen=True, eq=False)
class _Table:
    """What a table's errors of a kind can be, and what a trajectory says of them."""

    suite: SuiteResults
    run: Trajectory
    kind: str
    best: float | None
    own: Sequence[RunResult]
    told: Counter[str]
    doubts: Counter[tuple[str, str]]

    def errors(self, name: str) -> Errors | None:
        """The trajectory's errors of a kind, of whatever column has them; None where none has."""
        given = self.run.values
        for form in ("error", "accuracy", "regret"):
            column = f"{name}_{form}"
            if column in given:
                return self._possible(column, given[column], form)
        return None

    def _possible(self, column: str, values: Errors, form: str) -> Errors:
        low, high = self.best, self._highest()
        most = max(1.0, high or 0.0)
        self._refuse(
            column,
            values,
            values > most,
            f"and a fraction is at most {most:g}; if these are percentages, divide them by 100",
        )
        if form == "regret":
            if low is None:
                raise ElsewhereError(
                    f"{self.run.where}: {column} cannot be used on {self.run.table}, whose best"
                    f" cell nobody knows; give {column.replace('regret', 'error')}"
                )
            errors = values + low
        else:
            errors = 1 - values if form == "accuracy" else values
        self._refuse_too_good(column, values, errors, form)
        start = _first_valid(errors) if self._highest() is None or most <= 1 else 0
        if high is not None:
            bound = {"error": high, "accuracy": 1 - high, "regret": high - (low or 0.0)}[form]
            side = "below" if form == "accuracy" else "above"
            many = "accuracies" if form == "accuracy" else f"{form}s"
            late = np.arange(len(errors)) >= start
            self._refuse(
                column,
                values,
                late & (errors > high + TOLERANCE),
                f"and no cell's {form} on {self.run.table} is {side} {bound:.6g}: are these"
                f" fractions of that table, and {many}?",
            )
        self._tell_strange(column, errors[start:], form)
        return errors

    def _refuse_too_good(self, column: str, values: Errors, errors: Errors, form: str) -> None:
        """Refuse what is better than the best cell, unless single repeats may be."""
        low = 0.0 if self.best is None else self.best
        single = self.kind == "observed" or (
            self.kind == "test" and self.suite.identity.protocol.test == "repeat"
        )
        better = errors < low - TOLERANCE
        if single and (errors >= 0).all():
            if better.any():
                self.told[f"{column} is at times better than the best cell's mean"] += 1
            return
        if form == "regret":
            why = "and no regret is below zero: no cell is better than the best one"
        elif form == "accuracy":
            why = f"and the best cell of {self.run.table} has {1 - low:.6g}"
        else:
            why = (
                f"and no cell of {self.run.table} is below {low:.6g}; if it is a regret, call it"
                f" {column.replace('error', 'regret')}"
            )
        self._refuse(column, values, better, why)

    def _tell_strange(self, column: str, errors: Errors, form: str) -> None:
        """Tell what looks like another unit or quantity, although the table may have it."""
        if self.best is None or not len(errors) or self.kind != "test":
            return
        lowest = float(errors.min()) - self.best
        if form == "regret" and lowest >= self.best > TOLERANCE:
            self._doubt(
                f"no {column} on {self.run.table} falls below {self.best:.6g}, the error of the"
                f" best cell: if these are errors, call them {column.replace('regret', 'error')}"
            )
        firsts = [
            float(one.regret("test")[0]) for one in self.own if len(one.trajectory) and one.has_test
        ]
        if firsts and lowest > max(firsts):
            self._doubt(
                f"all end on {self.run.table} with a {column} that is worse than where any run of"
                " the suite begins: are these fractions, and of that table?"
            )

    def _doubt(self, text: str) -> None:
        self.doubts[self.run.table, text] += 1

    def _highest(self) -> float | None:
        """The highest error of any cell, where the table itself is at hand."""
        identity = self.suite.identity
        about = identity.tables[self.run.table]
        places = tuple(filter(None, (about.place, self.run.table)))
        return _highest(places, about.checksum, identity.protocol.report_budget, self.kind)

    def _refuse(self, column: str, values: Errors, wrong: NDArray[np.bool_], why: str) -> None:
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ElsewhereError(
                f"{self.run.where}: record {i + 1} of run {self.run.run!r:.100} of"
                f" {self.run.method!r:.100} has {column} {values[i]:g}, {why}"
            )


@lru_cache(256)
def _highest(places: Sequence[str], checksum: str, report: float | None, kind: str) -> float | None:
    name = "test_accuracy" if kind == "test" else "validation_accuracy"
    for place in places:
        try:
            table = open_table(place)
            level = table.budget_index(table.budgets[-1] if report is None else report)
        except (UserError, OSError):
            continue
        if table.checksum == checksum and name in table.columns:
            accuracy = table.columns[name]
            return float(1 - np.nanmin(accuracy if kind == "observed" else accuracy[:, level]))
    return None
