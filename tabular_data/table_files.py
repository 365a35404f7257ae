"""A table on disk: one folder with ``table.json`` and a ``.npy`` file a column.

The folder may come from anybody: every entry of its header is checked before it means anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from regretta.tabular_data.array_files import ArrayDescription, save_array
from regretta.tabular_data.benchmark import Metric, Provenance
from regretta.tabular_data.columns import COLUMNS, TableError, check_budgets
from regretta.tabular_data.documents import (
    LARGEST,
    DocumentError,
    built,
    open_file,
    read_bytes,
    read_json,
)
from regretta.tabular_data.errors import shown
from regretta.tabular_data.file_kinds import HEAD, strange
from regretta.tabular_data.names import check_name, unknown
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.storage import atomic_folder

FORMAT = 2
"""Version of the format."""

_FILE = "table.json"


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
        check_name(self.name, "a table's name", TableError)
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


@dataclass(frozen=True)
class _Columns:
    """What stands in ``table.json`` besides the header."""

    columns: Mapping[str, ArrayDescription]
    checksum: str


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
    text = json.dumps(plain, indent=1) + "\n"
    if len(text) > LARGEST:
        raise TableError(
            f"table {header.name!r}: space and notes make {len(text):,} bytes of {_FILE}, more than"
            f" {LARGEST:,}; shorten them"
        )
    try:
        with atomic_folder(path) as scratch:
            for key, array in columns.items():
                save_array(scratch / f"{key}.npy", array)
            (scratch / _FILE).write_text(text, encoding="utf-8")
    except OSError as error:
        raise TableError(f"cannot write table {path}: {error.strerror or error}") from error


def read_header(path: Path) -> tuple[Header, str, dict[str, ArrayDescription]]:
    """Header, checksum and description of the columns of a table.

    Raises
    ------
    TableError
        If the folder is no table, was made by another version, or is not as it was written.
    """
    if not path.exists():  # somebody may have been killed while replacing it
        clear_leftovers(path.parent, path.name)
    try:
        plain = read_json(read_bytes(path / _FILE))
        if "format" not in plain:
            raise DocumentError("it lacks format")
        version = plain.pop("format")
        if version != FORMAT:
            raise TableError(
                f"it has format {shown(version, 20)}, this version of regretta reads"
                f" {FORMAT}; make it anew with `regretta table import`, `build` or `cut`, or"
                " Table.write"
            )
        columns = built(_Columns, {key: plain.pop(key, None) for key in ("columns", "checksum")})
        for key in columns.columns:
            if key not in COLUMNS:
                raise DocumentError(unknown("column", key, COLUMNS))
        sums = {key: column.sha256 for key, column in columns.columns.items()}
        if _sealed({"format": version, **plain}, sums) != columns.checksum:
            raise DocumentError("it was altered: it does not match its checksum")
        return _header(plain), columns.checksum, dict(columns.columns)
    except (FileNotFoundError, NotADirectoryError):
        raise TableError(_no_table(path)) from None
    except OSError as error:
        raise TableError(f"table {path} cannot be read: {error.strerror or error}") from None
    except TableError as error:
        raise TableError(f"table {path}: {error}") from None
    except DocumentError as error:
        raise TableError(
            f"table {path} is damaged: {_FILE} cannot be used, {error}; import it again"
        ) from None


def _header(plain: Mapping[str, Any]) -> Header:
    try:
        return built(Header, plain, whole=True)
    except TableError as error:
        raise DocumentError(str(error)) from None


def _no_table(path: Path) -> str:
    """Why something is no table, for people who gave the wrong path."""
    try:
        with open_file(path) as file:
            what = strange(file.read(HEAD)) or "a file; a table is a folder"
        return f"{path} is not a table: it is {what}"
    except (OSError, DocumentError):
        return f"{path} is not a table: it has no {_FILE}"


def _sealed(plain: Mapping[str, Any], sums: Mapping[str, str]) -> str:
    try:
        text = json.dumps([plain, dict(sums)], sort_keys=True)
    except RecursionError:
        raise DocumentError("it is nested too deep") from None
    return sha256(text.encode()).hexdigest()


def _check(header: Header, what: str, kind: type, value: object) -> None:
    if type(value) is not kind or (isinstance(value, str) and not value.isprintable()):
        expected = "a printable text" if kind is str else "true or false"
        raise TableError(f"table {header.name!r}: {what} must be {expected}, got {value!r:.80}")
