"""Runs on a Dask cluster: a real scheduler and real workers on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.executors import Dask, JobQueue, dask_session
from regretta.harness.executors.dask_session import error_of
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import instructions_for
from regretta.harness.identity import SuiteError
from regretta.harness.planning import plan
from regretta.harness.spec import OptimizerEntry, SpecError, SuiteSpec, read_spec
from tests.harness.clusters import Cluster
from tests.harness.held import held_suite

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PLUGIN = """
import os
from regretta import Optimizer

{top}

class Odd(Optimizer):
    "Random search that may do something odd."
    name = "odd"

    def ask(self):
        if self.rng.random() < 0.002:
            {what}
        return self.space.sample(self.rng, 1)[0]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("dask") / "cluster") as cluster:
        yield cluster


@pytest.fixture
def spec(small101: Path) -> SuiteSpec:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("hyperband"))
    return SuiteSpec(
        "small", (str(small101),), entries, time_limit=2e4, runs=30, seed=5, trace=True
    )


def odd(spec: SuiteSpec, folder: Path, what: str = "pass", top: str = "") -> SuiteSpec:
    plugin = folder / "odd.py"
    plugin.write_text(PLUGIN.format(what=what, top=top))
    return replace(spec, optimizers=(OptimizerEntry("odd"),), plugins=(plugin,), runs=6)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_cluster_gives_the_same_bytes_and_survives_a_dead_and_a_frozen_worker(
    cluster: Cluster, spec: SuiteSpec, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run_suite(spec, tmp_path / "serial")
    with cluster.workers(3) as workers:

        def progress(done: int, total: int) -> None:
            if done == 8:
                workers[0].kill()
            if done == 20:
                workers[1].send_signal(signal.SIGSTOP)

        outcome = run_suite(
            spec, tmp_path / "cluster", executor=cluster.executor(), progress=progress
        )
    assert outcome.new == 60
    assert files(tmp_path / "cluster") == files(tmp_path / "serial")
    assert capfd.readouterr() == ("", ""), "Dask's logs are not the user's"


def test_ctrl_c_and_a_second_try_on_a_cluster(
    cluster: Cluster, small101: Path, tmp_path: Path
) -> None:
    suite, door = held_suite(tmp_path, small101, runs=2)
    line = ["-m", "regretta", "run", str(suite), "--out", str(tmp_path / "out"), "--no-report"]
    with cluster.workers(1):

        def command() -> subprocess.Popen[str]:
            on_cluster = [sys.executable, *line, "--scheduler", cluster.address]
            return subprocess.Popen(
                on_cluster, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )

        process = command()
        while process.poll() is None and not list(tmp_path.glob("out/runs/*/*/*.json")):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1].splitlines()
        assert process.returncode == 1
        assert said == [
            "regretta: interrupted; finished runs are kept, run the same command to go on"
        ]
        door.touch()
        process = command()
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith(f"4 runs in {tmp_path / 'out'}, ")


def test_a_run_that_kills_its_workers_fails_alone(
    cluster: Cluster, spec: SuiteSpec, tmp_path: Path
) -> None:
    harmless = tuple(OptimizerEntry("random_search", label) for label in "abcd")
    deadly = replace(odd(spec, tmp_path, "os._exit(1)"), runs=1)
    with cluster.workers(4):
        mixed = replace(deadly, optimizers=(*deadly.optimizers, *harmless))
        outcome = run_suite(mixed, tmp_path / "out", executor=cluster.executor())
    (failure,) = outcome.failures
    assert failure.message == "odd, run 0 on small101: its workers died 3 times"
    assert outcome.done == 4


