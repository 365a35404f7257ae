"""What several test folders need."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import GridSpace, NasBench101
from regretta.tabular_data.table import Table

# A test run is repeatable; `--hypothesis-profile=explore` looks for new examples. Nothing here is
# timed.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """Tests send Ctrl-C to commands, which inherit where it is ignored, as behind ``nohup``."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tables and caches of the tests stay away from the user's; all workers share them."""
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    os.environ["REGRETTA_HOME"] = str(root / "regretta-home")


@pytest.fixture(scope="session")
def shared_tables() -> Path:
    """Real tables beside the repository; users of the project do not have them."""
    folder = Path(__file__).parents[2] / "shared" / "tables"
    if not folder.is_dir():
        pytest.skip(f"needs the real tables in {folder}")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture(scope="session")
def grid_table() -> Table:
    """Four cells, two budgets, two repeats, all values told apart at a glance.

    Cell c at budget b in repeat r has validation accuracy 0.5 + 0.1·c + 0.02·b + 0.01·r, test
    accuracy 0.05 below, and takes 10·(c + 1) + b·100 + r seconds.
    """
    cell, budget, repeat = np.meshgrid(np.arange(4), np.arange(2), np.arange(2), indexing="ij")
    accuracy = 0.5 + 0.1 * cell + 0.02 * budget + 0.01 * repeat
    return Table.from_arrays(
        "grid",
        GridSpace({"x": ["a", "b"], "y": ["c", "d"]}),
        (1, 9),
        validation_accuracy=accuracy,
        test_accuracy=accuracy - 0.05,
        training_seconds=10.0 * (cell + 1) + 100 * budget + repeat,
        provenance=Provenance(source="made up for tests", licence="CC0"),
    )


@pytest.fixture(scope="session")
def small101(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a table of all 91 NAS-Bench-101 cells of up to 4 vertices; values made up."""
    space = NasBench101(4)
    rng = np.random.default_rng(0)
    quality = rng.random((space.n_cells, 1, 1))
    budgets = (4.0, 12.0, 36.0, 108.0)
    share = np.array(budgets)[None, :, None] / 108
    accuracy = 0.6 + 0.3 * quality * share**0.2 + 0.01 * rng.random((space.n_cells, 4, 3))
    table = Table.from_arrays(
        "small101",
        space,
        budgets,
        validation_accuracy=accuracy,
        test_accuracy=accuracy - 0.01 * rng.random(accuracy.shape),
        training_seconds=np.array(budgets)[None, :, None]
        * (1 + quality)
        * (1 + 0.1 * rng.random(accuracy.shape)),
        provenance=Provenance(source="made up for tests", licence="CC0"),
    )
    return table.write(tmp_path_factory.mktemp("tables") / "small101")
