"""Results of small suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.tabular_data.table import Table
from tests.harness.store.folders import ENTRIES, RUNS


@pytest.fixture(scope="session")
def spec(small101: Path) -> SuiteSpec:
    return SuiteSpec("s", (str(small101),), ENTRIES, time_limit=1e4, runs=RUNS, seed=5)


@pytest.fixture(scope="session")
def once(spec: SuiteSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite run at once."""
    out = tmp_path_factory.mktemp("once") / "out"
    run_suite(spec, out)
    return out


@pytest.fixture(scope="session")
def folder(small101: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("reinforce"))
    out = tmp_path_factory.mktemp("export") / "suite"
    run_suite(SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=2), out)
    return out


CELLS = """
import numpy as np
from regretta import Optimizer

class Cells(Optimizer):
    "Proposes the cells of its settings in order."
    name = "cells"

    def setup(self):
        self.left = [1, 2]

    def ask(self):
        if not self.left:
            return None
        return self.space.configurations(np.array([self.left.pop(0)]))[0]
"""


@pytest.fixture(scope="session")
def by_hand(grid_table: Table, tmp_path_factory: pytest.TempPathFactory) -> SuiteResults:
    """Cells 1 and 2 of four, each in 130 s or 120 s at budget 9, and a method that fails."""
    tmp_path = tmp_path_factory.mktemp("by_hand")
    table = grid_table.write(tmp_path / "grid")
    (tmp_path / "cells.py").write_text(CELLS)
    (tmp_path / "mute.py").write_text(
        "from regretta import Optimizer\nclass Mute(Optimizer):\n    name = 'mute'\n"
        "    def ask(self): return None\n"
    )
    (tmp_path / "broken.py").write_text(
        "from regretta import Optimizer\nclass Broken(Optimizer):\n    name = 'broken'\n"
        "    def ask(self): return 1 / 0\n"
    )
    plugins = tuple(tmp_path / f"{name}.py" for name in ("cells", "mute", "broken"))
    entries = tuple(OptimizerEntry(name) for name in ("cells", "mute", "broken"))
    spec = SuiteSpec(
        "hand", (str(table),), entries, time_limit=500, runs=1, plugins=plugins, trace=True
    )
    run_suite(spec, tmp_path / "out")
    return load_suite(tmp_path / "out")
