"""Folders with some runs of a small suite, as several machines leave them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from regretta.harness.spec import OptimizerEntry
from regretta.harness.store.files import find_runs, label_folders, run_path
from regretta.harness.store.folder import read_identity

RUNS = 3
ENTRIES = (OptimizerEntry("random_search"), OptimizerEntry("reinforce"))
Address = tuple[str, str, int]


def runs_of(folder: Path) -> dict[tuple[str, str, int], bytes]:
    return {
        (label.parent.name, label.name, number): stored.data
        for label in label_folders(folder)
        for number, stored in find_runs(label).runs.items()
    }


def folder_of(
    path: Path, whole: Path, runs: Iterable[Address], change: Callable[[Any], Any] | None = None
) -> Path:
    """A folder with some of the runs of another one, of a suite that may differ."""
    identity = read_identity(whole)
    path.mkdir(parents=True)
    (path / "runs").mkdir()
    (path / "suite.json").write_bytes((change(identity) if change else identity).to_json())
    for address in runs:
        to = run_path(path, *address)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run_path(whole, *address), to)
    return path


def everything(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """What is in a folder, with the times at which it was written."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def sealed(body: Mapping[str, Any]) -> bytes:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return f'{text[:-1]},"sha256":"{sha256(text.encode()).hexdigest()}"}}\n'.encode()


def rewrite(path: Path, **changes: Any) -> None:
    """A run with other entries, and a checksum that fits."""
    body = json.loads(path.read_bytes())
    del body["sha256"]
    path.write_bytes(sealed({**body, **changes}))


ALL: list[Address] = [
    ("small101", label, number)
    for label in ("random_search", "reinforce")
    for number in range(RUNS)
]
