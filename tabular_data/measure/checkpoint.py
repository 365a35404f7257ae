"""The folder in which a build keeps what it has measured, one file a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.locks import locked
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.plan import Plan
from regretta.tabular_data.measure.timing import Part, PartTimes
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.storage import write_atomically

TIMES = "times"
"""Folder of what timing the cells measured, in a build's folder."""

WEIGHTS = "weights"
"""Folder of trained weights, in a build's folder and in a table's."""


@dataclass(frozen=True)
class RunRecord:
    """One run: see `regretta.tabular_data.measure.training.TrainingResult`."""

    budget: int
    repeat: int
    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    seconds: float
    evaluation_seconds: float
    curves: tuple[tuple[float, ...], ...] | None


@dataclass(frozen=True)
class CellRecord:
    """All runs of one cell, or the reason why there are none.

    ``cpu_seconds`` are those of the process for this cell, everything included; ``wall_seconds``
    are those that passed.
    """

    row: int
    fingerprint: str
    failure: str | None
    parameters: int
    multiply_adds: int
    cpu_seconds: float
    wall_seconds: float
    machine: str
    runs: tuple[RunRecord, ...]


class CheckpointFolder:
    """The checkpoints of one build.

    Parameters
    ----------
    path : Path
    fingerprint : str
        Of the build's plan; records of another are not read.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint

    def open(self, plan: Plan) -> None:
        """Create the folder, or check that it is one of the same plan.

        Raises
        ------
        MeasureError
            The folder holds checkpoints of other settings; the line names the first that differ.
        """
        place = self.path / "settings.json"
        wanted = plan.settings()
        try:
            for name in ("cells", TIMES, WEIGHTS):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MeasureError(f"{self.path}: cannot be made ({error.strerror})") from None
        if not place.exists():
            if any((self.path / "cells").glob("*.json")):
                raise MeasureError(
                    f"{self.path}: holds checkpoints but no settings.json; remove the folder"
                )
            _write(place, json.dumps(wanted).encode())
            return
        try:
            found = json.loads(place.read_text())
        except (OSError, ValueError):
            raise MeasureError(
                f"{place}: cannot be read; remove the folder to start again"
            ) from None
        if found == wanted:
            return
        other = found if isinstance(found, dict) else {}
        if {**other, "measuring code": ""} == {**wanted, "measuring code": ""}:
            raise MeasureError(
                f"{self.path}: begun by another version of the code that measures; finish with"
                " that version, or remove the folder"
            )
        key = next((key for key in wanted if other.get(key) != wanted[key]), "version")
        raise MeasureError(
            f"{self.path}: checkpoints of other settings ({key} was {other.get(key)}, now"
            f" {wanted.get(key)}); use those, or remove the folder"
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other builds out of the folder.

        Raises
        ------
        MeasureError
            Another build is running in it.
        """
        with locked(self.path, exclusive=True) as lock:
            if not lock.held:
                raise MeasureError(f"{self.path}: another build is running in this folder")
            for place in (self.path, *(self.path / name for name in ("cells", TIMES, WEIGHTS))):
                clear_leftovers(place)
            yield

    def write(self, record: CellRecord) -> None:
        """Write the checkpoint of a cell, whole or not at all."""
        _write(self._place(record.row), json.dumps(asdict(record)).encode())

    def read(self, row: int) -> CellRecord | None:
        """Read the checkpoint of a cell; none if it is missing, damaged or of another build."""
        try:
            raw = json.loads(self._place(row).read_text())
            runs = tuple(
                RunRecord(**{**run, "curves": _tuples(run["curves"])}) for run in raw["runs"]
            )
            record = CellRecord(**{**raw, "runs": runs})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return record if (record.row, record.fingerprint) == (row, self.fingerprint) else None

    def write_times(self, part: Part, times: PartTimes) -> None:
        """Write what timing some cells measured, whole or not at all."""
        _write(self._place_of_times(part), json.dumps(asdict(times)).encode())

    def read_times(self, part: Part) -> PartTimes | None:
        """Read it; none if it is missing, damaged or of another build."""
        try:
            raw = json.loads(self._place_of_times(part).read_text())
            lists = (tuple(raw[key]) for key in ("cells", "setup", "step", "latency"))
            cells, setup, step, latency = lists
            times = PartTimes(cells, setup, step, latency, raw["machine"], raw["fingerprint"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        mine = (times.cells, times.fingerprint) == (part.cells, self.fingerprint)
        return times if mine and times.whole else None

    def write_weights(
        self, number: int, arrays: Sequence[Mapping[str, NDArray[np.float32]]]
    ) -> None:
        """Write the trained weights of a cell's repeats as plain arrays ``[repeats, ...]``."""
        buffer = BytesIO()
        stacked: dict[str, Any] = {key: np.stack([one[key] for one in arrays]) for key in arrays[0]}
        np.savez(buffer, **stacked)
        _write(self.weights_of(number), buffer.getvalue())

    def weights_of(self, number: int) -> Path:
        """Where the weights of a cell are."""
        return self.path / WEIGHTS / f"{number:05d}.npz"

    def _place_of_times(self, part: Part) -> Path:
        return self.path / TIMES / f"{part.nth[0]}-{part.nth[1]:05d}.json"

    def _place(self, row: int) -> Path:
        return self.path / "cells" / f"{row:05d}.json"


def _tuples(curves: list[list[float]] | None) -> tuple[tuple[float, ...], ...] | None:
    return None if curves is None else tuple(tuple(curve) for curve in curves)


def _write(place: Path, content: bytes) -> None:
    try:
        write_atomically(place, content)
    except OSError as error:
        raise MeasureError(
            f"{place}: cannot be written ({error.strerror or error}); what was measured before is"
            " kept, unless its folder was removed"
        ) from None
