"""How long a search goes on: for simulated seconds, for evaluations, or whichever ends first."""

from __future__ import annotations

from regretta.tabular_data.errors import UserError, shown

_MOST_EVALUATIONS = 1_000_000_000


class LimitError(UserError):
    """A limit that no search can have."""


def check_limits(
    seconds: float | None, evaluations: int | None, whose: str, error: type[UserError] = LimitError
) -> None:
    """Refuse limits that are none.

    Parameters
    ----------
    seconds, evaluations
        Each None where there is no such limit.
    whose
        What messages begin with.
    error
        Kind of the error.

    Raises
    ------
    error
        If seconds are not finite or above 0, or evaluations not a whole number above 0.
    """
    if seconds is not None and not 0 < seconds < float("inf"):
        raise error(f"{whose}: a time limit is a number of seconds above 0, got {shown(seconds)}")
    if evaluations is not None and (
        type(evaluations) is not int or not 1 <= evaluations <= _MOST_EVALUATIONS
    ):
        raise error(
            f"{whose}: a limit of evaluations is a whole number from 1 to {_MOST_EVALUATIONS:,},"
            f" got {shown(evaluations)}"
        )


def in_words(seconds: float | None, evaluations: int | None) -> str:
    """Limits as sentences say them: ``"1,000 s"``, ``"200 evaluations"``, or both."""
    parts = []
    if seconds is not None:
        parts.append(f"{seconds:,.10g} s")
    if evaluations is not None:
        parts.append(f"{evaluations:,} evaluation{'' if evaluations == 1 else 's'}")
    return " or ".join(parts)
