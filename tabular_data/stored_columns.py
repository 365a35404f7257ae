"""The columns of a table on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from regretta.tabular_data.array_files import (
    AlteredError,
    ArrayDescription,
    ArrayFile,
    ArrayFileError,
    stamp_of,
)
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.table_files import read_header


class StoredColumns(Mapping[str, NDArray[Any]]):
    """The columns of a table on disk, each read when it is first asked for, and kept.

    What is kept in memory is what was written: nothing that happens to the files changes it.

    Parameters
    ----------
    folder
        The table's.
    described
        By column.
    checksum
        Of the table.

    Raises
    ------
    TableError
        If a file is missing, truncated or of another size; on reading, if its values are not those
        of its checksum.
    """

    def __init__(
        self, folder: Path, described: Mapping[str, ArrayDescription], checksum: str
    ) -> None:
        self._folder = folder
        self._checksum = checksum
        self._kept: dict[str, NDArray[Any]] = {}
        self._files: dict[str, ArrayFile] = {}
        for key, description in described.items():
            with self._in_words(key):
                self._files[key] = ArrayFile(folder / f"{key}.npy", description)
                self._files[key].check()
        files = (file.path for file in self._files.values())
        self._paths = [str(path) for path in (folder / "table.json", *files)]
        self._stamps = self._stamped()

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._kept:
            self._kept[key] = self.read(key)
        return self._kept[key]

    def __contains__(self, key: object) -> bool:
        return key in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return sum(file.nbytes for file in self._files.values())

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of a column, which need not be read for it."""
        return self._files[key].shape

    def read(self, key: str) -> NDArray[Any]:
        """A column as it is on disk now."""
        with self._in_words(key):
            return self._files[key].read()

    def on_disk(self, keep: Collection[str] = ()) -> Mapping[str, NDArray[Any]]:
        """The columns as they are on disk now, each read whenever it is asked for.

        Those of `keep` are kept, and read once only where their files have not changed.
        """
        return _OnDisk(self, keep)

    def check_unchanged(self) -> None:
        """Make sure that the files are those that were opened: a look at their sizes and times, and
        where these are others, at their bytes.

        Raises
        ------
        TableError
            If they are not.
        """
        found = self._stamped()
        if found == self._stamps:
            return
        if read_header(self._folder)[1] != self._checksum:
            raise TableError(f"table {self._folder} is another one than that which was opened")
        for key in self._files:
            self.read(key)
        self._stamps = found

    def _stamped(self) -> list[tuple[int, ...] | None]:
        return [stamp_of(path) for path in self._paths]

    @contextmanager
    def _in_words(self, key: str) -> Iterator[None]:
        """Turn what is wrong with a column's file into a line about the table."""
        try:
            yield
        except AlteredError:
            raise TableError(
                f"table {self._folder} was altered: column {key} does not match its checksum;"
                " import it again"
            ) from None
        except ArrayFileError as error:
            raise TableError(
                f"table {self._folder} is damaged: {key}.npy cannot be read (it {error}); import it"
                " again"
            ) from None
        except OSError as error:
            raise TableError(
                f"table {self._folder} cannot be read: {key}.npy: {error.strerror or error}"
            ) from error


class _OnDisk(Mapping[str, NDArray[Any]]):
    def __init__(self, columns: StoredColumns, keep: Collection[str]) -> None:
        columns.check_unchanged()
        self._columns, self._keep = columns, keep

    def __getitem__(self, key: str) -> NDArray[Any]:
        return self._columns[key] if key in self._keep else self._columns.read(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)
