"""Numbers on their way into a page: small, exact to seven digits, and valid JSON."""

from __future__ import annotations

from base64 import b64encode

import numpy as np
from numpy.typing import ArrayLike


class Arrays:
    """Arrays of a page, each kept once and called by its number.

    JSON has no word for what is missing or infinite, and spends up to twenty characters on a
    number. Here an array is the base64 text of its 32-bit floats, little-endian.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, values: ArrayLike) -> int:
        """The number of an array of shape ``[k]``."""
        text = b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()
        return self._numbers.setdefault(text, len(self._numbers))

    def texts(self) -> list[str]:
        """All arrays, in the order of their numbers."""
        return list(self._numbers)
