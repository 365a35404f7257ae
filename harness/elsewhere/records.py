"""Trajectories of other people's code: what a record may say, and that records ascend."""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from regretta.harness.store.columns import MEANINGS
from regretta.tabular_data.errors import UserError, shown
from regretta.tabular_data.names import unknown

TEXTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"table": ("table", "benchmark"), "method": ("method", "label"), "run": ("run", "seed")}
)
NUMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "seconds": ("seconds", "time", "runtime"),
        "evaluations": ("evaluations", "evaluation"),
        "test_error": ("test_error",),
        "test_accuracy": ("test_accuracy",),
        "test_regret": ("test_regret", "regret_test"),
        "validation_error": ("validation_error",),
        "validation_accuracy": ("validation_accuracy",),
        "validation_regret": ("validation_regret", "regret_observed"),
        "mean_validation_error": ("mean_validation_error",),
        "mean_validation_regret": ("mean_validation_regret",),
    }
)
_KNOWN = frozenset(
    {*MEANINGS, *(name for names in (*TEXTS.values(), *NUMBERS.values()) for name in names)}
)
"""What may stand in a file unused: Regretta's own exports have more than is needed here."""

NASLIB = (
    "an errors.json of NASLib cannot be used: its runtime is that of the machine which looked the"
    " table up, and its train_time that of the incumbent alone; its epochs count passes over the"
    " data where the optimizer trains, not evaluations. Keep the seconds that the table has of each"
    " evaluation as you look it up, see docs/elsewhere.md"
)
"""`Trainer.search` and `_log_to_json` of naslib/defaults/trainer.py, automl/NASLib at 0082349."""
_LARGEST = 1 << 25
MOST_RECORDS = 500_000
_MOST_FILES = 20_000
LONGEST_NAME = 200
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class ElsewhereError(UserError):
    """Trajectories that cannot be used; the message says which, where, and what to do."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One run of somebody else's code: what held from which second on.

    Attributes
    ----------
    table, method, run
        The table it claims (empty if it names none), the method, and what its run is called.
    where
        File, and line or entry, for messages.
    seconds
        When each record begins to hold, ascending: shape ``[k]``.
    values
        Meaning, such as ``test_error``, → shape ``[k]``; only what the file has.
    twice
        Records that stood there a second time, equal in everything, and were left out.
    Records that change nothing are left out too, but for the last one.
    """

    table: str
    method: str
    run: str
    where: str
    seconds: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
    twice: int = 0


@dataclass(frozen=True, eq=False)
class Trajectories:
    """All that a file or folder has.

    Attributes
    ----------
    path
        As it was named.
    sha256
        Of the file; of a folder, of the names and contents of its files.
    runs
        One a run, in the order in which they are found.
    notes
        What was left out, a line each.
    """

    path: Path
    sha256: str
    runs: tuple[Trajectory, ...]
    notes: tuple[str, ...] = ()


@dataclass
class Records:
    """The records of a run while they are read."""

    where: str
    lines: array[int] = field(default_factory=lambda: array("q"))
    columns: dict[str, array[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Add a value to a column."""
        if name not in self.columns:
            self.columns[name] = array("d")
        self.columns[name].append(value)

    def trajectory(self, table: str, method: str, run: str, place: str) -> Trajectory:
        """The run, its records checked: `place` says how one of `lines` is called."""
        for name, text in (("table", table), ("method", method), ("run", run)):
            if len(text) > LONGEST_NAME or not text.isprintable() or text != text.strip():
                raise ElsewhereError(f"{self.where}: {shown(text)} cannot be the name of a {name}")
        times = np.array(self.columns.get("seconds", []), dtype=np.float64)
        columns = {
            name: np.array(column, dtype=np.float64)
            for name, column in self.columns.items()
            if name != "seconds"
        }
        whose = f"run {run!r:.100} of {method!r:.100}"
        steps = np.diff(times, prepend=0.0)
        if (steps < 0).any():
            first = int(np.argmax(steps < 0))
            before = times[first - 1] if first else 0.0
            raise ElsewhereError(
                f"{self._at(first, place)}: seconds of {whose} go back from {before:g} to"
                f" {times[first]:g}; they ascend from 0"
            )
        again = steps == 0
        again[:1] = False
        counts = columns.get("evaluations")
        if counts is not None:
            wrong = (np.diff(counts, prepend=0.0) < 0) | (counts % 1 != 0) | (counts > 1 << 53)
            if wrong.any():
                i = int(np.argmax(wrong))
                raise ElsewhereError(
                    f"{self._at(i, place)}: evaluations of {whose} are {counts[i]:g}; they are"
                    " whole numbers that ascend from 0"
                )
        for i in np.flatnonzero(again).tolist():
            if counts is not None and counts[i] > counts[i - 1]:
                continue  # two evaluations that ended in one second: the later record counts
            for name, column in columns.items():
                if column[i] != column[i - 1]:
                    raise ElsewhereError(
                        f"{self._at(i, place)}: {whose} has two records of second {times[i]:g}"
                        f" that differ in {name} ({column[i - 1]:g} and {column[i]:g}); keep the"
                        " one that counts"
                    )
        last = ~np.append(again[1:], False)[: len(times)]  # of each second
        kept = np.flatnonzero(last)
        # Peers write a record an evaluation: those that change nothing go, but for the last.
        values = [column[kept] for name, column in columns.items() if name != "evaluations"]
        changes = np.zeros(len(kept), dtype=bool)
        for column in values:
            changes |= np.diff(column, prepend=np.nan) != 0
        if len(kept):
            changes[-1] = True
            kept = kept[changes]
        return Trajectory(
            table,
            method,
            run,
            self.where,
            times[kept],
            {name: column[kept] for name, column in columns.items()},
            int(again.sum()),
        )

    def _at(self, i: int, place: str) -> str:
        return f"{self.where.partition(', line')[0]}, {place} {self.lines[i]}"


def columns_of(names: Sequence[str], where: str) -> tuple[dict[str, str], list[str]]:
    """Meaning → column of that meaning, and the columns that nobody knows."""
    found: dict[str, str] = {}
    for meaning, aliases in (*TEXTS.items(), *NUMBERS.items()):
        there = [alias for alias in aliases if alias in names]
        if meaning in ("method", "run", "table"):
            there = there[:1]  # Regretta's exports have the suite's seed besides
        if len(there) > 1:
            raise ElsewhereError(
                f"{where}: {there[0]!r} and {there[1]!r} mean the same; keep one of them"
            )
        if there:
            found[meaning] = there[0]
    if "regret_validation" in names:  # of the mean in Regretta's exports, else of what was seen
        ours = "regret_observed" in names
        found.setdefault(
            "mean_validation_regret" if ours else "validation_regret", "regret_validation"
        )
    if "seconds" not in found:
        near = unknown("column", "seconds", names) if names else "it has no column"
        raise ElsewhereError(
            f"{where}: it has no 'seconds' (nor 'time' or 'runtime'), the charged seconds at which"
            f" a record begins to hold ({near:.200})"
        )
    if not found.keys() & {"test_error", "test_accuracy", "test_regret"} and not any(
        name.startswith(("validation_", "mean_validation")) for name in found
    ):
        raise ElsewhereError(
            f"{where}: it has none of test_error, test_accuracy, test_regret, and no validation"
            " error either; errors and accuracies are fractions"
        )
    return found, [name for name in names if name not in _KNOWN]


def not_used(names: Sequence[str], where: str) -> tuple[str, ...]:
    if not names:
        return ()
    listed = ", ".join(shown(name, 40) for name in names[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (f"{where}: not used: {listed}{more}",)
