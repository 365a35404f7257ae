"""Suites as written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from regretta.harness.spec import OptimizerEntry, SpecError, SuiteSpec, read_spec
from regretta.tabular_data.table import Table

GOOD = """
name = "mine"
tables = ["digits101"]
time_limit = 100
runs = 3
seed = 7
plugins = ["my_opt.py"]

[[optimizers]]
name = "smac"

[[optimizers]]
name = "smac"
label = "SMAC, 10 trees"
settings = { trees = 10 }
runs = 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_suite_reads_as_it_is_written(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, GOOD))
    assert (spec.name, spec.tables, spec.runs, spec.seed, spec.protocol) == (
        "mine",
        ("digits101",),
        3,
        7,
        "default",
    )
    assert [entry.label for entry in spec.optimizers] == ["smac", "SMAC, 10 trees"]
    assert [entry.runs for entry in spec.optimizers] == [None, 2]
    assert spec.plugins == (tmp_path / "my_opt.py",)


def test_the_name_may_be_the_files() -> None:
    assert OptimizerEntry("smac").label == "smac"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("runs = 3", "runs = 0"), "runs must be from 1 to"),
        (
            ("runs = 2", "runs = 0"),
            "runs of 'SMAC, 10 trees' must be from 1 to",
        ),
        (("runs = 3", "runs = true"), "runs must be a whole number"),
        (("runs = 3", "run = 3"), "unknown entry 'run'; did you mean 'runs'"),
        (("seed = 7", "seed = -1"), "seed must not be negative"),
        (
            ("time_limit = 100", "time_limit = -5"),
            "a time limit is a number of seconds above 0, got -5",
        ),
        (
            ("time_limit = 100", "time_limit = nan"),
            "time_limit must be a finite number or a mapping",
        ),
        (
            ("time_limit = 100", 'time_limit = { digits101 = "x" }'),
            "time_limit of 'digits101' must be a finite number, got 'x'",
        ),
        (('tables = ["digits101"]', ""), "lacks tables"),
        (('tables = ["digits101"]', r'tables = ["a\u0000b/"]'), "cannot be a path"),
        (('tables = ["digits101"]', f'tables = ["{"a" * 5000}/b"]'), "cannot be a path"),
        (('tables = ["digits101"]', 'tables = ["~no-such-user/b"]'), "cannot be a path"),
        (("trees = 10", "trees = inf"), "settings of 'trees' must be texts, finite numbers"),
        (("trees = 10", "trees = 2020-01-01"), "settings of 'trees' must be texts, finite numbers"),
        (('tables = ["digits101"]', "tables = [1]"), "entry 1 of tables must be a text, got 1"),
        (('tables = ["digits101"]', 'tables = ["a", "a"]'), "table 'a' stands twice"),
        (('label = "SMAC, 10 trees"', ""), "label 'smac' stands twice"),
        (('name = "mine"', 'name = "a b"'), "name has letters"),
        (
            ('[[optimizers]]\nname = "smac"\n\n', "[[optimizers]]\n\n"),
            "entry 1 of optimizers lacks name",
        ),
        (
            ("[[optimizers]]", "[[optimizer]]"),
            "unknown entry 'optimizer'; did you mean 'optimizers'",
        ),
        (("runs = 3", "runs = ="), "is not valid TOML"),
    ],
)
def test_a_badly_written_suite_is_one_line_with_its_place(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(write(tmp_path, GOOD.replace(*change)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_spec(tmp_path / "no.toml")


def spec() -> SuiteSpec:
    entries = (
        OptimizerEntry("random_search"),
        OptimizerEntry("smac", "a"),
        OptimizerEntry("smac", "b"),
    )
    return SuiteSpec("s", ("t",), entries)


def test_optimizers_are_chosen_by_label_or_name_or_added() -> None:
    def labels(*wanted: str) -> list[str]:
        return [entry.label for entry in spec().changed(optimizers=wanted).optimizers]

    assert labels("a") == ["a"]
    assert labels("smac") == ["a", "b"]
    assert labels("a", "smac") == ["a", "b"]
    assert labels("bohb", "random_search") == ["bohb", "random_search"]


def test_a_plugin_joins_the_suite_unless_others_are_named() -> None:
    plugin = {"plugins": [Path("p.py")], "plugin_optimizers": ["mine"]}
    assert [e.name for e in spec().changed(**plugin).optimizers] == [
        "random_search",
        "smac",
        "smac",
        "mine",
    ]  # type: ignore[arg-type]
    assert [e.name for e in spec().changed(optimizers=["mine"], **plugin).optimizers] == ["mine"]  # type: ignore[arg-type]


def test_runs_that_are_asked_for_take_the_place_of_all() -> None:
    own = SuiteSpec("s", ("t",), (OptimizerEntry("smac", runs=3),), runs=50)
    assert [(s.runs, s.optimizers[0].runs) for s in (own, own.changed(runs=9))] == [
        (50, 3),
        (9, None),
    ]


def test_time_limits_may_differ_by_table() -> None:
    both = SuiteSpec("s", ("t", "u"), spec().optimizers, time_limit={"t": 5.0})
    assert (both.limit_for("t"), both.limit_for("u")) == (5.0, None)


def test_a_label_is_for_one_optimizer() -> None:
    (entry,) = spec().changed(optimizers=["a"], label="mine").optimizers
    assert (entry.name, entry.label) == ("smac", "mine")
    with pytest.raises(SpecError, match="a label is for one optimizer, and there are 3"):
        spec().changed(label="mine")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("RS", "rs"), "labels 'RS' and 'rs' differ in case only"),
        (("x" * 1001,), "is too long; shorten it to at most 1,000 characters"),
        (("a\nb",), "has characters that cannot be printed"),
    ],
)
def test_labels_that_no_folder_can_hold_are_refused(labels: tuple[str, ...], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        SuiteSpec("s", ("t",), tuple(OptimizerEntry("smac", label) for label in labels))


@pytest.mark.parametrize("label", ["α = 0.5 %", "搜索", "👩‍🔬", "$\\eta$", "x" * 1000, "木" * 500])
def test_other_labels_are_taken(label: str) -> None:
    assert SuiteSpec("s", ("t",), (OptimizerEntry("smac", label),))


@pytest.fixture
def two_tables(grid_table: Table, tmp_path: Path) -> Path:
    """A suite's file with two tables beside it, named otherwise than their folders."""
    for name in ("one", "two"):
        table = grid_table.write(tmp_path / f"{name}-folder")
        text = (table / "table.json").read_text()
        (table / "table.json").write_text(text.replace('"grid"', f'"{name}"', 1))
    path = tmp_path / "two.toml"
    path.write_text(
        'tables = ["./one-folder", "two-folder"]\n[time_limit]\n"./one-folder" = 90\ntwo = 60\n'
        '[[optimizers]]\nname = "random_search"\n'
    )
    return path


def test_paths_in_a_suites_file_are_meant_from_where_it_is(
    two_tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two_tables.parent / "elsewhere").mkdir()
    monkeypatch.chdir(two_tables.parent / "elsewhere")
    found = read_spec(Path("../two.toml"))
    folders = [str(two_tables.parent / f"{name}-folder") for name in ("one", "two")]
    assert list(found.tables) == folders
    assert [found.limit_for(table) for table in folders] == [90, 60]
    assert found.stray_limits() == []


@pytest.mark.parametrize("wanted", ["one", "one-folder", "./one-folder", "{}/one-folder"])
def test_a_table_of_the_suite_is_picked_by_name_or_path_with_its_limit(
    two_tables: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.chdir(two_tables.parent)
    found = read_spec(two_tables).changed(table=wanted.format(two_tables.parent))
    assert found.tables == (str(two_tables.parent / "one-folder"),)
    assert found.limit_for(found.tables[0]) == 90
    assert found.title == ""


def test_another_table_takes_the_place_of_all_without_their_limits(two_tables: Path) -> None:
    found = read_spec(two_tables).changed(table="digits101")
    assert (found.tables, found.limit_for("digits101")) == (("digits101",), None)


def test_two_limits_for_one_table_are_refused(two_tables: Path) -> None:
    two_tables.write_text(two_tables.read_text().replace("two = 60", "two = 60\none = 3"))
    found = read_spec(two_tables)
    with pytest.raises(SpecError, match=r"two time limits for one table: .*one-folder' and 'one'"):
        found.limit_for(found.tables[0])


def test_tables_and_plugins_may_be_paths_or_texts(grid_table: Table, tmp_path: Path) -> None:
    table = grid_table.write(tmp_path / "grid")
    entries = (OptimizerEntry("random_search"),)
    mixed = SuiteSpec("s", (table, "digits101"), entries, plugins=("p.py",))  # type: ignore[arg-type]
    assert (mixed.tables, mixed.plugins) == ((str(table), "digits101"), (Path("p.py"),))


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_spec(path).name == "mine"
