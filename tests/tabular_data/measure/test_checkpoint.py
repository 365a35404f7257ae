"""The folder of a build's checkpoints: in use by one build, and never made anew behind its back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from regretta.tabular_data.measure.checkpoint import CellRecord, CheckpointFolder
from regretta.tabular_data.measure.errors import MeasureError

RECORD = CellRecord(0, "plan", None, 1, 1, 1.0, 1.0, "machine", ())


@pytest.fixture
def building(tmp_path: Path) -> CheckpointFolder:
    folder = CheckpointFolder(tmp_path / "t.building", "plan")
    for name in ("cells", "weights"):
        (folder.path / name).mkdir(parents=True)
    return folder


def test_a_record_reads_back(building: CheckpointFolder) -> None:
    building.write(RECORD)
    assert building.read(0) == RECORD
    assert building.read(1) is None


def test_a_folder_that_vanishes_during_a_build_is_one_line_and_not_made_anew(
    building: CheckpointFolder,
) -> None:
    with building.lock():
        shutil.rmtree(building.path)
        for write in (
            lambda: building.write(RECORD),
            lambda: building.write_weights(0, [{"w": np.zeros(2, np.float32)}]),
        ):
            with pytest.raises(MeasureError, match=r"t\.building.*cannot be written \(No such fi"):
                write()
    assert not building.path.exists()


class Settings:
    """As much of a plan as its folder knows."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def settings(self) -> dict[str, int]:
        return {"seed": self.seed}


def test_a_folder_is_one_plans_only(tmp_path: Path) -> None:
    building = CheckpointFolder(tmp_path / "deep" / "t.building", "plan")
    for _ in range(2):
        building.open(Settings(1))  # type: ignore[arg-type]
        building.write(RECORD)
    with pytest.raises(MeasureError, match=r"checkpoints of other settings .seed was 1, now 2"):
        building.open(Settings(2))  # type: ignore[arg-type]
    assert building.read(0) == RECORD


def test_two_builds_are_never_in_one_folder(building: CheckpointFolder) -> None:
    with (
        building.lock(),
        pytest.raises(MeasureError, match="another build is running"),
        building.lock(),
    ):
        pass
