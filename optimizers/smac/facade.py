"""SMAC's facade for searches that keep nothing on disk."""

from __future__ import annotations

from smac.facade.hyperparameter_optimization_facade import HyperparameterOptimizationFacade
from smac.main.smbo import SMBO


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
