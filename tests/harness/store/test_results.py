"""What is read of a suite's folder is what was written there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from regretta.harness.store.files import run_path
from regretta.harness.store.results import load_suite
from tests.harness.store.folders import rewrite


@pytest.mark.parametrize("largest", [0, 2**31 - 1, 2**31, 2**53 + 1])
def test_counts_and_rows_of_any_size_are_read_as_they_were_written(
    once: Path, tmp_path: Path, largest: int
) -> None:
    folder = tmp_path / "suite"
    shutil.copytree(once, folder)
    identity = load_suite(folder).identity
    table = next(iter(identity.tables))
    path = run_path(folder, table, "random_search", 1)
    steps = json.loads(path.read_bytes())["trajectory"]
    for name in ("evaluation", "unique_cells", "cell"):
        steps[name][-1] = max(largest, *steps[name])
    rewrite(path, trajectory=steps)
    read = load_suite(folder).runs[table]["random_search"][1].trajectory
    for name in ("evaluation", "unique_cells", "cell", "configuration"):
        assert getattr(read, name).tolist() == steps[name]
