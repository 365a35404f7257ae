"""Settings that all six share, and the recipe and data they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from regretta.optimizers.base import SettingsError
from regretta.tabular_data.names import unknown

if TYPE_CHECKING:
    from regretta.tabular_data.measure import ImageData, Recipe

_SPLIT = 201

BATCH_NORMS: Mapping[str, str] = {
    "running": "running estimates",
    "batch": "batch statistics",
    "all": "batch statistics, every layer",
}
"""Kinds of batch normalization when a supernet is evaluated, and what a reader calls them; see
`Common.batch_norm`."""


@dataclass(frozen=True)
class Common:
    """Settings of every search that trains a supernet.

    Attributes
    ----------
    data
        Images: the name of a data set, or the path of an ``.npz`` file. Weights learn from its
        training part, architectures from its validation part; its test part is never looked at.
    parts
        ``recipe``: the parts that a table's cells are trained, validated and tested on. ``halves``:
        weights learn from one random half of all images of the file, architectures from the other,
        as in the paper, where these are CIFAR-10's training images. No table of the same data can
        be searched then, as its test images are among them.
    recipe
        In what the table's recipe differs from its space's own, such as
        ``channels=16,32,64 cells_per_stage=5``.
    lookup
        ``recipe``: only a table of this recipe and data is searched. ``any``: cells are looked up
        in whatever table it is, as NAS-Bench-201's paper looks cells of CIFAR-10 up for all data.
    batch_norm
        Evaluate the cells' normalisation with ``running`` estimates, or the statistics of the
        ``batch``; that of stem, residual blocks and the last one has running estimates in either
        case, as in the paper's code. ``all``: the statistics of the batch there too.
    epochs
        Passes over the training images.
    batch
        Images of a step.
    learning_rate, final_learning_rate, rate_period
        Of the weights: half a cosine over `rate_period` epochs, and up and down again where there
        are more. 0 for all epochs.
    momentum, weight_decay
        Of the weights; Nesterov's momentum.
    clip
        Largest norm of a gradient of the weights; 0 for none.
    augment
        Shift images by up to 4 pixels and mirror every second one.
    charge
        Which choices among cells the clock charges besides training: those of the ``last`` epoch,
        as the paper does, or of ``all``.
    device
        ``cpu``, or a GPU as PyTorch names it. Only on the CPU a seed repeats every bit.
    """

    data: str = "moved-digits"
    parts: str = "recipe"
    recipe: str = ""
    lookup: str = "recipe"
    batch_norm: str = "running"
    epochs: int = 250
    batch: int = 25
    learning_rate: float = 0.025
    final_learning_rate: float = 0.001
    rate_period: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip: float = 5.0
    augment: bool = False
    charge: str = "last"
    device: str = "cpu"

    def __post_init__(self) -> None:
        choices = {
            "parts": ("recipe", "halves"),
            "lookup": ("recipe", "any"),
            "batch_norm": tuple(BATCH_NORMS),
            "charge": ("last", "all"),
        }
        for name, known in choices.items():
            value = getattr(self, name)
            if value not in known:
                wanted = " or ".join(known)
                raise ValueError(f"{name} must be {wanted}, got {value!r}")
        for field in fields(self):
            value, least = getattr(self, field.name), 1 if isinstance(field.default, int) else 0
            if field.name in ("batch", "choice_batch"):
                least = 2
            if isinstance(field.default, bool) or not isinstance(value, int | float):
                continue
            if field.name in ("rate_period", "alpha_learning_rate"):
                least = 0
            if not least <= value < float("inf"):
                raise ValueError(f"{field.name} must be at least {least}, got {value}")
        if not self.learning_rate > 0 or not self.momentum < 1:
            raise ValueError("learning_rate must be above 0 and momentum below 1")
        if self.parts == "halves" and self.lookup != "any":
            raise ValueError(
                "parts = 'halves' trains on the table's test images; set lookup = 'any'"
            )
        self.the_recipe()

    def the_recipe(self) -> Recipe:
        """The recipe that `recipe` means.

        Raises
        ------
        ValueError
            If it is not written as it must be.
        """
        from regretta.tabular_data.measure import RECIPES

        recipe = RECIPES["nasbench201"]
        known = [field.name for field in fields(recipe) if field.name != "skeleton"]
        changes: dict[str, Any] = {}
        for part in self.recipe.split():
            key, _, text = part.partition("=")
            if key not in known:
                raise ValueError(unknown("field of a recipe", key, known))
            kind = type(getattr(recipe, key))
            try:
                if kind is tuple:
                    changes[key] = tuple(int(number) for number in text.split(","))
                else:
                    changes[key] = kind(text)
            except ValueError:
                raise ValueError(f"recipe: {key} cannot be {text!r}") from None
        recipe = replace(recipe, **changes)
        recipe.check()
        return recipe

    def the_data(self) -> ImageData:
        """The data of `data`.

        Raises
        ------
        MeasureError
            If there is none, or it cannot be used.
        """
        from regretta.tabular_data.measure import load

        data = load(self.data)
        return _halves(data) if self.parts == "halves" else data


@dataclass(frozen=True)
class ChoosingSettings(Common):
    """Settings of searches that choose among cells by their one-shot accuracy.

    Attributes
    ----------
    choices
        Cells among which one is chosen.
    choice_batch
        Validation images on which each is evaluated, the next ones each time.
    """

    choices: int = 100
    choice_batch: int = 216


@dataclass(frozen=True)
class AlphaSettings(Common):
    """Settings of searches with architecture parameters.

    Attributes
    ----------
    alpha_learning_rate
        Of Adam, which moves them; 0 for `reach` over the number of steps.
    reach
        How far they can go in a search: 6 is about 50 epochs of 391 steps of the paper's 3e-4.
    alpha_weight_decay
        Of Adam.
    """

    alpha_learning_rate: float = 0.0
    reach: float = 6.0
    alpha_weight_decay: float = 1e-3


PAPER = {
    "data": "cifar10.npz",
    "parts": "halves",
    "recipe": "channels=16,32,64 cells_per_stage=5",
    "lookup": "any",
    "batch": 64,
    "augment": True,
    "device": "cuda",
}
"""What the six have in common in NAS-Bench-201's paper; the file of images is the user's own."""


PAPER_ALPHAS = {"alpha_learning_rate": 3e-4}
"""The same of those with architecture parameters."""


def _halves(data: ImageData) -> ImageData:
    """All images as two parts of equal size, drawn once and for all; none to test on."""
    from regretta.tabular_data.measure import ImageData

    images = np.concatenate([data.train, data.validation, data.test])
    labels = np.concatenate([data.train_labels, data.validation_labels, data.test_labels])
    order = np.random.default_rng(_SPLIT).permutation(len(labels))
    parts = (*np.split(order[: len(order) // 2 * 2], 2), order[:0])
    train, validation, none = ((images[rows], labels[rows]) for rows in parts)
    digest = sha256(f"{data.checksum} in halves".encode()).hexdigest()
    return ImageData(data.name, *train, *validation, *none, data.n_classes, digest)


def require_torch(name: str) -> None:
    """Refuse to search without PyTorch.

    Raises
    ------
    SettingsError
        If it is not installed.
    """
    if find_spec("torch") is None:
        raise SettingsError(
            f"{name} trains a supernet with PyTorch, which is missing: pip install"
            " 'regretta[build]'"
        )
