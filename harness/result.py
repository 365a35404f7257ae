"""What is kept of a run: its result, as bytes that carry their own checksum."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from itertools import chain
from math import inf
from types import NoneType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from regretta.harness.regret import snap_to_zero
from regretta.harness.trace import Trace
from regretta.tabular_data.benchmark import Reference
from regretta.tabular_data.documents import LARGEST, DocumentError, built, read_json
from regretta.tabular_data.errors import UserError, shown
from regretta.tabular_data.file_kinds import HEAD, strange

FORMAT = 2
"""Version of the run files."""

_WHOLE = ("evaluation", "cell", "unique_cells")
_OPTIONAL = ("cell", "test_error", "unique_cells", "epochs")
_LATER = ("unique_cells", "epochs")
_LARGEST_CHOICE = 1 << 62


class ResultError(UserError):
    """A result file or folder that cannot be used; the message says which and why."""


@dataclass(frozen=True, eq=False, slots=True)
class Trajectory:
    """The incumbents of a run; entry i holds from ``time[i]`` on, until ``time[i + 1]``.

    Whole numbers of a run that was read from a suite's folder are of smaller integers, so that tens
    of thousands of runs have room.

    Attributes
    ----------
    time
        Simulated seconds at which it became the incumbent, non-decreasing: shape ``[k]``.
    evaluation
        Valid evaluations finished by then, its own included: shape ``[k]``.
    budget
        Budget at which it was observed, shape ``[k]``; NaN where the search recommended what it
        had not evaluated.
    configuration
        Shape ``[k, dim]``.
    cell
        Table row, shape ``[k]``; None where the benchmark's cells are not numbered.
    validation_error
        The validation error the search observed, shape ``[k]``; NaN where it had not evaluated it.
    mean_validation_error
        Expected validation error at the reported budget, of a table the mean over its repeats,
        which no search sees: shape ``[k]``.
    test_error
        Test error as the protocol reports it: shape ``[k]``; None where there is no test data.
    unique_cells
        Different cells among these evaluations: shape ``[k]``.
    epochs
        Budget trained by these evaluations, in the benchmark's unit: shape ``[k]``. It and the
        cells are None in files from before runs kept them.
    """

    time: NDArray[np.float64]
    evaluation: NDArray[np.int64]
    budget: NDArray[np.float64]
    configuration: NDArray[Any]
    cell: NDArray[np.int64] | None
    validation_error: NDArray[np.float64]
    mean_validation_error: NDArray[np.float64]
    test_error: NDArray[np.float64] | None
    unique_cells: NDArray[np.int64] | None = None
    epochs: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def built(cls, data: object) -> Self:
        """The trajectory of what a parser gave.

        Raises
        ------
        DocumentError
            If the data are none.
        """
        columns = _mapping(data, "trajectory")
        names = [f.name for f in fields(cls)]
        if columns.keys() | set(_LATER) != set(names):
            raise DocumentError(f"its trajectory must have {', '.join(names)}")
        made: dict[str, Any] = {
            name: _numbers(columns[name], name, np.int64 if name in _WHOLE else np.float64)
            for name in names
            if name != "configuration" and (columns.get(name) is not None or name not in _OPTIONAL)
        }
        k = len(made["time"])
        made["configuration"] = _rows(columns["configuration"], k)
        if any(len(column) != k for column in made.values()):
            raise DocumentError("the columns of its trajectory differ in length")
        times = columns["time"]
        if None in times or times != sorted(times) or (times and times[0] < 0):
            raise DocumentError("the times of its trajectory do not ascend from 0")
        for name in ("evaluation", "unique_cells", "epochs"):
            counts = columns.get(name) or []
            if None in counts or counts != sorted(counts) or (counts and counts[0] < 0):
                raise DocumentError(f"{name} of its trajectory does not ascend from 0")
        return cls(**{**dict.fromkeys(_OPTIONAL), **made})


@dataclass(frozen=True, eq=False, slots=True)
class RunResult:
    """All that is kept of one run.

    Attributes
    ----------
    table, label, number
        The run's address within its suite: table, label of the optimizer's entry, number from 0.
    optimizer
        The optimizer's name.
    settings
        Its settings, all of them.
    code
        Digest of the code that made the run, as its suite has it; empty for a run without a suite.
    protocol
        The protocol's fields.
    seed
        The suite's seed.
    time_limit
        Simulated seconds; None for no such limit.
    evaluation_limit
        Evaluations after which it ended in any case; None for no such limit.
    simulated_workers
        Workers that evaluated side by side.
    table_checksum
        Checksum of the table, and of the table searched on where a protocol transfers from another.
    reconstruction
        What of the table is modelled; empty for measured tables.
    reference
        The errors that regret is measured from; None where nobody knows the best.
    evaluations, proposals, unique_cells
        Valid evaluations finished within the limit; configurations proposed, invalid ones included,
        also those that the optimizer itself drew and threw away; different cells among the
        evaluations.
    epochs
        Budget trained by all evaluations, each from the start, in the benchmark's unit; None in
        files from before runs kept it.
    elapsed
        Simulated seconds when the last of these evaluations finished.
    search_seconds
        Seconds that the search spent itself, which are part of `elapsed`.
    ended_early
        Whether the optimizer had nothing more to propose before the time was over, although it has
        no end of its own (`Optimizer.finite`).
    evaluations_by_budget
        Number of evaluations at each budget.
    notes
        What a reader must know, such as a multi-fidelity method that ran at a single budget.
    trajectory
        The incumbents.
    versions
        Versions of what took part.
    log
        What the search measured itself (`Optimizer.log`): columns by name, shape ``[rows]`` each,
        NaN where a row has no value; ``time`` is the simulated time at which that proposal was
        done. Empty for a search that measures nothing.
    trace
        Every evaluation, of a run that was asked to keep them and was done just now; None of
        others. It is no part of the run's file, and decides nothing.
    checksum
        That of the run's file, of a run that was read from one; else empty.
    """

    table: str
    label: str
    number: int
    optimizer: str
    settings: Mapping[str, Any]
    code: str = field(default="", kw_only=True)
    protocol: Mapping[str, Any]
    seed: int
    time_limit: float | None
    evaluation_limit: int | None = field(default=None, kw_only=True)
    simulated_workers: int
    table_checksum: str
    reconstruction: str
    reference: Reference | None
    evaluations: int
    proposals: int
    unique_cells: int
    epochs: float | None = field(default=None, kw_only=True)
    elapsed: float
    search_seconds: float
    ended_early: bool
    evaluations_by_budget: Mapping[str, int]
    notes: tuple[str, ...]
    trajectory: Trajectory
    versions: Mapping[str, str] = field(default_factory=dict)
    log: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    trace: Trace | None = field(default=None, metadata={"stored": False})
    checksum: str = field(default="", metadata={"stored": False})

    @property
    def counted(self) -> bool:
        """Whether it is known what the run did in all; of runs from elsewhere it is not."""
        return self.proposals >= 0

    @property
    def has_test(self) -> bool:
        """Whether every incumbent of the run has a test error."""
        test = self.trajectory.test_error
        return test is not None and not np.isnan(test).any()

    def regret(self, kind: str) -> NDArray[np.float64]:
        """Regret of each incumbent: shape ``[k]``; the best cell's is zero, not nearly zero.

        Where nobody knows the best there is, these are the errors themselves. The observed one is
        NaN where the search recommended what it had not evaluated.

        Parameters
        ----------
        kind
            ``"test"``, or ``"validation"`` for the mean validation error that no search sees (never
            negative), or ``"observed"`` for the validation error the search saw (a lucky repeat
            makes it negative).

        Raises
        ------
        ResultError
            If test regret is asked for and there is no test data, or if the error of an incumbent
            is missing that every evaluated cell should have.
        """
        steps, best = self.trajectory, self.reference
        errors: NDArray[np.float64] | None
        lowest: float | None
        match kind:
            case "test":
                errors, lowest = steps.test_error, 0.0 if best is None else best.test_error
            case "validation" | "observed":
                errors, lowest = steps.mean_validation_error, 0.0
                if kind == "observed":
                    errors = steps.validation_error
                if best is not None:
                    lowest = best.validation_error
            case _:
                raise ResultError(f"unknown regret {kind!r}; known are test, validation, observed")
        if errors is None or lowest is None:
            raise ResultError(
                f"table {self.table!r} has no test accuracy; ask for validation regret"
            )
        if kind != "observed" and np.isnan(errors).any():
            k = int(np.argmax(np.isnan(errors)))
            which = steps.configuration[k].tolist() if steps.cell is None else steps.cell[k]
            raise ResultError(
                f"table {self.table!r} has no {kind} error of cell {which}, an incumbent of"
                f" {self.label}, run {self.number}"
            )
        return snap_to_zero(errors - lowest)

    def to_json(self) -> bytes:
        """The run as canonical JSON with a checksum of its own; equal runs give equal bytes."""
        stored = [f.name for f in fields(self) if f.metadata.get("stored", True)]
        body = {"format": FORMAT, **{name: getattr(self, name) for name in stored}}
        body["reference"] = None if self.reference is None else asdict(self.reference)
        body["trajectory"] = {
            f.name: _listed(getattr(self.trajectory, f.name)) for f in fields(Trajectory)
        }
        body["log"] = {name: _listed(column) for name, column in self.log.items()}
        if not self.log:  # as files were before searches had one
            del body["log"]
        if self.evaluation_limit is None:
            del body["evaluation_limit"]
        text = json.dumps(
            body,
            indent=None,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
            default=dict,
        )
        digest = sha256(text.encode()).hexdigest()
        data = f'{text[:-1]},"sha256":"{digest}"}}\n'.encode()
        if len(data) > LARGEST:
            raise ResultError(
                f"run {self.number} of {self.label!r} on {self.table!r} takes {len(data):,} bytes,"
                f" more than the {LARGEST:,} that are read again: it has {len(self.trajectory):,}"
                f" incumbents and {sum(map(len, self.log.values())):,} logged numbers"
            )
        return data

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The run of `to_json`'s bytes.

        Raises
        ------
        ResultError
            If the bytes are not such a run, or a checksum or version differs.
        """
        try:
            body = read_json(verified(data))
            if body.pop("format", None) != FORMAT:
                raise ResultError("it was written by another version of regretta")
            arrays = {
                "checksum": checksum_of(data),
                "trajectory": Trajectory.built(body.pop("trajectory", None)),
                "log": {
                    name: _numbers(column, f"log of {shown(name)}")
                    for name, column in _mapping(body.pop("log", {}), "log").items()
                },
            }
            result = built(cls, body, given=arrays)
        except DocumentError as error:
            raise ResultError(str(error)) from None
        for key in ("number", "evaluations", "proposals", "unique_cells", "epochs", "elapsed"):
            if getattr(result, key) is not None and getattr(result, key) < 0:
                raise ResultError(f"its {key} is {getattr(result, key)}")
        return result


