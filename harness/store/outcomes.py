"""What is kept of a run that has ended: its bytes and its trace, or the record of its failure."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from regretta.harness.store.files import run_path
from regretta.harness.store.scan import LabelFiles
from regretta.harness.store.traces import write_trace
from regretta.harness.suite import Failure, Task
from regretta.tabular_data.documents import LARGEST, DocumentError, built, read_bytes, read_json
from regretta.tabular_data.storage import write_atomically

_LONGEST_TEXT = LARGEST // 16
"""Characters of a failure's text at most; JSON writes one in up to six bytes."""


def failure_path(folder: Path, task: Task) -> Path:
    """File of a failed run, beside the results."""
    return run_path(folder, task.table, task.label, task.number).with_suffix(".failed")


@dataclass(frozen=True)
class _FailureRecord:
    """What is kept of a failed run, in a file of its address."""

    message: str
    traceback: str
    place: str = ""


def write_failure(folder: Path, failure: Failure) -> None:
    """Keep the record of a failed run."""
    task = Task(failure.table, failure.label, failure.number)
    texts = {
        "message": failure.message,
        "traceback": failure.traceback,
        "place": failure.place,
    }
    record = {
        key: text[-_LONGEST_TEXT:].encode(errors="replace").decode() for key, text in texts.items()
    }
    write_atomically(failure_path(folder, task), json.dumps(record, indent=1).encode())


def write_data(folder: Path, task: Task, data: bytes, trace: bytes | None = None) -> None:
    """Keep the bytes of a finished run and of its trace; a record of its failure goes."""
    path = run_path(folder, task.table, task.label, task.number)
    if trace is not None:
        write_trace(path, data, trace)
    write_atomically(path, data)
    with suppress(FileNotFoundError):
        failure_path(folder, task).unlink()


def failures_in(files: LabelFiles) -> list[Failure]:
    """The failed runs of a label, as their records say."""
    return [_read_failure(path, files.table, files.label) for path in files.failed.values()]


def _read_failure(path: Path, table: str, label: str) -> Failure:
    try:
        record = built(_FailureRecord, read_json(read_bytes(path)))
        number = int(path.stem)
        return Failure(table, label, number, record.message, record.traceback, record.place)
    except (OSError, DocumentError):
        return Failure(table, label, int(path.stem), f"failed; its record {path} cannot be read")
