"""What every search space offers: parameters, configurations and the table row of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.errors import UserError

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

Configuration = NDArray[Any]
"""One configuration: shape ``[dim]``, an entry a parameter, in the order of `Space.parameters`."""

Configurations = NDArray[Any]
"""Many configurations: shape ``[n, dim]``."""


class SpaceError(UserError):
    """A configuration, cell or name that does not belong to the space."""


@dataclass(frozen=True, slots=True)
class Categorical:
    """A choice among unordered values; a configuration holds the index of the choice."""

    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `low` to `high`, both included; a configuration holds the number."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Real:
    """A number in [`low`, `high`); a configuration holds the number."""

    name: str
    low: float
    high: float


Parameter = Categorical | Integer | Real


class Space(ABC):
    """A search space: named parameters, validity, and the way from a configuration to a table row.

    A *configuration* is a NumPy vector with one entry a parameter (the index of a choice, or the
    number itself); a *cell* is what a table measured, one row each. Several configurations may mean
    one cell, and some mean none: their row is −1.

    Subclasses set `name`, `parameters` and `n_cells` and give `rows` and `describe`. Spaces are
    immutable and hold no random state.
    """

    name: str
    n_cells: int
    parameters: tuple[Parameter, ...]
    mutation_weights: ClassVar[Mapping[str, Sequence[float]]] = {}
    """Named, unequal probabilities with which a mutation picks its parameter, where a paper has them."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self._names = {parameter.name: i for i, parameter in enumerate(self.parameters)}
        self.all_categorical = all(isinstance(p, Categorical) for p in self.parameters)
        self.dtype: np.dtype[Any] = np.dtype(np.int8 if self.all_categorical else np.float64)
        self.cardinalities = tuple(
            (
                len(p.choices)
                if isinstance(p, Categorical)
                else p.high - p.low + 1
                if isinstance(p, Integer)
                else 0
            )
            for p in self.parameters
        )
        self._blocks = _equal_blocks(self.parameters)
        self._largest = (
            np.array(self.cardinalities, dtype=np.uint8) - 1 if self.all_categorical else None
        )

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

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
    def rows(self, configurations: Configurations) -> NDArray[np.int32]:
        """Table row of each configuration.

        Parameters
        ----------
        configurations
            Shape ``[n, dim]``; entries must lie in the parameters' ranges (see `check`).

        Returns
        -------
        ndarray
            Shape ``[n]``; −1 where the configuration means no cell.
        """

    def row(self, configuration: Configuration) -> int:
        """Table row of one configuration, −1 where it means no cell.

        Unlike `rows` it finds out by itself whether the configuration belongs to the space: one at
        a time, looking up and checking are quickest together.

        Raises
        ------
        SpaceError
            As `check`.
        """
        return int(self.rows(self.check(configuration[None, :]))[0])

    def row_list(self, configurations: Configurations) -> list[int]:
        """What `row` gives for each of a few configurations, shape ``[n, dim]``.

        Raises
        ------
        SpaceError
            As `check`.
        """
        return [self.row(configuration) for configuration in configurations]

    def valid(self, configurations: Configurations) -> NDArray[np.bool_]:
        """Whether each configuration means a cell; structural, so that it costs a search nothing."""
        return self.rows(configurations) >= 0

    @abstractmethod
    def describe(self, row: int) -> str:
        """The cell of a table row, as the field writes it."""

    # -- configurations ----------------------------------------------------------------------

    def sample(self, rng: np.random.Generator, n: int) -> Configurations:
        """`n` configurations, every parameter uniform and independent: shape ``[n, dim]``."""
        out = np.empty((n, self.dim), dtype=self.dtype)
        for start, stop, parameter in self._blocks:
            size = n * (stop - start)
            match parameter:
                case Categorical(choices=choices):
                    drawn: NDArray[Any] = rng.integers(0, len(choices), size=size, dtype=np.int8)
                case Integer(low=low, high=high):
                    drawn = rng.integers(low, high + 1, size=size)
                case Real(low=low, high=high):
                    drawn = low + (high - low) * rng.random(size)
            out[:, start:stop] = drawn.reshape(n, stop - start)
        return out

    def mutate(
        self,
        configuration: Configuration,
        rng: np.random.Generator,
        weights: Sequence[float] | None = None,
    ) -> Configuration:
        """A copy in which one parameter has another value.

        The parameter is drawn uniformly, or by `weights`, and its new value uniformly among the
        others (a real parameter: uniformly in its range). This is the mutation of the comparison of
        NAS-Bench-101 (automl/nas_benchmarks, ``run_regularized_evolution.py``).
        """
        child = configuration.copy()
        where, what = rng.random(2).tolist()
        if weights is None:
            i = int(where * len(self.parameters))
        else:
            i = int(np.searchsorted(np.cumsum(weights), where * sum(weights), side="right"))
        if not self.all_categorical and isinstance(parameter := self.parameters[i], Real):
            child[i] = parameter.low + (parameter.high - parameter.low) * what
            return child
        low = 0 if self.all_categorical or isinstance(parameter, Categorical) else parameter.low
        other = int(what * (self.cardinalities[i] - 1)) + low
        child[i] = other + (other >= child.item(i))
        return child

    def neighbours(self, configuration: Configuration) -> Configurations:
        """All configurations that differ in one categorical or integer parameter: shape ``[m, dim]``."""
        found = []
        for i, parameter in enumerate(self.parameters):
            if isinstance(parameter, Real):
                continue
            low = parameter.low if isinstance(parameter, Integer) else 0
            for value in range(low, low + self.cardinalities[i]):
                if value != configuration[i]:
                    neighbour = configuration.copy()
                    neighbour[i] = value
                    found.append(neighbour)
        return np.array(found, dtype=self.dtype).reshape(-1, self.dim)

    def inside(self, configurations: Configurations) -> bool:
        """Whether an array of the space's own dtype holds configurations of it; the quick form of `check`."""
        if self._largest is None or configurations.shape[1:] != (self.dim,):
            return False
        # Read as unsigned, a negative entry is a large one.
        return bool((configurations.view(np.uint8) <= self._largest).all())

    def check(self, configurations: Configurations) -> Configurations:
        """The configurations in the space's own dtype.

        Raises
        ------
        SpaceError
            If the shape is not ``[n, dim]`` or an entry is outside its parameter's range.
        """
        given = np.asarray(configurations)
        if given.ndim != 2 or given.shape[1] != self.dim:
            raise SpaceError(
                f"a configuration of {self.name} has {self.dim} entries, got an array of shape"
                f" {given.shape}"
            )
        if given.dtype.kind not in "biuf":
            raise SpaceError(
                f"a configuration of {self.name} holds numbers, got dtype {given.dtype}"
            )
        low, high, whole = self._bounds()
        bad = ~((given >= low) & (given <= high)) | (whole & (given != np.floor(given)))
        if bad.any():
            n, i = (int(k) for k in np.argwhere(bad)[0])
            raise SpaceError(
                f"parameter {self.parameters[i].name!r} of {self.name} cannot be {given[n, i]}: "
                f"it takes {_range(self.parameters[i])}"
            )
        return given.astype(self.dtype, copy=False)

    def _bounds(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        low = np.array([0 if isinstance(p, Categorical) else p.low for p in self.parameters])
        high = np.array(
            [len(p.choices) - 1 if isinstance(p, Categorical) else p.high for p in self.parameters]
        )
        return low, high, np.array([not isinstance(p, Real) for p in self.parameters])

    def to_values(self, configuration: Configuration) -> dict[str, str | int | float]:
        """The configuration as a mapping from parameter names to values."""
        values: dict[str, str | int | float] = {}
        for parameter, entry in zip(self.parameters, configuration.tolist(), strict=True):
            match parameter:
                case Categorical(name=name, choices=choices):
                    values[name] = choices[int(entry)]
                case Integer(name=name):
                    values[name] = int(entry)
                case Real(name=name):
                    values[name] = float(entry)
        return values

    def from_values(self, values: Mapping[str, object]) -> Configuration:
        """The configuration of a mapping from parameter names to values; the reverse of
        `to_values`.

        Raises
        ------
        SpaceError
            If a name is missing or unknown, or a value is outside its parameter's range.
        """
        if unknown := sorted(set(values) - set(self._names)):
            raise SpaceError(f"{self.name} has no parameter {unknown[0]!r}")
        entries: list[float] = []
        for parameter in self.parameters:
            if parameter.name not in values:
                raise SpaceError(
                    f"the configuration lacks parameter {parameter.name!r} of {self.name}"
                )
            value = values[parameter.name]
            if isinstance(parameter, Categorical):
                if str(value) not in parameter.choices:
                    raise SpaceError(
                        f"parameter {parameter.name!r} of {self.name} cannot be {value!r}: it takes"
                        f" {_range(parameter)}"
                    )
                entries.append(parameter.choices.index(str(value)))
            else:
                entries.append(float(value))  # type: ignore[arg-type]
        vector: Configuration = self.check(np.array([entries], dtype=float))[0]
        return vector

    def configuration_space(self, seed: int | None = None) -> ConfigurationSpace:
        """The same space as a `ConfigSpace.ConfigurationSpace`.

        Its hyperparameters carry the parameters' names; ConfigSpace orders them alphabetically, so
        go through names (`from_values`), never through positions.
        """
        from ConfigSpace import (
            CategoricalHyperparameter,
            ConfigurationSpace,
            UniformFloatHyperparameter,
            UniformIntegerHyperparameter,
        )

        space = ConfigurationSpace(name=self.name, seed=seed)
        for parameter in self.parameters:
            match parameter:
                case Categorical(name=name, choices=choices):
                    space.add(CategoricalHyperparameter(name, list(choices)))
                case Integer(name=name, low=low, high=high):
                    space.add(UniformIntegerHyperparameter(name, low, high))
                case Real(name=name, low=start, high=stop):
                    space.add(UniformFloatHyperparameter(name, start, stop))
        return space

    def __repr__(self) -> str:
        return f"<space {self.name}: {self.dim} parameters, {self.n_cells} cells>"


def _equal_blocks(parameters: Sequence[Parameter]) -> list[tuple[int, int, Parameter]]:
    """Runs of neighbouring parameters with equal ranges, so that sampling draws each run at once."""

    def kind(parameter: Parameter) -> tuple[object, ...]:
        if isinstance(parameter, Categorical):
            return (Categorical, len(parameter.choices))
        return (type(parameter), parameter.low, parameter.high)

    blocks: list[tuple[int, int, Parameter]] = []
    for i, parameter in enumerate(parameters):
        if blocks and kind(blocks[-1][2]) == kind(parameter):
            blocks[-1] = (blocks[-1][0], i + 1, parameter)
        else:
            blocks.append((i, i + 1, parameter))
    return blocks


def _range(parameter: Parameter) -> str:
    if isinstance(parameter, Categorical):
        shown = ", ".join(parameter.choices[:8]) + (", …" if len(parameter.choices) > 8 else "")
        return f"one of {len(parameter.choices)} choices ({shown})"
    return f"{parameter.low} to {parameter.high}"
