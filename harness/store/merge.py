"""Folders of results of one suite, of several machines say, become one folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from regretta.harness.identity import DamagedError, SuiteError, SuiteIdentity
from regretta.harness.result import checksum_of, verified
from regretta.harness.store.files import run_path, write_compacted
from regretta.harness.store.folder import (
    at_work,
    clear_disk_errors,
    keep_plugin,
    kept_plugin,
    read_identity,
)
from regretta.harness.store.mergeable import Source, joined, sources_of, suite_at
from regretta.harness.store.outcomes import failures_in, write_failure
from regretta.harness.store.scan import LabelFiles, lying
from regretta.harness.store.sources import (
    SourceFolder,
    pairs_of,
    read_sources,
    united,
    without,
    write_sources,
)
from regretta.harness.store.traces import place_of, write_trace
from regretta.harness.suite import Failure, Task
from regretta.harness.trace_bytes import from_bytes
from regretta.tabular_data.documents import DocumentError, read_bytes, read_json
from regretta.tabular_data.locks import locked
from regretta.tabular_data.names import file_name
from regretta.tabular_data.scratch import clear_leftovers, remove, scratch_folder
from regretta.tabular_data.storage import folder_below, write_atomically

_PATIENCE = 30.0
_AGAIN = "what is there stays, run the same command to go on"


@dataclass(frozen=True)
class Merge:
    """What `merge_folders` did.

    Attributes
    ----------
    folder
        The merged folder.
    runs, new
        Runs there now, and how many of them it did not have before.
    twice
        Runs that a folder has with the same bytes as one before it; they count once.
    failed
        Runs that failed and that no folder has finished.
    notes
        What a user should know, a line each.
    """

    folder: Path
    runs: int
    new: int
    twice: int
    failed: int
    notes: tuple[str, ...]


def merge_folders(out: str | Path, folders: Sequence[str | Path]) -> Merge:
    """Put all runs of some folders of one suite into one folder, which is like any other then.

    The folders are read only. What differs where it must not is refused before anything is written:
    a run with other content, a table, protocol, limit, setting, or code. A folder that is new is
    there whole or not at all; one that is a suite's already gains the runs that it lacks, file by
    file, and the same call goes on where it was interrupted.

    Parameters
    ----------
    out
        The folder to make, or one of the same suite that is there.
    folders
        Folders of results. One that is named twice counts once.

    Raises
    ------
    SuiteError
        If a folder holds no suite, has damaged runs, or contradicts another one; if `out` holds
        something else, is one of the folders or lies within one, or cannot be written.
    """
    name, target = str(out), Path(os.path.realpath(out))
    notes: list[str] = []
    sources = sources_of(name, target, folders, notes)
    there = suite_at(name, target)
    everyone = ([there] if there else []) + sources
    identity = joined(everyone, notes)
    with clear_disk_errors(Path(name), _AGAIN):
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(target.parent, target.name)
        scratch, lock = scratch_folder(target)
        try:
            os.chmod(scratch, 0o755)
            done = _fill(scratch, identity, everyone, there, notes)
            if target.exists():
                _add(target, scratch, identity)
            else:
                os.rename(scratch, target)
        finally:
            remove(scratch)
            lock.close()
    return replace(done, folder=Path(name))


# -- what they have --------------------------------------------------------------------------


def _fill(
    scratch: Path,
    identity: SuiteIdentity,
    everyone: Sequence[Source],
    there: Source | None,
    notes: list[str],
) -> Merge:
    """Write all that the place does not have yet into a folder beside it."""
    runs = new = twice = failed = lost = 0
    measured: dict[str, dict[str, None]] = {}
    folder_below(scratch, "runs")
    for table in identity.tables:
        for label in identity.methods:
            kept: dict[int, tuple[Source, bytes]] = {}
            traced: dict[int, Source] = {}
            failures: dict[int, Failure] = {}
            for source in everyone:
                if table not in source.identity.tables or label not in source.identity.methods:
                    continue
                files = _read(source, table, label)
                for failure in failures_in(files):
                    failures.setdefault(failure.number, failure)
                for number, stored in files.runs.items():
                    if number in files.traced:
                        traced.setdefault(number, source)
                    first, data = kept.setdefault(number, (source, stored.data))
                    if data != stored.data:
                        task = Task(table, label, number)
                        raise SuiteError(_other_content(task, first, data, source, stored.data))
                    twice += first not in (source, there)
                    if b'"search_seconds":0.0,' not in data:
                        measured.setdefault(label, {})[source.name] = None
                if files.runs:
                    source.runs.setdefault(table, {})[label] = pairs_of(files.runs)
            fresh = {n: data for n, (source, data) in kept.items() if source is not there}
            runs, new = runs + len(kept), new + len(fresh)
            if fresh:
                place = folder_below(scratch, "runs", file_name(table), file_name(label))
                write_compacted(place, fresh)
            for number, source in traced.items():
                if source is not there:
                    task = Task(table, label, number)
                    lost += not _copy_trace(scratch, source, task, kept[number][1])
            for number in sorted(failures.keys() - kept.keys()):
                failed += 1
                folder_below(scratch, "runs", file_name(table), file_name(label))
                write_failure(scratch, failures[number])
    if lost:
        notes.append(
            f"{lost} traces are damaged or cannot be read, and are left out; their runs are whole"
        )
    for label, names in measured.items():
        if len(names) > 1:
            notes.append(
                f"{label!r} charges seconds that were measured where it ran, and its runs are from"
                f" {len(names)} folders ({_listed(list(names))}): on different machines these are"
                " not the same seconds"
            )
    _keep_plugins(scratch, identity, everyone, notes)
    write_sources(scratch, _origins(everyone, there.name if there else "", notes))
    write_atomically(scratch / "suite.json", identity.to_json())
    return Merge(scratch, runs, new, twice, failed, tuple(notes))


def _read(source: Source, table: str, label: str) -> LabelFiles:
    """A folder's files of a label, all of them its suite's and whole."""
    with _kept_still(source):
        files = lying(source.folder, source.identity, table, label)
    way = "run the suite again there, or move it away, and merge again"
    for damage in files.damaged:
        raise SuiteError(f"{damage.message.partition(';')[0]}; {way}")
    for stored in files.foreign.values():
        raise SuiteError(
            f"result {stored.path} is of another suite, or of other code than"
            f" {source.folder / 'suite.json'} says; {way}"
        )
    return files


def _copy_trace(scratch: Path, source: Source, task: Task, run: bytes) -> bool:
    """Copy the trace of a run; whether it was whole."""
    address = (task.table, task.label, task.number)
    checksum = checksum_of(run)
    try:
        place = place_of(run_path(source.folder, *address), checksum, [])
        if place is None:
            return False
        data = place.read()
        from_bytes(data, checksum)
    except (OSError, DocumentError):
        return False
    folder_below(scratch, "runs", file_name(task.table), file_name(task.label))
    write_trace(run_path(scratch, *address), run, data)
    return True


@contextmanager
def _kept_still(source: Source) -> Iterator[None]:
    """Keep others from compacting a folder while it is read; runs may go on."""
    try:
        with locked(source.folder / "runs", exclusive=False, patience=_PATIENCE) as lock:
            if not lock.held:
                raise SuiteError(
                    f"{source.name} is being compacted; run the same command when that is over"
                )
            yield
            return
    except FileNotFoundError:  # it has no runs yet
        pass
    except OSError as error:
        raise SuiteError(f"{source.name} cannot be read: {error.strerror or error}") from error
    yield


def _other_content(task: Task, one: Source, first: bytes, other: Source, second: bytes) -> str:
    """What is said of a run that two folders have with other bytes."""
    here, there = read_json(verified(first)), read_json(verified(second))
    differing = [key for key in here | there if here.get(key) != there.get(key)]
    return (
        f"run {task.number} of {task.label!r} on {task.table} is in {one.name} and in {other.name}"
        f" with other content (other {', '.join(differing) or 'spelling'}); merge one of the two"
        " folders only, or move that run away in one"
    )


def _keep_plugins(
    scratch: Path, identity: SuiteIdentity, everyone: Sequence[Source], notes: list[str]
) -> None:
    """Copy the plugins that the suite needs to be gone on with."""
    copies = [
        *(method.plugin for method in identity.methods.values()),
        *(table.plugin for table in identity.tables.values()),
    ]
    for copy in dict.fromkeys(filter(None, copies)):
        for source in everyone:
            with suppress(SuiteError, OSError, RecursionError, MemoryError):
                plugin = kept_plugin(source.folder, copy)
                if plugin is not None:
                    keep_plugin(plugin, scratch)
                    break
        else:
            notes.append(
                f"no folder has {copy} as its runs were made with: the merged folder can be"
                " reported and exported, not gone on with"
            )


def _origins(everyone: Sequence[Source], out: str, notes: list[str]) -> list[SourceFolder]:
    """Where all runs are from; those of a merged folder from where these were."""
    found: list[SourceFolder] = []
    for source in everyone:
        try:
            earlier = read_sources(source.folder)
        except DamagedError as error:
            notes.append(str(error))
            earlier = ()
        suite = sha256(read_bytes(source.folder / "suite.json")).hexdigest()
        codes = {label: m.fingerprint for label, m in source.identity.methods.items()}
        own = without(SourceFolder(source.name, suite, codes, source.runs), earlier)
        within = "" if source.name == out else f" in {source.name}"
        found += [replace(each, folder=each.folder + within) for each in earlier]
        found += [own] if own.runs else []
    return united(found)


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# -- into a folder that is there -------------------------------------------------------------


def _add(target: Path, scratch: Path, identity: SuiteIdentity) -> None:
    """Add what lies in a scratch folder to a suite's folder, or to an empty one.

    The suite and where runs are from come first: what is there is a suite at any moment.
    """
    with at_work(target) as place, locked(target, exclusive=True, patience=_PATIENCE) as lock:
        if not lock.held:
            raise SuiteError(f"another process is starting in {target}; run the same command again")
        with place.writing():
            if (target / "suite.json").exists():
                identity = read_identity(target).joined(identity)
            write_atomically(target / "suite.json", identity.to_json())
            for path in sorted(scratch.rglob("*"), key=_turn):
                below = path.relative_to(scratch)
                if path.is_file() and path.name != "suite.json":
                    place_of_it = folder_below(target, *below.parent.parts)
                    write_atomically(place_of_it / path.name, path.read_bytes())


def _turn(path: Path) -> tuple[bool, bool]:
    """What is written first: where runs are from, then traces, then runs."""
    return path.name != "sources.json", path.suffix != ".trace"
