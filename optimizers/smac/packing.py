"""Vectors of ConfigSpace as a few machine words each, which trees read faster than numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from ConfigSpace import (
    CategoricalHyperparameter,
    ConfigurationSpace,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)
from numpy.typing import NDArray

from regretta.optimizers.smac import kernels

Array = NDArray[np.float64]
Words = NDArray[np.uint64]

_WORD = 64
_NUMBER = 32  # bits of a single-precision number
_SAMPLE = 40  # bits of a word that a tree can carry along with a sample's number


class Packing:
    """Where each parameter's field lies.

    A categorical parameter's field holds its choice; a number's holds the bits of its place on
    the unit interval in single precision, whose order is that of the numbers.

    Parameters
    ----------
    configspace
        A space of categorical, uniform integer and uniform real parameters without conditions.

    Attributes
    ----------
    sizes
        Values of each parameter, 0 for a continuum: shape ``[dim]``.
    steps
        The distance of neighbouring values in the vector, shape ``[dim]``.
    numeric
        Whether a parameter is a number, shape ``[dim]``.
    word, shift, mask
        Of each parameter's field, shape ``[dim]``.
    n_words
        Words of a vector.
    carried
        Whether a tree can carry them beside a sample's number.
    """

    def __init__(self, configspace: ConfigurationSpace) -> None:
        self.dim = len(configspace)
        self.sizes = np.zeros(self.dim, np.int64)
        self.steps = np.ones(self.dim)
        self.numeric = np.zeros(self.dim, np.bool_)
        for i, parameter in enumerate(configspace.values()):
            if isinstance(parameter, CategoricalHyperparameter):
                self.sizes[i] = len(parameter.choices)
            elif isinstance(parameter, UniformIntegerHyperparameter):
                self.sizes[i] = parameter.upper - parameter.lower + 1
                self.steps[i] = 1 / max(self.sizes[i] - 1, 1)
                self.numeric[i] = True
            elif isinstance(parameter, UniformFloatHyperparameter):
                self.numeric[i] = True
            else:
                raise TypeError(f"no trees over {type(parameter).__name__} {parameter.name!r}")
        self.word = np.zeros(self.dim, np.int64)
        self.shift = np.zeros(self.dim, np.uint64)
        self.mask = np.zeros(self.dim, np.uint64)
        word = used = 0
        for i, (size, numeric) in enumerate(
            zip(self.sizes.tolist(), self.numeric.tolist(), strict=True)
        ):
            bits = _NUMBER if numeric else max(1, (size - 1).bit_length())
            if used + bits > _WORD:
                word, used = word + 1, 0
            self.word[i], self.shift[i], self.mask[i] = word, used, (1 << bits) - 1
            used += bits
        self.n_words = word + 1
        self.carried = word == 0 and used <= _SAMPLE

    def __call__(self, vectors: Array) -> Words:
        """The words of vectors: shape ``[n, n_words]`` for ``[n, dim]``."""
        words = np.zeros((len(vectors), self.n_words), np.uint64)
        self.put(words, np.arange(self.dim), vectors)
        return words

    def put(self, words: Words, parameters: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Write values of some parameters, shape ``[n, k]``, into words that have zeros there."""
        kernels.put(
            words,
            values,
            self.word[parameters],
            self.shift[parameters],
            self.numeric[parameters],
        )

    def vectors(self, words: Words) -> Array:
        """The vectors of words, numbers in single precision: shape ``[n, dim]``."""
        codes = (words[:, self.word] >> self.shift) & self.mask
        numbers = codes.astype(np.uint32).view(np.float32)
        return np.where(self.numeric, numbers, codes).astype(np.float64)
