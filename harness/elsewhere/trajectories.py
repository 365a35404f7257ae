"""Files with trajectories of other people's code: CSV, JSON, or a folder of JSON.

What a file holds is kept as it is written; whether it fits a suite is for
`regretta.harness.elsewhere.joining`. A folder ``<method>/run_<id>.json`` is what the scripts of
automl/nas_benchmarks write: lists ``regret_test``, ``regret_validation`` and ``runtime``
(``tabular_benchmarks/nas_cifar10.py``, ``experiment_scripts/run_random_search.py`` there).
"""

from __future__ import annotations

import csv
import io
import json
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from regretta.harness.elsewhere.records import (
    LONGEST_NAME,
    MOST_RECORDS,
    NASLIB,
    NUMBERS,
    TEXTS,
    ElsewhereError,
    Records,
    Trajectories,
    Trajectory,
    columns_of,
    not_used,
)
from regretta.tabular_data.documents import DocumentError, read_bytes, read_json
from regretta.tabular_data.errors import shown

_LARGEST = 1 << 25
_MOST_RUNS = 20_000
_LONGEST_LINE = 1 << 16
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def read_trajectories(path: str | Path, table: str = "") -> Trajectories:
    """Read the trajectories of other people's code.

    Parameters
    ----------
    path
        A ``.csv`` file with a heading and a line an incumbent; a ``.json`` file that is one
        trajectory as lists, or ``{"trajectories": [...]}``; or a folder of
        ``<method>/run_<id>.json``. docs/elsewhere.md says which columns there may be.
    table
        The table that they claim, where the files do not say it.

    Raises
    ------
    ElsewhereError
        If it cannot be read, or is no such file: a number that is none, times that do not ascend,
        two records of one second that differ, and so on.
    """
    path = Path(path)
    try:
        if path.is_dir():
            found = _folder(path)
        elif path.suffix.lower() == ".json":
            found = _json(path)
        elif path.suffix.lower() == ".csv":
            found = _csv(path)
        else:
            raise ElsewhereError(
                f"{path} is neither a .csv nor a .json file, nor a folder of <method>/run_<id>.json"
            )
    except OSError as error:
        raise ElsewhereError(f"{path} cannot be read: {error.strerror or error}") from error
    except DocumentError as error:
        raise ElsewhereError(f"{path}: {error}") from None
    if not found.runs:
        raise ElsewhereError(f"{path} has no trajectory")
    runs = []
    for run in found.runs:
        if table and run.table and run.table != table:
            raise ElsewhereError(
                f"{run.where}: it is of table {run.table!r:.100}, and was named as one of {table!r}"
            )
        if not (run.table or table):
            raise ElsewhereError(
                f"{run.where}: it does not say its table; add one, or name it: --with TABLE={path}"
            )
        runs.append(run if run.table else _of_table(run, table))
    seen: dict[tuple[str, str, str], str] = {}
    for run in runs:
        address = (run.table, run.method, run.run)
        if address in seen:
            raise ElsewhereError(
                f"{run.where}: run {run.run!r:.100} of {run.method!r:.100} on {run.table} is there"
                f" already, at {seen[address]}; a run counts once"
            )
        seen[address] = run.where
    return Trajectories(path, found.sha256, tuple(runs), found.notes)


def _of_table(run: Trajectory, table: str) -> Trajectory:
    return Trajectory(table, run.method, run.run, run.where, run.seconds, run.values, run.twice)


# -- CSV -------------------------------------------------------------------------------------


