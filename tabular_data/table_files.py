"""A table on disk: one folder with ``table.json`` and a ``.npy`` file a column.

The folder may come from anybody: every entry of its header is checked before it means anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Metric, Provenance
from regretta.tabular_data.columns import COLUMNS, TableError, check_budgets, check_name
from regretta.tabular_data.names import unknown
from regretta.tabular_data.storage import atomic_folder, save_array

FORMAT = 2
"""Version of the format."""

_FILE = "table.json"
_LARGEST = 1 << 24
"""Bytes of a ``table.json`` at most; a real one has a few thousand."""


@dataclass(frozen=True)
class Header:
    """What gives a table's columns their meaning; fields as in `Table`, the space as its `spec`."""

    name: str
    space: str | Mapping[str, Any]
    budgets: tuple[float, ...]
    budget_unit: str
    partial: bool
    dataset: str
    metric: Metric
    collection: str
    provenance: Provenance

    def __post_init__(self) -> None:
        check_name(self.name)
        object.__setattr__(self, "budgets", check_budgets(self.budgets))
        for key in ("budget_unit", "dataset", "collection"):
            _check(self, key, str, getattr(self, key))
        _check(self, "partial", bool, self.partial)
        _check(self, "metric's name", str, self.metric.name)
        _check(self, "metric's direction", bool, self.metric.higher_is_better)
        origin = self.provenance
        for text in (origin.source, origin.licence, origin.reconstruction, *origin.notes):
            if not isinstance(text, str):
                raise TableError(f"table {self.name!r}: provenance is texts, got {text!r:.80}")

    def as_dict(self) -> dict[str, Any]:
        """The header as JSON can hold it."""
        plain = {"format": FORMAT, **asdict(self)}
        plain["budgets"] = list(self.budgets)
        plain["provenance"]["notes"] = list(self.provenance.notes)
        return plain

    def checksum(self, sums: Mapping[str, str]) -> str:
        """SHA-256 over the header and the checksums of all columns."""
        return _sealed(self.as_dict(), sums)


def column_checksum(array: NDArray[Any]) -> str:
    """SHA-256 of a column's dtype, shape and bytes."""
    digest = sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write_folder(
    path: Path, header: Header, columns: Mapping[str, NDArray[Any]], sums: Mapping[str, str]
) -> None:
    """Write a table, all at once.

    Raises
    ------
    TableError
        If the folder cannot be written, or is there and holds something other than a table.
    """
    if path.exists() and not (path / _FILE).exists() and (not path.is_dir() or any(path.iterdir())):
        raise TableError(f"{path} exists and is not a table; choose another folder")
    plain = header.as_dict()
    plain["checksum"] = header.checksum(sums)
    plain["columns"] = {
        key: {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": sums[key]}
        for key, array in columns.items()
    }
    try:
        with atomic_folder(path) as scratch:
            for key, array in columns.items():
                save_array(scratch / f"{key}.npy", array)
            (scratch / _FILE).write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise TableError(f"cannot write table {path}: {error.strerror or error}") from error


def read_header(path: Path) -> tuple[Header, str, dict[str, dict[str, Any]]]:
    """Header, checksum and description of the columns (dtype, shape, sha256) of a table.

    Raises
    ------
    TableError
        If the folder is no table, was made by another version, or is not as it was written.
    """
    file = path / _FILE
    try:
        if file.stat().st_size > _LARGEST:
            raise TableError(f"table {path} is damaged: {_FILE} is too large; make it anew")
        plain = json.loads(file.read_text(encoding="utf-8"))
        columns = plain.pop("columns")
        checksum = plain.pop("checksum")
        version = plain.pop("format")
    except FileNotFoundError:
        raise TableError(f"{path} is not a table: it has no {_FILE}") from None
    except OSError as error:
        raise TableError(f"table {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, TableError):
            raise
        said = " ".join(str(error).split())
        raise TableError(
            f"table {path} is damaged: {_FILE} cannot be read ({said:.120}); import it again"
        ) from None
    if version != FORMAT:
        raise TableError(
            f"table {path} has format {version!r:.20}, this version of regretta reads {FORMAT};"
            " make it anew with `regretta table import`, `build` or `cut`, or Table.write"
        )
    try:
        for key, spec in columns.items():
            if key not in COLUMNS:
                raise TableError(unknown("column", key, COLUMNS))
            if set(spec) != {"dtype", "shape", "sha256"} or not (
                isinstance(spec["sha256"], str) and isinstance(spec["shape"], list)
            ):
                raise TableError(f"column {key} needs dtype, shape and sha256")
        if _sealed({"format": version, **plain}, {k: s["sha256"] for k, s in columns.items()}) != (
            checksum
        ):
            raise TableError(f"it was altered: {_FILE} does not match its checksum")
        if set(plain) != {field.name for field in fields(Header)}:
            raise TableError(f"{_FILE} has other entries than a table's")
        plain["metric"] = Metric(**plain["metric"])
        origin = plain["provenance"]
        plain["provenance"] = Provenance(**{**origin, "notes": tuple(origin["notes"])})
        plain["budgets"] = tuple(plain["budgets"])
        return Header(**plain), checksum, columns
    except TableError as error:
        raise TableError(f"table {path}: {error}; import it again") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise TableError(
            f"table {path} is damaged: {_FILE} is not a table's ({said:.120}); import it again"
        ) from None


def map_column(path: Path, key: str, spec: Mapping[str, Any]) -> NDArray[Any]:
    """A column, mapped from its file.

    Raises
    ------
    TableError
        If it is missing, truncated, or of another shape or dtype than the header says.
    """
    file = path / f"{key}.npy"
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        shape, kind = list(array.shape), array.dtype
        if kind.kind not in "fiu" or kind.str != spec["dtype"] or shape != spec["shape"]:
            raise ValueError(f"shape {shape} and dtype {kind.str}, not as table.json says")
    except FileNotFoundError:
        raise TableError(
            f"table {path} is damaged: {file.name} is missing; import it again"
        ) from None
    except (OSError, ValueError, EOFError, KeyError) as error:
        said = " ".join(str(error).split())
        raise TableError(
            f"table {path} is damaged: {file.name} cannot be mapped ({said:.160}); import it again"
        ) from error
    return np.asarray(array)  # a plain view: indexing a memmap object costs a microsecond more


def _sealed(plain: Mapping[str, Any], sums: Mapping[str, str]) -> str:
    return sha256(json.dumps([plain, dict(sums)], sort_keys=True).encode()).hexdigest()


def _check(header: Header, what: str, kind: type, value: object) -> None:
    if type(value) is not kind or (isinstance(value, str) and not value.isprintable()):
        expected = "a printable text" if kind is str else "true or false"
        raise TableError(f"table {header.name!r}: {what} must be {expected}, got {value!r:.80}")
