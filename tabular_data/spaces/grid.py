"""A space in which every combination of choices is a cell of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces.base import Space
from regretta.tabular_data.spaces.parameter_space import Configurations
from regretta.tabular_data.spaces.parameters import Categorical, SpaceError

_REMEMBERED = 100_000
_MAX_CELLS = (1 << 63) - 1


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
        If there is no parameter, one has no choice, two choices of equal text or more than 127, or
        the product has 2⁶³ cells and more.
    """

    def __init__(self, choices: Mapping[str, Sequence[object]], name: str = "grid") -> None:
        if not isinstance(name, str) or not name.isprintable() or not name:
            raise SpaceError(f"a grid space's name is a printable text, got {name!r:.60}")
        if not isinstance(choices, Mapping):
            raise SpaceError(
                f"a grid space needs a mapping from names to choices, got {shown(choices)}"
            )
        super().__init__([_parameter(key, values) for key, values in choices.items()])
        self.name = name
        self.n_cells = prod(self.cardinalities)
        if self.n_cells > _MAX_CELLS:
            raise SpaceError(
                f"grid space {name!r:.60} has more than {_MAX_CELLS} cells, which cannot be counted"
            )
        self._radix = np.cumprod([1, *self.cardinalities[:0:-1]], dtype=np.int64)[::-1].copy()
        self._row_type = np.dtype(np.int32 if self.n_cells <= 1 << 31 else np.int64)
        self._shape = (self.dim,)
        self._known: dict[bytes, int] = {}
        example = ", ".join(f"{p.name}={p.choices[0]}" for p in self._categorical()[:3])
        self.written = f"{example}{', …' if self.dim > 3 else ''}"

    @property
    def spec(self) -> str | dict[str, Any]:
        return {
            "grid": {p.name: list(p.choices) for p in self._categorical()},
            "name": self.name,
        }

    def _categorical(self) -> list[Categorical]:
        return [p for p in self.parameters if isinstance(p, Categorical)]

    @classmethod
    def from_spec(cls, spec: str | Mapping[str, Any]) -> Space | None:
        if not isinstance(spec, Mapping):
            return None
        grid, name = (spec.get(key) for key in ("grid", "name"))
        if set(spec) != {"grid", "name"} or not isinstance(grid, Mapping):
            raise SpaceError('a grid space is {"grid": {parameter: [choices]}, "name": name}')
        return GridSpace(grid, name)  # type: ignore[arg-type]

    def find_rows(self, configurations: Configurations) -> NDArray[np.signedinteger[Any]]:
        found: NDArray[np.signedinteger[Any]] = (configurations @ self._radix).astype(
            self._row_type
        )
        return found

    def find_row(self, configuration: ArrayLike) -> int:
        if isinstance(configuration, np.ndarray) and configuration.shape == self._shape:
            return self.find_row_list(configuration[None])[0]
        return super().find_row(configuration)

    def find_row_list(self, configurations: Configurations) -> list[int]:
        if configurations.dtype is not self.dtype or configurations.shape[1:] != self._shape:
            return super().find_row_list(configurations)
        # A search comes back to the same cells: what was looked up once is remembered by its bytes.
        data, size, known = configurations.tobytes(), self._shape[0], self._known
        if data in known:
            return [known[data]]
        rows = []
        for k, start in enumerate(range(0, len(data), size)):
            key = data[start : start + size]
            row = known.get(key)
            if row is None:
                (row,) = super().find_row_list(configurations[k : k + 1])
                if len(known) < _REMEMBERED:
                    known[key] = row
            rows.append(row)
        return rows

    def configurations(self, rows: ArrayLike) -> Configurations:
        """The configuration of each row, shape ``[n]`` → ``[n, dim]``; the reverse of `rows`.

        Raises
        ------
        SpaceError
            As `check_rows`.
        """
        places = np.unravel_index(self.check_rows(rows), self.cardinalities)
        return np.stack(places, axis=-1).astype(self.dtype)

    def read(self, architecture: Any) -> int:
        parts = architecture.split(",") if isinstance(architecture, str) else []
        pairs = [part.partition("=") for part in parts]
        values = {name.strip(): value.strip() for name, equals, value in pairs if equals}
        if not values or len(values) < len(parts):
            raise self._unreadable(architecture)
        return self.row(self.from_values(values))

    def describe(self, row: int) -> str:
        values = self.to_values(self.configurations([self.check_row(row)])[0])
        return ", ".join(f"{name}={value}" for name, value in values.items())


def _parameter(name: object, values: object) -> Categorical:
    if not isinstance(name, str) or not name:
        raise SpaceError(f"a parameter's name is a text, got {name!r:.60}")
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str | bytes):
        raise SpaceError(f"parameter {name!r} needs a list of choices, got {values!r:.60}")
    return Categorical(name, tuple(str(value) for value in values))
