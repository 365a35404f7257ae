"""SMAC's random forest and its expected improvement, for costs in logarithms.

The forest is that of ``smac.model.random_forest.RandomForest`` (Hutter, Hoos and Leyton-Brown,
"Sequential model-based optimization for general algorithm configuration", LION 2011): trees grown
on bootstrap samples by scikit-learn's rules, leaves that average costs and not their logarithms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from regretta.optimizers.smac import kernels
from regretta.optimizers.smac.packing import Packing, Words

Array = NDArray[np.float64]

_LEAST_VARIANCE = 1e-10  # SMAC's VERY_SMALL_NUMBER
_LEAST_DECREASE = 1e-8  # of a split's impurity: SMAC's min_impurity_decrease
_SEEDS = 2**31 - 1


class Forest:
    """A forest over packed vectors, the same for a seed as SMAC's grown depth first.

    Stock SMAC bounds the leaves by 2²⁰ and so has scikit-learn grow the best node first; that
    bound is never met, and both orders end in fully grown trees of the same distribution.

    Parameters
    ----------
    packing
        Of the vectors.
    n_trees
        Trees.
    seed
        Of the forest, anew at every fit.
    """

    def __init__(self, packing: Packing, n_trees: int, seed: int) -> None:
        self.packing = packing
        self.n_trees = n_trees
        random = np.random.RandomState(seed)
        self._seeds = [int(random.randint(_SEEDS)) for _ in range(n_trees)]
        self._tree_seeds = [
            np.uint32(np.random.RandomState(tree).randint(_SEEDS)) for tree in self._seeds
        ]
        self._trees: list[tuple[NDArray[np.uint32], NDArray[np.uint32], int, Array]] = []

    def fit(self, words: Words, y: Array) -> None:
        """Grow anew on words, shape ``[n, n_words]``, and logarithms of costs, shape ``[n]``."""
        packing, n = self.packing, len(y)
        columns = np.ascontiguousarray(words.T)
        costs = np.exp(y)
        self._trees = []
        for seed, tree_seed in zip(self._seeds, self._tree_seeds, strict=True):
            sample = np.random.RandomState(seed).randint(0, n, n)
            weight = np.bincount(sample, minlength=n).astype(np.float64)
            feature, code, child, leaf_of, depth = kernels.grow(
                columns,
                packing.carried,
                packing.word,
                packing.shift,
                packing.mask,
                packing.numeric,
                y,
                weight,
                tree_seed,
                _LEAST_DECREASE,
            )
            nodes = np.empty((len(feature), 4), np.uint32)
            nodes[:, 0] = packing.word[feature]
            nodes[:, 1] = packing.shift[feature]
            nodes[:, 2] = packing.mask[feature]
            nodes[:, 3] = code
            ends = child == 0
            nodes[ends, 3] = np.iinfo(np.uint32).max
            child[ends] = np.flatnonzero(ends)
            # A leaf's prediction: the mean of its samples' costs, as a logarithm again.
            leaves = leaf_of[sample]
            counts = np.bincount(leaves, minlength=len(feature))
            sums = np.bincount(leaves, weights=costs[sample], minlength=len(feature))
            values = np.zeros(len(feature))
            values[ends] = np.log(sums[ends] / counts[ends])
            self._trees.append((nodes, child, depth, values))

    def leaf_values(self, words: Words) -> Array:
        """What each tree predicts: shape ``[n, n_trees]``."""
        out = np.empty((self.n_trees, len(words)))
        for row, (nodes, child, depth, values) in zip(out, self._trees, strict=True):
            kernels.follow(words, nodes, child, depth, values, row)
        return np.ascontiguousarray(out.T)

    def predict(self, words: Words) -> tuple[Array, Array]:
        """Mean and variance over the trees, each of shape ``[n]``."""
        predictions = self.leaf_values(words)
        variance = np.maximum(predictions.var(axis=1), _LEAST_VARIANCE)
        return predictions.mean(axis=1), variance


def expected_improvement(mean: Array, variance: Array, best: float) -> Array:
    """SMAC's expected improvement on `best` where costs are logarithms.

    Where rounding makes an improvement negative, which SMAC takes for an error, it is zero here.
    """
    deviation = np.sqrt(variance)
    v = (best - mean) / deviation
    improvement = np.exp(best) * ndtr(v) - np.exp(0.5 * variance + mean) * ndtr(v - deviation)
    positive: Array = np.maximum(improvement, 0.0)
    return positive
