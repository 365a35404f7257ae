"""Seconds of cells: each alone, after all accuracies, in passes of random order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.tabular_data.measure import build, load, make_plan, timing
from regretta.tabular_data.measure.checkpoint import CheckpointFolder
from regretta.tabular_data.measure.plan import Plan
from regretta.tabular_data.measure.timing import PASSES, PartTimes, gather, parts
from regretta.tabular_data.spaces import NasBench101, NasBench201


def small_plan() -> Plan:
    """The seven cells of up to three vertices; 500 images in batches of 50, 10 steps an epoch."""
    return make_plan(
        NasBench101(3), load("digits"), budgets=(1, 4), repeats=1, seed=3, device="cpu"
    )


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the cells that are timed from here on, which takes no time."""
    cells: list[int] = []

    def noted(plan: Plan, number: int) -> tuple[float, float]:
        cells.append(number)
        return 1.0, 0.01

    monkeypatch.setattr(timing, "step_seconds", noted)
    return cells


def test_every_cell_is_in_every_pass_once_and_no_two_passes_have_one_order() -> None:
    plan = make_plan(NasBench201(), load("moved-digits"), seed=1, device="cpu")
    orders: dict[int, list[int]] = {}
    for part in parts(plan):
        orders.setdefault(part.nth[0], []).extend(part.cells)
    assert [sorted(order) for order in orders.values()] == [list(range(5260))] * PASSES
    for one in orders.values():
        # Spearman's correlation of 5,260 random ranks: six standard deviations are .083
        assert abs(np.corrcoef(one, np.arange(5260))[0, 1]) < 0.083
    first, second, third = orders.values()
    assert abs(np.corrcoef(np.argsort(first), np.argsort(second))[0, 1]) < 0.083
    assert first != third


def test_seconds_are_the_setup_and_all_steps_and_the_median_of_passes() -> None:
    plan = small_plan()
    setup, step = {0: 1.0, 1: 3.0, 2: 2.0}, {0: 0.1, 1: 0.1, 2: 0.4}
    found = gather(
        plan,
        [
            PartTimes(
                part.cells,
                *(
                    tuple(value[part.nth[0]] for _ in part.cells)
                    for value in (setup, step, {0: 0.5, 1: 0.1, 2: 0.3})
                ),
                machine=f"Abacus {part.nth[0] % 2}",
                fingerprint="f",
            )
            for part in parts(plan)
        ],
    )
    # 10 and 40 steps: 2, 4, 6 and 5, 7, 18 seconds in the three passes
    np.testing.assert_allclose(found.training, [[4.0, 7.0]] * 7)
    np.testing.assert_allclose(found.latency, [0.3] * 7)
    np.testing.assert_allclose(found.spread, [18 / 5] * 7)
    assert found.machines == ("Abacus 0", "Abacus 1")


def test_cells_are_timed_after_they_are_measured_and_never_twice(
    tmp_path: Path, timed: list[int]
) -> None:
    told: list[tuple[int, int]] = []
    build(small_plan(), tmp_path / "table", progress=lambda *counts: told.append(counts))
    assert sorted(timed) == sorted([*range(7)] * PASSES)
    assert told[-1] == (7 * PASSES, 7 * PASSES)
    assert (7, 7) in told[: told.index((0, 7 * PASSES))]
    timed.clear()
    again = build(small_plan(), tmp_path / "table")
    assert not timed
    np.testing.assert_allclose(again.seconds, [[1.1, 1.4]] * 7)


def damaged(change: Any) -> Any:
    def rewrite(content: bytes) -> bytes:
        raw = json.loads(content)
        change(raw)
        return json.dumps(raw).encode()

    return rewrite


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"[]",
        damaged(lambda raw: raw.update(fingerprint="of another build")),
        damaged(lambda raw: raw["cells"].reverse()),
        damaged(lambda raw: raw["step"].pop()),
        damaged(lambda raw: raw["step"].__setitem__(0, -1.0)),
        damaged(lambda raw: raw["setup"].__setitem__(0, float("nan"))),
        damaged(lambda raw: raw["latency"].__setitem__(0, "soon")),
        damaged(lambda raw: raw.update(setup=3)),
    ],
)
def test_damaged_times_are_measured_again(damage: Any, tmp_path: Path, timed: list[int]) -> None:
    plan = small_plan()
    build(plan, tmp_path / "table")
    timed.clear()
    place = tmp_path / "table.building" / "times" / "1-00000.json"
    place.write_bytes(damage(place.read_bytes()))
    folder = CheckpointFolder(tmp_path / "table.building", plan.fingerprint())
    assert folder.read_times(parts(plan)[1]) is None
    assert (build(plan, tmp_path / "table").seconds > 0).all()
    assert sorted(timed) == list(range(7))


def test_six_convolutions_take_longer_than_none() -> None:
    space = NasBench201()
    plan = make_plan(space, load("moved-digits"), seed=1, device="cpu")
    edge = "|{0}~0|+|{0}~0|{0}~1|+|{0}~0|{0}~1|{0}~2|"
    rows = space.rows(
        np.stack(
            [space.from_string(edge.format(name)) for name in ("nor_conv_3x3", "skip_connect")]
        )
    )
    (_, much), (_, little) = (timing.step_seconds(plan, int(plan.of_row[row])) for row in rows)
    assert 0 < little < much < 1
