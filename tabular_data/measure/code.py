"""Which code measures: a build that was begun with other code is not continued."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_PARTS = (
    "clock.py",
    "datasets.py",
    "parameters.py",
    "training.py",
    "nasbench101",
    "nasbench201",
)


@cache
def code_fingerprint() -> str:
    """SHA-256 of the modules whose arithmetic decides what is measured."""
    digest = hashlib.sha256()
    for part in _PARTS:
        place = _FOLDER / part
        for file in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{file.relative_to(_FOLDER).as_posix()}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
