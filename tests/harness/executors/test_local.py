"""Worker processes of this machine: a run that kills its worker fails alone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.results import load_suite
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
        assert f"its worker process died 3 times ({end}" in failure.message
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
        plugin.read_text() + f"\nassert os.getpid() == {os.getpid()}, 'not at home'\n"
    )
    with pytest.raises(
        SuiteError, match=r"a worker process cannot start: plugin .*odd.py fails .* not at home"
    ):
        run_suite(mixed, tmp_path / "out", workers=2)