def test_a_plugin_that_workers_lack_comes_with_its_modules_and_data(
    cluster: Cluster, spec: SuiteSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte of data; workers that have none of it, one of which comes late."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "weights.bin").write_bytes(bytes(1 << 20))
    (there / "helper.py").write_text("SIZE = 1 << 20")
    top = (
        "from pathlib import Path\nfrom .helper import SIZE\n"
        "assert len((Path(__file__).parent / 'weights.bin').read_bytes()) == SIZE"
    )
    suite = plan(replace(odd(spec, there, top=top), optimizers=(OptimizerEntry("odd"),), runs=8))
    given = instructions_for(suite)
    monkeypatch.setattr(dask_session, "instructions_for", lambda _: given)
    shutil.rmtree(there)
    with cluster.workers(1):
        coming = cluster.executor().work(suite, Queue(suite.tasks()))
        outcomes = [next(coming)]
        with cluster.workers(1):
            outcomes += coming
    assert [outcome.failure for outcome in outcomes] == [None] * 8


def test_workers_that_are_not_fit_are_one_line(
    cluster: Cluster, spec: SuiteSpec, tmp_path: Path
) -> None:
    def refusal(of: SuiteSpec, environment: dict[str, str]) -> str:
        with cluster.workers(1, environment), pytest.raises(SuiteError) as caught:
            run_suite(of, tmp_path / "out", executor=cluster.executor())
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def other_code(name: str, text: str) -> dict[str, str]:
        place = tmp_path / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "regretta", place / "regretta", ignore=ignored)
        (place / "regretta" / "harness" / "__init__.py").write_text(text)
        return {"PYTHONPATH": str(place)}

    assert "other source code of regretta" in refusal(spec, other_code("old", "# an older one\n"))
    lacking = refusal(spec, other_code("none", "raise ImportError('no regretta here')\n"))
    assert "cannot load regretta" in lacking
    assert "no regretta here" in lacking
    picky = odd(spec, tmp_path, top="assert 'LACKING' not in os.environ, 'a package is missing'")
    assert "a package is missing" in refusal(picky, {"LACKING": "1"})
    home = tmp_path / "home"
    named = Path(os.environ["REGRETTA_HOME"]) / "tables" / "only-here"
    shutil.copytree(spec.tables[0], named)
    try:
        assert "unknown table 'only-here'" in refusal(
            replace(spec, tables=("only-here",)), {"REGRETTA_HOME": str(home)}
        )
    finally:
        shutil.rmtree(named)


def test_a_scheduler_without_workers_is_one_line(
    cluster: Cluster, spec: SuiteSpec, tmp_path: Path
) -> None:
    with pytest.raises(SuiteError, match=r"has no workers; start some with `dask worker tcp://"):
        run_suite(spec, tmp_path / "out", executor=Dask(cluster.address, patience=0.5))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "not an address"])
def test_an_unreachable_scheduler_is_one_line(
    spec: SuiteSpec, small101: Path, tmp_path: Path, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "small.toml"
    suite.write_text(
        f'tables = ["{small101}"]\ntime_limit = 1e4\nruns = 1\n[[optimizers]]\nname ='
        ' "random_search"\n'
    )
    assert main(["run", str(suite), "--out", str(tmp_path / "out"), "--scheduler", address]) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("regretta:")]
    assert len(lines) == 1
    assert f"no Dask scheduler answers at {address}" in lines[0]


def test_jobs_of_a_batch_system_do_the_runs(spec: SuiteSpec, tmp_path: Path) -> None:
    run_suite(replace(spec, runs=2), tmp_path / "serial")
    queue = JobQueue(
        "local", {"jobs": 1, "interface": "lo", "python": sys.executable}, patience=120
    )
    run_suite(replace(spec, runs=2), tmp_path / "jobs", executor=queue)
    assert files(tmp_path / "jobs") == files(tmp_path / "serial")


@pytest.mark.parametrize(
    ("queue", "said"),
    [
        (JobQueue("slrum"), "unknown cluster 'slrum'; did you mean 'slurm'"),
        (JobQueue("slurm", {"jobs": 0}), "jobs must be a whole number above 0, got 0"),
        (
            JobQueue("slurm", {"interface": "lo", "qeue": "long"}),
            "slurm cluster cannot start: .*qeue",
        ),
        (JobQueue("slurm", {"interface": "nowhere"}), "slurm cluster cannot start: .*nowhere"),
        (JobQueue("slurm", {"interface": "lo"}), "slurm cluster cannot start: .*no such partition"),
        (JobQueue("pbs", {"interface": "lo"}), "pbs cluster cannot start: there is no qsub here"),
    ],
)
def test_a_batch_system_that_cannot_start_is_one_line(
    spec: SuiteSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queue: JobQueue, said: str
) -> None:
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text("#!/bin/sh\necho 'no such partition' >&2\nexit 1\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:/bin:/usr/bin")
    with pytest.raises(SuiteError, match=said):
        run_suite(spec, tmp_path / "out", executor=queue)


def test_the_cluster_section_of_a_suite_holds_the_options(tmp_path: Path) -> None:
    suite = tmp_path / "c.toml"
    text = 'tables = ["t"]\n[[optimizers]]\nname = "random_search"\n'
    suite.write_text(text + '[cluster]\njobs = 20\ncores = 8\nmemory = "16GB"\n')
    assert read_spec(suite).cluster == {"jobs": 20, "cores": 8, "memory": "16GB"}
    suite.write_text("cluster = 3\n" + text)
    with pytest.raises(SpecError, match="cluster must be a mapping, got 3"):
        read_spec(suite)


class Forgotten:
    """A future that its client forgets while asked, as it does when the scheduler is gone."""

    status = "error"

    def exception(self, timeout: float) -> None:
        assert timeout > 0


def test_a_future_forgotten_while_it_is_asked_did_not_fail() -> None:
    assert error_of(Forgotten()) is None
