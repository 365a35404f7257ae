"""What is kept of a run: its result, as bytes that carry their own checksum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from regretta.harness.regret import snap_to_zero
from regretta.tabular_data.errors import UserError

FORMAT = 1
"""Version of the run files."""


class ResultError(UserError):
    """A result file or folder that cannot be used; the message says which and why."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The incumbents of a run: entry i holds from ``time[i]`` (included) to ``time[i + 1]``
    (excluded).

    Attributes
    ----------
    time
        Simulated seconds at which the incumbent's evaluation finished, non-decreasing: shape
        ``[k]``.
    evaluation
        Number of that evaluation among the run's valid ones, from 1: shape ``[k]``.
    budget
        Budget at which it was observed: shape ``[k]``.
    cell
        Table row: shape ``[k]``.
    validation_error
        The validation error the search observed: shape ``[k]``.
    mean_validation_error
        Mean validation error of the cell over its repeats at the largest budget, which no search
        sees: shape ``[k]``.
    test_error
        Test error as the protocol reports it: shape ``[k]``; None where the table has no test
        accuracy.
    """

    time: NDArray[np.float64]
    evaluation: NDArray[np.int64]
    budget: NDArray[np.float64]
    cell: NDArray[np.int64]
    validation_error: NDArray[np.float64]
    mean_validation_error: NDArray[np.float64]
    test_error: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Reference:
    """What regret is measured from: the lowest mean errors of any cell at the largest budget."""

    validation_error: float
    test_error: float | None


@dataclass(frozen=True, eq=False)
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
    protocol
        The protocol's fields.
    seed
        The suite's seed.
    time_limit
        Simulated seconds.
    workers
        Simulated workers that evaluated side by side.
    table_checksum
        Checksum of the table, and of the table searched on where a protocol transfers from another.
    reconstruction
        What of the table is modelled; empty for measured tables.
    reference
        The errors that regret is measured from.
    evaluations, proposals, unique_cells
        Valid evaluations finished within the limit; configurations proposed, invalid ones included;
        different cells among the evaluations.
    elapsed
        Simulated seconds when the last of these evaluations finished.
    evaluations_by_budget
        Number of evaluations at each budget.
    notes
        What a reader must know, such as a multi-fidelity method that ran at a single budget.
    trajectory
        The incumbents.
    versions
        Versions of what took part.
    """

    table: str
    label: str
    number: int
    optimizer: str
    settings: Mapping[str, Any]
    protocol: Mapping[str, Any]
    seed: int
    time_limit: float
    workers: int
    table_checksum: str
    reconstruction: str
    reference: Reference
    evaluations: int
    proposals: int
    unique_cells: int
    elapsed: float
    evaluations_by_budget: Mapping[str, int]
    notes: tuple[str, ...]
    trajectory: Trajectory
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_test(self) -> bool:
        """Whether every incumbent of the run has a test error."""
        test = self.trajectory.test_error
        return test is not None and not np.isnan(test).any()

    def regret(self, kind: str) -> NDArray[np.float64]:
        """Regret of each incumbent: shape ``[k]``; the best cell's is zero, not nearly zero.

        Parameters
        ----------
        kind
            ``"test"``, or ``"validation"`` for the mean validation error that no search sees (never
            negative), or ``"observed"`` for the validation error the search saw (a lucky repeat
            makes it negative).

        Raises
        ------
        ResultError
            If test regret is asked for and the table has no test accuracy, or if the table lacks
            the value of an incumbent.
        """
        steps = self.trajectory
        errors: NDArray[np.float64] | None
        match kind:
            case "test":
                errors, best = steps.test_error, self.reference.test_error
            case "validation":
                errors, best = steps.mean_validation_error, self.reference.validation_error
            case "observed":
                errors, best = steps.validation_error, self.reference.validation_error
            case _:
                raise ResultError(f"unknown regret {kind!r}; known are test, validation, observed")
        if errors is None or best is None:
            raise ResultError(
                f"table {self.table!r} has no test accuracy; ask for validation regret"
            )
        if np.isnan(errors).any():
            cell = steps.cell[np.isnan(errors)][0]
            raise ResultError(
                f"table {self.table!r} has no {kind} error of cell {cell}, an incumbent of"
                f" {self.label}, run {self.number}"
            )
        return snap_to_zero(errors - best)

    def to_json(self) -> bytes:
        """The run as canonical JSON with a checksum of its own; equal runs give equal bytes."""
        body = {"format": FORMAT, **{f.name: getattr(self, f.name) for f in fields(self)}}
        body["reference"] = asdict(self.reference)
        body["trajectory"] = {
            f.name: _listed(getattr(self.trajectory, f.name)) for f in fields(Trajectory)
        }
        text = json.dumps(
            body, indent=None, separators=(",", ":"), ensure_ascii=False, default=dict
        )
        digest = sha256(text.encode()).hexdigest()
        return f'{text[:-1]},"sha256":"{digest}"}}\n'.encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The run of `to_json`'s bytes.

        Raises
        ------
        ResultError
            If the bytes are not such a run, or a checksum or version differs.
        """
        body = json.loads(verified(data))
        if body.pop("format") != FORMAT:
            raise ResultError("it was written by another version of regretta")
        steps = body.pop("trajectory")
        dtypes = {"evaluation": np.int64, "cell": np.int64}
        arrays: dict[str, Any] = {
            key: None if values is None else np.array(values, dtype=dtypes.get(key, np.float64))
            for key, values in steps.items()
        }
        trajectory = Trajectory(**arrays)
        reference = Reference(**body.pop("reference"))
        return cls(
            **{**body, "notes": tuple(body["notes"])}, reference=reference, trajectory=trajectory
        )


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
        raise ResultError("it is truncated")
    body += b"}"
    if sha256(body).hexdigest().encode() != tail[:-3]:
        raise ResultError("it was altered: its checksum does not match")
    return body


def _listed(values: NDArray[Any] | None) -> list[Any] | None:
    return None if values is None else values.tolist()
