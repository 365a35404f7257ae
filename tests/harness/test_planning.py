"""What a suite needs is found and checked before its first run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.planning import plan
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.spaces import GridSpace, NasBench201
from regretta.tabular_data.table import Table


def test_an_altered_table_is_refused_before_the_first_run(small101: Path, tmp_path: Path) -> None:
    copy = Table.open(small101).write(tmp_path / "copy")
    file = copy / "test_accuracy.npy"
    data = bytearray(file.read_bytes())
    data[-3] ^= 64
    file.write_bytes(data)
    with pytest.raises(TableError, match="column test_accuracy does not match its checksum"):
        plan(SuiteSpec("altered", (str(copy),), (OptimizerEntry("random_search"),), time_limit=2e4))


def test_cells_that_were_not_measured_are_not_the_cheapest(tmp_path: Path) -> None:
    accuracy, seconds = np.full((2, 1, 2), 0.5), np.array([[[np.nan, np.nan]], [[np.nan, 30.0]]])
    table = Table.from_arrays(
        "part",
        GridSpace({"x": [1, 2]}),
        (1,),
        validation_accuracy=np.where(np.isnan(seconds), np.nan, accuracy),
        training_seconds=seconds,
        partial=True,
    ).write(tmp_path / "part")
    suite = SuiteSpec("p", (str(table),), (OptimizerEntry("random_search"),), time_limit=29)
    with pytest.raises(SuiteError, match="the cheapest takes 30 s at budget 1"):
        plan(suite)
    assert plan(replace(suite, time_limit=30))


@pytest.mark.parametrize(
    ("method", "limit", "cheapest"),
    [("random_search", 109, "110 s at budget 9"), ("hyperband", 9, "10 s at budget 1")],
)
def test_a_limit_too_short_for_one_evaluation_is_refused_before_the_first_run(
    grid_table: Table, tmp_path: Path, method: str, limit: float, cheapest: str
) -> None:
    # Cell 0 is the cheapest: 10 s at budget 1, 110 s at budget 9, each in repeat 0.
    table = str(grid_table.write(tmp_path / "grid"))
    short = SuiteSpec("short", (table,), (OptimizerEntry(method),), time_limit=limit, runs=1)
    said = f"too short for a single evaluation of '{method}': the cheapest takes {cheapest}"
    with pytest.raises(SuiteError, match=said):
        run_suite(short, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert run_suite(replace(short, time_limit=limit + 1), tmp_path / "out").done == 1


def two_data_sets(folder: Path) -> tuple[str, str]:
    """Tables of NAS-Bench-201's cells that Table 5's protocol can run on; names say nothing."""
    cells = NasBench201().n_cells
    accuracy = np.broadcast_to(np.array([0.5, 0.9])[None, :, None], (cells, 2, 1))
    folders = []
    for name, dataset in (("searched", "cifar10"), ("judged", "imagenet16-120")):
        table = Table.from_arrays(
            name,
            NasBench201(),
            (12, 200),
            validation_accuracy=accuracy,
            test_accuracy=accuracy - 0.1,
            training_seconds=np.broadcast_to([[60.0], [1000.0]], accuracy.shape),
            evaluation_seconds=np.full(cells, 5.0),
            dataset=dataset,
            collection="made up",
        )
        folders.append(str(table.write(folder / name)))
    return folders[0], folders[1]


def test_table_5_searches_cifar10_whatever_data_set_it_is_judged_on(tmp_path: Path) -> None:
    searched, judged = two_data_sets(tmp_path)
    entries = (OptimizerEntry("random_search"),)
    spec = SuiteSpec("table5", (judged, searched), entries, protocol="nb201-iclr2020")
    tables = plan(spec).tables
    assert tables["judged"].search_table.name == "searched"
    assert tables["searched"].search_table.name == "searched"
    assert (tables["judged"].time_limit, tables["judged"].identity().dataset) == (
        12_000,
        "imagenet16-120",
    )


def test_a_suite_may_name_the_table_to_search(tmp_path: Path) -> None:
    searched, judged = two_data_sets(tmp_path)
    entries = (OptimizerEntry("random_search"),)
    spec = SuiteSpec("other", (searched,), entries, time_limit=1e4, search_table=judged)
    assert plan(spec).tables["searched"].search_table.name == "judged"
