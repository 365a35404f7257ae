"""Where runs lie on disk: a file each, or many in one compacted file, and how the one becomes the
other.

A compacted file holds the very bytes of the run files it took the place of, a line a run in order
of number, and is named after its checksum: ``runs/<table>/<label>/<first 16 hexadecimal digits of
SHA-256>.jsonl``. Every line carries its own checksum too, so that damage to one run costs that run
only. Files are deleted only after a compacted file that has them is on disk and was read back;
whatever dies meanwhile, each run is there once or twice with equal bytes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

from regretta.harness.result import ResultError, RunResult, verified
from regretta.harness.run import Run
from regretta.harness.store.traces import compact_traces
from regretta.tabular_data.documents import LARGEST, DocumentError, open_file, read_bytes
from regretta.tabular_data.locks import locked
from regretta.tabular_data.names import file_name
from regretta.tabular_data.storage import folder_below, write_atomically

_NUMBER = re.compile(rb'"number":(\d{1,18}),')
_LONGEST_NUMBER = 18
_SHORTEST = 100
"""Bytes that a run has at least."""
_WAIT_SECONDS = 2.0


@dataclass(frozen=True)
class Stored:
    """A run on disk, its checksum verified.

    Attributes
    ----------
    path
        The file it is in.
    data
        The bytes of its run file.
    """

    path: Path
    data: bytes


@dataclass(frozen=True)
class Damage:
    """A file that is damaged, or holds what is: which one, and what is wrong with it.

    Attributes
    ----------
    path, message
        The file, and what is said of it.
    unread
        Whether it only could not be read now, by whatever reason the system has: what is in it may
        be whole.
    """

    path: Path
    message: str
    unread: bool = False

    @classmethod
    def of(cls, path: Path, error: OSError | ResultError | DocumentError) -> Self:
        """What an error says of a file."""
        if isinstance(error, OSError):
            said = f"result {path} cannot be read: {error.strerror or error}"
            return cls(path, said, unread=True)
        return cls(path, f"result {path} is damaged ({error}); run the suite again")


@dataclass(frozen=True)
class Found:
    """What lies in the folder of one label.

    Attributes
    ----------
    runs
        Usable runs by number; where a file of its own and a compacted one both have a run, the
        former.
    damaged
        Files that are not what they should be.
    """

    runs: Mapping[int, Stored]
    damaged: tuple[Damage, ...]


@dataclass(frozen=True)
class Compaction:
    """What `compact` did: runs that are in compacted files now, and files before and after."""

    runs: int
    files_before: int
    files_after: int
    skipped: tuple[str, ...] = field(default=())


def run_path(folder: Path, table: str, label: str, number: int) -> Path:
    """File of a run: ``runs/<table>/<label>/<number>.json`` below the suite's folder."""
    return folder / "runs" / file_name(table) / file_name(label) / f"{number:05d}.json"


def checkpoint_folder(folder: Path, run: Run) -> Path:
    """Where a run may keep what it needs to go on: beside its file, named after it and a digest.

    The digest is over all that decides the run, so that no other run ever finds it.
    """
    decides = [
        run.protocol.as_dict(),
        [run.benchmark.checksum, run.searched.checksum],
        [run.optimizer.name, asdict(run.settings), run.code],
        [run.seed, run.time_limit, run.evaluations, run.simulated_workers],
    ]
    digest = sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
    path = run_path(folder, run.benchmark.name, run.label, run.number)
    return path.with_suffix(f".{digest}.checkpoint")


def clear_checkpoints(folder: Path, table: str, label: str, number: int) -> None:
    """Remove what a run kept to go on."""
    path = run_path(folder, table, label, number)
    for kept in path.parent.glob(f"{path.stem}.*.checkpoint"):
        shutil.rmtree(kept, ignore_errors=True)


def write_run(folder: Path, result: RunResult) -> Path:
    """Write a run's file atomically and return its path."""
    path = run_path(folder, result.table, result.label, result.number)
    folder_below(folder, *path.parent.relative_to(folder).parts)
    write_atomically(path, result.to_json())
    return path


def read_run(path: str | Path) -> RunResult:
    """Read a run's file.

    Raises
    ------
    ResultError
        If it cannot be read, or is truncated, altered or of another version.
    """
    try:
        return RunResult.from_json(read_bytes(Path(path)))
    except OSError as error:
        raise ResultError(f"result {path} cannot be read: {error.strerror}") from error
    except (ResultError, DocumentError) as error:
        raise ResultError(
            f"result {path} is damaged ({error}); delete it and run the suite again"
        ) from error


def is_number(name: str) -> bool:
    """Whether a file's name, without what follows the dot, is the number of a run."""
    return name.isascii() and name.isdigit() and len(name) <= _LONGEST_NUMBER


def label_folders(folder: Path) -> list[Path]:
    """The folders ``runs/<table>/<label>`` of a suite, in order."""
    return sorted(
        path
        for path in (folder / "runs").glob("*/*")
        if path.is_dir() and not any(place.is_symlink() for place in (path, path.parent))
    )


