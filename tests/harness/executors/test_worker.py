"""A worker has the very suite that it is to work on, or says what differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regretta.harness.executors.worker import Worker, instructions_for
from regretta.harness.identity import SuiteError
from regretta.harness.planning import plan
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.suite import Task
from tests.harness.odd import odd


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


RELATIVE = """
from pathlib import Path
from regretta import Optimizer
from .helper import scaled

WEIGHTS = (Path(__file__).parent / "weights.txt").read_text()

class Mine(Optimizer):
    name = "mine"

    def ask(self):
        assert scaled(WEIGHTS) == "2 kg"
        return self.space.sample(self.rng, 1)[0]
"""


@pytest.fixture
def mine(spec: SuiteSpec, tmp_path: Path) -> SuiteSpec:
    """A plugin with a module and a data file beside it."""
    (tmp_path / "mine.py").write_text(RELATIVE)
    (tmp_path / "helper.py").write_text("def scaled(text):\n    return f'{int(text)} kg'\n")
    (tmp_path / "weights.txt").write_text("2")
    return replace(spec, optimizers=(OptimizerEntry("mine"),), plugins=(tmp_path / "mine.py",))


@pytest.mark.parametrize("lost", [("mine.py", "helper.py", "weights.txt"), ("weights.txt",)])
def test_data_beside_a_plugin_come_with_the_instructions(
    mine: SuiteSpec, tmp_path: Path, lost: tuple[str, ...]
) -> None:
    given = instructions_for(plan(mine))
    for name in lost:
        (tmp_path / name).unlink()
    outcome = Worker(given).do(Task("small101", "mine", 0))
    assert (outcome.failure, outcome.notes) == (None, ())


def test_a_plugin_with_other_data_at_its_place_is_not_taken_for_it(
    mine: SuiteSpec, tmp_path: Path
) -> None:
    given = instructions_for(plan(mine))
    (tmp_path / "weights.txt").write_text("3")
    assert Worker(given).do(Task("small101", "mine", 0)).failure is None


def test_a_failure_of_a_copy_is_told_of_the_users_file(mine: SuiteSpec, tmp_path: Path) -> None:
    (tmp_path / "weights.txt").write_text("two")
    given = instructions_for(plan(mine))
    (tmp_path / "mine.py").unlink()
    failure = Worker(given).do(Task("small101", "mine", 0)).failure
    assert failure is not None
    assert failure.place == f"{tmp_path.resolve() / 'helper.py'}:2"
    assert f'File "{tmp_path.resolve() / "mine.py"}", line 12' in failure.traceback
    assert "regretta-" not in failure.line
