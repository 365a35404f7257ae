"""Searches that train a model of their own: what they log, when they are done, and how they go on
after they were killed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.protocol import Protocol
from regretta.harness.result import RunResult
from regretta.harness.run import Run, run
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.files import compact
from regretta.harness.store.results import load_suite
from regretta.optimizers.base import Optimizer, Proposal, SettingsError
from regretta.tabular_data.table import Table

MEAN = Protocol("mean", "", observe="mean")


class Epochs(Optimizer):
    """Three epochs of 10 s, before them a guess for nothing; the cells are 0, 1, 2, 3."""

    name = "epochs"
    finite = True
    done = -1

    def ask(self) -> Proposal | None:
        if self.done == 3:
            return None
        self.done += 1
        loss = {"loss": 2.0 / self.done} if self.done else {}
        self.log(epoch=self.done, **loss)
        seconds = 10.0 if self.done else 0.0
        return Proposal(np.empty((0, 2), dtype=np.int8), seconds=seconds)

    def recommend(self) -> np.ndarray:
        return np.array(divmod(self.done, 2), dtype=np.int8)


def spec(table: Table, optimizer: type[Optimizer] = Epochs, limit: float = 100.0) -> Run:
    return Run(table, table, MEAN, optimizer, optimizer.make_settings(), "label", 0, 0, limit)


def test_a_search_that_evaluates_nothing_has_an_incumbent_from_the_start(grid_table: Table) -> None:
    result = run(spec(grid_table))
    assert result.trajectory.time.tolist() == [0.0, 10.0, 20.0, 30.0]
    assert result.trajectory.cell is not None
    assert result.trajectory.cell.tolist() == [0, 1, 2, 3]
    assert (result.elapsed, result.search_seconds, result.evaluations) == (30.0, 30.0, 0)


def test_what_it_logs_stands_beside_the_time_and_is_read_back(grid_table: Table) -> None:
    result = run(spec(grid_table))
    for read in (result, RunResult.from_json(result.to_json())):
        assert list(read.log) == ["time", "epoch", "loss"]
        assert read.log["time"].tolist() == [0.0, 10.0, 20.0, 30.0]
        assert read.log["epoch"].tolist() == [0.0, 1.0, 2.0, 3.0]
        np.testing.assert_array_equal(read.log["loss"], [np.nan, 2.0, 1.0, 2.0 / 3.0])
    assert b"NaN" not in result.to_json()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_row_belongs_to_a_whole_proposal(grid_table: Table, workers: int) -> None:
    """Cells 0 and 3 take 110.5 and 140.5 s: 251 s one after the other, 140.5 s side by side."""

    class Pairs(Epochs):
        parallel = True

        def ask(self) -> Proposal | None:
            if self.done == 0:
                return None
            self.done = 0
            self.log(pair=1)
            return Proposal(np.array([[0, 0], [1, 1]], dtype=np.int8))

    one = replace(spec(grid_table, Pairs, 1000.0), simulated_workers=workers)
    assert run(one).log["time"].tolist() == [251.0 if workers == 1 else 140.5]
    cut = run(replace(one, time_limit=130.0))
    assert (cut.evaluations, dict(cut.log)) == (1, {})


def test_other_runs_have_the_files_that_they_had(grid_table: Table) -> None:
    class Silent(Epochs):
        def log(self, **numbers: float) -> None:
            pass

    result = run(spec(grid_table, Silent))
    assert b'"log"' not in result.to_json()
    assert dict(RunResult.from_json(result.to_json()).log) == {}


@pytest.mark.parametrize("row", [{"loss": np.nan}, {"loss": -np.inf}, {"time": 3.0}])
def test_a_row_holds_finite_numbers_only(grid_table: Table, row: dict[str, float]) -> None:
    class Odd(Epochs):
        def ask(self) -> Proposal | None:
            self.log(**row)
            return None

    with pytest.raises(RuntimeError, match=f"label, run 0 on grid: .* log: {next(iter(row))} is"):
        run(spec(grid_table, Odd))


def test_to_be_done_is_no_early_end_and_not_to_be_done_is_said(grid_table: Table) -> None:
    whole, cut = run(spec(grid_table)), run(spec(grid_table, limit=25.0))
    assert (whole.ended_early, whole.notes) == (False, ())
    assert cut.trajectory.time.tolist() == [0.0, 10.0, 20.0]
    assert cut.notes == ("epochs was not done: its limit of 25 s ended it, at 20 s",)
    assert (cut.ended_early, cut.log["epoch"].tolist()) == (False, [0.0, 1.0, 2.0])


# -- benchmarks that an optimizer refuses --------------------------------------------------------

PICKY = """
from pathlib import Path
from regretta import Optimizer

