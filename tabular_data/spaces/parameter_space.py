"""Named parameters, and the vectors that give each of them a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.spaces.checks import numbers
from regretta.tabular_data.spaces.parameters import (
    Categorical,
    Integer,
    Parameter,
    Real,
    SpaceError,
    check_parameters,
    equal_blocks,
)

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

Configuration = NDArray[Any]
"""One configuration: shape ``[dim]``, an entry a parameter, in the order of `Space.parameters`."""

Configurations = NDArray[Any]
"""Many configurations: shape ``[n, dim]``."""


class ParameterSpace:
    """The configurations of a search space: checked, drawn, changed, and told by name.

    A configuration is a NumPy vector with one entry a parameter: the index of a choice, or the
    number itself. What a configuration means is the affair of `Space`.

    Attributes
    ----------
    name
        How messages call it.
    parameters
        In the order of a configuration's entries.
    """

    name: str
    parameters: tuple[Parameter, ...]
    mutation_weights: ClassVar[Mapping[str, Sequence[float]]] = {}
    """Named, unequal probabilities with which a mutation picks its parameter, from papers."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = check_parameters(parameters)
        self._names = {parameter.name: i for i, parameter in enumerate(self.parameters)}
        self.all_categorical = all(isinstance(p, Categorical) for p in self.parameters)
        self.dtype: np.dtype[Any] = np.dtype(np.int8 if self.all_categorical else np.float64)
        self.cardinalities = tuple(parameter.size for parameter in self.parameters)
        self._free = [i for i, size in enumerate(self.cardinalities) if size != 1]
        self._blocks = equal_blocks(self.parameters)
        self._largest = (
            np.array(self.cardinalities, dtype=np.uint8) - 1 if self.all_categorical else None
        )

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

    # -- checks --------------------------------------------------------------------------------

    def check(self, configurations: ArrayLike) -> Configurations:
        """Many configurations in the space's own dtype.

        Raises
        ------
        SpaceError
            If the shape is not ``[n, dim]``, an entry is no number, or it is outside its
            parameter's range.
        """
        if isinstance(configurations, np.ndarray) and configurations.dtype == self.dtype:
            if self.inside(configurations):
                return configurations
            given = configurations
        else:
            given = numbers(configurations, f"a configuration of {self.name}")
        if given.ndim != 2 or given.shape[1] != self.dim:
            raise SpaceError(
                f"a configuration of {self.name} has {self.dim} entries, got an array of shape"
                f" {given.shape}"
            )
        low, high, whole = self._bounds()
        bad = ~((given >= low) & (given <= high)) | (whole & (given != np.floor(given)))
        if bad.any():
            n, i = (int(k) for k in np.argwhere(bad)[0])
            raise SpaceError(
                f"parameter {self.parameters[i].name!r} of {self.name} cannot be {given[n, i]}: "
                f"it takes {self.parameters[i].range}"
            )
        return given.astype(self.dtype, copy=False)

    def check_one(self, configuration: ArrayLike) -> Configuration:
        """One configuration in the space's own dtype: shape ``[dim]``.

        Raises
        ------
        SpaceError
            As `check`.
        """
        if isinstance(configuration, np.ndarray) and configuration.dtype == self.dtype:
            given = configuration
        else:
            given = numbers(configuration, f"a configuration of {self.name}")
        if given.ndim != 1:
            raise SpaceError(
                f"one configuration of {self.name} has {self.dim} entries, got an array of shape"
                f" {given.shape}"
            )
        checked: Configuration = self.check(given[None])[0]
        return checked

    def inside(self, configurations: Configurations) -> bool:
        """Whether an array of the space's own dtype holds configurations: `check`'s quick form.

        It may say no where `check` finds nothing wrong, never the other way round.
        """
        if self._largest is None or configurations.shape[1:] != (self.dim,):
            return False
        if not configurations.flags.c_contiguous:
            return False
        # Read as unsigned, a negative entry is a large one.
        return bool((configurations.view(np.uint8) <= self._largest).all())

    def _bounds(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        low = np.array([0 if isinstance(p, Categorical) else p.low for p in self.parameters])
        high = np.array(
            [p.size - 1 if isinstance(p, Categorical) else p.high for p in self.parameters]
        )
        return low, high, np.array([not isinstance(p, Real) for p in self.parameters])

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

        The parameter is drawn uniformly, or by `weights`, among those that have another value, and
        its new value uniformly among the others (a real parameter: uniformly in its range). Where
        every parameter has one value only, the copy is equal. This is the mutation of the
        comparison of NAS-Bench-101 (automl/nas_benchmarks, ``run_regularized_evolution.py``).

        Raises
        ------
        SpaceError
            As `check_one`, for anything but an array of the space's own dtype, which is trusted.
        """
        if not isinstance(configuration, np.ndarray) or configuration.dtype is not self.dtype:
            configuration = self.check_one(configuration)
        child = configuration.copy()
        where, what = rng.random(2).tolist()
        free = self._free
        if not free:
            return child
        if weights is None:
            i = free[int(where * len(free))]
        else:
            shares = [weights[i] for i in free]
            i = free[int(np.searchsorted(np.cumsum(shares), where * sum(shares), side="right"))]
        if not self.all_categorical and isinstance(parameter := self.parameters[i], Real):
            child[i] = parameter.low + (parameter.high - parameter.low) * what
            return child
        low = 0 if self.all_categorical or isinstance(parameter, Categorical) else parameter.low
        other = int(what * (self.cardinalities[i] - 1)) + low
        child[i] = other + (other >= child.item(i))
        return child

    def neighbours(self, configuration: ArrayLike) -> Configurations:
        """All configurations that differ in one discrete parameter: shape ``[m, dim]``.

        Raises
        ------
        SpaceError
            As `check_one`.
        """
        centre = self.check_one(configuration)
        changed = []
        for i, parameter in enumerate(self.parameters):
            if isinstance(parameter, Real):
                continue
            low = parameter.low if isinstance(parameter, Integer) else 0
            for value in range(low, low + parameter.size):
                if value != centre[i]:
                    neighbour = centre.copy()
                    neighbour[i] = value
                    changed.append(neighbour)
        return np.array(changed, dtype=self.dtype).reshape(-1, self.dim)

    def to_values(self, configuration: ArrayLike) -> dict[str, str | int | float]:
        """The configuration as a mapping from parameter names to values.

        Raises
        ------
        SpaceError
            As `check_one`.
        """
        values: dict[str, str | int | float] = {}
        entries = self.check_one(configuration).tolist()
        for parameter, entry in zip(self.parameters, entries, strict=True):
            match parameter:
                case Categorical(name=name, choices=choices):
                    values[name] = choices[int(entry)]
                case Integer(name=name):
                    values[name] = int(entry)
                case Real(name=name):
                    values[name] = float(entry)
        return values

    def from_values(self, values: Mapping[str, object]) -> Configuration:
        """The configuration of a mapping from names to values; the reverse of `to_values`.

        Raises
        ------
        SpaceError
            If a name is missing or unknown, or a value is outside its parameter's range.
        """
        if not isinstance(values, Mapping):
            raise SpaceError(
                f"{self.name} needs a mapping from names to values, got {values!r:.60}"
            )
        for name in values:
            if name not in self._names:
                raise SpaceError(f"{self.name} has no parameter {name!r:.60}")
        entries: list[float] = []
        for parameter in self.parameters:
            if parameter.name not in values:
                raise SpaceError(
                    f"the configuration lacks parameter {parameter.name!r} of {self.name}"
                )
            entry = parameter.entry(values[parameter.name])
            if entry is None:
                raise SpaceError(
                    f"parameter {parameter.name!r} of {self.name} cannot be"
                    f" {values[parameter.name]!r:.60}: it takes {parameter.range}"
                )
            entries.append(entry)
        return self.check_one(np.array(entries, dtype=float))

    def configuration_space(self, seed: int | None = None) -> ConfigurationSpace:
        """The same space as a `ConfigSpace.ConfigurationSpace`.

        Its hyperparameters carry the parameters' names; ConfigSpace orders them alphabetically, so
        go through names (`from_values`), never through positions. A whole number of one value is a
        choice of one, since ConfigSpace has no range of one.
        """
        from regretta.tabular_data.spaces.configspace import configuration_space

        return configuration_space(self.name, self.parameters, seed)
