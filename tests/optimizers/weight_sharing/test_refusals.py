"""What the six refuse, in one line before anything is trained; most of it without PyTorch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.optimizers.base import SettingsError
from regretta.optimizers.registry import get_optimizer
from regretta.optimizers.weight_sharing import settings as settings_module
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.table import Table

torch_is_there = find_spec("torch") is not None
needs_torch = pytest.mark.skipif(
    not torch_is_there, reason="PyTorch is not installed (extra: build)"
)


def check(table: Table, name: str = "rsps", **values: Any) -> None:
    optimizer = get_optimizer(name)
    optimizer.check_benchmark(table, optimizer.make_settings(values=values))


def refusal(table: Table, **values: Any) -> str:
    with pytest.raises(UserError) as caught:
        check(table, **values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def trying(table: Table, tiny: dict[str, Any], tmp_path: Path) -> list[str]:
    """Arguments that run a suite of RSPS on the small table."""
    folder = table.write(tmp_path / "tables" / table.name)
    lines = ["name = 's'", f"tables = ['{folder}']", "runs = 1", "time_limit = 1000"]
    values = ", ".join(f"{key} = {value!r}" for key, value in tiny.items())
    lines += ["[[optimizers]]", "name = 'rsps'", f"settings = {{ {values} }}"]
    suite = tmp_path / "suite.toml"
    suite.write_text("\n".join(lines))
    return ["run", str(suite), "--out", str(tmp_path / "out"), "--no-report"]


def test_without_pytorch_it_says_what_to_install(
    trying: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings_module, "find_spec", lambda name: None)
    assert main(trying) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "rsps cannot search patterns: rsps trains a supernet with PyTorch" in line
    assert line.endswith("pip install 'regretta[build]'")
    assert not Path(trying[3]).exists()


def test_another_space_is_refused(grid_table: Table) -> None:
    said = refusal(grid_table)
    assert said == f"rsps searches the space nasbench201 only, not {grid_table.space.name}"


@needs_torch
def test_the_table_of_the_same_recipe_and_data_is_searched(
    table: Table, tiny: dict[str, Any]
) -> None:
    check(table, **tiny)


@needs_torch
def test_a_table_of_another_recipe_or_other_data_is_refused(
    table: Table, tiny: dict[str, Any]
) -> None:
    other = {**tiny, "recipe": "channels=2,3 cells_per_stage=1 learning_rate=0.1"}
    assert "patterns was measured by another recipe" in refusal(table, **other)
    assert "patterns was measured on other data than digits" in refusal(
        table, **{**tiny, "data": "digits"}
    )
    check(table, **{**tiny, "data": "digits", "lookup": "any"})


@needs_torch
def test_a_table_that_does_not_say_its_recipe_is_refused(
    table: Table, tiny: dict[str, Any]
) -> None:
    plain = Table.from_arrays(
        "plain",
        table.space,
        table.budgets,
        validation_accuracy=table.columns["validation_accuracy"],
        training_seconds=table.columns["training_seconds"],
    )
    assert refusal(plain, **tiny) == "plain does not say by which recipe it was measured"
    check(plain, **tiny, lookup="any")


@needs_torch
def test_a_gpu_that_is_not_there_is_refused(table: Table, tiny: dict[str, Any]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert "device 'cuda' is not there" in refusal(table, **tiny, device="cuda")


@needs_torch
def test_images_too_small_for_the_stages_are_refused(table: Table, tiny: dict[str, Any]) -> None:
    deep = {**tiny, "recipe": "channels=2,2,2,2 cells_per_stage=1"}
    said = refusal(table, **deep)
    assert "images of 4 by 4 pixels are too small for 4 stages" in said


@needs_torch
def test_data_that_is_not_there_is_refused(table: Table, tmp_path: Path) -> None:
    assert "no such file" in refusal(table, data=str(tmp_path / "cifar10.npz"))
    np.savez(tmp_path / "odd.npz", images=np.zeros((9, 8, 8)))
    assert "odd.npz: no array named labels" in refusal(table, data=str(tmp_path / "odd.npz"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"batch_norm": "layer"}, "batch_norm must be running or batch or all, got 'layer'"),
        ({"lookup": "some"}, "lookup must be recipe or any"),
        ({"charge": "none"}, "charge must be last or all"),
        ({"parts": "thirds"}, "parts must be recipe or halves"),
        ({"parts": "halves"}, "trains on the table's test images; set lookup = 'any'"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch": 1}, "batch must be at least 2, got 1"),
        ({"choices": 0}, "choices must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("inf")}, "learning_rate must be at least 0"),
        ({"clip": -1.0}, "clip must be at least 0"),
        ({"recipe": "chanels=2"}, "unknown field of a recipe 'chanels'; did you mean 'channels'"),
        ({"recipe": "channels=2,x"}, "recipe: channels cannot be '2,x'"),
        ({"recipe": "cells_per_stage=0"}, "cells_per_stage must be above zero"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        get_optimizer("rsps").make_settings(values=values)
    assert isinstance(caught.value, SettingsError) or "recipe" in said or "cells" in said


def test_temperatures_are_above_zero() -> None:
    with pytest.raises(SettingsError, match="temperatures must be above 0"):
        get_optimizer("gdas").make_settings(values={"last_temperature": 0.0})
