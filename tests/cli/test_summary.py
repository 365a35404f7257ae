"""What runs have reached, as a table that fits into the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from regretta.cli import main
from regretta.cli.summary import summary
from regretta.harness.store.status import Progress
from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table

ROWS = [
    Progress("t", "random_search", 9, 1, 0, 0, 2, 0, "", "test", "regret", 0.0125, 0.005),
    Progress("t", "方法", 1_200, 0, 0, 0, 0, 0, "", "test", "regret", 0.25, None),
    Progress(
        "u", "random_search", 0, 0, 0, 10, 0, 0, "all of it", "validation", "error", None, None
    ),
]


def test_it_has_a_line_a_method_in_the_order_of_the_suite() -> None:
    assert list(summary(ROWS, width=200)) == [
        "t: mean ± sd of final test regret in percent",
        "  method                   done  failed  damaged  missing  ended early         regret",
        "  random_search         9 of 10       1        0        0            2  1.250 ± 0.500",
        "  方法           1,200 of 1,200       0        0        0            0         25.000",
        "u (reconstruction): mean ± sd of final validation error in percent",
        "  method            done  failed  damaged  missing  ended early  error",
        "  random_search  0 of 10       0        0       10            0      —",
    ]


def test_seconds_of_the_processor_are_those_of_runs_just_done() -> None:
    lines = list(summary(ROWS[:2], {("t", "random_search"): 12.34}, width=200))
    assert [line.split()[-1] for line in lines[1:]] == ["s", "12.3", "—"]


@pytest.mark.parametrize("width", [20, 40, 60])
def test_in_a_narrow_terminal_no_line_is_longer_and_nothing_is_left_out(width: int) -> None:
    lines = list(summary(ROWS[:1], width=width))
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "mean ± sd of final test regret in percent" in text
    assert "done 9 of 10, failed 1, damaged 0, missing 0, ended early 2, regret 1.250 ±" in text


def test_away_from_a_terminal_lines_are_as_long_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("sys.__stdout__", None)
    assert len(list(summary(ROWS[:2]))) == 4


@pytest.fixture
def modelled(tmp_path: Path) -> Path:
    """Two cells with errors 0.5 and 0.4 that say they are modelled; a training takes 10 s."""
    accuracy = np.array([[[0.5]], [[0.6]]])
    table = Table.from_arrays(
        "modelled",
        GridSpace({"x": ["a", "b"]}),
        (1.0,),
        validation_accuracy=accuracy,
        training_seconds=np.full((2, 1, 1), 10.0),
        provenance=Provenance("a formula", "CC0-1.0", reconstruction="all values"),
    )
    return table.write(tmp_path / "modelled")


def test_run_and_status_print_it(
    modelled: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One evaluation by a search that knows nothing: run 0 to 7 reach regret 0 or 0.1."""
    monkeypatch.setenv("COLUMNS", "200")  # pytest's workers say 80
    suite = tmp_path / "s.toml"
    suite.write_text(
        f'tables = ["{modelled}"]\ntime_limit = 15\nruns = 8\n'
        '[[optimizers]]\nname = "random_search"\n'
    )
    out = tmp_path / "out"
    assert main(["run", str(suite), "--out", str(out), "--workers", "1", "--no-report"]) == 0
    told = capsys.readouterr().out
    assert "modelled (reconstruction): mean ± sd of final validation regret in percent" in told
    assert re.search(r"method +done .* regret +CPU s\n +random_search +8 of 8 ", told)
    assert main(["status", str(out), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    worse = round(8 * row["mean"] / 0.1)
    assert 0 < worse < 8
    assert row["mean"] == pytest.approx(0.1 * worse / 8)
    assert row["sd"] == pytest.approx(0.1 * (worse * (8 - worse) / 8 / 7) ** 0.5)
    assert (row["kind"], row["measure"], row["reconstruction"]) == (
        "validation",
        "regret",
        "all values",
    )
    assert row["processor_seconds"] is None
