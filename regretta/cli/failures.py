"""Failed runs as commands tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regretta.harness.suite import Failure

_MOST = 20


def failures_of(folder: Path, failures: Iterable[Failure]) -> list[dict[str, Any]]:
    """Failed runs for machines, each with the file of its record."""
    from regretta.harness.store.outcomes import failure_path
    from regretta.harness.suite import Task

    return [
        {
            "table": failure.table,
            "label": failure.label,
            "number": failure.number,
            "message": failure.message,
            "place": failure.place or None,
            "record": failure_path(folder, Task(failure.table, failure.label, failure.number)),
        }
        for failure in failures
    ]


def failure_lines(folder: Path, failures: Sequence[Failure]) -> Iterator[str]:
    """A line each about the first of them, which names the file that says more."""
    from regretta.harness.store.outcomes import failure_path
    from regretta.harness.suite import Task

    for failure in failures[:_MOST]:
        path = failure_path(folder, Task(failure.table, failure.label, failure.number))
        what = "traceback" if failure.traceback else "record"
        yield f"failed: {failure.line}; {what} in {path}"
    if len(failures) > _MOST:
        yield f"… and {len(failures) - _MOST:,} more, in files that end in .failed"