def find_runs(folder: Path) -> Found:
    """Read and verify all runs in the folder of one label; a folder that is not there has none."""
    names: list[str] = []
    runs: dict[int, Stored] = {}
    damaged: list[Damage] = []
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        pass
    except OSError as error:
        damaged.append(Damage.of(folder, error))
    for name in names:
        if name.endswith(".jsonl") and not name.startswith("."):
            damaged += _read_compacted(folder / name, runs)
    for name in names:
        if name.endswith(".json") and is_number(name[:-5]):
            path = folder / name
            try:
                data = read_bytes(path)
                verified(data)
                runs[int(path.stem)] = Stored(path, data)
            except FileNotFoundError:  # compacted meanwhile
                continue
            except (OSError, ResultError, DocumentError) as error:
                damaged.append(Damage.of(path, error))
    return Found(dict(sorted(runs.items())), tuple(damaged))


def _read_compacted(path: Path, runs: dict[int, Stored]) -> Iterator[Damage]:
    bad = 0
    digest = sha256()
    try:
        with open_file(path) as file:
            while line := file.readline(LARGEST):
                digest.update(line)
                if len(line) < _SHORTEST:
                    bad += 1
                    continue
                try:
                    verified(line)
                    runs[_number_of(line)] = Stored(path, line)
                except ResultError:
                    bad += 1
    except FileNotFoundError:
        return
    except (OSError, DocumentError) as error:
        yield Damage.of(path, error)
        return
    if _name(digest.hexdigest()) != path.name:
        what = f"{bad} of its runs cannot be used" if bad else "it is truncated"
        yield Damage(path, f"results {path} are damaged ({what}); run the suite again")


def _number_of(line: bytes) -> int:
    number = _NUMBER.search(line)
    if number is None:
        raise ResultError("it has no number")
    return int(number[1])


def _name(digest: str) -> str:
    return f"{digest[:16]}.jsonl"


def write_compacted(folder: Path, runs: Mapping[int, bytes]) -> Path:
    """Write runs by number into one file of a label's folder; it is on disk for good then."""
    content = b"".join(runs[number] for number in sorted(runs))
    path = folder / _name(sha256(content).hexdigest())
    write_atomically(path, content)
    for each in (path, folder):
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return path


def set_aside(path: Path, replaced: Iterable[int] = ()) -> Path | None:
    """Rename a file that cannot be used; the usable runs of a compacted one stay, in a new file.

    A damaged file becomes ``.damaged``. One with whole runs that are to be replaced becomes
    ``.replaced``, ``.replaced2`` and so on, so that none is lost.

    Parameters
    ----------
    path
        The file.
    replaced
        Whole runs that are not to stay.

    Returns
    -------
    Path or None
        Its new name; None if it has gone meanwhile, because somebody else set it aside.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    if path.suffix == ".jsonl":
        runs: dict[int, Stored] = {}
        for _ in _read_compacted(path, runs):
            pass
        keep = {
            number: stored.data for number, stored in runs.items() if number not in set(replaced)
        }
        if keep:
            write_compacted(path.parent, keep)
    aside = path.with_suffix(".damaged")
    if replaced:
        names = (path.with_suffix(f".replaced{number}") for number in ("", *range(2, 10**6)))
        aside = next(name for name in names if not name.exists())
    try:
        os.replace(path, aside)
    except FileNotFoundError:
        return None
    return aside


def compact(folder: str | Path) -> Compaction:
    """Put the finished runs of a suite's folder into one file a table and label; nothing is lost.

    So with their traces. Damaged files and records of failed runs stay as they are.

    Raises
    ------
    ResultError
        If the folder holds no suite, a run or another compaction is at work in it, or it cannot be
        written.
    """
    folder = Path(folder)
    if not (folder / "suite.json").exists() or not (folder / "runs").is_dir():
        raise ResultError(f"{folder} holds no suite: it has no suite.json or no runs")
    with locked(folder / "runs", exclusive=True, patience=_WAIT_SECONDS) as lock:
        if not lock.held:
            raise ResultError(
                f"somebody is at work in {folder}; compact it when the run there is over"
            )
        try:
            return _compact(folder)
        except OSError as error:
            raise ResultError(
                f"cannot write to {folder}: {error.strerror or error}; all runs are still there"
            ) from error


def _compact(folder: Path) -> Compaction:
    runs = before = after = 0
    skipped: list[str] = []
    for label in label_folders(folder):
        files = [path for path in label.iterdir() if path.suffix in (".json", ".jsonl")]
        before += _count(label)
        compact_traces(label)
        found = find_runs(label)
        damaged = {damage.path for damage in found.damaged}
        skipped += [damage.message for damage in found.damaged]
        if found.runs:
            written = write_compacted(
                label, {number: stored.data for number, stored in found.runs.items()}
            )
            again: dict[int, Stored] = {}
            if list(_read_compacted(written, again)) or again.keys() != found.runs.keys():
                raise OSError(f"{written.name} cannot be read back as it was written")
            for path in files:
                if path != written and path not in damaged and _contained(path, again):
                    path.unlink(missing_ok=True)
            runs += len(again)
        after += _count(label)
    return Compaction(runs, before, after, tuple(skipped))


def _count(label: Path) -> int:
    """Files of runs and traces in the folder of a label."""
    kinds = (".json", ".jsonl", ".trace", ".traces")
    return sum(path.suffix in kinds for path in label.iterdir())


def _contained(path: Path, runs: Mapping[int, Stored]) -> bool:
    """Whether every run of a file is among `runs`, with the same bytes."""
    lines = path.read_bytes().splitlines(keepends=True)
    kept = {stored.data for stored in runs.values()} if len(lines) > 1 else None
    if kept is not None:
        return all(line in kept for line in lines)
    number = _NUMBER.search(lines[0]) if lines else None
    return number is not None and int(number[1]) in runs and runs[int(number[1])].data == lines[0]
