"""Table 5: ten methods, measured beside published."""

from dataclasses import replace

import numpy as np
import pytest

from regretta.harness.protocols import get_protocol
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.nasbench201 import table5
from regretta.plots.paper.nasbench201.published import (
    DATASETS,
    SEQUENTIAL,
    SOURCES,
    TABLE_5,
    WEIGHT_SHARING,
    published,
)
from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.table import Table
from tests.plots.paper.nasbench201.supernets import supernet

NONE = "\u2014"


def test_ten_methods_are_published_six_of_them_twice():
    rows = [(row.method, row.batch_norm) for row in TABLE_5]
    assert rows == [
        *((method, kind) for kind in ("running", "batch") for method in WEIGHT_SHARING),
        *((method, "") for method in (*SEQUENTIAL, "optimal")),
    ]
    for row in TABLE_5:
        assert tuple(row.accuracy) == DATASETS
        numbers = [number for pair in row.accuracy.values() for number in pair]
        assert {letter for number in numbers for letter in number.sources} <= set(SOURCES)
        best = [number for pair in TABLE_5[-1].accuracy.values() for number in pair]
        assert all(n.mean <= most.mean for n, most in zip(numbers, best, strict=True))
    assert published("random_search").accuracy["cifar10"][1].mean == 93.70
    assert published("rsps", "batch").seconds.mean == 7587.12
    assert published("smac") is None


def test_the_cell_of_skip_connections_is_what_darts_and_enas_end_in(shared_tables):
    values = np.load(shared_tables / "nb201" / "nb201.npz")
    skip = "skip_connect"
    only = f"|{skip}~0|+|{skip}~0|{skip}~1|+|{skip}~0|{skip}~1|{skip}~2|"
    strings = (shared_tables / "nb201" / "arch_strings.txt").read_text().split()
    row = strings.index(only)
    keys = [
        *("c10valid_val200_mean", "c10full_test200_mean", "c100_val200_mean"),
        *("c100_test200_mean", "in16_val200_mean", "in16_test200_mean"),
    ]
    real = [float(values[key][row]) for key in keys]
    for method in ("darts_v1", "darts_v2", "enas"):
        told = [n.mean for pair in published(method, "batch").accuracy.values() for n in pair]
        np.testing.assert_allclose(told, real, atol=0.0051)  # printed with two digits


def test_table5_stands_published_beside_measured(run_of, suite_of, tmp_path):
    protocol = {"name": "nb201-iclr2020"}
    runs = {
        "random_search": [run_of([5], [r], protocol=protocol) for r in (0.01, 0.03)],
        "mine": [
            run_of([5], [0.0], label="mine", test=False, protocol=protocol),
            run_of([], [], label="mine", protocol=protocol),
        ],
    }
    tables = {"nats-cifar10": runs, "elsewhere": runs}
    found = table5.compute(suite_of(tmp_path, tables, spaces={"elsewhere": "nasbench101/A"}))
    assert len(found.entries) == 2
    np.testing.assert_allclose(found.entries[0].test, (93.0, np.sqrt(2)))  # errors 0.06 and 0.08
    table = table5.report_table(found)
    assert len(table.rows) == len(TABLE_5) + 1
    by_name = {row[0]: row[1:] for row in table.rows}
    assert by_name["Random search"] == (
        *(NONE, "nats-cifar10", "2", NONE, "0.01 [M]"),
        *(
            "93.00 \u00b1 1.41",
            "90.93 \u00b1 0.36 [M]",
            "93.00 \u00b1 1.41",
            "93.70 \u00b1 0.36 [gf]",
        ),
    )
    assert by_name["mine"] == (NONE, "nats-cifar10", "1", NONE, NONE, "95.00", NONE, NONE, NONE)
    assert by_name["SETN"][2:] == (
        *("not run", NONE, "31009.81 [M]", NONE, "82.25 \u00b1 5.17 [M]", NONE),
        "86.19 \u00b1 4.63 [M]",
    )
    assert by_name["Best cell"][2:] == (
        NONE,
        NONE,
        NONE,
        "95.00",
        "91.61 [cdt]",
        "95.00",
        "94.37 [cdt]",
    )
    assert "M: from memory, not yet checked" in table.caption
    assert "Not run: RSPS, DARTS-V1, DARTS-V2, GDAS, SETN, ENAS, Regularized" in table.caption
    # 93 - 90.93 = 2.07 and 93 - 93.70 = -0.70; the square root of 2 over .36
    assert "Random search \u22120.70 to +2.07 points, its deviation 3.93 times" in table.caption
    assert "ended without a value: 1 of mine on nats-cifar10" in table.caption
    assert r"$\pm$" in table.to_latex()
    assert len(set(table.columns)) == len(table.columns)


def test_table5_refuses_other_studies_and_warns_of_other_protocols(run_of, suite_of, tmp_path):
    runs = {"random_search": [run_of()], "bohb": [run_of(label="bohb")]}
    other = {"elsewhere": "nasbench101/A"}
    with pytest.raises(FigureError, match="there are elsewhere"):
        table5.compute(suite_of(tmp_path, {"elsewhere": runs}, spaces=other))
    alone = {"random_search": [run_of()]}
    with pytest.raises(FigureError, match="not the study of table 5, which compares methods"):
        table5.compute(suite_of(tmp_path, {"nats-cifar10": alone}))
    words = table5.report_table(table5.compute(suite_of(tmp_path, {"nats-cifar10": runs}))).caption
    assert "follow the protocol default, not the paper's (nb201-iclr2020)" in words
    assert "Ours less published" not in words


