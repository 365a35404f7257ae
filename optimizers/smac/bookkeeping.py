"""SMAC's bookkeeping with look-ups in place of its scans over all trials.

What it decides is SMAC's: these classes change where something is looked up or stored, nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from ConfigSpace import Configuration
from numpy.typing import NDArray
from smac.intensifier.intensifier import Intensifier
from smac.main.config_selector import ConfigSelector
from smac.runhistory.encoder.log_scaled_encoder import RunHistoryLogScaledEncoder
from smac.runhistory.enumerations import StatusType
from smac.runhistory.runhistory import RunHistory

from regretta.optimizers.smac.facade import FileFreeFacade


class _IndexedHistory(RunHistory):
    """Run history that keeps the bounds of its costs up to date instead of computing them anew."""

    def reset(self) -> None:
        super().reset()
        self._bounds = (np.inf, -np.inf)

    def _add(self, k: Any, v: Any, status: StatusType) -> None:
        if status == StatusType.SUCCESS:
            self._bounds = (min(self._bounds[0], v.cost), max(self._bounds[1], v.cost))
        super()._add(k, v, status)

    def _update_objective_bounds(self) -> None:
        self._objective_bounds = [self._bounds]

    def _check_json_serializable(self, *_: Any) -> None:
        """Nothing is written, so nothing need be."""


class IndexedFacade(FileFreeFacade):
    """SMAC's facade with the indexed run history."""

    def _update_dependencies(self) -> None:
        self._runhistory = _IndexedHistory(n_objectives=-1)
        super()._update_dependencies()


class IndexedEncoder(RunHistoryLogScaledEncoder):
    """Run history to arrays, at once and not row by row; no trial ever times out here."""

    def _build_matrix(
        self, trials: Mapping[Any, Any], store_statistics: bool = False
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not trials:
            return np.empty((0, self._n_params)), np.empty((0, 1))
        configurations = self.runhistory._ids_config
        x = np.array([configurations[key.config_id].get_array() for key in trials])
        y = np.array([trial.cost for trial in trials.values()])[:, None]
        if store_statistics:
            self._percentile = np.percentile(y, self._scale_percentage, axis=0)
            self._min_y = np.min(y, axis=0)
            self._max_y = np.max(y, axis=0)
        return x, self.transform_response_values(values=y)

    def _get_timeout_trials(self, budget_subset: list[Any] | None = None) -> dict[Any, Any]:
        return {}


class IndexedIntensifier(Intensifier):
    """SMAC's intensifier, which asks of a configuration whether it was rejected and not of all."""

    def get_rejected_configs(self) -> _Rejected:  # type: ignore[override]
        return _Rejected(self)


class _Rejected:
    def __init__(self, intensifier: Intensifier) -> None:
        self._ids = intensifier._rejected_config_ids
        self._history = intensifier.runhistory

    def __contains__(self, configuration: Configuration) -> bool:
        return self._history._config_ids.get(configuration) in self._ids


class _Hashed(Configuration):
    """A configuration that writes itself out once: SMAC often asks for its hash, its text's."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(
            configuration.config_space,
            vector=configuration.get_array(),
            origin=configuration.origin,
        )
        self._text = super().__str__()
        self._hash = hash(self._text)

    def __str__(self) -> str:
        return self._text

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Configuration) and self._text == str(other))


class IndexedSelector(ConfigSelector):
    """SMAC's selector, which knows at once whether it has proposed a configuration before."""

    def __iter__(self) -> Iterator[Configuration]:
        return map(_Hashed, super().__iter__())

    @property  # type: ignore[override]
    def _processed_configs(self) -> _Seen:
        return self._seen

    @_processed_configs.setter
    def _processed_configs(self, configurations: Iterable[Configuration]) -> None:
        self._seen = _Seen(configurations)

    def _get_x_best(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        assert self._model is not None
        costs = self._model.predict_marginalized(X)[0].ravel()
        best = int(np.argmin(costs))
        return X[best], float(costs[best])


class _Seen:
    """Configurations in the order in which they came, found by their vectors."""

    def __init__(self, configurations: Iterable[Configuration]) -> None:
        self._configurations: dict[bytes, Configuration] = {_key(c): c for c in configurations}

    def append(self, configuration: Configuration) -> None:
        self._configurations[_key(configuration)] = configuration

    def __contains__(self, configuration: Configuration) -> bool:
        return _key(configuration) in self._configurations

    def __iter__(self) -> Iterator[Configuration]:
        return iter(self._configurations.values())

    def __len__(self) -> int:
        return len(self._configurations)


def _key(configuration: Configuration) -> bytes:
    # Values are compared to nine digits; vectors of whole values are equal to the last one.
    return bytes(np.round(configuration.get_array(), 9).tobytes())
