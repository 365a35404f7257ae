"""What a campaign refuses before its first run, tries again, and estimates."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.cli import main
from regretta.harness import campaign as campaign_module
from regretta.harness.campaign import run_suite
from regretta.harness.planning import plan
from regretta.harness.spec import OptimizerEntry, SpecError, SuiteSpec
from regretta.harness.store.folder import spec_of_folder
from regretta.harness.store.results import load_suite
from regretta.harness.store.status import suite_status
from regretta.optimizers.base import SettingsError
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


@given(
    runs=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    parts=st.integers(1, 9),
)
def test_every_run_is_in_one_part_and_each_method_has_its_share_of_each(
    small101: Path, runs: list[int], parts: int
) -> None:
    entries = tuple(
        OptimizerEntry("random_search", label=f"m{k}", runs=n) for k, n in enumerate(runs)
    )
    suite = plan(SuiteSpec("small", (str(small101),), entries, time_limit=1e4))
    shares = [replace(suite, part=(k + 1, parts)) for k in range(parts)]
    tasks = [task for share in shares for task in share.tasks()]
    assert sorted(tasks, key=str) == sorted(suite.tasks(), key=str)
    for share in shares:
        counts = share.counts()
        counted = Counter((task.table, task.label) for task in share.tasks())
        assert {kind: n for kind, n in counts.items() if n} == counted
        for k, n in enumerate(runs):
            assert n // parts <= counts["small101", f"m{k}"] <= -(-n // parts)


def test_a_part_that_cannot_be_is_one_line(
    small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("0/3", "4/3", "2", "a/b", "/", "1/0", "-1/2", "²/3"):
        out = str(tmp_path / "out")
        assert main(["run", "quick", "--part", part, "--out", out]) == 2
        assert re.match("regretta: (--part|a part) is one of", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_a_method_may_have_fewer_runs_than_the_others(spec: SuiteSpec, tmp_path: Path) -> None:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("hyperband", runs=2))
    both = replace(spec, optimizers=entries, runs=3)
    assert run_suite(both, tmp_path).done == 5
    rows = {row.label: (row.done, row.missing) for row in suite_status(tmp_path).rows}
    assert rows == {"random_search": (3, 0), "hyperband": (2, 0)}
    assert spec_of_folder(tmp_path).optimizers[1].runs == 2
    (table,) = (found := load_suite(tmp_path)).tables
    assert [len(found.runs[table][label]) for label in found.labels] == [3, 2]
    # More of both may join; fewer take nothing away.
    assert run_suite(both.changed(runs=4), tmp_path).done == 8
    assert run_suite(both, tmp_path).new == 0
    assert [load_suite(tmp_path).planned(label) for label in found.labels] == [4, 4]


def test_only_failed_leaves_alone_what_was_not_tried(spec: SuiteSpec, tmp_path: Path) -> None:
    mixed = odd(spec, tmp_path, "raise RuntimeError('no')")
    first = run_suite(mixed, tmp_path / "out")
    failed = len(first.failures)
    assert 0 < failed < 6
    (tmp_path / "odd.py.mended").touch()
    again = run_suite(replace(mixed, runs=20), tmp_path / "out", only_failed=True)
    assert (again.new, again.done) == (failed, 12)
    assert list((tmp_path / "out").rglob("*.failed")) == []


def test_a_long_suite_is_estimated_before_it_starts_and_again_from_its_first_runs(
    spec: SuiteSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    run_suite(spec, tmp_path / "short", announce=said.append)
    assert said == []
    monkeypatch.setattr(campaign_module, "_LARGE", 0.0)
    run_suite(spec, tmp_path / "long", announce=said.append)
    before, meanwhile = said
    assert before.startswith("estimate before the start, from runs measured elsewhere")
    assert "random_search" in before
    assert re.match(r"estimate, from the first 2 runs: 0\.0 core-hours for the \d runs", meanwhile)


def test_a_billion_runs_start_at_once_and_more_are_refused(spec: SuiteSpec, tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def progress(done: int, total: int) -> None:
        assert total == 1_000_000_000
        if done == 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        run_suite(replace(spec, runs=1_000_000_000), tmp_path / "out", progress=progress)
    assert len(list((tmp_path / "out").rglob("0*.json"))) == 3
    with pytest.raises(SpecError, match="runs must be from 1 to 1,000,000,000, got 10000000000"):
        replace(spec, runs=10**12)