def _csv(path: Path) -> Trajectories:
    data = read_bytes(path, _LARGEST)
    reader = csv.reader(_lines(path, data))
    runs: dict[tuple[str, str, str], Records] = {}
    try:
        heading = [name.strip() for name in next(reader, [])]
        if len(set(heading)) < len(heading):
            raise ElsewhereError(f"{path}, line 1: a column's name stands twice")
        names, unused = columns_of(heading, f"{path}, line 1")
        for needed in ("method", "run"):
            if needed not in names:
                raise ElsewhereError(f"{path}, line 1: it has no column {needed!r}")
        place = {meaning: heading.index(name) for meaning, name in names.items()}
        filled: dict[str, tuple[int, bool]] = {}
        count = 0
        for row in reader:
            line = reader.line_num
            if not row:
                continue
            count += 1
            if count > MOST_RECORDS:
                raise ElsewhereError(f"{path} has more than {MOST_RECORDS:,} records; split it")
            if len(row) != len(heading):
                raise ElsewhereError(
                    f"{path}, line {line}: {len(row)} cells under a heading of {len(heading)}"
                )
            _add_row(path, line, row, place, runs, filled)
    except UnicodeDecodeError as error:
        raise ElsewhereError(f"{path} is no text in UTF-8: {error.reason}") from None
    except csv.Error as error:
        raise ElsewhereError(f"{path}, line {reader.line_num}: no CSV: {error}") from None
    found = tuple(records.trajectory(*address, "line") for address, records in runs.items())
    return Trajectories(path, sha256(data).hexdigest(), found, not_used(unused, str(path)))


def _lines(path: Path, data: bytes) -> Iterator[str]:
    """The lines of a text, none of them long."""
    for line in io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""):
        if len(line) > _LONGEST_LINE:
            raise ElsewhereError(
                f"{path} has a line of {len(line):,} characters: it is no such CSV"
            )
        yield line


def _add_row(
    path: Path,
    line: int,
    row: Sequence[str],
    place: Mapping[str, int],
    runs: dict[tuple[str, str, str], Records],
    filled: dict[str, tuple[int, bool]],
) -> None:
    """Add a line of a CSV file to its run."""
    table, method, run = (
        row[place[key]].strip() if key in place else "" for key in ("table", "method", "run")
    )
    seconds = row[place["seconds"]].strip()
    if not run and not seconds:
        return  # of a method without a run, as Regretta's own exports have it
    if not method or not run:
        raise ElsewhereError(f"{path}, line {line}: its {'run' if method else 'method'} is empty")
    records = runs.setdefault((table, method, run), Records(f"{path}, line {line}"))
    if len(runs) > _MOST_RUNS:
        raise ElsewhereError(f"{path} has more than {_MOST_RUNS:,} runs; split it")
    if not seconds:
        if records.lines:
            raise ElsewhereError(f"{path}, line {line}: its seconds are empty")
        return  # of a run that finished no evaluation
    for meaning in NUMBERS:
        if meaning not in place:
            continue
        cell = row[place[meaning]].strip()
        first, there = filled.setdefault(meaning, (line, bool(cell)))
        if there != bool(cell):
            raise ElsewhereError(
                f"{path}, line {line}: {meaning} is {'there' if cell else 'empty'}, and on line"
                f" {first} it is {'empty' if cell else 'there'}"
            )
        if cell:
            if _NUMBER.fullmatch(cell) is None or not isfinite(float(cell)):
                raise ElsewhereError(
                    f"{path}, line {line}: {meaning} is {shown(cell)}, no finite number"
                )
            records.add(meaning, float(cell))
    records.lines.append(line)


# -- JSON ------------------------------------------------------------------------------------


def _json(path: Path) -> Trajectories:
    data = read_bytes(path)
    if data.lstrip()[:1] == b"[":
        raise ElsewhereError(
            f"{path} is a list; a file has one trajectory, or an object 'trajectories' with a list"
            f" of them ({NASLIB})"
        )
    body = read_json(data)
    entries = body.get("trajectories", [body])
    if type(entries) is not list:
        raise ElsewhereError(f"{path}: 'trajectories' must be a list")
    runs, unused = [], dict[str, None]()
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, trajectory {number}" if "trajectories" in body else str(path)
        run, more = _entry(entry, where)
        runs.append(run)
        unused |= dict.fromkeys(more)
    digest = sha256(data).hexdigest()
    return Trajectories(path, digest, tuple(runs), not_used(list(unused), str(path)))


