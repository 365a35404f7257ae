"""Whatever dies, fails or is damaged, the same command makes the same results as if nothing had
happened.

Every random choice is seeded; where a kill strikes also depends on the machine. `KILLS` says how
many processes each test kills with SIGKILL.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.spec import SuiteSpec, read_spec
from regretta.harness.store.results import load_suite
from regretta.tabular_data.locks import locked
from tests.harness.clusters import Cluster
from tests.harness.held import held_suite

pytestmark = pytest.mark.slow

KILLS = {
    "client": 12,
    "client and its workers": 10,
    "workers": 24,
    "scheduler": 2,
    "cluster workers": 2,
}

SUITE = """
tables = ["{table}"]
time_limit = 2e4
runs = {runs}
seed = 5
trace = true
[[optimizers]]
name = "random_search"
[[optimizers]]
name = "regularized_evolution"
settings = {{ population_size = 10, tournament_size = 3 }}
[[optimizers]]
name = "hyperband"
"""
RUNS = 60
LABELS = 3


@pytest.fixture(scope="module")
def suite(small101: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "faults.toml"
    path.write_text(SUITE.format(table=small101, runs=RUNS))
    return path


@pytest.fixture(scope="module")
def spec(suite: Path) -> SuiteSpec:
    return read_spec(suite)


@pytest.fixture(scope="module")
def undisturbed(spec: SuiteSpec, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a serial run that nothing happens to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    run_suite(spec, folder)
    return files(folder)


def files(folder: Path) -> dict[str, bytes]:
    """All files, those in between included, but for what was set aside."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in sorted(found.items())
        if not name.endswith(".damaged")
    }


def results(folder: Path) -> list[Path]:
    return sorted(folder.glob("runs/*/*/0*.json"))


