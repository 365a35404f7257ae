"""A space in which every combination of choices is a cell of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.spaces.base import (
    Categorical,
    Configuration,
    Configurations,
    Space,
    SpaceError,
)

_REMEMBERED = 100_000


class GridSpace(Space):
    """The product of categorical parameters: row = mixed-radix number, last parameter fastest.

    That is the order of `itertools.product`, and of ``array.reshape(len(a), len(b), …)``.

    Parameters
    ----------
    choices
        Parameter name → its choices (at most 127), in the order of the axes.
    name
        Shown in reports.

    Raises
    ------
    SpaceError
        If there is no parameter, or one has no choice, two equal choices or more than 127.
    """

    def __init__(self, choices: Mapping[str, Sequence[object]], name: str = "grid") -> None:
        if not choices:
            raise SpaceError("a grid space needs at least one parameter")
        parameters = [
            Categorical(key, tuple(str(value) for value in values))
            for key, values in choices.items()
        ]
        for parameter in parameters:
            size = len(parameter.choices)
            if not 1 <= size <= 127 or len(set(parameter.choices)) != size:
                raise SpaceError(
                    f"parameter {parameter.name!r} needs 1 to 127 different choices, got {size}"
                )
        super().__init__(parameters)
        self.name = name
        self._radix = np.cumprod([1, *self.cardinalities[:0:-1]], dtype=np.int64)[::-1].copy()
        self._known: dict[bytes, int] = {}
        self.n_cells = int(np.prod(self.cardinalities, dtype=np.int64))

    @property
    def spec(self) -> str | dict[str, Any]:
        return {
            "grid": {p.name: list(p.choices) for p in self.parameters if isinstance(p, Categorical)}
        }

    def rows(self, configurations: Configurations) -> NDArray[np.int32]:
        return (configurations @ self._radix).astype(np.int32)

    def row(self, configuration: Configuration) -> int:
        # A search comes back to the same cells: what was looked up once is remembered by its bytes.
        key = configuration.tobytes()
        row = self._known.get(key) if configuration.dtype == self.dtype else None
        if row is None:
            row = super().row(configuration)
            if configuration.dtype == self.dtype and len(self._known) < _REMEMBERED:
                self._known[key] = row
        return row

    def configurations(self, rows: NDArray[np.integer[Any]]) -> Configurations:
        """The configuration of each row: shape ``[n, dim]``; the reverse of `rows`."""
        return np.stack(np.unravel_index(rows, self.cardinalities), axis=-1).astype(self.dtype)

    def describe(self, row: int) -> str:
        values = self.to_values(self.configurations(np.array([row]))[0])
        return ", ".join(f"{name}={value}" for name, value in values.items())