def test_a_missing_test_value_is_not_averaged(run_of, suite_of, tmp_path):
    gap = run_of([5], [0.01])
    gap = replace(gap, trajectory=replace(gap.trajectory, test_error=np.array([np.nan])))
    runs = {"random_search": [gap, run_of([5], [0.03])], "bohb": [run_of(label="bohb")]}
    first = table5.compute(suite_of(tmp_path, {"nats-cifar10": runs})).entries[0]
    assert first.runs == 2
    assert np.isnan(first.test).all()  # of one run it would be of another population


def test_supernets_stand_in_their_block_with_the_seconds_of_their_training(
    run_of, suite_of, tmp_path
):
    """As the paper counts: all training, 0 + 100 + 100 s, and the last choice, 7 s."""
    protocol = {"name": "nb201-iclr2020"}
    runs = {
        "RSPS, batch": [supernet("RSPS, batch", "rsps", "batch", [0, 0, 1], protocol=protocol)],
        "darts_v1": [supernet("darts_v1", "darts_v1", "running", [0, 0, 1], protocol=protocol)],
    }
    suite = suite_of(tmp_path, {"digits201": runs})
    table = table5.report_table(table5.compute(suite))
    assert [row[:5] for row in table.rows if row[3] == "1"] == [
        ("DARTS-V1", "running", "digits201", "1", "207"),
        ("RSPS, batch", "batch", "digits201", "1", "207"),
    ]
    assert [row[3] for row in table.rows if row[0] == "DARTS-V1"] == ["1", "as running"]
    assert "DARTS-V1: run under one kind of batch normalization only" in table.caption
    assert "beside digits201 is of CIFAR-10, another data set" in table.caption
    assert "Ours less published" not in table.caption  # of other data
    place = table.data_columns.index("published_seconds_source")
    assert {row[1]: row[place] for row in table.data_rows}["RSPS, batch"] == "Md"


def test_statistics_of_every_layer_stand_beside_the_paper_s_batch_statistics_and_are_said(
    suite_of, tmp_path
):
    runs = {
        "RSPS": [supernet("RSPS", "rsps", "all", [0, 0, 1])],
        "enas": [supernet("enas", "enas", "running", [0, 0, 1])],
    }
    table = table5.report_table(table5.compute(suite_of(tmp_path, {"digits201": runs})))
    (row,) = (row for row in table.rows if row[0] == "RSPS" and row[3] == "1")
    assert row[1] == "all"
    assert row[5] == "7587.12 [Md]"
    assert "in every layer (all): the paper's code has them inside the cells only" in table.caption


def test_a_suite_of_supernets_alone_joins_the_sequential_one_of_its_protocol(
    run_of, suite_of, tmp_path
):
    table = "nats-cifar10"
    sequential = {label: [run_of([5], [0.1], label=label)] for label in ("random_search", "bohb")}
    supernets = {m: [supernet(m, m, "running", [0, 0, 1])] for m in ("rsps", "gdas")}
    first = suite_of(tmp_path / "one", {table: sequential})
    second = suite_of(tmp_path / "two", {table: supernets})
    (both,) = table5.joined([first, second])
    assert {e.label for e in table5.compute(both).entries} == {*sequential, *supernets}
    other = replace(second, identity=replace(second.identity, protocol=get_protocol("nats-2021")))
    assert table5.joined([first, other]) == [first, other]
    assert table5.joined([second]) == [second]


def test_a_method_that_always_ends_in_one_cell_has_no_deviation_to_compare(
    run_of, suite_of, tmp_path
):
    of = {"protocol": {"name": "nb201-iclr2020"}}
    runs = {
        label: [supernet(label, label, "running", [0, 0, 1], **of)] * 2
        for label in ("darts_v1", "rsps")
    }
    words = table5.report_table(table5.compute(suite_of(tmp_path, {"nats-cifar10": runs}))).caption
    # Accuracies 85 and 85, published 39.77 and 54.30.
    assert "DARTS-V1 +30.70 to +45.23 points;" in words
    assert "RSPS +0.93 to +4.58 points, its deviation 0.00 times" in words


def test_what_was_searched_on_cifar10_is_looked_up_on_the_other_data_sets(
    run_of, suite_of, tmp_path
):
    rising = np.linspace(0.1, 0.95, 15625)

    def write(name, dataset, accuracy):
        Table.from_arrays(
            *(name, NasBench201(), (12, 200)),
            validation_accuracy=np.stack([accuracy * 0, accuracy], axis=1)[..., None],
            test_accuracy=np.stack([accuracy * 0, accuracy / 2], axis=1)[..., None],
            training_seconds=np.ones((15625, 2, 1)),
            dataset=dataset,
            collection="toy",
        ).write(tmp_path / name)

    for name, dataset in (("nats-cifar10", "cifar10"), ("hundred", "cifar100")):
        write(name, dataset, rising)
    runs = {label: [supernet(label, label, "batch", [0, 0, 1])] for label in ("rsps", "setn")}
    suite = suite_of(tmp_path, {"nats-cifar10": runs})
    place = {
        "nats-cifar10": replace(
            suite.identity.tables["nats-cifar10"], place=str(tmp_path / "nats-cifar10")
        )
    }
    suite = replace(suite, identity=replace(suite.identity, tables=place))
    entries = {(e.table, e.label): e for e in table5.compute(suite).entries}
    assert set(entries) == {(t, m) for t in ("nats-cifar10", "hundred") for m in ("rsps", "setn")}
    entry = entries["hundred", "rsps"]
    assert entry.validation[0] == pytest.approx(100 * rising[1])
    assert entry.test[0] == pytest.approx(50 * rising[1])
    assert entry.published[0].mean == 59.00
