"""SMAC's facade for searches that keep nothing on disk, and our parts as components of SMAC's."""

from __future__ import annotations

from typing import Any

import numpy as np
from ConfigSpace import Configuration, ConfigurationSpace
from numpy.typing import NDArray
from smac.acquisition.function.expected_improvement import EI
from smac.acquisition.maximizer.abstract_acquisition_maximizer import AbstractAcquisitionMaximizer
from smac.facade.hyperparameter_optimization_facade import HyperparameterOptimizationFacade
from smac.main.smbo import SMBO
from smac.model.random_forest.random_forest import RandomForest

from regretta.optimizers.smac.forest import Forest, expected_improvement
from regretta.optimizers.smac.packing import Packing
from regretta.optimizers.smac.search import Search

Array = NDArray[np.float64]


class _FileFreeOptimizer(SMBO):
    """SMAC's loop that neither looks for an earlier run on disk nor saves its own."""

    def _initialize_state(self) -> None:
        pass

    def save(self) -> None:
        pass


class FileFreeFacade(HyperparameterOptimizationFacade):
    """SMAC's facade that writes nothing."""

    def _get_optimizer(self) -> SMBO:
        return _FileFreeOptimizer(
            scenario=self._scenario,
            runner=self._runner,
            runhistory=self._runhistory,
            intensifier=self._intensifier,
            overwrite=self._overwrite,
        )


class SerialForest(RandomForest):
    """Our forest as a model of SMAC's."""

    def __init__(self, configspace: ConfigurationSpace, n_trees: int, seed: int) -> None:
        super().__init__(configspace, n_trees=n_trees, seed=seed)
        self._packing = Packing(configspace)
        self._forest = Forest(self._packing, n_trees, seed)

    def _train(self, X: Array, y: Array) -> SerialForest:
        self._forest.fit(self._packing(X), y.ravel())
        return self

    def predict_marginalized(self, X: Array) -> tuple[Array, Array]:
        mean, variance = self._forest.predict(self._packing(X))
        return mean[:, None], variance[:, None]


class BatchedImprovement(EI):
    """Our expected improvement as an acquisition function of SMAC's."""

    def _compute(self, X: Array) -> Array:
        assert self._model is not None
        assert self._eta is not None
        mean, variance = self._model.predict_marginalized(X)
        return expected_improvement(mean, variance, self._eta - self._xi)


class VectorizedSearch(AbstractAcquisitionMaximizer):
    """Our search as a maximizer of SMAC's."""

    def __init__(
        self,
        configspace: ConfigurationSpace,
        challengers: int,
        local_search_iterations: int,
        seed: int,
    ) -> None:
        super().__init__(configspace, challengers=challengers, seed=seed)
        self._packing = Packing(configspace)
        self._search = Search(self._packing, challengers, local_search_iterations, seed)

    def _maximize(
        self, previous_configs: list[Configuration], n_points: int
    ) -> list[tuple[float, Configuration]]:
        acquisition: Any = self.acquisition_function
        previous = np.array([found.get_array() for found in previous_configs])
        costs = acquisition.model.predict_marginalized(previous)[0].ravel()
        found, values = self._search.maximize(
            previous,
            costs,
            lambda words: acquisition._compute(self._packing.vectors(words)).ravel(),
        )
        origin = "Acquisition Function Maximizer: Local Search"
        return [
            (value, Configuration(self._configspace, vector=vector, origin=origin))
            for value, vector in zip(values.tolist(), found, strict=True)
        ]
