"""What a table answers about one architecture; values by hand from made-up tables."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from regretta.tabular_data.benchmark import Metric, Provenance
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import GridSpace, NasBench201
from regretta.tabular_data.table import Table

NAN = math.nan


def made(space: Any = None, **columns: Any) -> Table:
    """Three cells, one budget of 8 epochs, two repeats; the second cell has one repeat only."""
    given = {
        "validation_accuracy": [[[0.5, 0.75]], [[0.625, NAN]], [[0.5, 0.25]]],
        "training_seconds": [[[10.0, 20.0]], [[30.0, NAN]], [[1.0, 1.0]]],
    } | columns
    return Table.from_arrays("made", GridSpace({"x": ["a", "b", "c"]}), [8], **given)


def test_an_answer_has_every_budget_and_repeat(grid_table: Table) -> None:
    answer = grid_table.query("x=b, y=d")
    assert (answer.row, answer.architecture, answer.official_name) == (3, "x=b, y=d", None)
    first, last = answer.trainings
    assert (first.budget, last.budget) == (1, 9)
    assert first.validation.values == pytest.approx((0.80, 0.81))
    assert last.validation.values == pytest.approx((0.82, 0.83))
    assert last.test is not None
    assert last.test.values == pytest.approx((0.77, 0.78))
    assert last.seconds.values == (140, 141)
    assert last.train is None
    assert answer.parameters is answer.flops is answer.latency_seconds is None


def test_mean_and_deviation_are_of_the_repeats(grid_table: Table) -> None:
    answer = grid_table.query("x=b, y=d")
    assert answer.validation.mean == pytest.approx(0.825)
    assert answer.validation.sd == pytest.approx(0.01 / math.sqrt(2))  # n − 1
    assert answer.seconds.mean == 140.5


def test_a_budget_and_a_repeat_are_asked_for(grid_table: Table) -> None:
    answer = grid_table.query("x=b, y=d", budget=1, repeat=1)
    assert [training.budget for training in answer.trainings] == [1]
    assert answer.validation.values == pytest.approx((0.81,))
    assert answer.validation.mean == pytest.approx(0.81)
    assert math.isnan(answer.validation.sd)
    assert grid_table.query("x=b, y=d", 1).validation.mean == pytest.approx(0.805)


def test_rank_is_by_the_mean_over_repeats_and_1_is_best(grid_table: Table) -> None:
    places = []
    for row in range(4):
        rank = grid_table.query(row=row).rank("test")
        assert rank is not None
        assert rank.of == 4
        places.append(rank.place)
    assert places == [4, 3, 2, 1]


def test_equal_cells_share_the_best_place() -> None:
    table = made()  # means 0.625, 0.625, 0.375
    ranks = [table.query(row=row).rank() for row in range(3)]
    assert [(rank.place, rank.of) for rank in ranks if rank] == [(1, 3), (1, 3), (3, 3)]


def test_a_repeat_that_was_not_measured_is_no_number() -> None:
    table = made()
    measured = table.query(row=1).validation
    assert measured.values[0] == 0.625
    assert math.isnan(measured.values[1])
    assert (measured.mean, math.isnan(measured.sd)) == (0.625, True)
    with pytest.raises(TableError, match="repeat 1 of row 1 of table 'made' was not measured; the"):
        table.query(row=1, repeat=1)
    with pytest.raises(TableError, match="not measured at 8 epochs; there are 0"):
        table.query(row=1, budget=8, repeat=1)


def test_a_cell_that_is_missing_is_told() -> None:
    table = made(
        validation_accuracy=[[[0.5, 0.75]], [[NAN, NAN]], [[0.5, 0.25]]],
        training_seconds=[[[10.0, 20.0]], [[NAN, NAN]], [[1.0, 1.0]]],
        partial=True,
    )
    with pytest.raises(TableError, match="no measurement of row 1, x=b"):
        table.query("x=b")
    rank = table.query("x=c").rank()
    assert rank is not None
    assert (rank.place, rank.of) == (2, 2)


def test_a_published_mean_has_no_repeats() -> None:
    test = made(mean_test_accuracy=[[0.5], [0.25], [0.75]]).query(row=2, repeat=0).test
    assert test is not None
    assert (test.values, test.mean, math.isnan(test.sd)) == ((), 0.75, True)


def test_of_a_metric_whose_lower_values_are_better_the_values_are_told() -> None:
    """A table keeps 1 − value as accuracy."""
    table = made(metric=Metric("MSE", higher_is_better=False))
    answer = table.query(row=2)
    assert answer.validation.values == (0.5, 0.75)
    rank = answer.rank()
    assert rank is not None
    assert rank.place == 3
    assert answer.as_dict()["higher_is_better"] is False


def test_sizes_and_latency() -> None:
    answer = made(
        parameters=[7, 8, 9], flops=[1.5, 2.5, 3.5], latency_seconds=[0.1, 0.2, 0.3]
    ).query(row=1)
    assert (answer.parameters, answer.flops, answer.latency_seconds) == (8, 2.5, 0.2)


def test_an_answer_is_json_and_goes_back_to_its_cell() -> None:
    answer = made().query(row=1)
    plain = json.loads(json.dumps(answer.as_dict(), allow_nan=False))
    (training,) = plain["trainings"]
    assert training["validation"] == {"values": [0.625, None], "mean": 0.625, "sd": None}
    assert training["validation_rank"] == {"place": 1, "of": 3}
    assert training["test"] is training["test_rank"] is None
    assert made().query(plain["architecture"]).row == 1
    assert made().query({"row": plain["row"]}).row == 1


def test_a_reconstruction_says_so() -> None:
    table = made(provenance=Provenance(reconstruction="all of it"))
    assert table.query(row=0).reconstruction == "all of it"
    assert table.query(row=0).as_dict()["reconstruction"] == "all of it"


def test_an_answer_cannot_be_changed(grid_table: Table) -> None:
    with pytest.raises(FrozenInstanceError):
        grid_table.query(row=0).row = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "names one architecture: give it first, or one of row=, configuration="),
        ({"row": 0, "index": 0}, "names one architecture"),
        ({"architecture": "x=a, y=c", "row": 0}, "names one architecture"),
        ({"row": 4}, "rows 0 to 3"),
        ({"row": -1}, "rows 0 to 3"),
        ({"row": True}, "rows 0 to 3"),
        ({"row": 0.5}, "rows 0 to 3"),
        ({"row": "one"}, "rows 0 to 3"),
        ({"index": 0}, "have no index: name one by row, configuration"),
        ({"row": 0, "budget": 3}, "has no budget 3: it has 1, 9 epochs"),
        ({"row": 0, "budget": "all"}, "has no budget 'all'"),
        ({"row": 0, "repeat": 2}, "repeats 0 to 1, and none is 2"),
        ({"row": 0, "repeat": -1}, "repeats 0 to 1"),
        ({"row": 0, "repeat": True}, "repeats 0 to 1"),
    ],
    ids=str,
)
def test_a_bad_question_is_one_line(grid_table: Table, arguments: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        grid_table.query(**arguments)


def test_a_row_may_be_of_any_whole_type(grid_table: Table) -> None:
    for row in (3, np.int32(3), np.array(3), 3.0, "3"):
        assert grid_table.query(row=row).row == 3  # type: ignore[arg-type]


def test_names_of_nasbench201_are_keywords() -> None:
    space = NasBench201()
    table = Table.from_arrays(
        "nb201",
        space,
        [200],
        validation_accuracy=np.linspace(0.1, 0.9, space.n_cells),
        training_seconds=np.ones(space.n_cells),
    )
    asked = [
        table.query(index=0),
        table.query(row=13_931),
        table.query(naslib=[4, 3, 3, 0, 0, 0]),
        table.query(configuration=[4, 2, 1, 2, 1, 1]),
    ]
    assert {answer.row for answer in asked} == {13_931}
    assert {answer.official_name for answer in asked} == {0}


# -- curves --------------------------------------------------------------------------------------


def test_a_curve_has_every_epoch_of_the_longest_training() -> None:
    curve = np.arange(24).reshape(3, 4, 2) / 32
    answer = made(validation_curve=curve).query(row=1)
    found = answer.curve()
    assert found.epochs.tolist() == [2, 4, 6, 8]  # four points of a training of 8 epochs
    assert found.values.tolist() == curve[1].tolist()
    one = made(validation_curve=curve).query(row=0, repeat=1).curve()
    assert one.values.tolist() == curve[0][:, 1:].tolist()


def test_without_a_curve_there_are_the_middle_and_the_end() -> None:
    table = made(halfway_validation_accuracy=[[[0.25, 0.5]], [[0.125, NAN]], [[0.5, 0.25]]])
    found = table.query(row=0).curve()
    assert found.epochs.tolist() == [4, 8]
    assert found.values.tolist() == [[0.25, 0.5], [0.5, 0.75]]
    assert made().query(row=0).curve().epochs.tolist() == [8]
    with pytest.raises(TableError, match="no test values of single repeats at 8 epochs"):
        table.query(row=0).curve("test")


def test_the_curve_of_a_smaller_budget_is_not_that_of_the_largest() -> None:
    table = open_table("digits101")
    assert table.query(row=7).curve("train").epochs.tolist() == list(range(1, 28))
    short = table.query(row=7, budget=3).curve("train")
    assert short.epochs.tolist() == [3]
    assert short.values.tolist() == [table.columns["train_accuracy"][7, 1].tolist()]


# -- data frames -----------------------------------------------------------------------------------


def test_a_frame_has_a_line_for_each_measured_repeat() -> None:
    frame = made(parameters=[7, 8, 9]).frame()
    assert list(frame.columns) == ["row", "budget", "repeat", "validation", "seconds", "parameters"]
    assert frame.to_numpy().tolist() == [
        [0, 8, 0, 0.5, 10, 7],
        [0, 8, 1, 0.75, 20, 7],
        [1, 8, 0, 0.625, 30, 8],
        [2, 8, 0, 0.5, 1, 9],
        [2, 8, 1, 0.25, 1, 9],
    ]


def test_a_frame_of_some_rows_and_one_budget(grid_table: Table) -> None:
    frame = grid_table.frame(rows=[3, 0], budget=9)
    assert frame["row"].tolist() == [3, 3, 0, 0]
    assert frame["budget"].tolist() == [9] * 4
    assert frame["test"].tolist() == pytest.approx([0.77, 0.78, 0.47, 0.48])
    assert frame.attrs["source"] == "made up for tests"
    with pytest.raises(UserError, match="rows 0 to 3"):
        grid_table.frame(rows=[4])


def test_a_frame_carries_indices_the_metric_and_the_word_reconstruction() -> None:
    frame = made(
        mean_test_accuracy=[[0.5], [0.25], [0.75]],
        metric=Metric("MSE", higher_is_better=False),
        provenance=Provenance(reconstruction="all of it"),
    ).frame(rows=[2])
    assert frame["validation"].tolist() == [0.5, 0.75]
    assert frame["mean_test"].tolist() == [0.25, 0.25]
    assert frame["reconstruction"].all()
    assert open_table("nb201-cifar10").frame(rows=[13_931])["index"].tolist() == [0, 0, 0]


def test_without_pandas_a_frame_is_one_line(
    grid_table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(UserError, match="need pandas, which is not installed"):
        grid_table.frame()
