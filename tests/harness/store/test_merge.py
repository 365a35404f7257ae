"""Folders of several machines become one: nothing is lost, nothing is mixed, sources stay."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.identity import MethodIdentity, SuiteError, SuiteIdentity
from regretta.harness.protocols import get_protocol
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store import merge as merging
from regretta.harness.store.export import export_suite
from regretta.harness.store.files import compact, find_runs, label_folders, run_path
from regretta.harness.store.folder import read_identity, spec_of_folder
from regretta.harness.store.merge import merge_folders
from regretta.harness.store.results import load_suite
from regretta.harness.store.sources import read_sources
from regretta.harness.store.status import suite_status
from regretta.plots.report import write_report
from regretta.plots.report_notes import measured_elsewhere, setup_rows
from regretta.tabular_data.locks import locked
from tests.file_faults import FAULTS, Fault, at_every_operation

RUNS = 3
ENTRIES = (OptimizerEntry("random_search"), OptimizerEntry("reinforce"))
Address = tuple[str, str, int]


@pytest.fixture(scope="module")
def spec(small101: Path) -> SuiteSpec:
    return SuiteSpec("s", (str(small101),), ENTRIES, time_limit=1e4, runs=RUNS, seed=5)


@pytest.fixture(scope="module")
def once(spec: SuiteSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite run at once."""
    out = tmp_path_factory.mktemp("once") / "out"
    run_suite(spec, out)
    return out


def runs_of(folder: Path) -> dict[tuple[str, str, int], bytes]:
    return {
        (label.parent.name, label.name, number): stored.data
        for label in label_folders(folder)
        for number, stored in find_runs(label).runs.items()
    }


def folder_of(
    path: Path, whole: Path, runs: Iterable[Address], change: Callable[[Any], Any] | None = None
) -> Path:
    """A folder with some of the runs of another one, of a suite that may differ."""
    identity = read_identity(whole)
    path.mkdir(parents=True)
    (path / "runs").mkdir()
    (path / "suite.json").write_bytes((change(identity) if change else identity).to_json())
    for address in runs:
        to = run_path(path, *address)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run_path(whole, *address), to)
    return path


