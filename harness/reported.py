"""What is reported of runs: test or validation, regret or error.

What is compared, averaged or stands in one table is of one kind; test and validation regret never
meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Reportable(Protocol):
    """What the rules need of a run; a `RunResult` has it."""

    @property
    def has_test(self) -> bool:
        """Whether every incumbent has a test error."""

    @property
    def reference(self) -> object:
        """The best there is; None where nobody knows."""


def regret_kind(*tables: Mapping[str, Sequence[Reportable]]) -> str:
    """``"test"`` where every run of all the tables has test errors, otherwise ``"validation"``."""
    every = (run for runs in tables for group in runs.values() for run in group)
    return "test" if all(run.has_test for run in every) else "validation"


def measure(*tables: Mapping[str, Sequence[Reportable]]) -> str:
    """What `RunResult.regret` gives of the tables' runs: ``"regret"``, or ``"error"`` where nobody
    knows the best there is, so that there is nothing to subtract; ``"regret or error"`` where that
    is so of some runs only.
    """
    known = {
        run.reference is not None for runs in tables for group in runs.values() for run in group
    }
    words = [word for word, there in (("regret", True), ("error", False)) if there in known]
    return " or ".join(words) or "regret"


def measured(*tables: Mapping[str, Sequence[Reportable]], kind: str | None = None) -> str:
    """What is reported of the tables' runs, as a reader calls it, such as ``"test regret"``.

    The kind is that of `regret_kind` where none is given.
    """
    return f"{kind or regret_kind(*tables)} {measure(*tables)}"
