"""What harness and optimizer say to each other, checked: proposals, answers, and whatever an optimizer raises."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.oracle import FEW, Oracle, OracleError
from regretta.optimizers.base import Proposal, SettingsError
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import SpaceError

_FREE_PROPOSALS = 1_000_000


class OptimizerError(RuntimeError):
    """An optimizer that failed in a run: what it did, and where."""


def proposed(asked: Any, oracle: Oracle, where: str) -> tuple[NDArray[Any], int, Any]:
    """What was asked, checked: configurations ``[n, dim]``, the budget's level, the tag.

    Entries of up to `FEW` configurations of the space's dtype are left for `Space.row_list` to
    check as it looks up.
    """
    configurations, budget, tag = asked, None, None
    if isinstance(asked, Proposal):
        configurations, budget, tag = asked.configurations, asked.budget, asked.tag
    space = oracle.space
    try:
        configurations = np.asarray(configurations)
        if configurations.ndim == 1:
            configurations = configurations[None]
        if configurations.dtype != space.dtype or not (
            len(configurations) <= FEW or space.inside(configurations)
        ):
            configurations = space.check(configurations)
        if not len(configurations):
            raise SpaceError("a proposal has at least one configuration")
        return configurations, oracle.level(budget), tag
    except (UserError, TypeError, ValueError) as error:
        raise _invalid(where, error) from error


def _invalid(where: str, error: Exception) -> OptimizerError:
    return OptimizerError(f"{where}: ask proposed something invalid: {error}")


def answered(where: str, answer: Any, configurations: NDArray[Any], level: int) -> Any:
    """The oracle's answer; a query for what the table lacks is the optimizer's failure."""
    try:
        return answer(configurations, level)
    except SpaceError as error:
        raise _invalid(where, error) from error
    except OracleError as error:
        raise OptimizerError(f"{where}: {error}") from error


def guarded(where: str, method: str, function: Any, *arguments: Any) -> Any:
    """Call the optimizer; whatever it raises becomes one line that says where."""
    try:
        return function(*arguments)
    except SettingsError as error:
        raise OptimizerError(f"{where}: {error}") from error
    except Exception as error:
        raise OptimizerError(f"{where}: {method} raised {type(error).__name__}: {error}") from error


def refuse_free_proposals(where: str, free: int) -> None:
    """End a search whose last `free` configurations cost nothing once they are a million: it would never end."""
    if free >= _FREE_PROPOSALS:
        raise OptimizerError(
            f"{where}: {free} invalid configurations in a row, and no simulated time passed"
        )
