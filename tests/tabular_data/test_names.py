"""Names from files are never paths: one gate for those that stand as they are, one for any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SpecError, SuiteSpec
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import check_name, file_name, refuse_twins, unknown

NO_NAMES = [
    "",
    ".",
    "..",
    "../../../x",
    "/abs/x",
    "a/b",
    "a\\b",
    "C:x",
    ".hidden",
    "ends.",
    "two\nlines",
    "nul\0byte",
    "\x1b[2J",
    "a b",
    "x" * 151,
    "木" * 51,
    "con",
    "NUL",
    "aux.txt",
    "Com1",
    "lpt9.tar.gz",
    "\ud800",
]


@pytest.mark.parametrize("name", [*NO_NAMES, None, 3, ["a"], b"a"], ids=ascii)
def test_what_is_no_name_is_refused_in_one_line(name: object) -> None:
    with pytest.raises(TableError, match="a table's name") as caught:
        check_name(name, "a table's name", TableError)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["a", "nb201-cifar10", "v1.0_b", "console", "x" * 150, "木" * 50])
def test_a_name_is_itself_on_disk(tmp_path: Path, name: str) -> None:
    assert check_name(name, "a table's name") == name
    (tmp_path / name).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", [name for name in NO_NAMES if name])
def test_a_suite_of_such_a_name_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="a suite's name"):
        SuiteSpec(name, ("t",), (OptimizerEntry("random_search"),))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("smac", "smac"),
        ("RS, p=0.1", "RS~2c~20p=0.1"),
        ("../up", "~2e.~2fup"),
        ("β", "~ce~b2"),
        ("", "~"),
        ("..", "~2e~2e"),
        ("end.", "end~2e"),
        ("v1.0", "v1.0"),
        ("con", "~63on"),
        ("AUX.x", "~41UX.x"),
    ],
)
def test_any_text_makes_a_safe_file_name(text: str, name: str) -> None:
    assert file_name(text) == name


def test_a_long_label_has_a_folder_that_can_be_made(tmp_path: Path) -> None:
    labels = ["x" * 499 + "a", "x" * 499 + "b", "木" * 500, "." * 300, "x" * 200]
    folders = {file_name(label) for label in labels}
    assert len(folders) == 5
    for folder in folders:
        (tmp_path / folder).mkdir()
    assert file_name("x" * 200) == "x" * 200


TEXTS = st.text(st.characters()) | st.text("./\\~: conaux2e")


@given(TEXTS, TEXTS)
def test_different_texts_have_different_files_and_none_leads_elsewhere(
    one: str, other: str
) -> None:
    name = file_name(one)
    assert (name == file_name(other)) == (one == other)
    assert Path("folder", name).parts == ("folder", name)
    assert name.isascii()
    assert name.isprintable()
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert len(name) <= 200
    stem = name.partition(".")[0].lower()
    assert stem not in {"con", "prn", "aux", "nul"}


def test_names_that_differ_in_case_only_are_refused() -> None:
    refuse_twins("tables", ["a", "b", "a"])
    with pytest.raises(UserError, match="tables 'a' and 'A' differ in case only"):
        refuse_twins("tables", ["a", "b", "A"])
    with pytest.raises(SuiteError, match="labels"):
        refuse_twins("labels", ["straße", "STRASSE"], SuiteError)


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("quik", ["quick", "other"], "did you mean 'quick'?"),
        ("Quick", ["quick", "quack"], "did you mean 'quick'?"),
        ("x1", ["x2", "x2", "x3", "x4"], "did you mean 'x2', 'x3' or 'x4'?"),
        ("darts", ["gdas", "darts_v2", "darts_v1"], "did you mean 'darts_v1' or 'darts_v2'?"),
        ("zzz", ["b", "a", "b"], "known are a, b"),
        ("zzz", [], "known are none"),
        ("zzz", [f"n{k:04}" for k in range(1_023)], "n0018, n0019 and 1,003 more"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_each_once(
    name: str, known: list[str], said: str
) -> None:
    assert unknown("thing", name, known).startswith(f"unknown thing {name!r}; ")
    assert unknown("thing", name, known).endswith(said)
