"""Images of a supernet's training, shifted and mirrored at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

_SHIFT = 4
"""Pixels, the paper's."""


def moved(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Images shifted by up to 4 pixels, the mean of the data around them; half of them mirrored."""
    import torch
    from torch.nn import functional as F

    n, _, height, width = images.shape
    down, right = rng.integers(2 * _SHIFT + 1, size=(2, n, 1))
    mirrored = rng.integers(2, size=(n, 1))
    across = np.arange(width) + np.zeros((n, 1), dtype=np.int64)
    across = np.where(mirrored, width - 1 - across, across) + right
    along = np.arange(height) + down
    rows, columns = (torch.from_numpy(part).to(images.device) for part in (along, across))
    padded = F.pad(images, (_SHIFT,) * 4)
    image = torch.arange(n, device=images.device)[:, None, None]
    return padded[image, :, rows[:, :, None], columns[:, None, :]].movedim(3, 1)
