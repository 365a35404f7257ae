"""NAS-Bench-101's official files: read whole, or refused with record and byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regretta.tabular_data.sources import nasbench101
from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.nasbench101 import BUDGETS, import_table
from regretta.tabular_data.sources.tfrecord import frame
from regretta.tabular_data.spaces import NasBench101
from tests.tabular_data.sources.official_files import cell_row, full_scale_rows, model_metrics, row

SPACE = NasBench101(4)


def accuracy(cell: int, level: int, repeat: int) -> float:
    return 0.5 + cell / 1000 + level / 10_000 + repeat / 100_000


def metrics(cell: int, level: int, repeat: int) -> bytes:
    """Validation `accuracy`, test 0.1 below, training 0.1 above, a tenth of all in the middle."""
    value = accuracy(cell, level, repeat)
    end = (BUDGETS[level], 10.0 * BUDGETS[level] + repeat, value + 0.1, value, value - 0.1)
    return model_metrics([(0.0,) * 5, [v / 10 for v in end], end], 1000 + cell)


def rows(budgets: tuple[int, ...] = BUDGETS) -> Iterator[bytes]:
    """All rows of the space of up to 4 vertices, in the order of the official files."""
    for cell, budget, repeat in product(range(SPACE.n_cells), budgets, range(3)):
        yield cell_row(SPACE.index.cell(cell), budget, metrics(cell, BUDGETS.index(budget), repeat))


def written(tmp_path: Path, content: list[bytes] | bytes) -> Path:
    file = tmp_path / "file.tfrecord"
    file.write_bytes(content if isinstance(content, bytes) else frame(content))
    return file


def imported(file: Path, **options: Any) -> Any:
    return import_table(file, "table", vertices=4, **options)


def test_every_value_lands_in_its_place(tmp_path: Path) -> None:
    table = imported(written(tmp_path, list(rows())), halfway=True)
    expected = np.fromfunction(
        lambda c, b, r: 0.5 + c / 1000 + b / 10_000 + r / 100_000, (SPACE.n_cells, 4, 3)
    )
    seconds = np.array(BUDGETS)[None, :, None] * 10.0 + np.arange(3)
    assert table.budgets == BUDGETS
    for prefix, share in {"": 1, "halfway_": 10}.items():
        for name, value in {
            "validation": expected,
            "test": expected - 0.1,
            "train": expected + 0.1,
        }.items():
            np.testing.assert_allclose(
                table.columns[f"{prefix}{name}_accuracy"], value / share, rtol=1e-6
            )
        found = table.columns[f"{prefix}training_seconds"]
        np.testing.assert_allclose(found, np.broadcast_to(seconds / share, found.shape), rtol=1e-6)
    np.testing.assert_array_equal(table.columns["parameters"], 1000 + np.arange(SPACE.n_cells))
    table.verify()


def test_order_of_cells_and_encoding_of_a_cell_do_not_matter(tmp_path: Path) -> None:
    table = imported(written(tmp_path, list(rows())))
    shuffled = list(rows())
    np.random.default_rng(0).shuffle(shuffled)  # type: ignore[arg-type]
    again = imported(written(tmp_path, shuffled))
    np.testing.assert_array_equal(
        np.sort(again.columns["validation_accuracy"], axis=2), table.columns["validation_accuracy"]
    )


def test_the_file_of_108_epochs_has_one_budget_and_no_halfway_values_unless_asked(
    tmp_path: Path,
) -> None:
    table = imported(written(tmp_path, list(rows((108,)))))
    assert table.budgets == (108,)
    assert not [name for name in table.columns if name.startswith("halfway")]


def test_a_checksum_that_is_not_official_is_said(tmp_path: Path) -> None:
    (note,) = imported(written(tmp_path, list(rows((108,))))).provenance.notes
    assert "no official file" in note
    (known,) = nasbench101._notes("3d64db81" + "0" * 50 + "5c7e9c", 0)
    assert known.endswith("that of the official nasbench_full.tfrecord")


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, list(rows((108,))))
    seen: list[tuple[int, int]] = []
    imported(file, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (file.stat().st_size,) * 2


def test_fewer_cells_need_to_be_allowed_and_are_then_missing(tmp_path: Path) -> None:
    file = written(tmp_path, list(rows())[24:-1])
    with pytest.raises(
        SourceError, match=r"3 of 91 cells lack records, first cell .*pass --partial"
    ):
        imported(file)
    table = imported(file, partial=True)
    assert table.partial
    assert table.available[[0, 1, 2]].tolist() == [[0] * 4, [0] * 4, [3] * 4]
    assert table.available[-1].tolist() == [3, 3, 3, 2]


MATRIX, OPERATIONS = "0110000100010000", "input,conv3x3-bn-relu,maxpool3x3,output"
HASH = "28cfc7874f6d200472e1a9dcd8650aa0"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            row(HASH, 108, MATRIX, OPERATIONS.replace("maxpool3x3", "maxpool5x5"), b""),
            "unknown operation 'maxpool5x5'",
        ),
        (row(HASH, 108, MATRIX[:-1], OPERATIONS, b""), "no matrix of 2 to 4 vertices"),
        (row(HASH, 108, "0" * 25, OPERATIONS, b""), "no matrix of 2 to 4 vertices"),
        (row(HASH, 108, MATRIX[::-1], OPERATIONS, b""), "not upper triangular"),
        (
            row(HASH, 108, "0100", OPERATIONS, b""),
            "2 vertices|0 operations|cannot have 2 operations",
        ),
        (row(HASH, 108, MATRIX, "input,output", b""), "cannot have 0 operations"),
        (row(HASH, 108, MATRIX, "maxpool3x3", b""), "not the operations|not enough values"),
        (row(HASH, 7, MATRIX, OPERATIONS, b""), "7 epochs are no budget"),
        (row("not a hash", 108, MATRIX, OPERATIONS, b""), "invalid literal"),
        (row(HASH, 108, MATRIX, OPERATIONS, b""), "metrics that cannot be decoded"),
        (row(HASH, 108, "0" * 16, OPERATIONS, metrics(0, 0, 0)), "is no cell of the space"),
        (b"[1, 2, 3]", "not enough values"),
        (b'{"a": 1}', "not a NAS-Bench-101 row"),
        (b"[[], [], [], [], []]", "not a NAS-Bench-101 row"),
        (b"\xff\xfe", "not a NAS-Bench-101 row"),
        (b"[" * 50_000, "not a NAS-Bench-101 row"),
        (json.dumps([HASH, 108, MATRIX, OPERATIONS, "é"]).encode(), "not a NAS-Bench-101 row"),
        (next(rows()), "repeat 4 of a cell and budget that have 3"),
        (
            cell_row(SPACE.index.cell(0), 4, metrics(0, 0, 0)).replace(b'["', b'["f', 1),
            "another module hash",
        ),
    ],
)
def test_a_bad_row_is_named_with_record_and_byte(bad: bytes, reason: str, tmp_path: Path) -> None:
    good = list(rows())
    place = len(frame(good[:12]))
    with pytest.raises(
        SourceError, match=rf"file\.tfrecord: record 12 at byte {place} .*({reason})"
    ) as error:
        imported(written(tmp_path, [*good[:12], bad, *good[12:]]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (3, float("nan"), "validation_accuracy that is no fraction"),
        (4, 1.5, "test_accuracy that is no fraction"),
        (2, -0.1, "train_accuracy that is no fraction"),
        (1, 0.0, "training_seconds that are not above zero"),
        (1, float("inf"), "training_seconds that are not above zero"),
    ],
)
def test_a_value_out_of_range_is_named(
    field: int, value: float, reason: str, tmp_path: Path
) -> None:
    end = [108.0, 100.0, 0.9, 0.8, 0.7]
    end[field] = value
    bad = cell_row(SPACE.index.cell(0), 108, model_metrics([(0.0,) * 5, (0.1,) * 5, end], 5))
    with pytest.raises(SourceError, match=rf"record 0 at byte 0 has (a )?{reason}"):
        imported(written(tmp_path, [bad]))


def test_a_hash_that_belongs_to_another_cell_is_found(tmp_path: Path) -> None:
    first, second = (SPACE.index.cell(c).module_hash().encode() for c in (3, 4))
    swap = {first: second, second: first}
    changed = [swap[r[2:34]].join([b'["', r[34:]]) if r[2:34] in swap else r for r in rows((108,))]
    with pytest.raises(SourceError, match=r"the module hash of cell .* does not belong to it"):
        imported(written(tmp_path, changed))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda file: None, "cannot read .*: No such file"),
        (lambda file: file.mkdir(), "cannot read .*: it is a folder"),
        (lambda file: file.write_bytes(b""), "it is empty"),
        (
            lambda file: file.write_bytes(b"BZh91AY&SY" * 9),
            "is no TFRecord file .*: it is a bzip2 file",
        ),
        (
            lambda file: file.write_bytes(frame(list(rows()))[:-3]),
            "truncated: it ends inside record 1091",
        ),
    ],
)
def test_a_file_that_is_none_is_one_line(
    make: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    make(tmp_path / "file")
    with pytest.raises(SourceError, match=reason):
        imported(tmp_path / "file")


@given(data=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_file_is_one_line_and_leaves_nothing(data: st.DataObject, tmp_path: Path) -> None:
    whole = bytearray(frame(list(rows((108,)))))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del whole[at : at + data.draw(st.integers(1, 400))]
    file = written(tmp_path, bytes(whole))
    with pytest.raises(SourceError, match=r"^\S+file\.tfrecord[: ]") as error:
        imported(file)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [file]


@given(place=st.integers(0, 11), data=st.data())
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_row_changed_under_a_right_checksum_is_a_table_or_one_line(
    place: int, data: st.DataObject, tmp_path: Path
) -> None:
    changed = list(rows((108,)))[:12]
    row = bytearray(changed[place])
    row[data.draw(st.integers(0, len(row) - 1))] = data.draw(st.integers(0, 255))
    changed[place] = bytes(row)
    with suppress(SourceError):
        imported(written(tmp_path, changed), partial=True)


@pytest.mark.slow
def test_5000_real_cells_are_read_back_from_an_official_file(
    shared_tables: Path, tmp_path: Path
) -> None:
    content = next(full_scale_rows(shared_tables))
    table = import_table(written(tmp_path, content), partial=True)
    known = np.load(shared_tables / "nb101" / "reconstruction.npz")
    assert table.available.any(axis=1).nonzero()[0].tolist() == list(range(5000))
    for column, key in {"validation_accuracy": "val_count", "test_accuracy": "test_count"}.items():
        np.testing.assert_allclose(
            table.columns[column][:5000] * 9984, known[key][:5000], atol=1e-2
        )
    np.testing.assert_array_equal(table.columns["training_seconds"][:5000], known["time"][:5000])
    np.testing.assert_array_equal(
        table.columns["parameters"][:5000],
        np.load(shared_tables / "nb101" / "core.npz")["params"][:5000],
    )
