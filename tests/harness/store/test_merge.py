"""Folders of several machines become one: nothing is lost, nothing is mixed, sources stay."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.identity import MethodIdentity, SuiteError, SuiteIdentity
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store import merge as merging
from regretta.harness.store.export import export_suite
from regretta.harness.store.files import compact, run_path
from regretta.harness.store.folder import read_identity, spec_of_folder
from regretta.harness.store.merge import merge_folders
from regretta.harness.store.results import load_suite
from regretta.harness.store.sources import read_sources
from regretta.harness.store.status import suite_status
from regretta.plots.report import write_report
from regretta.plots.report_notes import measured_elsewhere, setup_rows
from regretta.tabular_data.locks import locked
from tests.file_faults import FAULTS, Fault, at_every_operation
from tests.harness.store.folders import (
    ALL,
    RUNS,
    Address,
    everything,
    folder_of,
    rewrite,
    runs_of,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shares=st.lists(st.sets(st.sampled_from(ALL)), min_size=1, max_size=5),
    compacted=st.sets(st.integers(0, 4)),
    earlier=st.booleans(),
)
def test_any_shares_of_a_suite_s_runs_give_the_numbers_of_the_suite_run_at_once(
    once: Path,
    tmp_path_factory: pytest.TempPathFactory,
    shares: list[set[Address]],
    compacted: set[int],
    earlier: bool,
) -> None:
    tmp_path = tmp_path_factory.mktemp("shares")
    shares = [*shares, set(ALL).difference(*shares)]  # none is missing, some are there twice
    folders = [folder_of(tmp_path / f"m{k}", once, share) for k, share in enumerate(shares)]
    for k in compacted & set(range(len(folders))):
        compact(folders[k])
    before = [everything(folder) for folder in folders]
    out = tmp_path / "all"
    if earlier:  # some were merged before the others came
        merge_folders(out, folders[:1])
    done = merge_folders(out, folders)
    assert (done.runs, done.new) == (len(ALL), len(ALL) - (len(shares[0]) if earlier else 0))
    assert [everything(folder) for folder in folders] == before
    assert runs_of(out) == runs_of(once)
    assert (out / "suite.json").read_bytes() == (once / "suite.json").read_bytes()
    for made, whole in zip(
        export_suite(load_suite(out), tmp_path / "a", "csv"),
        export_suite(load_suite(once), tmp_path / "b", "csv"),
        strict=True,
    ):
        assert made.read_bytes() == whole.read_bytes()


def test_traces_come_along_with_their_runs(spec: SuiteSpec, tmp_path: Path) -> None:
    traced = replace(spec, trace=True)
    run_suite(traced, tmp_path / "m1", part=(1, 2))
    compact(tmp_path / "m1")
    run_suite(spec, tmp_path / "m2")
    run_suite(traced, tmp_path / "m3", part=(2, 2))
    merge_folders(tmp_path / "all", [tmp_path / "m1", tmp_path / "m2"])
    rows = suite_status(tmp_path / "all").rows
    assert sum(row.traced for row in rows) == 3
    done = merge_folders(tmp_path / "all", [tmp_path / "m3"])
    assert (done.new, done.notes) == (0, ())
    run_suite(traced, tmp_path / "once")
    for made in (tmp_path / "all", tmp_path / "once"):
        assert len(list(made.rglob("*.trace"))) == 2 * RUNS
    for path in (tmp_path / "once").rglob("*.trace"):
        copy = tmp_path / "all" / path.relative_to(tmp_path / "once")
        assert copy.read_bytes() == path.read_bytes()

    damaged = next((tmp_path / "m3").rglob("*.trace"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    (note,) = merge_folders(tmp_path / "two", [tmp_path / "m3"]).notes
    assert note == "1 traces are damaged or cannot be read, and are left out; their runs are whole"


def test_folders_of_different_methods_and_tables_make_the_whole_suite(
    spec: SuiteSpec, once: Path, tmp_path: Path
) -> None:
    for label in ("random_search", "reinforce"):
        run_suite(spec.changed(optimizers=[label]), tmp_path / label)
    merge_folders(tmp_path / "all", [tmp_path / "random_search", tmp_path / "reinforce"])
    assert (tmp_path / "all" / "suite.json").read_bytes() == (once / "suite.json").read_bytes()
    assert runs_of(tmp_path / "all") == runs_of(once)


def test_parts_of_a_suite_are_done_on_several_machines_and_reported_as_one(
    spec: SuiteSpec, once: Path, tmp_path: Path
) -> None:
    for k in (1, 2, 3):
        run_suite(spec, tmp_path / f"m{k}", part=(k, 3))
    assert [len(runs_of(tmp_path / f"m{k}")) for k in (1, 2, 3)] == [2, 2, 2]
    folders = [str(tmp_path / f"m{k}") for k in (1, 2, 3)]
    assert main(["merge", str(tmp_path / "all"), *folders]) == 0
    assert main(["run", str(tmp_path / "all"), "--no-report"]) == 0
    assert runs_of(tmp_path / "all") == runs_of(once)
    page = write_report(tmp_path / "all").read_text()
    other = write_report(once, tmp_path / "once").read_text()
    told = f"<dt>Merged from</dt><dd>3 folders: {', '.join(f'{f} (2 runs)' for f in folders)}</dd>"
    assert told in page
    assert page.replace(told, "") == other


def test_a_merged_folder_goes_on_with_the_plugins_it_needs(small101: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from regretta import Optimizer\nclass Mine(Optimizer):\n    name = 'mine'\n"
        "    def ask(self): return self.space.sample(self.rng, 1)[0]\n"
    )
    mine = SuiteSpec(
        "s", (str(small101),), (OptimizerEntry("mine"),), time_limit=1e4, runs=2, plugins=(plugin,)
    )
    run_suite(mine, tmp_path / "a", part=(1, 2))
    run_suite(mine, tmp_path / "b", part=(2, 2))
    done = merge_folders(tmp_path / "all", [tmp_path / "a", tmp_path / "b"])
    assert done.notes == ()
    again = run_suite(replace(spec_of_folder(tmp_path / "all"), runs=3), tmp_path / "all")
    assert (again.done, again.new) == (3, 1)
    row = dict(setup_rows(load_suite(tmp_path / "all")))["Merged from"]
    assert row.endswith("b (1 run); done in this folder itself: 1 run")

    shutil.rmtree(tmp_path / "a" / "plugins")
    shutil.rmtree(tmp_path / "b" / "plugins")
    (note,) = merge_folders(tmp_path / "two", [tmp_path / "a", tmp_path / "b"]).notes
    assert re.fullmatch(
        r"no folder has plugins/mine-\w+/mine.py as its runs were made with: the merged folder can"
        r" be reported and exported, not gone on with",
        note,
    )


# -- others at work, faults ------------------------------------------------------------------


def test_runs_that_are_being_done_are_told_and_compaction_is_waited_for(
    once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "m1", once, ALL)
    with locked(folder / "runs", exclusive=False):
        done = merge_folders(tmp_path / "all", [folder])
    assert done.notes == (
        f"runs are being done in {folder}: those that end after this are not in {tmp_path / 'all'};"
        " merge again when all are done",
    )
    monkeypatch.setattr(merging, "_PATIENCE", 0.1)
    with (
        locked(folder / "runs", exclusive=True),
        pytest.raises(SuiteError, match="m1 is being compacted; run the same command when that"),
    ):
        merge_folders(tmp_path / "two", [folder])


@pytest.fixture(scope="module")
def small(spec: SuiteSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of one method."""
    out = tmp_path_factory.mktemp("small") / "out"
    run_suite(spec.changed(optimizers=["random_search"]), out)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_an_interrupted_merge_leaves_no_half_folder(
    small: Path, tmp_path: Path, fault: Fault
) -> None:
    folders = [folder_of(tmp_path / "m1", small, ALL[:1])]
    folders.append(folder_of(tmp_path / "m2", small, ALL[1:RUNS]))
    before = [everything(folder) for folder in folders]
    out = tmp_path / "all"
    for _ in at_every_operation(lambda: merge_folders(out, folders), fault):
        if out.exists():
            assert runs_of(out) == runs_of(small)
            assert len(read_sources(out)) == 2
            shutil.rmtree(out)
    assert merge_folders(out, folders).runs == RUNS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "m1", "m2"]
    assert [everything(folder) for folder in folders] == before


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["killed", "fails once"])
def test_an_interrupted_merge_into_a_suite_s_folder_loses_nothing_and_goes_on(
    small: Path, tmp_path: Path, fault: Fault
) -> None:
    folders = [folder_of(tmp_path / "m1", small, ALL[1:RUNS])]
    begun = folder_of(tmp_path / "begun", small, ALL[:1])
    out = tmp_path / "all"
    shutil.copytree(begun, out)
    for _ in at_every_operation(lambda: merge_folders(out, folders), fault):
        left = runs_of(out)
        assert left.items() <= runs_of(small).items()
        assert left.items() >= runs_of(begun).items()
        assert merge_folders(out, folders).runs == RUNS
        assert runs_of(out) == runs_of(small)
        names = [Path(source.folder).name for source in read_sources(out)]
        assert sorted(names) == ["all", "m1"]
        assert not [path for path in out.rglob(".*") if path.is_file()]
        shutil.rmtree(out)
        shutil.copytree(begun, out)


