"""Data sets to measure on: how they are split, and every way they can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from regretta.tabular_data.measure.datasets import load, moved, split
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.shapes import Shape

LABELS = np.arange(60) % 3


def images(n: int = 60, size: int = 4) -> NDArray[np.float64]:
    return np.random.default_rng(0).random((n, size, size))


def save(folder: Path, **arrays: NDArray[np.generic]) -> str:
    np.savez(folder / "mine.npz", **arrays)  # type: ignore[arg-type]
    return str(folder / "mine.npz")


def test_digits_are_500_648_and_649_images_of_ten_labels() -> None:
    digits = load("digits")
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (500, 648, 649)
    assert digits.image == Shape(1, 8, 8)
    for labels in (digits.train_labels, digits.validation_labels, digits.test_labels):
        shares = np.bincount(labels, minlength=10) / len(labels)
        # scikit-learn's digits have 174 to 183 images of each of the ten labels
        np.testing.assert_allclose(shares, 0.1, atol=0.005)
    assert digits.train.mean() == pytest.approx(0, abs=1e-6)
    assert digits.train.std() == pytest.approx(1, abs=1e-6)


def test_moved_digits_are_the_digits_in_other_places() -> None:
    still, turned = load("digits"), load("moved-digits")
    assert turned.name == "moved-digits"
    assert turned.image == still.image
    assert (turned.train_labels == still.train_labels).all()
    assert not np.array_equal(turned.train, still.train)
    # nobody loses ink but over the border: 30 degrees and a pixel leave most of it
    assert turned.checksum == load("moved-digits").checksum


def test_an_image_moves_as_a_whole() -> None:
    # a blot of one pixel in the middle: shifted by less than a pixel and turned, its centre of
    # mass is where the shift puts it, and its mass is what it was
    blot = np.zeros((200, 9, 9))
    blot[:, 4, 4] = 16.0
    placed = moved(blot, seed=3)
    np.testing.assert_allclose(placed.sum((1, 2)), 16, rtol=0.35)
    y, x = np.indices((9, 9))
    centres = np.stack([(placed * axis).sum((1, 2)) / placed.sum((1, 2)) - 4 for axis in (y, x)])
    assert np.abs(centres).max() <= 1 + 0.2
    assert centres.min() < -0.8
    assert centres.max() > 0.8


def test_a_turn_keeps_what_lies_on_the_axis() -> None:
    # with a shift of zero a bar through the centre turns about it: its middle stays dark
    bar = np.zeros((50, 9, 9))
    bar[:, 4, :] = 16.0
    placed = moved(bar, seed=0)
    slopes = []
    for image in placed:
        y, x = np.nonzero(image > 4)
        slopes.append(np.degrees(np.arctan(np.polyfit(x, y, 1)[0])))
    assert 20 < np.max(np.abs(slopes)) < 36


def test_every_image_is_in_exactly_one_part_with_its_own_label() -> None:
    marked = np.arange(60, dtype=float)[:, None, None] * np.ones((1, 2, 2))
    data = split("marked", marked, LABELS)
    parts = np.concatenate([data.train, data.validation, data.test])[:, 0, 0, 0]
    labels = np.concatenate([data.train_labels, data.validation_labels, data.test_labels])
    order = np.argsort(parts)  # standardising keeps the order
    assert len(np.unique(parts)) == 60
    assert (labels[order] == LABELS).all()


def test_the_same_split_always_and_it_cannot_be_written_to() -> None:
    assert load("digits").checksum == load("digits").checksum
    with pytest.raises(ValueError, match="read-only"):
        load("digits").train[0] = 0


def test_an_npz_of_colour_images_and_string_labels(tmp_path: Path) -> None:
    names = np.array(["ant", "bee", "cat"])[LABELS]
    path = save(
        tmp_path, images=np.random.default_rng(0).integers(0, 256, (60, 4, 6, 3)), labels=names
    )
    data = load(path)
    assert (data.name, data.image, data.n_classes) == ("mine", Shape(3, 4, 6), 3)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("digit", "did you mean 'digits'"),
        ("DIGITS", "digits"),
        ("cfr", r"known are digits, moved-digits, or a file that ends in \.npz"),
        ("nowhere.npz", "nowhere.npz: no such file"),
    ],
)
def test_an_unknown_data_set_is_named_with_its_neighbours(name: str, says: str) -> None:
    with pytest.raises(MeasureError, match=says):
        load(name)


@pytest.mark.parametrize(
    ("pixels", "labels", "says"),
    [
        (images(), LABELS[:59], "60 images but 59 labels"),
        (
            images(),
            np.r_[np.zeros(59, dtype=int), 1],
            "label 1 has no example among the (training|validation) images",
        ),
        (images(5), LABELS[:5], "5 images are too few"),
        (np.where(np.arange(960).reshape(60, 4, 4) == 7, np.nan, 1.0), LABELS, "not finite"),
        (images(), np.zeros(60, dtype=int), "at least two labels"),
        (np.ones((60, 4, 4)), LABELS, "all training pixels have the same value"),
        (np.ones((60, 4)), LABELS, r"images must be \[n, height, width\]"),
        (np.ones((60, 1, 4)), LABELS, "at least 2 by 2 pixels"),
        (np.full((60, 4, 4), "x"), LABELS, "images must be real numbers"),
        (images(), LABELS / 2, "labels must be whole numbers or strings"),
        (images(), LABELS[:, None], r"labels must be \[n\]"),
    ],
)
def test_arrays_that_cannot_be_used_are_one_line(
    pixels: NDArray[np.generic], labels: NDArray[np.generic], says: str, tmp_path: Path
) -> None:
    with pytest.raises(MeasureError, match=f"mine: .*{says}") as caught:
        load(save(tmp_path, images=pixels, labels=labels))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_an_npz_of_plain_arrays_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("images")
    with pytest.raises(MeasureError, match=r"text\.npz: not an \.npz file"):
        load(str(tmp_path / "text.npz"))
    with pytest.raises(MeasureError, match="no array named labels"):
        load(save(tmp_path, images=images()))
    with pytest.raises(MeasureError, match=r"mine\.npz: not an \.npz file of plain arrays"):
        load(save(tmp_path, images=np.array([object()]), labels=LABELS))
