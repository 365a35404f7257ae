"""Files that change under a run: the table, and the folder of the results."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SuiteSpec, read_spec
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.table import Table
from tests.harness.clusters import Cluster
from tests.harness.held import held_suite
from tests.harness.test_faults import command, files, wait_for_results

RUNS = 12


@pytest.fixture
def table(small101: Path, tmp_path: Path) -> Path:
    """A table that may be spoilt."""
    return Path(shutil.copytree(small101, tmp_path / "small101"))


def spec_of(table: Path) -> SuiteSpec:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("hyperband"))
    return SuiteSpec("small", (str(table),), entries, time_limit=1e4, runs=RUNS // 2)


@pytest.fixture
def undisturbed(table: Path, tmp_path: Path) -> dict[str, bytes]:
    run_suite(spec_of(table), tmp_path / "undisturbed")
    return files(tmp_path / "undisturbed")


def once(change: Callable[[], object], after: int = 4) -> Callable[[int, int], None]:
    """A progress that changes something when so many runs are done."""

    def progress(done: int, total: int) -> None:
        if done == after:
            change()

    return progress


def altered(table: Path, *, back_in_time: bool = False) -> None:
    """Other accuracies, of the same size, in the same file."""
    file = table / "validation_accuracy.npy"
    about = file.stat()
    values = np.load(file)
    with file.open("r+b") as opened:
        opened.seek(-values.nbytes, os.SEEK_END)
        opened.write((1 - values).tobytes())
    if back_in_time:
        os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))


def replaced(table: Path) -> None:
    old = Table.open(table)
    columns = {key: np.array(column) for key, column in old.columns.items()}
    columns["validation_accuracy"] = columns["validation_accuracy"] * 0.5
    Table.from_arrays(old.name, old.space, old.budgets, **columns).write(table)


CHANGES: dict[str, Callable[[Path], object]] = {
    "altered in place": altered,
    "altered in place under its old date": lambda table: altered(table, back_in_time=True),
    "truncated": lambda table: os.truncate(table / "training_seconds.npy", 200),
    "emptied": lambda table: os.truncate(table / "test_accuracy.npy", 0),
    "a column removed": lambda table: (table / "test_accuracy.npy").unlink(),
    "removed": shutil.rmtree,
    "replaced": replaced,
    "another header": lambda table: (table / "table.json").write_text("{}"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_that_changes_under_a_run_is_said_and_changes_no_result(
    table: Path, undisturbed: dict[str, bytes], tmp_path: Path, change: str
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(table, tmp_path / "kept")
    with pytest.raises(
        SuiteError, match=r"stopped, as a table changed during its runs: .*small101"
    ) as caught:
        run_suite(spec_of(table), folder, progress=once(lambda: CHANGES[change](table)))
    assert str(caught.value).isprintable()
    kept = files(folder)
    assert 4 < len(kept) < len(undisturbed)
    assert kept.items() <= undisturbed.items()
    with pytest.raises((SuiteError, TableError)):  # nothing begins on it either
        run_suite(spec_of(table), folder)
    shutil.rmtree(table, ignore_errors=True)
    shutil.copytree(tmp_path / "kept", table)
    assert run_suite(spec_of(table), folder).done == RUNS
    assert files(folder) == undisturbed


SAME: dict[str, Callable[[Path], object]] = {
    "touched": lambda table: [os.utime(file) for file in table.iterdir()],
    "written again": lambda table: Table.open(table).write(table),
    "copied over": lambda table: [
        file.write_bytes(file.read_bytes()) for file in sorted(table.iterdir())
    ],
}


@pytest.mark.parametrize("change", SAME)
def test_a_table_that_stays_what_it_was_stops_nothing(
    table: Path, undisturbed: dict[str, bytes], tmp_path: Path, change: str
) -> None:
    run_suite(spec_of(table), tmp_path / "out", progress=once(lambda: SAME[change](table)))
    assert files(tmp_path / "out") == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "change"), [(1, "truncated"), (2, "truncated"), (1, "altered in place")]
)
def test_no_process_dies_of_a_table_that_changes_under_it(
    table: Path, tmp_path: Path, workers: int, change: str
) -> None:
    suite, door = held_suite(tmp_path, table, runs=3)
    shutil.copytree(table, tmp_path / "kept")
    folder = tmp_path / "out"
    process = command(suite, folder, workers)
    wait_for_results(folder, 1, process)
    CHANGES[change](table)
    door.touch()
    said = process.communicate(timeout=300)[1].splitlines()
    assert process.returncode == 2, said
    assert said[-1].startswith("regretta: stopped, as a table changed during its runs:")
    shutil.rmtree(table)
    shutil.copytree(tmp_path / "kept", table)
    kept = files(folder)
    for place in (folder, tmp_path / "undisturbed"):
        run_suite(read_spec(suite), place)
    assert files(folder) == files(tmp_path / "undisturbed")
    assert kept.items() <= files(folder).items()


@pytest.mark.slow
def test_a_table_that_changes_under_the_workers_of_a_cluster(
    table: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    with Cluster(tmp_path / "cluster") as cluster, cluster.workers(2):
        with pytest.raises(SuiteError, match="a table changed during its runs"):
            run_suite(
                spec_of(table),
                folder,
                executor=cluster.executor(),
                progress=once(lambda: CHANGES["truncated"](table), after=1),
            )
        assert files(folder).items() <= undisturbed.items()
        with pytest.raises((SuiteError, TableError), match="small101"):
            run_suite(spec_of(table), folder, executor=cluster.executor())


GONE: dict[str, Callable[[Path], object]] = {
    "deleted": shutil.rmtree,
    "renamed": lambda folder: folder.rename(folder.with_name("elsewhere")),
    "its runs deleted": lambda folder: shutil.rmtree(folder / "runs"),
    "its runs renamed": lambda folder: (folder / "runs").rename(folder / "old runs"),
    "another in its place": lambda folder: (
        folder.rename(folder.with_name("elsewhere")),
        (folder / "runs" / "small101" / "random_search").mkdir(parents=True),
        (folder / "runs" / "small101" / "hyperband").mkdir(parents=True),
    ),
}


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("workers", "how"), [*((1, how) for how in GONE), (2, "deleted"), (2, "its runs renamed")]
)
def test_a_folder_that_vanishes_is_said_and_not_made_anew(
    table: Path, tmp_path: Path, how: str, workers: int
) -> None:
    folder = tmp_path / "out"
    after: list[str] = []

    def vanish() -> None:
        GONE[how](folder)
        after.extend(tree(tmp_path))

    with pytest.raises(SuiteError, match=r"out is not there any more: .* bring it back") as caught:
        run_suite(spec_of(table), folder, workers=workers, progress=once(vanish))
    assert str(caught.value).isprintable()
    assert tree(tmp_path) == after


def test_a_renamed_folder_goes_on_when_it_is_back(
    table: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    with pytest.raises(SuiteError, match="is not there any more"):
        run_suite(spec_of(table), folder, progress=once(lambda: GONE["renamed"](folder)))
    (tmp_path / "elsewhere").rename(folder)
    assert run_suite(spec_of(table), folder).done == RUNS
    assert files(folder) == undisturbed


def test_a_folder_that_is_unmounted_is_said_and_nothing_is_written_below_it(
    table: Path, small_disk: Path
) -> None:
    folder = small_disk / "out"

    def unmount() -> None:
        subprocess.run(["umount", "--lazy", str(small_disk)], check=True)

    try:
        with pytest.raises(SuiteError, match="is not there any more"):
            run_suite(spec_of(table), folder, progress=once(unmount))
        assert list(small_disk.iterdir()) == []
    finally:  # the fixture unmounts it
        subprocess.run(["mount", "-t", "tmpfs", "none", str(small_disk)], check=True)


@pytest.mark.parametrize("error", ["ESTALE", "EIO", "ENOTCONN", "ENODEV", "EACCES", "EROFS"])
@pytest.mark.parametrize("call", ["stat", "replace", "open", "listdir"])
def test_a_mount_that_died_is_one_line(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str, call: str
) -> None:
    """As those of a network are when the other side is gone: every call on them fails."""
    import errno

    folder = tmp_path / "out"
    run_suite(replace(spec_of(table), runs=1), folder)
    number = getattr(errno, error)
    real: Any = getattr(os, call)

    def dead(path: Any, *arguments: Any, **named: Any) -> Any:
        if not isinstance(path, int) and str(folder) in os.fspath(path):
            raise OSError(number, os.strerror(number))
        return real(path, *arguments, **named)

    before = tree(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, dead)
        with pytest.raises(SuiteError, match=os.strerror(number)) as caught:
            run_suite(spec_of(table), folder)
    assert str(caught.value).isprintable()
    assert [name for name in tree(folder) if ".damaged" in name] == []
    assert set(before) <= set(tree(folder)), "what is done is still there"
    run_suite(spec_of(table), folder)
