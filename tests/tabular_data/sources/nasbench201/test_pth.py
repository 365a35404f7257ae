"""The ``.pth`` files of NAS-Bench-201 in both formats of ``torch.save``, read without PyTorch."""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.nasbench201.pth import import_table
from regretta.tabular_data.spaces import NasBench201
from tests.tabular_data.sources.official_files import arch_state, run_state, torch_save, whole_file

SPACE = NasBench201()
ARCHS = [SPACE.describe(row) for row in range(SPACE.n_cells)]


def infos(index: int, dataset: str = "cifar10-valid", timed: bool = True) -> dict[str, Any]:
    """One architecture as v1_0 has it: the long schedule without times where not `timed`."""
    text = ARCHS[index]
    return {
        "full": arch_state(
            index, text, {(dataset, s): run_state(dataset, s, 200, text, timed) for s in (777, 888)}
        ),
        "less": arch_state(
            index, text, {("cifar10-valid", 777): run_state("cifar10-valid", 777, 12, text)}
        ),
    }


def written(path: Path, archs: dict[int, Any], archive: bool) -> Path:
    path.write_bytes(torch_save(whole_file(ARCHS, archs), archive))
    return path


@pytest.mark.parametrize("archive", [True, False])
def test_both_formats_are_read(archive: bool, tmp_path: Path) -> None:
    table = import_table(
        written(tmp_path / "f.pth", {i: infos(i) for i in (3, 7)}, archive), partial=True
    )
    assert table.name == "nasbench201-cifar10"
    assert np.flatnonzero(table.available.any(axis=1)).tolist() == [3, 7]
    assert table.available[3].tolist() == [1, 2]
    np.testing.assert_allclose(
        100 * table.columns["validation_accuracy"][3, 1], [70.677, 70.788], rtol=1e-6
    )
    assert table.columns["training_seconds"][3, :, 0].tolist() == [24, 400]


def test_times_of_the_long_schedule_come_from_the_short_one_where_there_are_none(
    tmp_path: Path,
) -> None:
    table = import_table(
        written(tmp_path / "f.pth", {0: infos(0, timed=False)}, True), partial=True
    )
    assert table.columns["training_seconds"][0, 1].tolist() == [400, 400]
    assert "2 times of 200 epochs are 200/12 of those of 12 epochs" in table.provenance.notes


def test_a_data_set_without_any_time_is_an_error(tmp_path: Path) -> None:
    source = written(tmp_path / "f.pth", {0: infos(0, "cifar100", timed=False)}, True)
    with pytest.raises(
        SourceError, match="has no cifar100 run with both an accuracy and a training time"
    ):
        import_table(source, dataset="cifar100", partial=True)


def test_missing_architectures_need_to_be_allowed(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"15624 of 15625 architectures are missing, first .*pass --partial"
    ):
        import_table(written(tmp_path / "f.pth", {0: infos(0)}, False))


@pytest.mark.parametrize("archive", [True, False])
def test_what_torch_itself_writes_is_read(archive: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra")
    archs = {0: infos(0)}
    archs[0]["full"]["all_results"]["cifar10-valid", 777]["net_state_dict"] = {
        "weight": torch.ones(3)
    }
    torch.save(whole_file(ARCHS, archs), tmp_path / "f.pth", _use_new_zipfile_serialization=archive)
    table = import_table(tmp_path / "f.pth", partial=True)
    assert table.available[0].tolist() == [1, 2]


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("archive", [True, False])
def test_a_hostile_file_runs_nothing(archive: bool, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    source = written(tmp_path / "f.pth", {0: infos(0) | {"full": Hostile(trace)}}, archive)
    with pytest.raises(SourceError, match=r"is refused: its pickle asks for (posix|nt|os)\.mkdir"):
        import_table(source, partial=True)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read .*: No such file"),
        (b"", "no file of NAS-Bench-201.*it is empty"),
        (b"\x80\x02", "it ends too early"),
        (b"PK\3\4 and no more", "no whole archive of torch.save"),
        (torch_save([], True).replace(b"data.pkl", b"data.txt"), "no archive of torch.save"),
        (torch_save([], True), "no file of all architectures"),
        (torch_save({}, False), "no file of all architectures"),
        (b"not a pickle at all", "no file of NAS-Bench-201"),
        (pickle.dumps(1, 2), "a pickle, but none that torch.save wrote"),
    ],
)
def test_a_file_that_is_none_is_one_line(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "f.pth").write_bytes(content)
    with pytest.raises(SourceError, match=reason):
        import_table(tmp_path / "f.pth", partial=True)


@given(data=st.data(), archive=st.booleans())
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damage_is_a_table_or_one_line_and_leaves_nothing(
    data: st.DataObject, archive: bool, tmp_path: Path
) -> None:
    whole = bytearray(torch_save(whole_file(ARCHS, {0: infos(0)}), archive))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del whole[at:]
    (tmp_path / "f.pth").write_bytes(whole)
    with suppress(
        SourceError
    ):  # the older format has no checksum: a changed digit is another digit
        import_table(tmp_path / "f.pth", partial=True)
    assert [p.name for p in tmp_path.iterdir()] == ["f.pth"]
