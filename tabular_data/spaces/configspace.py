"""A search space as ConfigSpace has it, for the packages that search in its terms."""

from __future__ import annotations

from collections.abc import Sequence

from ConfigSpace import (
    CategoricalHyperparameter,
    ConfigurationSpace,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)

from regretta.tabular_data.spaces.parameters import Categorical, Integer, Parameter, Real


def configuration_space(
    name: str, parameters: Sequence[Parameter], seed: int | None = None
) -> ConfigurationSpace:
    """The parameters of a space, as `Space.configuration_space` says."""
    space = ConfigurationSpace(name=name, seed=seed)
    for parameter in parameters:
        match parameter:
            case Categorical(name=own, choices=choices):
                space.add(CategoricalHyperparameter(own, list(choices)))
            case Integer(name=own, low=low, high=high) if low == high:
                space.add(CategoricalHyperparameter(own, [low]))
            case Integer(name=own, low=low, high=high):
                space.add(UniformIntegerHyperparameter(own, low, high))
            case Real(name=own, low=start, high=stop):
                space.add(UniformFloatHyperparameter(own, start, stop))
    return space