def everything(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """What is in a folder, with the times at which it was written."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def sealed(body: Mapping[str, Any]) -> bytes:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return f'{text[:-1]},"sha256":"{sha256(text.encode()).hexdigest()}"}}\n'.encode()


def rewrite(path: Path, **changes: Any) -> None:
    """A run with other entries, and a checksum that fits."""
    body = json.loads(path.read_bytes())
    del body["sha256"]
    path.write_bytes(sealed({**body, **changes}))


ALL: list[Address] = [
    ("small101", label, number)
    for label in ("random_search", "reinforce")
    for number in range(RUNS)
]


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


# -- what contradicts itself -----------------------------------------------------------------


def _method(label: str, **changes: Any) -> Callable[[SuiteIdentity], SuiteIdentity]:
    return lambda s: replace(s, methods={**s.methods, label: replace(s.methods[label], **changes)})


def _table(**changes: Any) -> Callable[[SuiteIdentity], SuiteIdentity]:
    return lambda s: replace(s, tables={"small101": replace(s.tables["small101"], **changes)})


CONTRADICTIONS: dict[str, tuple[Callable[[SuiteIdentity], SuiteIdentity], str]] = {
    "seed": (
        lambda s: replace(s, seed=6),
        "seed is 5 in {a} and 6 in {b}; runs of two seeds would have the same numbers: run the"
        " suite with one --seed everywhere, and on each machine another --part of it",
    ),
    "protocol": (
        lambda s: replace(s, protocol=get_protocol("nats-2021")),
        "the protocol is 'default' in {a} and 'nats-2021' in {b}; such runs do not belong",
    ),
    "rules": (
        lambda s: replace(s, protocol=replace(s.protocol, observe="mean")),
        "{b} was made with other rules of protocol 'default' than {a};",
    ),
    "workers": (
        lambda s: replace(s, simulated_workers=4),
        "simulated_workers is 1 in {a} and 4 in {b};",
    ),
    "table": (
        _table(checksum="0" * 64),
        "checksum of 'small101' is '",
    ),
    "limit": (
        _table(time_limit=2e4),
        "time_limit of 'small101' is 10000.0 in {a} and 20000.0 in {b};",
    ),
    "settings": (
        _method("reinforce", settings={"learning_rate": 9}),
        "settings of 'reinforce' is {{",
    ),
    "code": (
        _method("reinforce", code="0" * 64),
        "'reinforce' was run with another version of the code of optimizer 'reinforce' in {a} than"
        " in {b}; runs of one label are repetitions of one another: do those of one of the two"
        " again with the same code and packages, or merge them into different folders",
    ),
    "harness": (
        _method("reinforce", harness="0" * 64),
        "'reinforce' was run with another version of Regretta's own code in {a} than in {b};",
    ),
    "packages": (
        lambda s: _method(
            "reinforce", packages={**s.methods["reinforce"].packages, "numpy": "1.0"}
        )(s),
        "and numpy 1.0 in {b}; runs of one label",
    ),
    "twins": (
        lambda s: replace(
            s, methods={{"reinforce": "Reinforce"}.get(k, k): m for k, m in s.methods.items()}
        ),
        "{a} and {b} do not fit: labels 'reinforce' and 'Reinforce' differ in case only",
    ),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_what_is_no_repetition_is_never_mixed(once: Path, tmp_path: Path, what: str) -> None:
    change, said = CONTRADICTIONS[what]
    folder_of(tmp_path / "m1", once, ALL[:1])
    folder_of(tmp_path / "m2", once, ALL[1:2])
    folder_of(tmp_path / "m3", once, [], change)
    with pytest.raises(SuiteError) as refusal:
        merge_folders(tmp_path / "all", [tmp_path / f"m{k}" for k in (1, 2, 3)])
    line = str(refusal.value)
    assert said.format(a=tmp_path / "m1", b=tmp_path / "m3") in line
    assert str(tmp_path / "m3") in line
    assert "\n" not in line
    assert not (tmp_path / "all").exists()
    # and a folder that is there stays as it is
    merge_folders(tmp_path / "all", [tmp_path / "m1", tmp_path / "m2"])
    before = everything(tmp_path / "all")
    with pytest.raises(SuiteError):
        merge_folders(tmp_path / "all", [tmp_path / "m3"])
    assert everything(tmp_path / "all") == before


def test_a_run_that_is_there_with_other_content_is_refused(once: Path, tmp_path: Path) -> None:
    folder_of(tmp_path / "m1", once, ALL[:2])
    folder_of(tmp_path / "m2", once, ALL[1:])
    rewrite(run_path(tmp_path / "m2", *ALL[1]), elapsed=1.0, notes=["measured elsewhere"])
    with pytest.raises(SuiteError) as refusal:
        merge_folders(tmp_path / "all", [tmp_path / "m1", tmp_path / "m2"])
    assert str(refusal.value) == (
        f"run 1 of 'random_search' on small101 is in {tmp_path / 'm1'} and in {tmp_path / 'm2'}"
        " with other content (other elapsed, notes); merge one of the two folders only, or move"
        " that run away in one"
    )
    assert not (tmp_path / "all").exists()


def test_a_run_that_is_there_with_the_same_content_counts_once(once: Path, tmp_path: Path) -> None:
    folder_of(tmp_path / "m1", once, ALL)
    folder_of(tmp_path / "m2", once, ALL[1:3])
    done = merge_folders(tmp_path / "all", [tmp_path / "m1", tmp_path / "m2"])
    assert (done.runs, done.new, done.twice) == (len(ALL), len(ALL), 2)
    again = merge_folders(tmp_path / "all", [tmp_path / "m1", tmp_path / "m2"])
    assert (again.runs, again.new) == (len(ALL), 0)


@pytest.mark.parametrize("compacted", [False, True])
def test_damaged_runs_are_refused(once: Path, tmp_path: Path, compacted: bool) -> None:
    folder = folder_of(tmp_path / "m1", once, ALL)
    if compacted:
        compact(folder)
    file = max(folder.rglob("*.jsonl" if compacted else "*.json"))
    if file.name == "suite.json":
        file = run_path(folder, *ALL[0])
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(SuiteError, match="run the suite again there, or move it away") as refusal:
        merge_folders(tmp_path / "all", [folder])
    assert str(file) in str(refusal.value)
    assert not (tmp_path / "all").exists()


def test_runs_of_other_code_than_the_folder_s_suite_are_refused(once: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "m1", once, ALL)
    rewrite(run_path(folder, *ALL[2]), code="0" * 64)
    with pytest.raises(SuiteError, match=r"00002.json is of another suite, or of other code than"):
        merge_folders(tmp_path / "all", [folder])


def test_suites_of_other_names_fit_and_that_is_told(once: Path, tmp_path: Path) -> None:
    folder_of(tmp_path / "m1", once, ALL[:3])
    folder_of(tmp_path / "m2", once, ALL[3:], lambda s: replace(s, name="other"))
    done = merge_folders(tmp_path / "all", [tmp_path / "m1", tmp_path / "m2"])
    assert done.notes == ("the folders' suites are called s, other; the merged one is s",)
    assert runs_of(tmp_path / "all") == runs_of(once)


# -- places ----------------------------------------------------------------------------------


def test_a_folder_that_is_named_twice_counts_once(once: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "m1", once, ALL)
    (tmp_path / "link").symlink_to(folder)
    done = merge_folders(tmp_path / "all", [folder, tmp_path / "link", folder])
    assert done.notes == (
        f"{tmp_path / 'link'} is the same folder as {folder}, and counts once",
        f"{folder} is the same folder as {folder}, and counts once",
    )
    assert (done.runs, done.twice) == (len(ALL), 0)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("m1", "is to be merged into itself"),
        ("link", "is to be merged into itself"),
        ("m1/all", "lies within"),
        ("m1/runs", "lies within"),
        ("link/deep/all", "lies within"),
        ("other", "is there and holds no suite"),
        ("file", "is there and holds no suite"),
        ("file/all", "cannot write to"),
        ("dangling/all", "cannot write to"),
    ],
)
def test_places_that_cannot_be_are_one_line(
    once: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, said: str
) -> None:
    folder = folder_of(tmp_path / "m1", once, ALL)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "dangling").symlink_to("/dev/null/nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = everything(tmp_path)
    assert main(["merge", str(tmp_path / out), str(folder)]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1
    assert everything(tmp_path) == before


def test_what_is_no_suite_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty"):
        assert main(["merge", str(tmp_path / "all"), str(folder)]) == 2
        assert f"{folder} holds no suite" in capsys.readouterr().err
    assert main(["merge", str(tmp_path / "all")]) == 2
    assert sorted(tmp_path.iterdir()) == [tmp_path / "empty"]


def test_one_folder_an_empty_one_and_three_hundred(once: Path, tmp_path: Path) -> None:
    one = folder_of(tmp_path / "one", once, ALL)
    assert merge_folders(tmp_path / "a", [one]).runs == len(ALL)
    none = folder_of(tmp_path / "none", once, [])
    shutil.rmtree(none / "runs")
    (tmp_path / "b").mkdir()
    assert merge_folders(tmp_path / "b", [none]).runs == 0
    assert suite_status(tmp_path / "b").planned == len(ALL)
    many = [folder_of(tmp_path / f"m{k}", once, ALL[k % len(ALL) :][:1]) for k in range(300)]
    done = merge_folders(tmp_path / "c", many)
    assert (done.runs, done.twice) == (len(ALL), 300 - len(ALL))
    assert len(read_sources(tmp_path / "c")) == 300


def test_links_within_out_are_not_written_through(once: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "m1", once, ALL)
    out = folder_of(tmp_path / "all", once, [])
    (tmp_path / "elsewhere").mkdir()
    (out / "runs" / "small101").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SuiteError, match="is a link; put a folder in its place"):
        merge_folders(out, [folder])
    assert list((tmp_path / "elsewhere").iterdir()) == []


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
        return _table(place="/nowhere/small101")(suite)

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