def log_of(rows: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Rows as columns, in the order in which their names came up; NaN where a row lacks one."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def checksum_of(data: bytes) -> str:
    """The checksum that stands at the end of `RunResult.to_json`'s bytes: 64 characters."""
    return data[-len('"}\n') - 64 : -len('"}\n')].decode(errors="replace")


def verified(data: bytes) -> bytes:
    """The body of `RunResult.to_json`'s bytes without its checksum, which was found right; nothing
    is parsed.

    Raises
    ------
    ResultError
        If the bytes are truncated or altered.
    """
    body, mark, tail = data.rpartition(b',"sha256":"')
    if not mark or not tail.endswith(b'"}\n'):
        what = "" if data[:1] in (b"", b"{") else strange(data[:HEAD])
        raise ResultError(f"it is {what or 'truncated'}")
    body += b"}"
    if sha256(body).hexdigest().encode() != tail[:-3]:
        raise ResultError("it was altered: its checksum does not match")
    return body


def _mapping(data: object, place: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DocumentError(f"{place} must be a mapping, got {shown(data)}")
    return data


def _numbers(data: object, place: str, kind: type[np.generic] = np.float64) -> NDArray[Any]:
    """A list of finite numbers, or of whole ones; a null is a number that is missing."""
    allowed = {int} if kind is np.int64 else {int, float, NoneType}
    if type(data) is not list or not set(map(type, data)) <= allowed:
        raise DocumentError(f"{place} must be a list of numbers, got {shown(data)}")
    try:
        array = np.array(data, dtype=kind)
    except OverflowError:
        raise DocumentError(f"{place} has a number that is too large") from None
    if inf in data or -inf in data:
        raise DocumentError(f"{place} must be finite")
    return array


def _rows(data: object, count: int) -> NDArray[Any]:
    """A list of as many lists of numbers of one length."""
    if (
        type(data) is not list
        or set(map(type, data)) - {list}
        or len(set(map(len, data))) > 1
        or set(map(type, chain.from_iterable(data))) - {int, float}
    ):
        raise DocumentError(f"configuration must be a list of lists of numbers, got {shown(data)}")
    array = np.array(data).reshape(len(data), len(data[0]) if data else 0)
    finite = (array.dtype.kind == "i" and (array > -_LARGEST_CHOICE).all()) or (
        array.dtype.kind == "f" and np.isfinite(array).all()
    )
    if not finite or len(array) != count:
        raise DocumentError("configuration must have a row of finite numbers for every incumbent")
    return array


def _listed(values: NDArray[Any] | None) -> list[Any] | None:
    """As JSON can hold it: what is missing is null."""
    if values is None:
        return None
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f" and np.isnan(values).any():
        return [None if value != value else value for value in listed]
    return listed
