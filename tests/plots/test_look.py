"""A report as a paper needs it: chosen methods, order, widths, formats, statistic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regretta.cli import main
from regretta.harness.store.results import load_suite
from regretta.plots.look import Look, LookError, chosen, labels_of
from regretta.plots.report import write_report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random search and one of a label with a comma, three runs each on digits101."""
    place = tmp_path_factory.mktemp("look")
    (place / "two.toml").write_text(
        'name = "two"\ntables = ["digits101"]\ntime_limit = 20\nruns = 3\n'
        '[[optimizers]]\nname = "random_search"\n'
        '[[optimizers]]\nname = "regularized_evolution"\nlabel = "RE, p = 5"\n'
        "settings = { population_size = 5, tournament_size = 2 }\n"
    )
    run = ["run", str(place / "two.toml"), "--out", str(place / "out"), "--workers", "1"]
    assert main([*run, "--no-report"]) == 0
    return place / "out"


def test_methods_are_chosen_and_ordered_by_label(folder: Path) -> None:
    suite = load_suite(folder)
    assert labels_of(suite, "RE, p = 5,random_search") == ("RE, p = 5", "random_search")
    assert chosen(suite, ["RE, p = 5", "random_search"]).labels == ("RE, p = 5", "random_search")
    assert chosen(suite, ["random_search"]).labels == ("random_search",)
    assert chosen(suite, []).labels == suite.labels


@pytest.mark.parametrize("text", ["smac", "random_search,smac", "RE"])
def test_a_method_that_is_not_there_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(LookError, match="unknown method"):
        labels_of(load_suite(folder), text)


def test_a_method_named_twice_is_refused(folder: Path) -> None:
    with pytest.raises(LookError, match="twice"):
        chosen(load_suite(folder), ["random_search", "random_search"])


@pytest.mark.parametrize(
    ("width", "column", "page"),
    [("icml", 3.25, 6.75), ("NeurIPS", 5.5, 5.5), ("acl", 3.03, 6.3), ("4", 4, 4)],
)
def test_widths_are_those_of_the_style_files(width: str, column: float, page: float) -> None:
    look = Look().wide_as(width)
    assert (look.column, look.page) == (column, page)


@pytest.mark.parametrize(
    "wrong",
    [{"order": "best"}, {"statistic": "avg"}, {"band": "se"}, {"formats": ("gif",)}, {"page": 99}],
)
def test_what_cannot_be_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(LookError):
        Look(**wrong)


def test_a_report_elsewhere_leaves_the_suite_s_folder_alone(folder: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    look = Look(methods=("random_search",), formats=("svg",), statistic="median")
    page = write_report(folder, tmp_path / "paper", look.wide_as("icml"))
    assert sorted(path.name for path in folder.iterdir()) == before
    assert {path.suffix for path in (tmp_path / "paper" / "figures").iterdir()} == {".svg"}
    picture = (tmp_path / "paper" / "figures" / "regret-column.svg").read_text()
    assert f'width="{3.25 * 72:g}pt"' in picture  # points of 1/72 in
    assert "RE, p = 5" not in page.read_text()
    said = (tmp_path / "paper" / "methods.txt").read_text()
    assert "We compared Random search on 1 tabular benchmark: digits101 (2,532 cells" in said
    assert "Each method ran 3 times" in said
    assert "Curves show the median over runs" in said
    latex = (tmp_path / "paper" / "methods.tex").read_text()
    assert r"have 95 \% percentile bootstrap intervals" in latex  # else a comment hides the rest
    assert len(latex) > len(said)


def test_the_best_comes_first_where_the_result_orders(folder: Path, tmp_path: Path) -> None:
    from regretta.harness.regret import final_regret

    suite = load_suite(folder)
    means = {label: final_regret(suite.runs["digits101"][label], "test").mean()
             for label in suite.labels}  # fmt: skip
    write_report(suite, tmp_path, Look(order="result", formats=("svg",)))
    rows = (tmp_path / "tables" / "final-regret.csv").read_text().splitlines()[1:]
    best = min(means, key=means.__getitem__)
    assert best in rows[0]
