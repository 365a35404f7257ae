"""What every search space offers: parameters, configurations and the table row of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces import naming
from regretta.tabular_data.spaces.checks import numbers
from regretta.tabular_data.spaces.encoding import Encoder, one_hot
from regretta.tabular_data.spaces.parameter_space import (
    Configuration,
    Configurations,
    ParameterSpace,
)
from regretta.tabular_data.spaces.parameters import SpaceError, as_number


class Space(ParameterSpace, ABC):
    """A search space: named parameters, validity, and the way from a configuration to a table row.

    A *configuration* is a NumPy vector with one entry a parameter (the index of a choice, or the
    number itself); a *cell* is what a table measured, one row each. Several configurations may mean
    one cell, and some mean none: ask `valid` or `is_valid`.

    All public calls check what they are given in the same way (`check`, `check_row`): lists, tuples
    and arrays of whole numbers are taken; what does not belong to the space is one line, and never
    the row of another cell. Three calls are for those who look up millions, and say −1 where others
    refuse: `find_row`, `find_row_list` and `find_rows`.

    Subclasses set `name`, `parameters` and `n_cells` and give `find_rows` and `describe`. Spaces
    are immutable and hold no random state.
    """

    n_cells: int
    invalid_because: str = "no cell has it"
    """Why a configuration of the space may mean no cell."""
    official: str = ""
    """Kind of a cell's published name, such as ``index`` or ``hash``; empty where it has none."""
    written: str = "a mapping from parameter names to values"
    """How people write an architecture of the space, for messages."""

    @property
    def spec(self) -> str | dict[str, Any]:
        """What a table's metadata keeps of the space, enough for `get_space` to make it again."""
        return self.name

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All names that `from_spec` takes."""
        return ()

    @classmethod
    def from_spec(cls, spec: str | Mapping[str, Any]) -> Space | None:
        """The space that a `spec` describes; None where it is of another family.

        Raises
        ------
        SpaceError
            If it is of this family, but not as it must be.
        """
        return None

    def variant(self, encoding: str | None = None, counting: str | None = None) -> Space:
        """The same cells under another encoding, or another rule for what is valid.

        Parameters
        ----------
        encoding, counting
            As in `get_space`; None for the space's own.

        Raises
        ------
        SpaceError
            If the space has no such variant.
        """
        for kind, asked in (("encoding", encoding), ("rule for counting edges", counting)):
            if asked is not None:
                raise SpaceError(f"{self.name} has one {kind} only, not {asked!r}")
        return self

    # -- configuration to cell ---------------------------------------------------------------

    @abstractmethod
    def find_rows(self, configurations: Configurations) -> NDArray[np.signedinteger[Any]]:
        """Table row of each configuration, −1 where it means no cell; nothing is checked.

        It is for code that looks up many and has checked them. A −1 is a valid index of an array:
        mask it before anything is read with it, or call `rows`.

        Parameters
        ----------
        configurations
            Shape ``[n, dim]``, of the space's own dtype, entries in the parameters' ranges.

        Returns
        -------
        ndarray
            Shape ``[n]``.
        """

    def find_row(self, configuration: ArrayLike) -> int:
        """Table row of one configuration, −1 where it means no cell.

        Raises
        ------
        SpaceError
            As `check_one`: one at a time, looking up and checking are quickest together.
        """
        return int(self.find_rows(self.check_one(configuration)[None])[0])

    def find_row_list(self, configurations: Configurations) -> list[int]:
        """Table row of each of a few configurations, −1 where it means no cell.

        Raises
        ------
        SpaceError
            As `check`.
        """
        rows: list[int] = self.find_rows(self.check(configurations)).tolist()
        return rows

    def rows(self, configurations: ArrayLike) -> NDArray[np.signedinteger[Any]]:
        """Table row of each configuration, shape ``[n, dim]`` → ``[n]``.

        Raises
        ------
        SpaceError
            As `check`, and at the first configuration that means no cell.
        """
        checked = self.check(configurations)
        rows = self.find_rows(checked)
        if (rows < 0).any():
            raise self._no_cell(checked[int(np.argmax(rows < 0))])
        return rows

    def row(self, configuration: ArrayLike) -> int:
        """Table row of one configuration.

        Raises
        ------
        SpaceError
            As `check_one`, and if the configuration means no cell.
        """
        row = self.find_row(configuration)
        if row < 0:
            raise self._no_cell(self.check_one(configuration))
        return row

    def valid(self, configurations: ArrayLike) -> NDArray[np.bool_]:
        """Whether each configuration means a cell, shape ``[n, dim]`` → ``[n]``.

        It is structural: finding out costs a search no time.

        Raises
        ------
        SpaceError
            As `check`.
        """
        return self.find_rows(self.check(configurations)) >= 0

    def is_valid(self, configuration: ArrayLike) -> bool:
        """Whether one configuration means a cell.

        Raises
        ------
        SpaceError
            As `check_one`.
        """
        return self.find_row(configuration) >= 0

    def _no_cell(self, configuration: Configuration) -> SpaceError:
        values = ", ".join(f"{k}={v}" for k, v in self.to_values(configuration).items())
        return SpaceError(
            f"the configuration {values} of {self.name} means no cell: {self.invalid_because}"
        )

    @abstractmethod
    def describe(self, row: int) -> str:
        """The cell of a table row, as the field writes it.

        Raises
        ------
        SpaceError
            As `check_row`.
        """

    def words(self, row: int) -> str:
        """The cell of a table row, described node by node where it has nodes.

        Raises
        ------
        SpaceError
            As `check_row`.
        """
        return self.describe(row)

    # -- cells by name -----------------------------------------------------------------------

    @property
    def naming(self) -> naming.Naming:
        """Kind of explicit name (``row``, ``index``, ``hash``, …) → the row of such a name."""
        return {"row": self.check_row, "configuration": self.row}

    def official_name(self, row: int) -> int | str | None:
        """The published name of a row's cell, of the kind `official`; None where it has none.

        Raises
        ------
        SpaceError
            As `check_row`.
        """
        self.check_row(row)
        return None

    def official_indices(self, rows: ArrayLike) -> NDArray[np.int64] | None:
        """The published index of each row: shape ``[n]``; None where the space has no indices.

        Raises
        ------
        SpaceError
            As `check_rows`.
        """
        self.check_rows(rows)
        return None

    def row_of(self, architecture: object) -> int:
        """Table row of an architecture as people write it.

        Parameters
        ----------
        architecture
            What the space writes (`written`): text, nested lists, an object with matrix and
            operations; a mapping or `ConfigSpace.Configuration` of the space's parameters; JSON of
            any of these; ``{"index": 5}`` or ``"index 5"`` with a kind of `naming`. A whole number
            is a row, unless the space has official indices too: it is then refused.

        Raises
        ------
        SpaceError
            If it is no cell of the space, or might be more than one; the line says what would do.
        """
        return naming.row_of(self, architecture)

    def read(self, architecture: Any) -> int:
        """Row of an architecture in a form of the space's own; `row_of` takes these and others.

        Raises
        ------
        SpaceError
            If it is none.
        """
        raise self._unreadable(architecture)

    def row_of_values(self, values: Mapping[Any, Any]) -> int:
        """Row of a mapping of parameters, by our names or those of other code.

        Raises
        ------
        SpaceError
            As `from_values`, and if the configuration means no cell.
        """
        return self.row(self.from_values(values))

    def _unreadable(self, given: object) -> SpaceError:
        hint = naming.foreign(self, given)
        return SpaceError(
            f"no architecture of {self.name}: {shown(given, 120)}{hint and f' ({hint})'}; write"
            f" {self.written}"
        )

    # -- cells as vectors --------------------------------------------------------------------

    def configurations(self, rows: ArrayLike) -> Configurations:
        """A configuration of each row, shape ``[n]`` → ``[n, dim]``: `rows` of it is the row again.

        Raises
        ------
        SpaceError
            As `check_rows`, and if the space cannot tell.
        """
        raise SpaceError(f"{self.name} has no way from rows to configurations")

    def encode(self, rows: ArrayLike, encoding: str = "adjacency") -> NDArray[Any]:
        """Cells as vectors, for predictors: shape ``[n]`` → ``[n, features]``.

        Parameters
        ----------
        rows
            Table rows.
        encoding
            ``vector``: the space's own configurations. ``one-hot``: the same, a block of zeros and
            a one for each choice. ``adjacency`` and ``paths``, where cells are graphs: which edges
            there are, and of what operation; which sequences of operations lead from input to
            output (White et al., NeurIPS 2020; see `regretta.tabular_data.spaces.encoding`).

        Returns
        -------
        ndarray
            Zeros and ones as float32; ``vector`` in the space's dtype.

        Raises
        ------
        SpaceError
            As `check_rows`, and for an encoding that the space does not have.
        """
        encoders = self._encoders()
        if encoding not in encoders:
            raise SpaceError(
                f"{self.name} has no encoding {encoding!r:.40}: it has {', '.join(encoders)}"
            )
        return encoders[encoding](self.check_rows(rows))

    def _encoders(self) -> dict[str, Encoder]:
        encoders: dict[str, Encoder] = {"vector": self.configurations}
        if self.all_categorical:
            encoders["one-hot"] = lambda rows: one_hot(
                self.configurations(rows), self.cardinalities
            )
        return encoders

    # -- rows ----------------------------------------------------------------------------------

    def check_row(self, row: object) -> int:
        """A table row as an integer.

        Raises
        ------
        SpaceError
            If it is no whole number from 0 to `n_cells` − 1.
        """
        number = as_number(row.item() if isinstance(row, np.ndarray) and row.ndim == 0 else row)
        if number is None or not number.is_integer() or not 0 <= int(row) < self.n_cells:  # type: ignore[call-overload]
            raise SpaceError(
                f"{self.name} has the rows 0 to {self.n_cells - 1}, and none is {shown(row, 60)}"
            )
        return int(row)  # type: ignore[call-overload, no-any-return]

    def check_rows(self, rows: ArrayLike) -> NDArray[np.int64]:
        """Table rows as integers: shape ``[n]``.

        Raises
        ------
        SpaceError
            As `check_row`, or if the shape is another one.
        """
        given = numbers(rows, f"rows of {self.name}")
        if given.ndim != 1:
            raise SpaceError(f"rows of {self.name} are a list, got an array of shape {given.shape}")
        bad = ~((given >= 0) & (given < self.n_cells)) | (given != np.floor(given))
        if bad.any():
            self.check_row(given[int(np.argmax(bad))].item())
        return given.astype(np.int64)

    def __repr__(self) -> str:
        return f"<space {self.name}: {self.dim} parameters, {self.n_cells} cells>"
