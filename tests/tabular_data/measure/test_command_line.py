"""``regretta table build``: what cannot be built is one line and exit code 2."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from regretta.cli import main
from regretta.tabular_data.table import Table


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a build is refused."""
    assert main(["table", "build", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_without_pytorch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else found(name)
    )
    line = refused(capsys, "nasbench201", "moved-digits", "--out", str(tmp_path / "mine"))
    assert "measuring a table needs PyTorch, which is missing" in line
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nasbench201", "moved-digit"], "did you mean 'moved-digits'"),
        (["nasbench2001", "digits"], "did you mean 'nasbench201'"),
        (["nasbench201", "digits", "--budgets", "3,x"], "budgets are whole numbers such as 3,9,27"),
        (["nasbench201", "digits", "--channels", "4,,8"], "channels are whole numbers"),
        (["nasbench201", "digits", "--channels", "4,8,0"], "channels must be numbers from 1 on"),
        (["nasbench201", "digits", "--batch", "501"], "500 training images are too few for a ba"),
        (["nasbench201", "digits", "--learning-rate", "-1"], "learning_rate must be above zero"),
        (["nasbench201", "digits", "--cells-per-stage", "0"], "cells_per_stage must be above"),
        (["nasbench201", "digits", "--channels", "1,2,3,4,5"], "images of 8 by 8 pixels are too"),
    ],
)
def test_settings_that_cannot_be(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in refused(capsys, *arguments, "--out", str(tmp_path / "mine"))
    assert not any(tmp_path.iterdir())


def test_images_of_a_size_that_the_network_cannot_halve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "tiny.npz", images=rng.random((400, 3, 3)), labels=np.arange(400) % 2)
    line = refused(
        capsys, "nasbench201", str(tmp_path / "tiny.npz"), "--out", str(tmp_path / "mine")
    )
    assert "tiny: images of 3 by 3 pixels are too small for 3 stages" in line


def test_a_gpu_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    out = str(tmp_path / "mine")
    line = refused(capsys, "nasbench201", "digits", "--out", out, "--device", "cuda")
    assert "device 'cuda' is not there; there is only cpu" in line


def test_the_recipes_options_reach_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")
    out = str(tmp_path / "mine")
    options = ["--budgets", "1", "--repeats", "1", "--device", "cpu"]
    recipe = ["--channels", "4,6", "--batch", "100", "--learning-rate", "0.05"]
    assert (
        main(["table", "build", "nasbench101-2v", "digits", "--out", out, *options, *recipe]) == 0
    )
    capsys.readouterr()
    notes = dict(note.split(": ", 1) for note in Table.open(out).provenance.notes)
    assert "2 stages of 4 and 6 channels" in notes["network"]
    assert "batches of 100, learning rate 0.05" in notes["training"]
