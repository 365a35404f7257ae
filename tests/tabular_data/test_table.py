"""Tables made of arrays: what is computed of them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.tabular_data.benchmark import BenchmarkError, Reference, Rule
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table
from tests.tabular_data.made import SPACE, make


def test_a_users_table_takes_a_few_lines(tmp_path: Path) -> None:
    """One budget and one repeat: both axes may be left out."""
    table = Table.from_arrays(
        "mine",
        SPACE,
        [50],
        validation_accuracy=[0.7, 0.8, 0.9, 0.6],
        training_seconds=[10, 20, 30, 40],
    )
    assert table.columns["validation_accuracy"].shape == (4, 1, 1)
    assert table.best_mean_validation_error == pytest.approx(0.1)
    assert not table.has_test


def test_means_and_the_optimum_by_hand(grid_table: Table) -> None:
    # Cell 3 at budget 9: accuracies 0.82 and 0.83, test 0.77 and 0.78.
    assert grid_table.mean_validation_error[3, 1] == pytest.approx(1 - 0.825)
    assert grid_table.best_mean_validation_error == pytest.approx(0.175)
    assert grid_table.best_mean_test_error == pytest.approx(0.225)


def test_missing_repeats_are_left_out_of_means_and_counted() -> None:
    accuracy = np.full((4, 1, 3), 0.5)
    accuracy[1, 0] = [np.nan, 0.6, 0.8]
    seconds = np.where(np.isnan(accuracy), np.nan, 5.0)
    table = make(budgets=(9,), validation_accuracy=accuracy, training_seconds=seconds)
    assert table.available[:, 0].tolist() == [3, 2, 3, 3]
    assert table.mean_validation_error[1, 0] == pytest.approx(0.3)
    assert table.repeat_order is not None
    assert table.repeat_order[1, 0, :2].tolist() == [1, 2]


def test_a_published_mean_comes_before_the_mean_of_repeats() -> None:
    table = make(test_accuracy=np.full((4, 2, 2), 0.4), mean_test_accuracy=np.full((4, 2), 0.41))
    assert table.best_mean_test_error == pytest.approx(0.59)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a/b"}, "name has letters"),
        ({"budgets": (9, 1)}, "ascending"),
        ({"budgets": (0, 1)}, "positive"),
        ({"validation_accuracy": np.full((3, 2, 2), 0.5)}, r"shape \[4, 2, repeats\]"),
        (
            {"validation_accuracy": np.full((4, 2, 2), 91.6)},
            r"row 0\[0, 0\]: an accuracy is a fraction .* got 91.6",
        ),
        ({"training_seconds": np.zeros((4, 2, 2))}, "seconds are above zero"),
        ({"training_seconds": np.full((4, 2, 3), 1.0)}, "differ in shape"),
        ({"training_seconds": np.full((4, 2, 2), np.nan)}, "both accuracy and time, or neither"),
        ({"test_acuracy": np.zeros((4, 2, 2))}, "did you mean 'test_accuracy'"),
        ({"test_accuracy": np.full((4, 2, 2), "x")}, "must hold numbers"),
        ({"test_accuracy": np.full((4, 2, 1), 0.5)}, "differ in shape"),
    ],
)
def test_wrong_arrays_are_refused_in_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TableError, match=said) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


def test_a_cell_without_measurements_needs_partial() -> None:
    accuracy = np.full((4, 2, 2), 0.5)
    accuracy[2] = np.nan
    seconds = np.where(np.isnan(accuracy), np.nan, 1.0)
    with pytest.raises(TableError, match="row 2: a cell has no measurement at all"):
        make(validation_accuracy=accuracy, training_seconds=seconds)
    assert make(validation_accuracy=accuracy, training_seconds=seconds, partial=True).partial


def one_repeat(**changes: Any) -> Table:
    """Four cells at budgets 1 and 9, one repeat each."""
    return make(
        **{
            "validation_accuracy": np.full((4, 2, 1), 0.5),
            "training_seconds": np.full((4, 2, 1), 10.0),
        }
        | changes
    )


def holed(shape: tuple[int, ...], *hole: int, value: float = 0.5) -> np.ndarray:
    column = np.full(shape, value)
    column[hole] = np.nan
    return column


OPTIONAL = [
    ("test_accuracy", holed((4, 2, 1), 2, 1), r"row 2\[1\]"),
    ("mean_test_accuracy", holed((4, 2), 2, 1), r"row 2\[1\]"),
    ("train_accuracy", holed((4, 2, 1), 2, 0), r"row 2\[0\]"),
    ("halfway_training_seconds", holed((4, 2, 1), 2, 0), r"row 2\[0\]"),
    ("evaluation_seconds", holed((4,), 2), "row 2"),
    ("parameters", holed((4,), 2), "row 2"),
    ("flops", np.ma.array([1, 2, 3, 4], mask=[0, 0, 1, 0]), "row 2"),
    ("latency_seconds", holed((4,), 2), "row 2"),
    ("validation_curve", holed((4, 9, 1), 2, 5, 0), r"row 2\[5\]"),
    ("test_curve", holed((4, 9, 1), 2, 5, 0), r"row 2\[5\]"),
]


@pytest.mark.parametrize(("column", "values", "place"), OPTIONAL)
def test_a_measured_cell_without_a_value_is_refused_with_column_and_row(
    column: str, values: np.ndarray, place: str
) -> None:
    with pytest.raises(TableError, match=f"column {column}, {place}: a measured cell has no value"):
        one_repeat(**{column: values})


@pytest.mark.parametrize(("column", "values", "place"), OPTIONAL)
def test_a_partial_table_leaves_such_a_cell_out_and_says_so(
    tmp_path: Path, column: str, values: np.ndarray, place: str
) -> None:
    table = one_repeat(**{column: values}, partial=True)
    assert table.provenance.notes == (f"left out: 1 cells have no {column}, first row 2",)
    assert table.available.tolist() == [[1, 1], [1, 1], [0, 0], [1, 1]]
    again = Table.open(table.write(tmp_path / "t"))
    again.verify()
    assert again.provenance.notes == table.provenance.notes


def test_a_cell_measured_at_some_budgets_only_is_refused_or_left_out() -> None:
    accuracy = holed((4, 2, 1), 2, 1)
    changes = {"validation_accuracy": accuracy, "training_seconds": 10 * accuracy}
    with pytest.raises(TableError, match=r"validation_accuracy, row 2\[1\]: .* at other budgets"):
        one_repeat(**changes)
    table = one_repeat(**changes, partial=True)
    assert table.available[2].tolist() == [0, 0]
    assert table.provenance.notes == (
        "left out: 1 cells are not measured at every budget, first row 2",
    )


def test_the_best_of_a_partial_table_is_a_cell_that_a_search_can_reach() -> None:
    """Cell 2 validates best and has no test value; cell 3 has a test value only."""
    accuracy = np.array([0.6, 0.7, 0.9, np.nan]).reshape(4, 1, 1)
    test = np.array([0.55, 0.65, np.nan, 0.95]).reshape(4, 1, 1)
    table = make(
        budgets=[9],
        validation_accuracy=accuracy,
        training_seconds=10 * accuracy,
        test_accuracy=test,
        partial=True,
    )
    assert table.best(9).validation_error == pytest.approx(0.3)
    assert table.best(9).test_error == pytest.approx(0.35)
    assert table.provenance.notes == (
        "left out: 1 cells have no test_accuracy, first row 2",
        "left out: 1 cells have test_accuracy but no validation_accuracy, first row 3",
    )


def test_repeats_may_be_missing_in_one_column_only() -> None:
    """As NATS-Bench's test runs, which are others than its validation runs."""
    table = make(test_accuracy=holed((4, 2, 2), 2, 1, 0, value=0.4))
    assert table.mean_test_error is not None
    assert table.mean_test_error[2, 1] == pytest.approx(0.6)


