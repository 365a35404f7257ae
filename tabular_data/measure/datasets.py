"""Named data sets of small images, split into training, validation and test images.

`digits` is the data set of that name in scikit-learn (Alpaydin and Kaynak, 1998, UCI Machine
Learning Repository): 1,797 handwritten digits of 8 by 8 pixels. `moved-digits` are the same
images, each turned and shifted a little once: a harder task of the same size.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.shapes import Shape
from regretta.tabular_data.names import unknown

MOVED = "moved-digits"
NAMES = ("digits", MOVED)
SPLIT_SEED = 101
MOVE_SEED = 201
LARGEST_ANGLE = 30.0
"""Degrees by which `moved-digits` are turned at most, to either side."""
LARGEST_SHIFT = 1.0
"""Pixels by which `moved-digits` are shifted at most, along each axis."""

_SHARES = (500, 648, 649)

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ImageData:
    """Images and labels in three parts, standardised with the statistics of the training images.

    Attributes
    ----------
    name : str
    train, validation, test : numpy.ndarray
        ``float32 [images, channels, height, width]``, read-only.
    train_labels, validation_labels, test_labels : numpy.ndarray
        ``int64 [images]``, from 0 to ``n_classes - 1``, read-only.
    n_classes : int
    checksum : str
        SHA-256 of the six arrays, in hexadecimal digits.
    """

    name: str
    train: Floats
    train_labels: Labels
    validation: Floats
    validation_labels: Labels
    test: Floats
    test_labels: Labels
    n_classes: int
    checksum: str

    @property
    def image(self) -> Shape:
        """Channels, height and width of an image."""
        _, channels, height, width = self.train.shape
        return Shape(channels, height, width)


def load(name: str) -> ImageData:
    """Load a data set by its name, or by the path of a file that ends in ``.npz``.

    Raises
    ------
    MeasureError
        There is no such data set or file, or it cannot be used; one line says why.
    """
    if name.endswith(".npz"):
        return load_npz(Path(name))
    if name in NAMES:
        images, labels = _digits()
        return split(name, images if name == "digits" else moved(images), labels)
    raise MeasureError(unknown("data set", name, NAMES) + ", or a file that ends in .npz")


def load_npz(path: Path) -> ImageData:
    """Load ``images`` ``[n, height, width]`` or ``[n, height, width, channels]`` and ``labels``
    ``[n]``.

    Raises
    ------
    MeasureError
        The file cannot be read, an array is missing, or the arrays cannot be used.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in ("images", "labels") if key not in archive.files]
            if missing:
                raise MeasureError(
                    f"{path.name}: no array named {' and none named '.join(missing)}"
                )
            images, labels = archive["images"], archive["labels"]
    except MeasureError:
        raise
    except FileNotFoundError:
        raise MeasureError(f"{path}: no such file") from None
    except OSError as error:
        raise MeasureError(f"{path}: cannot be read: {error.strerror or error}") from None
    except MemoryError:
        raise MeasureError(f"{path}: its arrays need more memory than there is") from None
    except Exception as error:  # NumPy and zipfile fail on odd files in nearly any way
        said = " ".join(str(error).split()) or type(error).__name__
        raise MeasureError(f"{path.name}: not an .npz file of plain arrays ({said:.100})") from None
    return split(path.stem, images, labels)


