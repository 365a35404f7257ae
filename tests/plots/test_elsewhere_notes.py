"""A report never takes runs of other people's code for Regretta's."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.harness.axis import SECONDS
from regretta.harness.campaign import run_suite
from regretta.harness.elsewhere.joining import with_trajectories
from regretta.harness.elsewhere.trajectories import read_trajectories
from regretta.harness.regret import steps_at
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.results import SuiteResults
from regretta.plots.interactive.data import explorer_data
from regretta.plots.report import write_report
from regretta.plots.report_notes import reader_notes
from regretta.plots.style import method_styles

ROWS = "toy,bananas,0,10,0.06\ntoy,bananas,0,900,0.055\ntoy,bananas,1,20,0.058\n"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Two runs of somebody else's code; references of synthetic runs are 0.05."""
    path = tmp_path / "other.csv"
    path.write_text("table,method,run,seconds,test_error\n" + ROWS)
    return path


@pytest.fixture
def joined(
    tmp_path: Path, other: Path, random_suite_of: Callable[..., SuiteResults]
) -> SuiteResults:
    own = random_suite_of(tmp_path / "own", methods=("random_search", "bohb"), n=3)
    return with_trajectories(own, [read_trajectories(other)])


def test_a_report_marks_them_wherever_they_stand(
    joined: SuiteResults, other: Path, tmp_path: Path
) -> None:
    page = write_report(joined, tmp_path / "report").read_text().replace(r"\u2021", "‡")
    digest = sha256(other.read_bytes()).hexdigest()
    said = f"‡: from other.csv, not run by Regretta; SHA-256 {digest[:16]}…."
    captions = [part.partition("<")[0] for part in page.split("<figcaption>")[1:]]
    captions += [part.partition("<")[0] for part in page.split('<p class="caption">')[1:]]
    shown = [caption for caption in captions if caption]
    assert len(shown) > 5
    assert [caption for caption in shown if said not in caption] == []
    assert "bananas ‡" in page
    assert page.count("bananas") == page.count("bananas ‡") + page.count("bananas of other.csv")
    assert f"bananas ‡: 2 runs from {other}, not run by Regretta; SHA-256 {digest}." in page
    assert "2 methods on 1 table: 6 finished runs of 6, and 1 not run by Regretta." in page
    words = (tmp_path / "report" / "methods.txt").read_text()
    assert "bananas" not in words.partition("Trajectories of")[0]
    assert "Trajectories of bananas ‡ were taken from other.csv (SHA-256 " in words
    assert "Each method ran 3 times a table" in words
    table = (tmp_path / "report" / "tables" / "final-regret.csv").read_text()
    rows = {row["label"]: row for row in csv.DictReader(table.splitlines())}
    assert float(rows["bananas ‡"]["mean"]) == pytest.approx((0.005 + 0.008) / 2)
    assert rows["bananas ‡"]["median_evaluations"] == ""
    latex = (tmp_path / "report" / "tables" / "final-regret.tex").read_text()
    assert r"bananas $^\ddagger$" in latex


def test_own_numbers_are_those_of_a_report_without_them(
    joined: SuiteResults, tmp_path: Path, random_suite_of: Callable[..., SuiteResults]
) -> None:
    write_report(joined, tmp_path / "with")
    own = random_suite_of(tmp_path / "own", methods=("random_search", "bohb"), n=3)
    write_report(own, tmp_path / "without")
    name = Path("tables") / "final-regret.csv"
    lines = (tmp_path / "with" / name).read_text().splitlines()
    assert [line for line in lines if "bananas" not in line] == (
        (tmp_path / "without" / name).read_text().splitlines()
    )


def test_interactive_figures_say_it_too(joined: SuiteResults) -> None:
    entries = [(label, m.optimizer) for label, m in joined.identity.methods.items()]
    names = {label: label for label in joined.labels}
    data = explorer_data(joined, ["toy"], method_styles(entries), names, SECONDS)
    assert "‡: from other.csv, not run by Regretta" in data["protocol"]
    assert "not run by Regretta" in data["tables"][0]["notes"][0]
    assert [method["name"] for method in data["methods"]][-1] == "bananas ‡"
    json.dumps(data, allow_nan=False)


def test_what_is_said_of_own_runs_is_not_said_of_them(
    tmp_path: Path, other: Path, suite_of: Callable[..., SuiteResults], run_of: Callable[..., Any]
) -> None:
    own = suite_of(tmp_path, {"toy": {"random_search": [run_of(), run_of()]}}, planned=2)
    before = reader_notes(own)
    after = reader_notes(with_trajectories(own, [read_trajectories(other)]))
    assert [note for note in after if "bananas" not in note and "‡" not in note] == before


def test_the_command_line_takes_files_and_names_their_table(
    small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = str(tmp_path / "out"), tmp_path / "mine.csv"
    entries = (OptimizerEntry("random_search"),)
    run_suite(SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=2), out)
    file.write_text("method,run,seconds,test_error\nbo,0,5000,0.2\n")
    page = ["report", out, "--format", "png", "--out", str(tmp_path / "page")]
    assert main([*page, "--with", f"small101={file}", "--methods", "random_search", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (origin,) = told["elsewhere"]
    assert (origin["file"], origin["labels"], origin["mark"]) == (str(file), ["bo ‡"], "‡")
    assert "at 5,000 of 10,000 s" in origin["notes"][0]
    assert "bo ‡" in (tmp_path / "page" / "report.html").read_text()
    for wrong, said in (
        (str(file), f"it does not say its table; add one, or name it: --with TABLE={file}"),
        (f"small102={file}", "did you mean 'small101'?"),
        (f"small101={file}.gone", "is neither a .csv nor a .json file"),
        ("small101=\0", "cannot be a path"),
    ):
        assert main([*page, "--with", wrong]) == 2
        line = capsys.readouterr().err
        assert said in line
        assert line.count("\n") == 1


def test_thousands_of_records_keep_their_curve(
    tmp_path: Path, suite_of: Callable[..., SuiteResults], run_of: Callable[..., Any]
) -> None:
    seconds = np.arange(1, 20_001) / 20
    regret = np.maximum(0.01 / seconds, 1e-3)
    rows = "".join(
        f"toy,m,0,{s!r},{r!r}\n" for s, r in zip(seconds.tolist(), regret.tolist(), strict=True)
    )
    (tmp_path / "long.csv").write_text("table,method,run,seconds,test_regret\n" + rows)
    own = suite_of(tmp_path, {"toy": {"random_search": [run_of(), run_of()]}})
    (run,) = with_trajectories(own, [read_trajectories(tmp_path / "long.csv")]).runs["toy"]["m ‡"]
    found = steps_at(run.trajectory.time, run.regret("test"), seconds)
    np.testing.assert_allclose(found, regret, atol=1e-12)