def test_a_budget_without_any_test_value_has_no_test_error() -> None:
    test = np.full((4, 2, 1), 0.4)
    test[:, 0] = np.nan
    table = one_repeat(test_accuracy=test)
    assert table.best(1).test_error is None
    assert table.judge(np.array([[0, 0]], dtype=np.int8), 1).test_error is None
    assert table.best(9).test_error == pytest.approx(0.6)
    with pytest.raises(TableError, match=r"test_accuracy, row 0\[1\]"):
        one_repeat(test_accuracy=test[:, ::-1])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("parameters", np.inf, "finite and not negative, got inf"),
        ("flops", -1.0, "finite and not negative, got -1"),
        ("latency_seconds", 0.0, "above zero"),
        ("latency_seconds", np.inf, "above zero and finite, got inf"),
        ("evaluation_seconds", -2.0, "above zero"),
        ("parameters", -3, "finite and not negative, got -3"),
    ],
)
def test_sizes_and_times_are_finite_and_not_negative(column: str, value: float, said: str) -> None:
    values = np.ones(4, dtype=type(value))
    values[1] = value
    with pytest.raises(TableError, match=f"column {column}, row 1: .*{said}"):
        one_repeat(**{column: values})


def test_masked_entries_are_repeats_that_were_not_measured() -> None:
    """Whatever stands under the mask, here 0.99 and 1 second."""
    mask = np.zeros((4, 2, 2), dtype=bool)
    mask[1, 0, 0] = True
    table = make(
        validation_accuracy=np.ma.array(np.where(mask, 0.99, 0.5), mask=mask),
        training_seconds=np.ma.array(np.where(mask, 1, 10), mask=mask),
    )
    assert table.available[1, 0] == 1
    assert table.mean_validation_error[1, 0] == 0.5


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_byte_order_and_precision_of_the_source_do_not_matter(
    tmp_path: Path, order: str, kind: str
) -> None:
    values = np.full((4, 2, 2), 0.5).astype(order + kind)
    table = make(
        validation_accuracy=values,
        training_seconds=np.full((4, 2, 2), 10).astype(order + "i4"),
        parameters=np.arange(4).astype(order + "i8"),
    )
    assert all(column.dtype.isnative for column in table.columns.values())
    table = Table.open(table.write(tmp_path / "t"))
    table.verify()
    lookup = table.observer(Rule())
    answers = lookup.answer(np.zeros((1, 2), dtype=np.int8), 1, [0.7])
    assert (answers.errors, answers.costs) == ([0.5], [10.0])


