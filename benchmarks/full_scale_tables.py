"""Makes the published tables at full scale from a folder of shared arrays, for the other benchmarks
and tests.

``python benchmarks/full_scale_tables.py OUTPUT [--tables ../shared/tables]`` writes ``nasbench101``
and ``nats-cifar10``, ``nats-cifar100``, ``nats-imagenet16-120`` into OUTPUT. NAS-Bench-101's test
accuracy after 108 epochs is real and the rest of it modelled, so that table calls itself a
reconstruction; NAS-Bench-201 is real.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import NasBench101, NasBench201
from regretta.tabular_data.table import Table

RECONSTRUCTION = (
    "the cells, their parameters and their mean test accuracy after 108 epochs are real, and for"
    " about 31,000 cells some further values; all other validation accuracies, times, single"
    " repeats and shorter trainings are drawn from models fitted on those"
)

DATASETS = {
    "cifar10": ("c10valid", "c10full", 10),
    "cifar100": ("c100", "c100", 100),
    "imagenet16-120": ("in16", "in16", 120),
}
"""Data set → prefixes of the arrays of its validation and of its test accuracy, and its classes."""

_CHANNELS = 64
_BODY = 73_306 - 10 * (_CHANNELS + 1)
"""Parameters of a network without convolutions in its cells, and without its classifier."""

EPOCHS = (12, 200)


def nasbench101(tables: Path) -> Table:
    """NAS-Bench-101: budgets 4, 12, 36 and 108 epochs, three repeats, float32.

    Raises
    ------
    ValueError
        If the arrays' cells are not those of the space, in its order.
    """
    space = NasBench101()
    core = np.load(tables / "nb101" / "core.npz")
    modelled = np.load(tables / "nb101" / "reconstruction.npz")
    if not np.array_equal(
        _rows(space, core["n_vertices"], core["adj_bits"], core["ops"]), np.arange(space.n_cells)
    ):
        raise ValueError(
            f"{tables / 'nb101' / 'core.npz'}: the cells are not those of NAS-Bench-101 in hash"
            " order"
        )
    return Table.from_arrays(
        "nasbench101",
        space,
        (4, 12, 36, 108),
        validation_accuracy=(modelled["val_count"] / 9984).astype(np.float32),
        test_accuracy=(modelled["test_count"] / 9984).astype(np.float32),
        training_seconds=modelled["time"],
        parameters=core["params"],
        dataset="cifar10",
        collection="nasbench101",
        provenance=Provenance(
            source="NAS-Bench-101 (Ying et al., ICML 2019), arrays core.npz and reconstruction.npz",
            licence="Apache-2.0",
            reconstruction=RECONSTRUCTION,
        ),
    )


def _rows(
    space: NasBench101, vertices: np.ndarray, bits: np.ndarray, operations: np.ndarray
) -> np.ndarray:
    """Rows of cells whose matrices sit in the upper left of 7 × 7."""
    begins, ends = np.triu_indices(7, 1)
    number = {edge: k for k, edge in enumerate(zip(begins.tolist(), ends.tolist(), strict=True))}
    codes = np.zeros(len(bits), dtype=np.int64)
    for size in range(2, 8):
        for (begin, end), k in number.items():
            if end < size:
                moved = number[
                    begin, 6 if end == size - 1 else end
                ]  # the output is the last of all 7 vertices
                codes |= np.where(vertices == size, bits.astype(np.int64) >> k & 1, 0) << moved
    labels = np.where(operations == 255, 0, operations) @ 3 ** np.arange(5)
    return space.index.find_rows(codes, labels)


def nats_bench(tables: Path) -> Iterator[Table]:
    """NAS-Bench-201 on its three data sets: 12 and 200 epoch schedules, with mean test accuracy.

    Parameters are computed from the operations, since the published records of one architecture
    disagree over its seeds: 150 of them have another architecture's.
    """
    published = np.load(tables / "nb201" / "nb201.npz")
    strings = (tables / "nb201" / "arch_strings.txt").read_text(encoding="utf-8").split()
    space = NasBench201()
    # Row of each architecture, in the official order of the arrays.
    rows = space.rows(np.stack([space.from_string(text) for text in strings]))
    index = np.argsort(rows)
    operations = published["ops"][index]
    body = _BODY + 28_000 * (operations == 2).sum(axis=1) + 243_040 * (operations == 3).sum(axis=1)
    for dataset, (search, report, classes) in DATASETS.items():
        arrays = {
            key: published[key][index].astype(np.float64) for key in published if key != "ops"
        }
        accuracy = np.full((space.n_cells, 2, 3), np.nan)
        accuracy[:, 0, 0] = arrays[f"{search}_val12"]
        accuracy[:, 1] = arrays[f"{search}_val200_seeds"]
        epochs = np.array(EPOCHS)[:, None] / 200
        seconds = arrays[f"{search}_train_time200"][:, None, None] * epochs
        source = f"NATS-Bench topology (Dong et al., TPAMI 2021), {dataset}, array nb201.npz"
        if dataset == "cifar10":
            source += ", whose accuracies after 12 epochs are means of two trainings"
        columns = {}
        if f"{search}_valid_time_total" in arrays:
            columns["evaluation_seconds"] = arrays[f"{search}_valid_time_total"] / 200
        yield Table.from_arrays(
            f"nats-{dataset}",
            space,
            EPOCHS,
            validation_accuracy=accuracy / 100,
            training_seconds=np.where(np.isnan(accuracy), np.nan, seconds),
            mean_test_accuracy=np.stack(
                [arrays[f"{report}_test12"], arrays[f"{report}_test200_mean"]], axis=1
            )
            / 100,
            latency_seconds=arrays[f"{search}_latency"],
            parameters=(body + (_CHANNELS + 1) * classes).astype(np.int32),
            dataset=dataset,
            collection="nats-bench",
            provenance=Provenance(
                source=source,
                licence="MIT",
                notes=(
                    (
                        "after 12 epochs one value a cell; for CIFAR-10 it is the mean of two"
                        " trainings, less noisy than a query of the official file"
                    ),
                    "the time of 12 epochs is 12/200 of that of 200",
                    (
                        "test accuracy is the published mean over seeds, for CIFAR-10 of runs on"
                        " all training data"
                    ),
                ),
            ),
            **columns,
        )


def write_all(tables: Path, output: Path) -> list[Path]:
    """Write all four tables into a folder; returns their folders."""
    return [
        table.write(output / table.name) for table in (nasbench101(tables), *nats_bench(tables))
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder that gets a folder a table")
    parser.add_argument(
        "--tables", type=Path, default=Path(__file__).parents[2] / "shared" / "tables"
    )
    options = parser.parse_args()
    for folder in write_all(options.tables, options.output):
        print(folder, f"{sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f} MB")
