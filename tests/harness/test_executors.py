"""Who does the runs changes nothing about them; how long they take decides how they go out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regretta.harness import campaign as campaign_module
from regretta.harness.campaign import run_suite
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import Worker, instructions_for
from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.results import load_suite
from regretta.harness.suite import Task, plan
from regretta.optimizers.base import SettingsError

PLUGIN = """
import multiprocessing, os, signal, sys
from regretta import Optimizer

class Odd(Optimizer):
    "Does something odd at its first proposal in some runs."
    name = "odd"

    def ask(self):
        if self.rng.random() < 0.004 and not os.path.exists(__file__ + ".mended"):
            {what}
        return self.space.sample(self.rng, 1)[0]
"""


@pytest.fixture
def spec(small101: Path) -> SuiteSpec:
    return SuiteSpec(
        "small",
        (str(small101),),
        (OptimizerEntry("random_search"),),
        time_limit=1e4,
        runs=6,
        seed=5,
    )


def odd(spec: SuiteSpec, tmp_path: Path, what: str) -> SuiteSpec:
    plugin = tmp_path / "odd.py"
    plugin.write_text(PLUGIN.format(what=what))
    return replace(spec, optimizers=(*spec.optimizers, OptimizerEntry("odd")), plugins=(plugin,))


def tasks(count: int, label: str = "a") -> list[Task]:
    return [Task("t", label, number) for number in range(count)]


def test_a_kind_of_run_not_measured_yet_goes_alone() -> None:
    queue = Queue([*tasks(3, "a"), *tasks(3, "b")])
    assert queue.take(1) == tasks(1)
    queue.note(Task("t", "a", 0), 0.01)
    assert queue.take(1) == tasks(3)[1:]
    assert queue.take(1) == [Task("t", "b", 0)]


def test_a_batch_lasts_about_a_second() -> None:
    queue = Queue(tasks(10_000))
    queue.note(Task("t", "a", 0), 0.01)
    assert 95 <= len(queue.take(2)) <= 101


def test_batches_of_a_thousand_workers_last_ten_seconds() -> None:
    queue = Queue(tasks(100_000))
    queue.note(Task("t", "a", 0), 1.0)
    assert 9 <= len(queue.take(1000)) <= 10
    queue = Queue(tasks(10_000))
    queue.note(Task("t", "a", 0), 1.0)
    assert len(queue.take(1000)) == 5  # half of a worker's share of 10,000 s


def test_the_end_is_handed_out_run_by_run() -> None:
    queue = Queue(tasks(1000))
    queue.note(Task("t", "a", 0), 0.1)
    sizes = []
    while batch := queue.take(8):
        sizes.append(len(batch))
    assert max(sizes) <= 10
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-8:] == [1] * 8
    assert sum(sizes) == 1000


def test_what_a_dead_worker_had_comes_first_again() -> None:
    queue = Queue(tasks(5))
    queue.note(Task("t", "a", 0), 0.001)
    batch = queue.take(1)
    queue.put_back(batch)
    assert queue.take(1)[:1] == batch[:1]
    assert len(queue) == 5 - len(batch)


def test_seconds_left_wait_for_every_kind_to_be_measured() -> None:
    queue = Queue([*tasks(3, "a"), *tasks(2, "b")])
    queue.note(Task("t", "a", 0), 1.0)
    assert queue.seconds_left() is None
    queue.note(Task("t", "b", 0), 10.0)
    queue.note(Task("t", "b", 1), 20.0)
    assert queue.seconds_left() == pytest.approx(3 * 1 + 2 * 15)


@pytest.mark.parametrize(
    ("what", "end"),
    [("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"), ("os._exit(7)", "exit code 7")],
)
def test_a_run_that_kills_its_worker_three_times_has_failed_and_no_other(
    spec: SuiteSpec, tmp_path: Path, what: str, end: str
) -> None:
    mixed = replace(odd(spec, tmp_path, what), runs=3)
    outcome = run_suite(mixed, tmp_path / "out", workers=2)
    assert outcome.failures
    assert outcome.done == 6 - len(outcome.failures)
    for failure in outcome.failures:
        assert failure.label == "odd"
        assert f"its worker process died 3 times ({end})" in failure.message
    assert len(load_suite(tmp_path / "out").runs["small101"]["random_search"]) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_plugin_that_leaves_the_program_fails_its_run_only(
    spec: SuiteSpec, tmp_path: Path, workers: int
) -> None:
    outcome = run_suite(
        odd(spec, tmp_path, "sys.exit('enough')"), tmp_path / "out", workers=workers
    )
    assert outcome.failures
    assert outcome.done == 12 - len(outcome.failures)
    assert "SystemExit: enough" in outcome.failures[0].message


def test_a_plugin_that_loads_here_but_not_in_a_worker_is_one_line(
    spec: SuiteSpec, tmp_path: Path
) -> None:
    mixed = odd(spec, tmp_path, "pass")
    plugin = mixed.plugins[0]
    plugin.write_text(
        plugin.read_text() + "\nassert multiprocessing.parent_process() is None, 'not at home'\n"
    )
    with pytest.raises(
        SuiteError, match=r"a worker process cannot start: plugin .*odd.py fails .* not at home"
    ):
        run_suite(mixed, tmp_path / "out", workers=2)


@pytest.mark.parametrize("default", ["field(default_factory=object)", "float('nan')"])
def test_settings_that_no_file_can_hold_are_refused_before_the_first_run(
    spec: SuiteSpec, tmp_path: Path, default: str
) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(
        "from dataclasses import dataclass, field\nfrom regretta import Optimizer\n"
        f"@dataclass(frozen=True)\nclass S:\n    lock: object = {default}\n"
        "class Odd(Optimizer):\n    name = 'odd'\n    Settings = S\n    def ask(self): ...\n"
    )
    with pytest.raises(SettingsError, match="settings of 'odd' cannot be written as JSON"):
        run_suite(
            replace(spec, optimizers=(OptimizerEntry("odd"),), plugins=(plugin,)), tmp_path / "out"
        )


def test_only_failed_leaves_alone_what_was_not_tried(spec: SuiteSpec, tmp_path: Path) -> None:
    mixed = odd(spec, tmp_path, "raise RuntimeError('no')")
    first = run_suite(mixed, tmp_path / "out")
    failed = len(first.failures)
    assert 0 < failed < 6
    (tmp_path / "odd.py.mended").touch()
    again = run_suite(replace(mixed, runs=20), tmp_path / "out", only_failed=True)
    assert (again.new, again.done) == (failed, 12)
    assert list((tmp_path / "out").rglob("*.failed")) == []


def test_a_long_suite_is_estimated_from_the_first_run_of_each_method(
    spec: SuiteSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    run_suite(spec, tmp_path / "short", announce=said.append)
    assert said == []
    monkeypatch.setattr(campaign_module, "_LARGE", 0.0)
    run_suite(spec, tmp_path / "long", announce=said.append)
    (line,) = said
    assert line.startswith(
        "estimate, from the first run of each method: 0.0 core-hours for the 5 runs to come"
    )


def test_a_worker_must_find_the_very_same_suite(
    spec: SuiteSpec, small101: Path, tmp_path: Path
) -> None:
    given = instructions_for(plan(spec))
    assert Worker(given).do(Task("small101", "random_search", 0)).failure is None
    with pytest.raises(SuiteError, match=r"it has numpy \S+; install 1\.0 there"):
        Worker(replace(given, versions={**given.versions, "numpy": "1.0"}))
    with pytest.raises(SuiteError, match="other source code of regretta"):
        Worker(replace(given, code="0"))
    other = {"small101": replace(given.suite.tables["small101"], checksum="0" * 64)}
    with pytest.raises(SuiteError, match="it has another table 'small101'"):
        Worker(replace(given, suite=replace(given.suite, tables=other)))


@pytest.mark.parametrize("own", [True, False])
def test_a_plugin_that_a_worker_lacks_comes_with_the_instructions(
    spec: SuiteSpec, tmp_path: Path, own: bool
) -> None:
    here = odd(spec, tmp_path, "pass")
    plugin = tmp_path / "odd.py"
    plugin.write_text("from helper import TEXT\n" + plugin.read_text())
    (tmp_path / "helper.py").write_text("TEXT = 'beside'")
    if own:  # of one optimizer, not of the suite
        entries = (*spec.optimizers, OptimizerEntry("odd", plugin=plugin))
        here = replace(here, optimizers=entries, plugins=())
    given = instructions_for(plan(here))
    for path in (plugin, tmp_path / "helper.py"):
        path.unlink()
    assert Worker(given).do(Task("small101", "odd", 0)).failure is None