class Picky(Optimizer):
    "Refuses, or is broken."
    name = "picky"

    def ask(self):
        Path(__file__).with_suffix(".ran").touch()

    @classmethod
    def check_benchmark(cls, benchmark, settings):
        {what}
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raise __import__('regretta').UserError('it has no images')", "it has no images"),
        ("1 / 0", "check_benchmark raised ZeroDivisionError: division by zero"),
    ],
)
def test_a_benchmark_is_refused_before_the_first_run(
    small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, said: str
) -> None:
    plugin = tmp_path / "picky.py"
    plugin.write_text(PICKY.format(what=what))
    arguments = ["--table", str(small101), "--plugin", str(plugin), "--time-limit", "1000"]
    out = tmp_path / "out"
    methods = ["--optimizer", "random_search", "--optimizer", "picky", "--runs", "1"]
    assert main(["run", "quick", *methods, *arguments, "--out", str(out)]) == 2
    assert f"picky cannot search small101: {said}" in capsys.readouterr().err
    assert not out.exists()
    assert not plugin.with_suffix(".ran").exists()


def test_a_run_by_itself_asks_too(grid_table: Table) -> None:
    class Picky(Epochs):
        @classmethod
        def check_benchmark(cls, benchmark: Any, settings: Any) -> None:
            raise SettingsError(f"{benchmark.name} has {settings}")

    with pytest.raises(SettingsError, match="label cannot search grid: grid has NoSettings"):
        run(spec(grid_table, Picky))


# -- going on after a kill ------------------------------------------------------------------------

COUNTS = """
import os, signal
from pathlib import Path
import numpy as np
from regretta import Optimizer, Proposal

class Counts(Optimizer):
    "Ten epochs, each written down; something happens in the fifth, once."
    name = "counts"
    keeps_checkpoints = {keeps}
    finite = True

    def setup(self):
        self.begun = 0
        if self.problem.folder is not None and self.problem.folder.exists():
            self.begun = len(list(self.problem.folder.iterdir()))
        self.epoch = 0

    def ask(self):
        if self.epoch == 10:
            return None
        mark = Path(__file__).with_suffix(".once")
        if self.epoch == 4 and not mark.exists():
            mark.touch()
            {what}
        self.epoch += 1
        if self.problem.folder is not None and self.epoch > self.begun:
            self.problem.folder.mkdir(exist_ok=True, parents=True)
            (self.problem.folder / str(self.epoch)).touch()
        self.log(epoch=self.epoch, begun=self.begun)
        return Proposal(np.empty((0, self.space.dim), dtype=self.space.dtype), seconds=1.0)

    def recommend(self):
        return np.array(divmod(self.epoch % 4, 2), dtype=np.int8)
"""


@pytest.fixture
def grid(grid_table: Table, tmp_path: Path) -> Path:
    return grid_table.write(tmp_path / "tables" / "grid")


def counting(table: Path, tmp_path: Path, what: str, keeps: bool = True) -> SuiteSpec:
    plugin = tmp_path / "counts.py"
    plugin.write_text(COUNTS.format(what=what, keeps=keeps))
    return SuiteSpec(
        "counts",
        (str(table),),
        (OptimizerEntry("counts"),),
        protocol="default",
        time_limit=1e6,
        runs=2,
        plugins=(plugin,),
    )


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("runs/*/*/*.checkpoint"))


def test_a_failed_run_goes_on_from_its_checkpoint(grid: Path, tmp_path: Path) -> None:
    suite, out = counting(grid, tmp_path, "raise ValueError('power is out')"), tmp_path / "out"
    outcome = run_suite(suite, out)
    assert [failure.number for failure in outcome.failures] == [0]
    (folder,) = kept(out)
    assert (folder.name[:6], len(list(folder.iterdir()))) == ("00000.", 4)
    compact(out)
    assert run_suite(suite, out).done == 2
    assert not kept(out)
    runs = load_suite(out).runs["grid"]["counts"]
    assert [run.log["begun"][-1] for run in runs] == [4.0, 0.0]
    assert runs[0].trajectory.time.tolist() == runs[1].trajectory.time.tolist()
    compact(out)
    (again, _) = load_suite(out).runs["grid"]["counts"]
    assert again.log["epoch"].tolist() == list(range(1, 11))


def test_a_killed_worker_goes_on_from_its_checkpoint(grid: Path, tmp_path: Path) -> None:
    suite = counting(grid, tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    outcome = run_suite(suite, tmp_path / "out", workers=2)
    assert (outcome.done, outcome.failures, kept(outcome.folder)) == (2, (), [])
    begun = [run.log["begun"][-1] for run in load_suite(outcome.folder).runs["grid"]["counts"]]
    assert sorted(begun) == [0.0, 4.0]


def test_a_checkpoint_is_not_for_other_code_or_settings(grid: Path, tmp_path: Path) -> None:
    suite, out = counting(grid, tmp_path, "raise ValueError('power is out')"), tmp_path / "out"
    run_suite(replace(suite, runs=1), out)
    edited = tmp_path / "counts.py"
    edited.write_text(edited.read_text().replace("seconds=1.0", "seconds=2.0"))
    assert run_suite(replace(suite, runs=1), out).done == 1
    (run,) = load_suite(out).runs["grid"]["counts"]
    assert (run.log["begun"][-1], run.elapsed) == (0.0, 20.0)
    assert not kept(out)


def test_other_optimizers_get_no_folder(grid: Path, tmp_path: Path) -> None:
    suite = counting(grid, tmp_path, "raise ValueError('power is out')", keeps=False)
    outcome = run_suite(suite, tmp_path / "out")
    assert len(outcome.failures) == 1
    assert not kept(outcome.folder)
