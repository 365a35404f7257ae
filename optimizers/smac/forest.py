"""SMAC's random forest and expected improvement, evaluated in this thread and in batches.

The forest is ``smac.model.random_forest.RandomForest`` (Hutter et al., "Sequential model-based
optimization for general algorithm configuration", LION 2011), grown by scikit-learn as SMAC grows
it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.ensemble._forest import ForestRegressor
from smac.acquisition.function.expected_improvement import EI
from smac.model.random_forest.random_forest import EPMRandomForest, RandomForest

Array = NDArray[np.float64]


class _SerialTrees(EPMRandomForest):
    """SMAC's forest with its two loops over leaves and trees taken out of Python and of joblib."""

    def fit(self, X: Array, y: Array, sample_weight: None = None) -> None:
        ForestRegressor.fit(self, X, y, sample_weight)
        single = X.astype(np.float32)
        # A leaf's prediction: the mean of its samples on the scale of the costs, as a logarithm
        # again.
        costs = np.exp(y)
        for tree, sample in zip(self.estimators_, self.estimators_samples_, strict=True):
            leaves = tree.tree_.apply(single)[sample]
            counts = np.bincount(leaves, minlength=tree.tree_.node_count)
            used = np.flatnonzero(counts)
            sums = np.bincount(leaves, weights=costs[sample], minlength=tree.tree_.node_count)
            tree.tree_.value[used, 0, 0] = np.log(sums[used] / counts[used])
        self._leaf_values = [tree.tree_.value[:, 0, 0].copy() for tree in self.estimators_]

    def all_trees_pred(self, X: Array) -> Array:
        single = X.astype(np.float32)
        return np.stack(
            [
                values[tree.tree_.apply(single)]
                for tree, values in zip(self.estimators_, self._leaf_values, strict=True)
            ],
            axis=1,
        )


class SerialForest(RandomForest):
    """SMAC's random forest without thread pools, for spaces without conditions and costs in
    logarithms.

    Parameters
    ----------
    stock
        The forest whose options this one takes over.
    depth_first
        Grow trees node by node (scikit-learn without ``max_leaf_nodes``) and not the best node
        first. Both end in the same kind of fully grown tree; the second reserves memory for 2²⁰
        leaves.
    """

    def __init__(self, stock: RandomForest, depth_first: bool) -> None:
        super().__init__(stock._configspace, seed=stock._seed)
        self._rf_opts = {**stock._rf_opts, "n_jobs": 1}
        if depth_first:
            self._rf_opts["max_leaf_nodes"] = None

    def _train(self, X: Array, y: Array) -> SerialForest:
        options: dict[str, Any] = self._rf_opts
        self._rf = _SerialTrees(**options)
        self._rf.fit(X, y.ravel())
        return self

    def predict_marginalized(self, X: Array) -> tuple[Array, Array]:
        """Mean and variance over the trees, each of shape ``[n, 1]``."""
        assert self._rf is not None
        predictions = self._rf.all_trees_pred(X)
        mean = predictions.mean(axis=1, keepdims=True)
        variance = predictions.var(axis=1, keepdims=True)
        return mean, np.maximum(variance, self._var_threshold)


class BatchedImprovement(EI):
    """SMAC's expected improvement for costs in logarithms, without the overhead of ``scipy.stats``.

    Where rounding makes an improvement negative, which SMAC takes for an error, it is zero here.
    """

    def _compute(self, X: Array) -> Array:
        assert self._model is not None
        assert self._eta is not None
        mean, variance = self._model.predict_marginalized(X)
        deviation = np.sqrt(variance)
        best = self._eta - self._xi
        v = (best - mean) / deviation
        improvement = np.exp(best) * ndtr(v) - np.exp(0.5 * variance + mean) * ndtr(v - deviation)
        positive: Array = np.maximum(improvement, 0.0)
        return positive