def command(suite: Path, folder: Path, workers: int = 1, *more: str) -> subprocess.Popen[str]:
    line = [
        "-m",
        "regretta",
        "run",
        str(suite),
        "--out",
        str(folder),
        "--workers",
        str(workers),
        "--no-report",
    ]
    return subprocess.Popen(
        [sys.executable, *line, *more],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        # A shell starts background jobs deaf to Ctrl-C; here it must be heard.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_results(folder: Path, number: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and len(results(folder)) < number:
        time.sleep(0.002)


def damage(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    if rng.random() < 0.5:
        del data[at:]
    else:
        data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def test_at_least_fifty_processes_are_killed() -> None:
    assert sum(KILLS.values()) >= 50


@pytest.mark.parametrize(("who", "workers"), [("client", 1), ("client and its workers", 2)])
def test_the_client_is_killed_again_and_again(
    suite: Path,
    spec: SuiteSpec,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    who: str,
    workers: int,
) -> None:
    rng = random.Random(who)
    folder = tmp_path / "out"
    kills = 0
    orphans: list[psutil.Process] = []
    while kills < KILLS[who]:
        here = len(results(folder)) if folder.exists() else 0
        if here > RUNS * LABELS - 40:  # all but done: start over with something to do
            for path in rng.sample(results(folder), 60):
                path.unlink()
            here -= 60
        process = command(suite, folder, workers)
        wait_for_results(folder, here + rng.choice([0, 1, 2, 5]), process)
        time.sleep(rng.uniform(0, 0.02 if kills % 3 else 0.5))
        if process.poll() is None:
            orphans += psutil.Process(process.pid).children(recursive=True)
            process.kill()
            kills += 1
        process.communicate()
        if kills % 4 == 0 and results(folder):
            damage(rng.choice(results(folder)), rng)
    _, alive = psutil.wait_procs(orphans, timeout=60)
    assert alive == [], "workers outlive their client"
    assert len(list(folder.rglob("*.part"))) <= kills
    spoilt = results(folder)[0]
    spoilt.write_bytes(spoilt.read_bytes()[:-9])
    last = command(suite, folder, workers)
    said = last.communicate(timeout=300)[1]
    assert last.returncode == 0
    assert (
        f"{spoilt.name} is damaged (it is truncated); it is kept as {spoilt.stem}.damaged and the"
        " run is done again" in said
    )
    assert files(folder) == undisturbed


def test_workers_are_killed_again_and_again(
    spec: SuiteSpec, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    rng = random.Random("workers")
    killed: set[int | None] = set()
    timers: list[threading.Timer] = []

    def kill() -> None:
        children = psutil.Process().children()
        alive = [child for child in children if child.pid not in killed and child.is_running()]
        if alive and len(killed) < KILLS["workers"]:
            child = rng.choice(alive)
            killed.add(child.pid)
            child.kill()

    def progress(done: int, total: int) -> None:
        if done % 3 == 0:
            timers.append(threading.Timer(rng.uniform(0, 0.05), kill))
            timers[-1].start()

    folder = tmp_path / "out"
    while len(killed) < KILLS["workers"]:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(SuiteError):  # should five die one after another while they are starting
            run_suite(spec, folder, workers=2, progress=progress)
    for timer in timers:
        timer.join()
    outcome = run_suite(spec, folder, workers=2)
    assert outcome.failures == ()
    assert files(folder) == undisturbed


def test_the_scheduler_and_workers_of_a_cluster_are_killed(
    spec: SuiteSpec, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    rng = random.Random("cluster")
    folder = tmp_path / "out"
    assert KILLS["scheduler"] == KILLS["cluster workers"] == 2
    for round_ in range(2):
        with Cluster(tmp_path / f"cluster{round_}") as cluster, cluster.workers(2) as workers:
            kills = [(workers[0], 5 + rng.randrange(10)), (cluster.scheduler, 30)]
            start = len(results(folder))

            def progress(
                done: int, total: int, kills: list[Any] = kills, start: int = start
            ) -> None:
                if kills and done - start >= kills[0][1]:
                    kills.pop(0)[0].kill()

            with pytest.raises(
                SuiteError,
                match=r"the Dask scheduler of tcp://\S+ is gone; .* same command to go on",
            ):
                run_suite(spec, folder, executor=cluster.executor(), progress=progress)
            assert kills == []
    assert len(results(folder)) < RUNS * LABELS
    run_suite(spec, folder)
    assert files(folder) == undisturbed


def test_damaged_results_are_found_set_aside_done_again_and_said(
    spec: SuiteSpec, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    rng = random.Random("damage")
    folder = tmp_path / "out"
    run_suite(spec, folder)
    for _ in range(5):
        spoilt = rng.sample(results(folder), 12)
        for path in spoilt:
            damage(path, rng)
        outcome = run_suite(spec, folder)
        assert outcome.new == len(spoilt)
        assert len(outcome.set_aside) == len(spoilt)
        assert all(path.with_suffix(".damaged").exists() for path in spoilt)
        assert files(folder) == undisturbed


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_suite_file_is_written_anew(
    spec: SuiteSpec, undisturbed: dict[str, bytes], tmp_path: Path, seed: int
) -> None:
    small = replace(spec, runs=1)
    run_suite(small, tmp_path / "out")
    before = files(tmp_path / "out")
    damage(tmp_path / "out" / "suite.json", random.Random(seed))
    outcome = run_suite(small, tmp_path / "out")
    assert outcome.new == 0
    assert "suite.json is damaged" in outcome.set_aside[0]
    assert "kept as suite.damaged and written anew" in outcome.set_aside[0]
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_one_line_and_with_room_it_goes_on(
    suite: Path, spec: SuiteSpec, undisturbed: dict[str, bytes], small_disk: Path, workers: int
) -> None:
    folder = small_disk / "out"
    full = command(suite, folder, workers)
    said = full.communicate(timeout=300)[1].splitlines()
    assert full.returncode == 2
    assert said[-1].startswith(
        f"regretta: cannot write to {folder}: No space left on device; finished runs are kept"
    )
    kept = results(folder)
    assert 0 < len(kept) < RUNS * LABELS
    assert all(undisturbed[str(path.relative_to(folder))] == path.read_bytes() for path in kept)
    with pytest.raises(SuiteError, match="No space left on device"):
        run_suite(spec, folder)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    run_suite(spec, folder)
    assert files(folder) == undisturbed


@pytest.mark.parametrize("call", ["replace", "chmod", "fdopen"])
def test_writes_that_fail_now_and_then_cost_nothing_but_a_restart(
    spec: SuiteSpec,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    rng = random.Random(call)
    real: Any = getattr(os, call)

    def unreliable(*arguments: Any, **named: Any) -> Any:
        if rng.random() < 0.03:
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments, **named)

    said = []
    with monkeypatch.context() as patch:
        patch.setattr(os, call, unreliable)
        while not (tmp_path / "out").exists() or files(tmp_path / "out") != undisturbed:
            try:
                run_suite(spec, tmp_path / "out")
            except SuiteError as error:
                said.append(str(error))
    assert said
    assert all(f"cannot write to {tmp_path / 'out'}: Input/output error" in line for line in said)
    assert files(tmp_path / "out") == undisturbed


def test_two_clients_on_one_folder_do_no_harm(
    suite: Path, spec: SuiteSpec, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    run_suite(replace(spec, runs=2), folder)
    for path in results(folder):
        damage(path, random.Random(0))
    clients = [command(suite, folder, workers) for workers in (1, 2)]
    for client in clients:
        said = client.communicate(timeout=300)
        assert client.returncode == 0, said
    assert files(folder) == undisturbed


def test_clients_with_different_optimizers_join_one_folder(
    suite: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    names = ("random_search", "regularized_evolution", "hyperband")
    clients = [command(suite, folder, 1, "--optimizer", name, "--runs", "3") for name in names]
    for client in clients:
        said = client.communicate(timeout=300)
        assert client.returncode == 0, said
    found = load_suite(folder)
    assert {label: len(runs) for label, runs in found.runs["small101"].items()} == dict.fromkeys(
        names, 3
    )
    for path in results(folder):
        assert undisturbed[str(path.relative_to(folder))] == path.read_bytes()


def test_leftovers_of_killed_writers_go_when_nobody_is_at_work(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    small = replace(spec, runs=1)
    run_suite(small, folder)
    left = [folder / ".suite.json.x.part", results(folder)[0].with_name(".00000.json.y.part")]
    for path in left:
        path.write_bytes(b"half a ")
    with locked(folder / "runs", exclusive=False):
        run_suite(small, folder)
    assert all(path.exists() for path in left), "somebody else may still be writing these"
    run_suite(small, folder)
    assert not any(path.exists() for path in left)


def test_a_client_killed_before_its_first_word_leaves_a_folder_that_can_be_used(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".suite.json.abc.part").write_bytes(b"{")
    assert run_suite(replace(spec, runs=1), tmp_path / "out").new == LABELS


def test_no_clock_enters_a_result(
    spec: SuiteSpec, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random("clock")
    for clock in ("time", "monotonic", "perf_counter", "process_time"):
        monkeypatch.setattr(time, clock, lambda: rng.uniform(-1e9, 4e9))
    run_suite(spec, tmp_path / "out")
    monkeypatch.undo()
    assert files(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_everything_and_says_how_to_go_on(
    small101: Path, tmp_path: Path, workers: int
) -> None:
    suite, door = held_suite(tmp_path, small101, runs=3)
    folder = tmp_path / "out"
    process = command(suite, folder, workers)
    wait_for_results(folder, 1, process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the client and its workers
    said = process.communicate()[1].splitlines()
    assert process.returncode == 1
    assert (
        said[-1] == "regretta: interrupted; finished runs are kept, run the same command to go on"
    )
    assert not any("Traceback" in line for line in said)
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert list(folder.rglob("*.part")) == []
    door.touch()
    for place in (folder, tmp_path / "undisturbed"):
        run_suite(read_spec(suite), place)
    assert files(folder) == files(tmp_path / "undisturbed")
