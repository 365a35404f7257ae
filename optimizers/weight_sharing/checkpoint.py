"""What a search with a supernet keeps to go on after it was killed: one file of plain arrays."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.storage import write_atomically

_NAME = "supernet.npz"
_ABOUT = "about"


@dataclass(frozen=True)
class Epoch:
    """What came of one epoch.

    Attributes
    ----------
    number
        From 1; 0 is before the first.
    cell
        Row of the cell that the search would return after it.
    seconds
        Of its training.
    choice_seconds
        Of its choice among cells.
    numbers
        What else was measured.
    """

    number: int
    cell: int
    seconds: float
    choice_seconds: float
    numbers: Mapping[str, float] = field(default_factory=dict)


def write_checkpoint(
    folder: Path,
    epochs: list[Epoch],
    rng: np.random.Generator,
    state: Mapping[str, NDArray[Any]],
) -> None:
    """Write all epochs so far and the state after the last, whole or not at all.

    The folder is made if it is not there, but none above it.
    """
    about = {"epochs": [asdict(epoch) for epoch in epochs], "rng": rng.bit_generator.state}
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    buffer = BytesIO()
    arrays: dict[str, Any] = {_ABOUT: text, **state}
    np.savez(buffer, **arrays)
    folder.mkdir(exist_ok=True)
    write_atomically(folder / _NAME, buffer.getvalue())


def read_checkpoint(
    folder: Path, rng: np.random.Generator
) -> tuple[list[Epoch], dict[str, NDArray[Any]]] | None:
    """The epochs and the state of a folder, whose random state `rng` then has.

    None where there is no checkpoint, or one that cannot be read: the search starts anew.
    """
    try:
        with np.load(folder / _NAME, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays.pop(_ABOUT).tobytes())
        epochs = [Epoch(**epoch) for epoch in about["epochs"]]
        rng.bit_generator.state = about["rng"]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
    return epochs, arrays