def split(
    name: str, images: npt.ArrayLike, labels: npt.ArrayLike, seed: int = SPLIT_SEED
) -> ImageData:
    """Split images at random, the same share of every label in each part, and standardise them.

    The parts have 500 : 648 : 649 of the images, which are the numbers for the digits.
    One mean and one standard deviation of all training pixels standardise all parts.

    Parameters
    ----------
    name : str
        Of the data set, for messages and records.
    images : array_like
        ``[n, height, width]`` or ``[n, height, width, channels]``, real numbers.
    labels : array_like
        ``[n]`` whole numbers or strings; their sorted values become 0, 1, ...
    seed : int
        Of the split.

    Raises
    ------
    MeasureError
        One line that says what is wrong with the arrays.
    """
    pixels, targets = np.asarray(images), np.asarray(labels)
    if pixels.ndim not in (3, 4) or 0 in pixels.shape[1:]:
        raise MeasureError(
            f"{name}: images must be [n, height, width] or [n, height, width, channels], not"
            f" {list(pixels.shape)}"
        )
    if targets.ndim != 1:
        raise MeasureError(f"{name}: labels must be [n], not {list(targets.shape)}")
    if len(pixels) != len(targets):
        raise MeasureError(f"{name}: {len(pixels)} images but {len(targets)} labels")
    if pixels.dtype.kind not in "buif":
        raise MeasureError(f"{name}: images must be real numbers, not {pixels.dtype}")
    if targets.dtype.kind not in "buiUS":
        raise MeasureError(f"{name}: labels must be whole numbers or strings, not {targets.dtype}")
    if not np.isfinite(pixels).all():
        raise MeasureError(f"{name}: images hold values that are not finite")
    if min(pixels.shape[1:3]) < 2:
        raise MeasureError(
            f"{name}: images must be at least 2 by 2 pixels, not {pixels.shape[1]} by"
            f" {pixels.shape[2]}"
        )
    if len(pixels) < 6:
        raise MeasureError(f"{name}: {len(pixels)} images are too few to split in three parts")
    values, codes = np.unique(targets, return_inverse=True)
    if len(values) < 2:
        raise MeasureError(f"{name}: there must be at least two labels, not {len(values)}")
    parts = _stratify(codes, np.random.default_rng(seed))
    for part, rows in zip(("training", "validation", "test"), parts, strict=True):
        absent = np.flatnonzero(np.bincount(codes[rows], minlength=len(values)) == 0)
        if absent.size:
            raise MeasureError(
                f"{name}: label {values[absent[0]]} has no example among the {part} images"
            )
    stacked = pixels[..., None] if pixels.ndim == 3 else pixels
    ordered = stacked.transpose(0, 3, 1, 2).astype(np.float64)
    mean, deviation = ordered[parts[0]].mean(), ordered[parts[0]].std()
    if not deviation > 0:
        raise MeasureError(f"{name}: all training pixels have the same value")
    ordered = (ordered - mean) / deviation
    train, validation, test = (
        np.ascontiguousarray(ordered[rows], dtype=np.float32) for rows in parts
    )
    train_labels, validation_labels, test_labels = (codes[rows].astype(np.int64) for rows in parts)
    digest = hashlib.sha256()
    for array in (train, train_labels, validation, validation_labels, test, test_labels):
        array.setflags(write=False)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return ImageData(
        *(name, train, train_labels, validation, validation_labels, test, test_labels),
        n_classes=len(values),
        checksum=digest.hexdigest(),
    )


def _stratify(codes: npt.NDArray[np.intp], rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    """Rows of each part: shuffled within each label, then taken at even steps over all labels."""
    shuffled = rng.permutation(len(codes))
    rest = shuffled[np.argsort(codes[shuffled], kind="stable")]
    parts = []
    for k, share in enumerate(_SHARES[:-1]):
        steps = np.arange(len(rest) + 1) * share // sum(_SHARES[k:])
        taken = np.diff(steps) > 0
        parts.append(np.sort(rest[taken]))
        rest = rest[~taken]
    parts.append(np.sort(rest))
    return parts


def moved(images: npt.ArrayLike, seed: int = MOVE_SEED) -> npt.NDArray[np.float64]:
    """Turn and shift every image by a random angle and distance of its own, once and for all.

    An image is turned about its centre by up to `LARGEST_ANGLE` degrees and shifted by up to
    `LARGEST_SHIFT` pixels along each axis, all uniform. Pixels are interpolated bilinearly,
    outside of the image is zero, and the result has the size of the image.

    Parameters
    ----------
    images
        ``[n, height, width]``.
    seed
        Of the movements.

    Returns
    -------
    ndarray
        ``[n, height, width]``, rounded to 64ths, so that no machine's sine shows in the bits.
    """
    pixels = np.pad(np.asarray(images, dtype=np.float64), ((0, 0), (1, 1), (1, 1)))
    n, height, width = pixels.shape
    rng = np.random.default_rng(seed)
    angle = np.deg2rad(rng.uniform(-LARGEST_ANGLE, LARGEST_ANGLE, (n, 1, 1)))
    down, right = rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, (2, n, 1, 1))
    y, x = np.indices((height - 2, width - 2)) + 1.0
    y, x = y - (height - 1) / 2 - down, x - (width - 1) / 2 - right
    # where in the padded image each pixel comes from; the border of zeros stands for all outside
    sine, cosine = np.sin(angle), np.cos(angle)
    from_y = np.clip(cosine * y + sine * x + (height - 1) / 2, 0, height - 1)
    from_x = np.clip(cosine * x - sine * y + (width - 1) / 2, 0, width - 1)
    top = np.minimum(from_y.astype(int), height - 2)
    left = np.minimum(from_x.astype(int), width - 2)
    image = np.arange(n)[:, None, None]
    result = np.zeros(from_y.shape)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (1 - np.abs(from_y - top - i)) * (1 - np.abs(from_x - left - j))
        result += share * pixels[image, top + i, left + j]
    return np.round(result * 64) / 64


def _digits() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MeasureError(
            "the digits come with scikit-learn, which is missing: pip install '.[build]'"
        ) from None
    bunch = load_digits()
    return bunch.images, bunch.target
