"""One suite under several seeds is one report: every run counts, and its seed is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.elsewhere.records import ElsewhereError
from regretta.harness.elsewhere.trajectories import read_trajectories
from regretta.harness.identity import SuiteError
from regretta.harness.regret import final_regret
from regretta.harness.result import ResultError
from regretta.harness.spec import SuiteSpec
from regretta.harness.store.export import export_suite
from regretta.harness.store.merge import merge_folders
from regretta.harness.store.pooling import pool_seeds
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.plots.look import Look
from regretta.plots.methods_paragraph import methods_paragraph
from regretta.plots.report_notes import measured_elsewhere, reader_notes, setup_rows
from tests.harness.store.folders import ALL, RUNS, folder_of, rewrite


@pytest.fixture(scope="module")
def other(spec: SuiteSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite under another seed, one run of each method more."""
    out = tmp_path_factory.mktemp("other") / "out"
    run_suite(replace(spec, seed=6, runs=RUNS + 1), out)
    return out


@pytest.fixture(scope="module")
def both(once: Path, other: Path) -> SuiteResults:
    return pool_seeds([load_suite(once), load_suite(other)])


def test_every_run_of_both_seeds_counts_and_none_twice(
    once: Path, other: Path, both: SuiteResults
) -> None:
    groups = [load_suite(folder).runs["small101"]["reinforce"] for folder in (once, other)]
    runs = both.runs["small101"]["reinforce"]
    assert [(run.seed, run.number) for run in runs] == [
        *((5, number) for number in range(3)),
        *((6, number) for number in range(4)),
    ]
    assert both.planned("reinforce") == 7
    parts = [final_regret(group, "test") for group in groups]
    assert (final_regret(runs, "test") == np.concatenate(parts)).all()
    assert parts[0][0] != parts[1][0]  # run 0 of the one is not run 0 of the other


def test_a_report_says_which_seeds_and_how_many_runs_of_each(
    once: Path, other: Path, both: SuiteResults
) -> None:
    said = f"5 ({once}, 6 runs), 6 ({other}, 8 runs)"
    assert dict(setup_rows(both))["Seeds"] == said
    assert "Seed" not in dict(setup_rows(both))
    assert any(said in note for note in reader_notes(both))
    assert "every run with random streams of its own below one of the seeds 5 and 6." in (
        methods_paragraph(both, Look())
    )
    assert not any("not finished" in note for note in reader_notes(both))


def test_what_differs_in_more_than_the_seed_is_refused(
    spec: SuiteSpec, once: Path, other: Path, tmp_path: Path
) -> None:
    def refusal(folder: Path) -> str:
        with pytest.raises(SuiteError) as refused:
            pool_seeds([load_suite(once), load_suite(folder)])
        assert "\n" not in str(refused.value)
        return str(refused.value)

    assert refusal(folder_of(tmp_path / "same", once, ALL)) == (
        f"{once} and {tmp_path / 'same'} both have seed 5: put their runs into one folder with"
        " regretta merge, and report that"
    )
    longer = folder_of(
        tmp_path / "longer",
        other,
        [],
        lambda s: replace(s, tables={k: replace(t, time_limit=2e4) for k, t in s.tables.items()}),
    )
    assert refusal(longer) == (
        f"time_limit of 'small101' is 10000.0 in {once} and 20000.0 in {longer}; runs of one label"
        " are repetitions of one another"
    )
    run_suite(replace(spec, seed=6).changed(optimizers=["reinforce"]), tmp_path / "fewer")
    assert "do not have the same methods: 'random_search' is in one of them only" in refusal(
        tmp_path / "fewer"
    )


def test_frames_exports_and_traces_are_of_one_seed(both: SuiteResults, tmp_path: Path) -> None:
    for form in ("csv", "nas_benchmarks"):
        with pytest.raises(SuiteError, match="are of one folder's own runs"):
            export_suite(both, tmp_path / form, form)
    with pytest.raises(ResultError, match="pooled with other seeds"):
        both.trace("small101", "reinforce", 0)
    assert list(tmp_path.iterdir()) == []


def test_seconds_that_were_measured_under_several_seeds_are_of_several_folders(
    once: Path, other: Path, tmp_path: Path
) -> None:
    a, b = folder_of(tmp_path / "a", once, ALL), folder_of(tmp_path / "b", other, ALL)
    for folder in (a, b):
        rewrite(folder / "runs" / "small101" / "reinforce" / "00000.json", search_seconds=12.5)
    merge_folders(tmp_path / "m", [a])
    (said,) = measured_elsewhere(pool_seeds([load_suite(tmp_path / "m"), load_suite(b)]))
    assert f"from 2 folders ({a} in {tmp_path / 'm'}, {b})" in said


def test_the_command_reports_several_folders(
    once: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "both" / "report.html"
    assert main(["report", str(once), str(other), "--out", str(page.parent), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == [5, 6]
    assert "14 finished runs of 14" in page.read_text()


def test_a_folder_of_regretta_s_own_is_no_trajectory_of_others(other: Path) -> None:
    with pytest.raises(ElsewhereError, match="regretta report DIR DIR"):
        read_trajectories(other)