def test_long_doubles_keep_a_doubles_digits() -> None:
    third = np.full((4, 2, 2), 1 / 3, dtype=np.longdouble)
    assert make(validation_accuracy=third).columns["validation_accuracy"][0, 0, 0] == 1 / 3


@pytest.mark.parametrize("repeats", [1, 255, 256, 257, 1000])
def test_any_number_of_repeats_is_counted(repeats: int) -> None:
    """One is missing, the first of the last cell; every other one can be drawn."""
    accuracy = np.full((2, 1, repeats + 1), 0.5)
    accuracy[1, 0] = np.linspace(0.1, 0.9, repeats + 1)
    accuracy[1, 0, 0] = np.nan
    table = Table.from_arrays(
        "many",
        GridSpace({"x": [1, 2]}),
        [9],
        validation_accuracy=accuracy,
        training_seconds=np.where(np.isnan(accuracy), np.nan, 1.0),
    )
    assert table.available[:, 0].tolist() == [repeats + 1, repeats]
    assert table.repeat_order is not None
    assert table.repeat_order[1, 0, :repeats].tolist() == list(range(1, repeats + 1))
    draws = [0.0, (repeats - 0.5) / repeats]
    for copies in (1, 40):
        answers = table.observer(Rule()).answer(
            np.array([[1], [1]] * copies, np.int8), 0, draws * copies
        )
        assert answers.repeats == [1, repeats] * copies
        assert answers.errors[1] == pytest.approx(0.1)


def test_one_choice_one_cell_one_budget_one_repeat() -> None:
    table = Table.from_arrays(
        "one",
        GridSpace({"x": ["a"]}),
        [9],
        validation_accuracy=0.75,
        training_seconds=[[[10.0]]],
        test_accuracy=[0.5],
    )
    assert (table.n_cells, table.repeats, table.budgets) == (1, 1, (9,))
    assert table.best(9) == Reference(0.25, 0.5)


def test_budgets_that_differ_in_the_seventh_digit_are_two() -> None:
    table = make(budgets=(1.0000001, 1.0000002))
    assert [table.budget_index(budget) for budget in table.budgets] == [0, 1]
    with pytest.raises(TableError, match="too close to be told apart"):
        make(budgets=(1.0, 1.0 + 1e-12))


@pytest.mark.parametrize(
    "budgets", [(), (True, 2), ("1", "9"), (None, 9), (1, float("nan")), (1, float("inf")), (1, 1)]
)
def test_what_is_no_budget_is_refused(budgets: tuple) -> None:
    with pytest.raises(TableError, match="positive and ascending"):
        make(budgets=budgets)


@given(data=st.data())
def test_whatever_is_missing_no_value_is_invented(data: st.DataObject) -> None:
    """Random gaps: a table is refused, or every cell of it is whole or wholly absent."""
    some = st.sampled_from([0.5, 0.5, 0.5, 0.25, np.nan])
    accuracy = np.array([data.draw(some) for _ in range(12)]).reshape(3, 2, 2)
    test = np.array([data.draw(some) for _ in range(12)]).reshape(3, 2, 2)
    sizes = np.array([data.draw(some) for _ in range(3)])
    partial = data.draw(st.booleans())
    refused = ""
    try:
        table = Table.from_arrays(
            "t",
            GridSpace({"x": [1, 2, 3]}),
            [1, 9],
            validation_accuracy=accuracy,
            training_seconds=np.where(np.isnan(accuracy), np.nan, 1.0),
            test_accuracy=test,
            parameters=sizes,
            partial=partial,
        )
    except TableError as error:
        refused = str(error)
    measured, tested = (~np.isnan(values).all(axis=2) for values in (accuracy, test))
    whole = measured.all(axis=1) & tested[:, 1] & ~np.isnan(sizes)
    if (measured & tested)[:, 0].any():  # test values are published at that budget too
        whole &= tested[:, 0]
    if refused:
        assert "\n" not in refused
        assert not whole.all()
        return
    there = table.available.all(axis=1)
    assert (there == table.available.any(axis=1)).all()
    assert not (there & ~whole).any()
    assert there.all() or partial
    reference = table.best(9)
    assert reference.validation_error == 1 - np.nanmean(accuracy[there, 1], axis=1).max()
    assert reference.test_error == 1 - np.nanmean(test[there, 1], axis=1).max()


def test_an_unknown_budget_names_those_there_are() -> None:
    with pytest.raises(BenchmarkError, match="no budget 4: it has 1, 9 epochs"):
        make().budget_index(4)


@pytest.mark.parametrize("budget", [True, "9", None, float("nan"), -1, 9.1, [9]])
def test_what_is_no_budget_of_a_table_is_one_line(budget: object) -> None:
    with pytest.raises(BenchmarkError, match=r"has no budget .*: it has 1, 9 epochs"):
        make().budget_index(budget)  # type: ignore[arg-type]