def _entry(
    entry: object, where: str, method: str = "", run: str = "", table: str = ""
) -> tuple[Trajectory, list[str]]:
    """A trajectory of an object with lists; what it does not say is said besides."""
    if type(entry) is not dict:
        raise ElsewhereError(f"{where}: it must be an object with lists, got {shown(entry)}")
    if "train_acc" in entry and "runtime" in entry:
        raise ElsewhereError(f"{where}: {NASLIB}")
    names, unused = columns_of(list(entry), where)
    told = {"method": method, "run": run, "table": table}
    for meaning in TEXTS:
        value = entry.get(names.get(meaning, ""), told[meaning])
        if type(value) not in (str, int) or len(str(value)) > LONGEST_NAME:
            raise ElsewhereError(f"{where}: {meaning} must be a text, got {shown(value)}")
        told[meaning] = str(value)
    for meaning in ("method", "run"):
        if not told[meaning]:
            raise ElsewhereError(f"{where}: it does not say its {meaning!r}")
    records = Records(where)
    for meaning in NUMBERS:
        values = entry.get(names.get(meaning, ""))
        if values is None:
            continue
        if type(values) is not list:
            continue  # as `evaluations` of one's own exports, a count
        records.columns[meaning] = array("d", _finite(values, meaning, where))
    lengths = {name: len(column) for name, column in records.columns.items()}
    if "seconds" not in lengths:
        raise ElsewhereError(f"{where}: its {names['seconds']!r} must be a list of seconds")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise ElsewhereError(f"{where}: its lists differ in length: {listed}")
    records.lines = array("q", range(1, lengths["seconds"] + 1))
    return records.trajectory(told["table"], told["method"], told["run"], "record"), unused


def _finite(values: Sequence[Any], meaning: str, where: str) -> Iterator[float]:
    for number, value in enumerate(values, start=1):
        if type(value) not in (int, float) or not isfinite(value):
            raise ElsewhereError(
                f"{where}, record {number}: {meaning} is {shown(value)}, no finite number"
            )
        yield float(value)


# -- a folder --------------------------------------------------------------------------------


def _folder(path: Path) -> Trajectories:
    files = []
    for pattern in ("*/run_*.json", "*/*/run_*.json"):
        for file in path.glob(pattern):
            files.append(file)
            if len(files) > _MOST_RUNS:
                raise ElsewhereError(f"{path} has more than {_MOST_RUNS:,} files run_<id>.json")
    if not files and (path / "suite.json").exists():
        raise ElsewhereError(
            f"{path} holds runs of Regretta's own, of which --with takes none: name it beside the"
            " first folder, regretta report DIR DIR, or merge the two"
        )
    if not files:
        raise ElsewhereError(f"{path} has no file <method>/run_<id>.json")
    digest, records = sha256(), 0
    runs, unused = [], dict[str, None]()
    for file in sorted(files, key=_order):
        data = read_bytes(file)
        below = file.relative_to(path)
        digest.update(json.dumps([str(below), sha256(data).hexdigest()]).encode())
        try:
            body = read_json(data)
        except DocumentError as error:
            raise ElsewhereError(f"{file}: {error}") from None
        table = below.parts[0] if len(below.parts) == 3 else ""
        run, more = _entry(body, str(file), file.parent.name, file.stem[4:], table)
        records += len(run.seconds)
        if records > MOST_RECORDS * 10:
            raise ElsewhereError(f"{path} has more than {10 * MOST_RECORDS:,} records; split it")
        runs.append(run)
        unused |= dict.fromkeys(more)
    return Trajectories(path, digest.hexdigest(), tuple(runs), not_used(list(unused), str(path)))


def _order(file: Path) -> tuple[str, int, str]:
    number = file.stem[4:]
    return str(file.parent), int(number) if number.isdecimal() and len(number) < 10 else 0, number
