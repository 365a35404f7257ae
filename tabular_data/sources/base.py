"""What all sources share: their error, how they report progress, and what the registry holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from regretta.tabular_data.errors import UserError
from regretta.tabular_data.table import Table

Progress = Callable[[int, int], None]
"""Told now and then how much is done and how much there is, both in the importer's unit."""


class SourceError(UserError):
    """A source that is missing, damaged or not what it is said to be; with the place in it."""


@dataclass(frozen=True)
class FileFormat:
    """A format of published files that can be imported.

    Attributes
    ----------
    name
        How the command line calls it.
    source
        What its files are called.
    read
        Called with the source, the table's name or None, and a `Progress` or None; what further
        keywords it takes are its options.
    """

    name: str
    source: str
    read: Callable[..., Table]


@dataclass(frozen=True)
class PackagedTable:
    """A table that is made from an installed package when it is first opened.

    Attributes
    ----------
    name, dataset, collection
        As in `Table`.
    make
        Makes it.
    """

    name: str
    dataset: str
    collection: str
    make: Callable[[], Table]
