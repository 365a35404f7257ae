"""What is no repetition is never mixed, and no folder is merged where it cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regretta.cli import main
from regretta.harness.identity import SuiteError, SuiteIdentity
from regretta.harness.protocols import get_protocol
from regretta.harness.store.files import compact, run_path
from regretta.harness.store.merge import merge_folders
from regretta.harness.store.sources import read_sources
from regretta.harness.store.status import suite_status
from tests.harness.store.folders import (
    ALL,
    everything,
    folder_of,
    rewrite,
    runs_of,
)


def _method(label: str, **changes: Any) -> Callable[[SuiteIdentity], SuiteIdentity]:
    return lambda s: replace(s, methods={**s.methods, label: replace(s.methods[label], **changes)})


def _table(**changes: Any) -> Callable[[SuiteIdentity], SuiteIdentity]:
    return lambda s: replace(s, tables={"small101": replace(s.tables["small101"], **changes)})


CONTRADICTIONS: dict[str, tuple[Callable[[SuiteIdentity], SuiteIdentity], str]] = {
    "seed": (
        lambda s: replace(s, seed=6),
        "seed is 5 in {a} and 6 in {b}; runs of two seeds have the same numbers, so that one folder"
        " cannot hold both: report them together (regretta report {a} {b}), or run the suite with",
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