def test_failed_runs_come_along_unless_another_folder_has_finished_them(
    small101: Path, tmp_path: Path
) -> None:
    plugin = tmp_path / "shaky.py"
    plugin.write_text(
        "import os\nfrom regretta import Optimizer\nclass Shaky(Optimizer):\n    name = 'shaky'\n"
        "    def ask(self):\n"
        "        if os.environ.get('SHAKY'): raise ValueError('no luck')\n"
        "        return self.space.sample(self.rng, 1)[0]\n"
    )
    shaky = SuiteSpec(
        "s", (str(small101),), (OptimizerEntry("shaky"),), time_limit=1e4, runs=3, plugins=(plugin,)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHAKY", "1")
        run_suite(shaky, tmp_path / "a")
    run_suite(shaky, tmp_path / "b", part=(2, 3))
    done = merge_folders(tmp_path / "all", [tmp_path / "a", tmp_path / "b"])
    assert (done.runs, done.failed) == (1, 2)
    (row,) = suite_status(tmp_path / "all").rows
    assert (row.done, row.failed, row.missing) == (1, 2, 0)
    failures = load_suite(tmp_path / "all").failures
    assert {failure.number for failure in failures} == {0, 2}
    assert all("no luck" in failure.message for failure in failures)
    assert run_suite(spec_of_folder(tmp_path / "all"), tmp_path / "all", only_failed=True).new == 2


# -- where runs are from ---------------------------------------------------------------------


def clocked(path: Path, once: Path, runs: Iterable[Address]) -> Path:
    """A folder whose REINFORCE measured seconds of its own."""
    folder = folder_of(path, once, runs)
    for address in runs:
        if address[1] == "reinforce":
            rewrite(run_path(folder, *address), search_seconds=12.5)
    return folder


def test_seconds_that_were_measured_in_several_folders_are_told(once: Path, tmp_path: Path) -> None:
    one, two = clocked(tmp_path / "m1", once, ALL[:4]), clocked(tmp_path / "m2", once, ALL[4:])
    (note,) = merge_folders(tmp_path / "all", [one, two]).notes
    assert note == (
        "'reinforce' charges seconds that were measured where it ran, and its runs are from 2"
        f" folders ({one}, {two}): on different machines these are not the same seconds"
    )
    (said,) = measured_elsewhere(load_suite(tmp_path / "all"))
    assert said.startswith("reinforce charges seconds that were measured where it ran")
    alone = clocked(tmp_path / "m3", once, ALL)
    assert merge_folders(tmp_path / "one", [alone]).notes == ()
    assert measured_elsewhere(load_suite(tmp_path / "one")) == []
    assert measured_elsewhere(load_suite(alone)) == []


def test_runs_of_merged_folders_are_from_where_these_were(once: Path, tmp_path: Path) -> None:
    for k in range(3):
        folder_of(tmp_path / f"m{k}", once, ALL[2 * k :][:2])
    merge_folders(tmp_path / "early", [tmp_path / "m0", tmp_path / "m1"])
    merge_folders(tmp_path / "all", [tmp_path / "early", tmp_path / "m2"])
    row = dict(setup_rows(load_suite(tmp_path / "all")))["Merged from"]
    early = f"in {tmp_path / 'early'}"
    assert row == (
        f"3 folders: {tmp_path / 'm0'} {early} (2 runs), {tmp_path / 'm1'} {early} (2 runs),"
        f" {tmp_path / 'm2'} (2 runs)"
    )


def test_a_damaged_list_of_sources_is_told_and_the_runs_stay(once: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "m1", once, ALL)
    merge_folders(tmp_path / "all", [folder])
    file = tmp_path / "all" / "sources.json"
    file.write_bytes(file.read_bytes().replace(b"m1", b"m2"))
    suite = load_suite(tmp_path / "all")
    assert suite.damaged == (
        f"{file} is damaged (its checksum does not match): which folders the runs are from is not"
        " known; delete it",
    )
    assert len(suite.runs["small101"]["reinforce"]) == RUNS
    (note,) = merge_folders(tmp_path / "more", [tmp_path / "all"]).notes
    assert note == suite.damaged[0]


def test_places_of_tables_are_those_that_are_there(once: Path, tmp_path: Path) -> None:
    def gone(suite: SuiteIdentity) -> SuiteIdentity:
        table = replace(suite.tables["small101"], place="/nowhere/small101")
        return replace(suite, tables={"small101": table})

    folder_of(tmp_path / "m1", once, ALL[:1])
    folder_of(tmp_path / "m2", once, ALL[1:2], gone)
    merge_folders(tmp_path / "all", [tmp_path / "m1", tmp_path / "m2"])
    merged = read_identity(tmp_path / "all")
    assert merged.tables["small101"].place == read_identity(once).tables["small101"].place


def test_a_forged_label_leads_nowhere(once: Path, tmp_path: Path) -> None:
    def forged(suite: SuiteIdentity) -> SuiteIdentity:
        method = MethodIdentity("x", {}, plugin="../../../etc/passwd")
        return replace(suite, methods={**suite.methods, "../../../x": method})

    folder = folder_of(tmp_path / "in" / "m1", once, ALL, forged)
    (tmp_path / "in" / "m1" / "runs" / "small101" / "~2e~2e").mkdir()
    merge_folders(tmp_path / "out" / "all", [folder])
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]
    assert os.listdir(tmp_path / "out") == ["all"]
