"""The parameters of a search space, and what a value of each may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real as Number

import numpy as np

from regretta.tabular_data.errors import UserError

MAX_CHOICES = 127
"""Most choices of a parameter: its index is one signed byte of a configuration."""

MAX_PARAMETERS = 10_000
"""Most parameters of a search space."""

_LARGEST = 1 << 53  # beyond it, a float is no exact whole number any more
_SHOWN = 8


class SpaceError(UserError):
    """A configuration, cell or name that does not belong to the space."""


@dataclass(frozen=True, slots=True)
class Categorical:
    """A choice among unordered values; a configuration holds the index of the choice."""

    name: str
    choices: tuple[str, ...]

    def __post_init__(self) -> None:
        size = len(self.choices)
        if not 1 <= size <= MAX_CHOICES or len(set(self.choices)) != size:
            raise SpaceError(
                f"parameter {self.name!r} needs 1 to {MAX_CHOICES} different choices, got {size}"
            )

    @property
    def size(self) -> int:
        """Number of its values."""
        return len(self.choices)

    @property
    def range(self) -> str:
        """What it takes, for people."""
        shown = ", ".join(self.choices[:_SHOWN]) + (", …" if self.size > _SHOWN else "")
        return f"one of {self.size} choices ({shown})"

    def entry(self, value: object) -> int | None:
        """What a configuration holds for a value; None where it is no choice.

        A number is the choice that reads as that number: 16.0 is the choice ``16``.
        """
        if str(value) in self.choices:
            return self.choices.index(str(value))
        number = as_number(value)
        same = [i for i, c in enumerate(self.choices) if number is not None and _read(c) == number]
        return same[0] if len(same) == 1 else None


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `low` to `high`, both included; a configuration holds the number."""

    name: str
    low: int
    high: int

    def __post_init__(self) -> None:
        if not -_LARGEST <= self.low <= self.high <= _LARGEST:
            raise SpaceError(
                f"parameter {self.name!r} needs whole numbers with low <= high, got {self.low} and"
                f" {self.high}"
            )

    @property
    def size(self) -> int:
        """Number of its values."""
        return self.high - self.low + 1

    @property
    def range(self) -> str:
        """What it takes, for people."""
        return f"{self.low} to {self.high}"

    def entry(self, value: object) -> float | None:
        """What a configuration holds for a value; None where it is no number."""
        return as_number(value)


@dataclass(frozen=True, slots=True)
class Real:
    """A number in [`low`, `high`); a configuration holds the number."""

    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise SpaceError(
                f"parameter {self.name!r} needs finite numbers with low < high, got {self.low} and"
                f" {self.high}"
            )

    @property
    def size(self) -> int:
        """0: its values cannot be counted."""
        return 0

    @property
    def range(self) -> str:
        """What it takes, for people."""
        return f"{self.low} to {self.high}"

    def entry(self, value: object) -> float | None:
        """What a configuration holds for a value; None where it is no number."""
        return as_number(value)


Parameter = Categorical | Integer | Real


def as_number(value: object) -> float | None:
    """A number as a float; None for everything else, truth values among it."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Number):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _read(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def check_parameters(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The parameters of a space.

    Raises
    ------
    SpaceError
        If there is none, two have one name, or there are more than `MAX_PARAMETERS`.
    """
    names = [parameter.name for parameter in parameters]
    if not names:
        raise SpaceError("a search space needs at least one parameter")
    if len(names) > MAX_PARAMETERS:
        raise SpaceError(f"a search space has at most {MAX_PARAMETERS:,} parameters")
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not name or name in seen:
            raise SpaceError(f"a parameter needs a name of its own, got {name!r:.60}")
        seen.add(name)
    return tuple(parameters)


def equal_blocks(parameters: Sequence[Parameter]) -> list[tuple[int, int, Parameter]]:
    """Neighbouring parameters with equal ranges as (start, stop, one of them)."""

    def kind(parameter: Parameter) -> tuple[object, ...]:
        if isinstance(parameter, Categorical):
            return (Categorical, parameter.size)
        return (type(parameter), parameter.low, parameter.high)

    blocks: list[tuple[int, int, Parameter]] = []
    for i, parameter in enumerate(parameters):
        if blocks and kind(blocks[-1][2]) == kind(parameter):
            blocks[-1] = (blocks[-1][0], i + 1, parameter)
        else:
            blocks.append((i, i + 1, parameter))
    return blocks
