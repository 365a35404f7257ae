"""Tables: made of arrays, written, opened, verified, and refused where they are wrong."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.tabular_data.benchmark import BenchmarkError, Metric, Provenance, Reference, Rule
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table

SPACE = GridSpace({"x": ["a", "b"], "y": ["c", "d"]})


def make(**changes: Any) -> Table:
    arrays: dict[str, Any] = {
        "validation_accuracy": np.full((4, 2, 2), 0.5),
        "training_seconds": np.full((4, 2, 2), 10.0),
    }
    keywords = {"name": "t", "space": SPACE, "budgets": (1, 9)} | arrays | changes
    return Table.from_arrays(
        keywords.pop("name"), keywords.pop("space"), keywords.pop("budgets"), **keywords
    )


def test_a_table_reads_back_as_it_was_written(tmp_path: Path, grid_table: Table) -> None:
    again = Table.open(grid_table.write(tmp_path / "grid"))
    assert (again.name, again.budgets, again.repeats, again.checksum) == (
        "grid",
        (1.0, 9.0),
        2,
        grid_table.checksum,
    )
    assert again.provenance == grid_table.provenance
    assert again.space.parameters == grid_table.space.parameters
    for key, column in grid_table.columns.items():
        assert np.array_equal(again.columns[key], column)
        assert not again.columns[key].flags.writeable
    again.verify()


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = make().write(tmp_path / "one"), make().write(tmp_path / "other")
    for path in sorted(one.iterdir()):
        assert path.read_bytes() == (other / path.name).read_bytes()


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


@pytest.mark.parametrize("keep", [0, 40, 150])
def test_a_truncated_column_is_found_when_opening(tmp_path: Path, keep: int) -> None:
    folder = make().write(tmp_path / "t")
    file = folder / "validation_accuracy.npy"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(TableError, match=r"validation_accuracy.npy cannot be read \(it is"):
        Table.open(folder)


def test_a_changed_byte_is_found_by_verify(tmp_path: Path) -> None:
    folder = make().write(tmp_path / "t")
    file = folder / "training_seconds.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(TableError, match="column training_seconds does not match its checksum"):
        Table.open(folder).verify()


def test_a_changed_header_is_found_when_opening(tmp_path: Path) -> None:
    folder = make().write(tmp_path / "t")
    header = json.loads((folder / "table.json").read_text())
    header["budgets"] = [1, 10]
    (folder / "table.json").write_text(json.dumps(header))
    with pytest.raises(TableError, match="was altered"):
        Table.open(folder)


@pytest.mark.parametrize("version", [1, 99])
def test_another_format_is_refused_in_a_line_that_says_how_to_make_it_anew(
    tmp_path: Path, version: int
) -> None:
    text = json.dumps({"format": version, "columns": {}, "checksum": ""})
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(TableError, match=f"has format {version}, .*`regretta table import`, `bui"):
        Table.open(tmp_path)


def test_data_set_metric_and_collection_survive_and_belong_to_the_checksum(tmp_path: Path) -> None:
    said = {"dataset": "naval", "metric": Metric("MSE", False), "collection": "nas-hpo-bench"}
    table = make(**said)
    again = Table.open(table.write(tmp_path / "t"))
    assert {key: getattr(again, key) for key in said} == said
    assert again.checksum == table.checksum
    assert len({make(**said | {key: make().__dict__[key]}).checksum for key in said}) == 3


def forged(folder: Path, **changes: Any) -> None:
    """A header with other entries and a checksum that fits."""
    file = folder / "table.json"
    plain = json.loads(file.read_text()) | changes
    columns = plain.pop("columns")
    plain.pop("checksum")
    sums = {key: spec["sha256"] for key, spec in columns.items()}
    sealed = hashlib.sha256(json.dumps([plain, sums], sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps({**plain, "columns": columns, "checksum": sealed}))


COLUMN = {"dtype": "<f8", "shape": [4, 2, 2], "sha256": ""}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../../elsewhere"},
        {"name": "/abs/olute"},
        {"name": 3},
        {"name": None},
        {"space": {"grid": {"x": 3}, "name": "g"}},
        {"space": "nasbench999"},
        {"space": ["grid"]},
        {"budgets": [9, 1]},
        {"budgets": ["1", "9"]},
        {"budgets": 9},
        {"budgets": [1]},
        {"partial": "no"},
        {"dataset": ["x"]},
        {"dataset": "a\x1b[2J"},
        {"metric": {"name": "accuracy"}, "provenance": {}},
        {"metric": {"name": "accuracy", "higher_is_better": "yes"}},
        {"metric": "accuracy"},
        {"provenance": {"notes": 3}},
        {"provenance": None},
        {"provenance": {"source": 3, "licence": "", "reconstruction": "", "notes": []}},
        {"more": 1},
        {"columns": {"../../x": COLUMN}},
        {"columns": {"training_seconds": {**COLUMN, "shape": [9]}}},
        {"columns": {"training_seconds": {**COLUMN, "shape": "4"}}},
        {"columns": {"training_seconds": []}},
        {"columns": {"training_seconds": {"sha256": ""}}},
    ],
    ids=str,
)
def test_a_header_that_fits_its_checksum_is_checked_all_the_same(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    folder = make().write(tmp_path / "t")
    try:
        forged(folder, **changes)
    except (TypeError, KeyError):  # no checksum can be made of it
        file = folder / "table.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(TableError) as caught:
        Table.open(folder)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_table_opened_under_another_encoding_can_be_written(
    small101: Path, tmp_path: Path
) -> None:
    table = Table.open(small101, "B", "after")
    again = Table.open(table.write(tmp_path / "t"))
    again.verify()
    assert again.space.name == "nasbench101-4v/B/after-pruning"
    assert again.n_cells == table.n_cells


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "[" * 100_000])
def test_a_broken_header_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(TableError, match="import it again"):
        Table.open(tmp_path)


def test_what_is_no_table_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"it has no table\.json"):
        Table.open(tmp_path)
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(TableError, match="is not a table"):
        make().write(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_column_file_that_is_a_pickle_runs_nothing(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "owned"),)

    folder = make().write(tmp_path / "t")
    (folder / "training_seconds.npy").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(TableError, match="cannot be read"):
        Table.open(folder)
    assert not (tmp_path / "owned").exists()


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="cannot write table"):
        make().write(tmp_path / "file" / "t")


def test_an_unknown_budget_names_those_there_are() -> None:
    with pytest.raises(BenchmarkError, match="no budget 4: it has 1, 9 epochs"):
        make().budget_index(4)


@pytest.mark.parametrize("budget", [True, "9", None, float("nan"), -1, 9.1, [9]])
def test_what_is_no_budget_of_a_table_is_one_line(budget: object) -> None:
    with pytest.raises(BenchmarkError, match=r"has no budget .*: it has 1, 9 epochs"):
        make().budget_index(budget)  # type: ignore[arg-type]


def test_provenance_of_a_reconstruction_survives(tmp_path: Path) -> None:
    table = make(provenance=Provenance(reconstruction="times are modelled", notes=("a", "b")))
    assert Table.open(table.write(tmp_path / "t")).provenance == table.provenance
