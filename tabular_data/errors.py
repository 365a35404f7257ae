"""The one base of all errors that a user can mend."""

from __future__ import annotations


class UserError(ValueError):
    """Something given to Regretta cannot be used: one line says what, where and what to do.

    The command line turns it into that line and exit code 2.
    """
