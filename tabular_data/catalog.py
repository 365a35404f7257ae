"""Tables by name: embedded, imported or measured by the user, or from an installed package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from regretta.tabular_data.columns import TableError
from regretta.tabular_data.documents import DocumentError, read_bytes, read_json
from regretta.tabular_data.names import check_path, unknown
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.sources.registry import PACKAGED
from regretta.tabular_data.spaces import Counting
from regretta.tabular_data.storage import cache_folder, user_tables
from regretta.tabular_data.table import Table
from regretta.tabular_data.table_files import FORMAT

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
    dataset, collection
        As in `Table`.
    """

    name: str
    origin: Literal["yours", "embedded", "package"]
    folder: Path
    dataset: str = ""
    collection: str = ""


def entries() -> list[CatalogEntry]:
    """All tables known by name; where two have one name, the user's own comes first and wins.

    What killed writers left among them is removed, or put back.
    """
    for place in (user_tables(), _packaged()):
        clear_leftovers(place)
    found: dict[str, CatalogEntry] = {}
    for entry in _all_entries():
        found.setdefault(entry.name, entry)
    return list(found.values())


def _all_entries() -> Iterator[CatalogEntry]:
    yield from _inside(user_tables(), "yours")
    yield from _inside(_EMBEDDED, "embedded")
    for table in PACKAGED:
        folder = _packaged() / f"{table.name}-format{FORMAT}"
        yield CatalogEntry(table.name, "package", folder, table.dataset, table.collection)


def _packaged() -> Path:
    """Where tables are kept that are made from installed packages."""
    return cache_folder() / "tables"


def _inside(root: Path, origin: Literal["yours", "embedded"]) -> Iterator[CatalogEntry]:
    """The tables that stand in a folder."""
    folders: list[Path] = []
    with suppress(OSError):
        folders = sorted(root.iterdir())
    for folder in folders:
        with suppress(OSError):
            if (folder / "table.json").exists() and not folder.name.startswith("."):
                yield CatalogEntry(folder.name, origin, folder, *_family(folder))


def _family(folder: Path) -> tuple[str, str]:
    """Data set and collection of a table, empty where it cannot be read."""
    try:
        header = read_json(read_bytes(folder / "table.json"))
    except (OSError, DocumentError):
        return "", ""
    if header.get("format") != FORMAT:
        return "", ""
    return str(header.get("dataset", "")), str(header.get("collection", ""))


def find_table(name: str | Path) -> Path:
    """Folder of a table, made first if it comes from an installed package.

    Parameters
    ----------
    name
        A name of `entries`, or the path of a table's folder. A text without a slash is a name where
        there is one, whatever lies in the current folder.

    Raises
    ------
    TableError
        If there is no such table; the message has the nearest names.
    SourceError
        If the package that it is made from is missing or damaged.
    """
    path = check_path(name, "table", TableError)
    if "/" in str(name):
        return path
    by_name = {entry.name: entry for entry in entries()}
    if str(name) in by_name:
        return ready(by_name[str(name)])
    if (path / "table.json").exists():
        return path
    raise TableError(unknown("table", str(name), by_name))


def ready(entry: CatalogEntry) -> Path:
    """Folder of an entry's table, made first if it comes from an installed package.

    Raises
    ------
    SourceError
        If the package that it is made from is missing or damaged.
    """
    if entry.origin == "package" and not (entry.folder / "table.json").exists():
        (table,) = (table for table in PACKAGED if table.name == entry.name)
        table.make().write(entry.folder)
    return entry.folder


def sibling(folder: str | Path, dataset: str) -> Path:
    """Folder of the one table of the same collection that is of another data set.

    Tables beside the table's own folder are looked at first, then those of the catalog.

    Parameters
    ----------
    folder
        The table's folder, as `find_table` gives it.
    dataset
        The data set wanted.

    Raises
    ------
    TableError
        If there is none, or several.
    """
    own = Path(folder)
    _, collection = _family(own)
    wanted = f"table of data set {dataset} that belongs with table {own.name!r}"
    if not collection:
        raise TableError(f"no {wanted}: it belongs to no collection; name it as search_table")
    for places in (_inside(own.absolute().parent, "yours"), entries()):
        found = [
            entry for entry in places if (entry.dataset, entry.collection) == (dataset, collection)
        ]
        if len(found) > 1:
            names = " and ".join(repr(entry.name) for entry in found)
            raise TableError(f"more than one {wanted}: {names}; name one as search_table")
        if found:
            return ready(found[0])
    raise TableError(
        f"no {wanted}: there is none in collection {collection}; import it, or name it as"
        " search_table"
    )


@cache
def _opened(folder: Path, encoding: str | None, counting: Counting | None, modified: int) -> Table:
    return Table.open(folder, encoding, counting)


def open_table(
    name: str | Path, encoding: str | None = None, counting: Counting | None = None
) -> Table:
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
