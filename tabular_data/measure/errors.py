"""The one error of this package that a user can cause."""

from __future__ import annotations

from regretta.tabular_data.errors import UserError


class MeasureError(UserError):
    """A data set, a recipe or a checkpoint folder that cannot be used.

    The message is one line that says what is wrong and, where it helps, what would be right.
    """
