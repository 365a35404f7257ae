"""Suites as written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from regretta.harness.spec import OptimizerEntry, SpecError, SuiteSpec, read_spec

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
    assert spec.plugins == (tmp_path / "my_opt.py",)


def test_the_name_may_be_the_files() -> None:
    assert OptimizerEntry("smac").label == "smac"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("runs = 3", "runs = 0"), "runs must be at least 1"),
        (("runs = 3", "runs = true"), "runs must be a whole number"),
        (("runs = 3", "run = 3"), "unknown entry 'run'; did you mean 'runs'"),
        (("seed = 7", "seed = -1"), "seed must not be negative"),
        (
            ("time_limit = 100", "time_limit = -5"),
            "a time limit is a number of seconds above 0, got -5",
        ),
        (("time_limit = 100", "time_limit = nan"), "a time limit is a number"),
        (("time_limit = 100", 'time_limit = { digits101 = "x" }'), "must be a number of seconds"),
        (('tables = ["digits101"]', ""), "lacks tables"),
        (('tables = ["digits101"]', "tables = [1]"), "tables must be a list of texts"),
        (('tables = ["digits101"]', 'tables = ["a", "a"]'), "table 'a' stands twice"),
        (('label = "SMAC, 10 trees"', ""), "label 'smac' stands twice"),
        (('name = "mine"', 'name = "a b"'), "name has letters"),
        (('[[optimizers]]\nname = "smac"\n\n', "[[optimizers]]\n\n"), "optimizer 1 lacks name"),
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


def test_time_limits_may_differ_by_table() -> None:
    both = SuiteSpec("s", ("t", "u"), spec().optimizers, time_limit={"t": 5.0})
    assert (both.limit_for("t"), both.limit_for("u")) == (5.0, None)
