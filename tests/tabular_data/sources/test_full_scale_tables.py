"""The published tables at full scale, made from the shared arrays, have published optima."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest

from regretta.tabular_data.table import Table


@pytest.fixture(scope="module")
def make(shared_tables: Path) -> dict[str, Any]:
    return run_path(str(Path(__file__).parents[3] / "benchmarks" / "full_scale_tables.py"))


@pytest.mark.slow
def test_nasbench101_has_the_published_optimum_and_says_that_it_is_a_reconstruction(
    make: dict[str, Any], shared_tables: Path, tmp_path: Path
) -> None:
    table = make["nasbench101"](shared_tables)
    folder = table.write(tmp_path / "nasbench101")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 170e6
    table = Table.open(folder)
    assert table.provenance.reconstruction
    assert table.n_cells == 423_624
    assert 100 - 100 * (table.best_mean_test_error or 0) == pytest.approx(94.3176, abs=5e-5)
    real = np.load(shared_tables / "nb101" / "core.npz")["test_sum"] / 29952
    assert table.mean_test_error is not None
    np.testing.assert_allclose(1 - table.mean_test_error[:, 3], real, atol=1e-7)


def test_nasbench201_has_the_published_optima(make: dict[str, Any], shared_tables: Path) -> None:
    tables: Iterator[Table] = make["nats_bench"](shared_tables)
    for table, name, validation, test in zip(
        tables,
        ("nats-cifar10", "nats-cifar100", "nats-imagenet16-120"),
        (91.607, 73.493, 46.733),
        (94.373, 73.513, 47.311),
        strict=True,
    ):
        assert table.name == name
        assert table.budgets == (12, 200)
        assert 100 - 100 * table.best_mean_validation_error == pytest.approx(validation, abs=5e-4)
        assert 100 - 100 * (table.best_mean_test_error or 0) == pytest.approx(test, abs=5e-4)
        assert np.bincount(table.available[:, 1]).tolist() == [0, 0, 7456, 8169]
        assert set(table.available[:, 0]) == {1}
        assert not table.provenance.reconstruction
