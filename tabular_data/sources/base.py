"""What all importers share: their error and how they report progress."""

from __future__ import annotations

from collections.abc import Callable

from regretta.tabular_data.errors import UserError

Progress = Callable[[int, int], None]
"""Called now and then with how much is done and how much there is, both in the importer's unit."""


class SourceError(UserError):
    """A source that is missing, damaged or not what it is said to be; one line with the place in it."""
