"""A suite on its folder: what it is, what is done, and everything that was found there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from regretta.harness.protocol import Protocol, get_protocol
from regretta.harness.result import ResultError, RunResult
from regretta.harness.run import Run
from regretta.harness.simulator import check_workers
from regretta.harness.spec import SpecError, SuiteSpec
from regretta.harness.store.files import find_runs, label_folder, run_path
from regretta.optimizers.base import Optimizer, SettingsError
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.catalog import find_table, open_table
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.locks import locked
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.table import Table

FORMAT = 1
_PATIENCE = 10.0


class SuiteError(UserError):
    """A suite that cannot run, or a folder that is not one or belongs to another suite."""


class _DamagedError(SuiteError):
    """A ``suite.json`` that is not as it was written."""


@dataclass(frozen=True)
class Entry:
    """An optimizer with its settings complete, ready to run.

    Attributes
    ----------
    label, name
        Its label in the suite, and the optimizer's name.
    optimizer
        The class.
    settings
        An instance of its ``Settings``.
    """

    label: str
    name: str
    optimizer: type[Optimizer]
    settings: Any


@dataclass(frozen=True, eq=False)
class PlannedTable:
    """A table of a suite: opened, checked against the protocol, with its time limit."""

    table: Table
    search_table: Table
    folder: Path
    search_folder: Path
    time_limit: float


@dataclass(frozen=True)
class Task:
    """One run that is to be done."""

    table: str
    label: str
    number: int


@dataclass(frozen=True, eq=False)
class Suite:
    """A suite whose every part has been found and checked, so that its runs can start.

    Attributes
    ----------
    spec
        As written down.
    protocol
        Its protocol.
    tables
        By the tables' own names, in the suite's order.
    entries
        By label, in the suite's order.
    """

    spec: SuiteSpec
    protocol: Protocol
    tables: Mapping[str, PlannedTable]
    entries: Mapping[str, Entry]

    def tasks(self) -> list[Task]:
        """All runs; run numbers outermost, so that an interrupted suite has seen every method."""
        return [
            Task(table, label, number)
            for number in range(self.spec.runs)
            for table in self.tables
            for label in self.entries
        ]

    def run_of(self, task: Task) -> Run:
        """The run of a task."""
        planned, entry = self.tables[task.table], self.entries[task.label]
        return Run(
            table=planned.table,
            search_table=planned.search_table,
            protocol=self.protocol,
            optimizer=entry.optimizer,
            settings=entry.settings,
            label=entry.label,
            number=task.number,
            seed=self.spec.seed,
            time_limit=planned.time_limit,
            workers=self.spec.simulated_workers,
        )

    def identity(self) -> dict[str, Any]:
        """What a folder remembers of the suite: all that decides its results."""
        return {
            "format": FORMAT,
            "name": self.spec.name,
            "title": self.spec.title,
            "protocol": self.protocol.as_dict(),
            "seed": self.spec.seed,
            "simulated_workers": self.spec.simulated_workers,
            "encoding": self.spec.encoding,
            "tables": {
                name: {
                    "checksum": planned.table.checksum,
                    "search_checksum": planned.search_table.checksum,
                    "time_limit": planned.time_limit,
                    "cells": planned.table.n_cells,
                    "budgets": list(planned.table.budgets),
                    "repeats": planned.table.repeats,
                    "space": planned.table.space.name,
                    "source": planned.table.provenance.source,
                    "licence": planned.table.provenance.licence,
                    "reconstruction": planned.table.provenance.reconstruction,
                }
                for name, planned in self.tables.items()
            },
            "optimizers": {
                label: {"optimizer": entry.name, "settings": asdict(entry.settings)}
                for label, entry in self.entries.items()
            },
            "runs": self.spec.runs,
        }

    def claim(self, folder: Path) -> tuple[str, ...]:
        """Make the folder this suite's, or join it to what is there if that is the same suite.

        More runs, further optimizers and further tables may join; nothing that is there may differ.
        A damaged ``suite.json`` is set aside and written anew.

        Returns
        -------
        tuple of str
            One line if that was so.

        Raises
        ------
        SuiteError
            If the folder cannot be written, holds something else, or was made with another suite.
        """
        path = folder / "suite.json"
        identity = self.identity()
        said: tuple[str, ...] = ()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder, exclusive=True, patience=_PATIENCE) as lock:
                if not lock.held:
                    raise SuiteError(
                        f"another process is starting in {folder}; run the same command again"
                    )
                if path.exists():
                    try:
                        identity = _joined(_read_identity(folder), identity, folder)
                    except _DamagedError as error:
                        aside = path.with_suffix(".damaged")
                        os.replace(path, aside)
                        said = (
                            (
                                f"{str(error).partition(';')[0]}; it is kept as {aside.name} and"
                                " written anew"
                            ),
                        )
                elif not _may_become_a_suite(folder):
                    raise SuiteError(
                        f"{folder} is not empty and holds no suite; choose another --out"
                    )
                write_atomically(path, _sealed(identity))
        except OSError as error:
            raise SuiteError(
                f"cannot write to {folder}: {error.strerror or error}; choose another --out"
            ) from error
        return said

    def matches(self, result: RunResult, task: Task) -> bool:
        """Whether a result is that of the task under this suite."""
        entry, planned = self.entries[task.label], self.tables[task.table]
        return (
            (result.table, result.label, result.number) == (task.table, task.label, task.number)
            and result.seed == self.spec.seed
            and result.workers == self.spec.simulated_workers
            and result.optimizer == entry.name
            and dict(result.settings) == json.loads(json.dumps(asdict(entry.settings)))
            and result.time_limit == planned.time_limit
            and dict(result.protocol) == json.loads(json.dumps(self.protocol.as_dict()))
            and planned.table.checksum in result.table_checksum
        )


def plan(spec: SuiteSpec) -> Suite:
    """Find and check every part of a suite, before the first run.

    Raises
    ------
    SuiteError, ProtocolError, TableError, SourceError, SpaceError, PluginError, SettingsError,
    WorkersError
        At the first table, protocol, optimizer or setting that is unknown or does not fit.
    """
    protocol = get_protocol(spec.protocol)
    tables: dict[str, PlannedTable] = {}
    for name in spec.tables:
        table = open_table(name, spec.encoding or None)
        searched = protocol.search_table_name(name)
        search_table = table if searched == name else open_table(searched, spec.encoding or None)
        protocol.check(table, search_table)
        for each in {id(table): table, id(search_table): search_table}.values():
            each.verify()
        limit = spec.limit_for(name)
        limit = protocol.time_limit(table) if limit is None else limit
        if limit is None:
            raise SuiteError(
                f"suite {spec.name!r} has no time limit for table {table.name!r}; set time_limit or"
                " --time-limit"
            )
        if table.name in tables:
            raise SuiteError(f"suite {spec.name!r} has two tables named {table.name!r}")
        tables[table.name] = PlannedTable(
            table, search_table, find_table(name), find_table(searched), float(limit)
        )
    if isinstance(spec.time_limit, Mapping) and (
        extra := sorted(set(spec.time_limit) - set(spec.tables))
    ):
        raise SpecError(
            f"suite {spec.name!r} has a time limit for {extra[0]!r}, which is not one of its tables"
        )
    entries = {}
    for entry in spec.optimizers:
        optimizer = get_optimizer(entry.name, spec.plugins)
        check_workers(optimizer, spec.simulated_workers)
        settings = optimizer.make_settings(entry.preset or None, entry.settings)
        try:
            json.dumps(asdict(settings))
        except (TypeError, ValueError) as error:
            raise SettingsError(
                f"settings of {entry.label!r} cannot be written as JSON: {error}"
            ) from error
        entries[entry.label] = Entry(entry.label, entry.name, optimizer, settings)
    return Suite(spec, protocol, tables, entries)


def _may_become_a_suite(folder: Path) -> bool:
    """Whether a folder without ``suite.json`` has nothing in it but what a suite leaves there."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".suite.json.")}
    return names <= {"runs", "suite.damaged"} or any(folder.glob("runs/*/*/[0-9]*.json*"))


def _digest(identity: Mapping[str, Any]) -> str:
    return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _sealed(identity: Mapping[str, Any]) -> bytes:
    """An identity as the content of ``suite.json``, with a checksum."""
    identity = json.loads(json.dumps(identity))
    text = json.dumps({**identity, "sha256": _digest(identity)}, indent=1, ensure_ascii=False)
    return f"{text}\n".encode()


def _read_identity(folder: Path) -> dict[str, Any]:
    path = folder / "suite.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if "sha256" in found and found.pop("sha256") != _digest(found):
            raise ValueError("its checksum does not match")
        if found["format"] != FORMAT:
            raise SuiteError(
                f"{path} was written by another version of regretta; choose another folder"
            )
        _ = found["tables"], found["optimizers"], found["runs"], found["name"]
    except FileNotFoundError:
        raise SuiteError(f"{folder} holds no suite: it has no suite.json") from None
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, SuiteError):
            raise
        raise _DamagedError(
            f"{path} is damaged ({error}); run the suite again: finished runs stay"
        ) from error
    return found


def _joined(old: dict[str, Any], new: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The two identities as one; SuiteError where they contradict each other."""
    new = json.loads(json.dumps(new))

    def refuse(what: str, there: Any, here: Any) -> SuiteError:
        return SuiteError(
            f"{folder} was made with another suite: {what} is {there} there and {here} here; choose"
            " another --out"
        )

    for key in ("name", "seed", "encoding", "simulated_workers"):
        if old.get(key) != new[key]:
            raise refuse(key, repr(old.get(key)), repr(new[key]))
    if old["protocol"] != new["protocol"]:
        raise refuse(
            "the protocol", repr(old["protocol"].get("name")), repr(new["protocol"]["name"])
        )
    for kind in ("tables", "optimizers"):
        for name in old[kind].keys() & new[kind].keys():
            for key, value in new[kind][name].items():
                if old[kind][name].get(key) != value:
                    raise refuse(f"{key} of {name!r}", old[kind][name].get(key), value)
        new[kind] = {**old[kind], **new[kind]}
    new["runs"] = max(old["runs"], new["runs"])
    return new


# -- what is on disk -------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """A run that failed: its address, one line of what happened, and the traceback."""

    table: str
    label: str
    number: int
    message: str
    traceback: str = ""


def failure_path(folder: Path, task: Task) -> Path:
    """File of a failed run, beside the results."""
    return run_path(folder, task.table, task.label, task.number).with_suffix(".failed")


@dataclass(frozen=True, eq=False)
class SuiteResults:
    """Everything found in a suite's folder.

    Attributes
    ----------
    folder, name, title
        Where it is and what it is called.
    spec
        ``suite.json``, its optimizers as a list in which each has its ``label``.
    tables, labels
        In the suite's order.
    runs
        Table → label → runs by number; a label without a run has ``()``.
    planned
        Runs that the suite asks of every label on every table.
    failures
        Runs that failed and were not repeated since.
    damaged
        One line a file that cannot be used.
    """

    folder: Path
    name: str
    title: str
    spec: Mapping[str, Any]
    tables: tuple[str, ...]
    labels: tuple[str, ...]
    runs: Mapping[str, Mapping[str, tuple[RunResult, ...]]]
    planned: int
    failures: tuple[Failure, ...]
    damaged: tuple[str, ...]


def suite_parts(folder: Path) -> tuple[str, tuple[str, ...], tuple[str, ...], int]:
    """Name, tables, labels and planned runs of a suite's folder, without its results.

    Raises
    ------
    SuiteError
        If the folder holds no suite.
    """
    identity = _read_identity(folder)
    return (
        identity["name"],
        tuple(identity["tables"]),
        tuple(identity["optimizers"]),
        int(identity["runs"]),
    )


def load_suite(folder: Path) -> SuiteResults:
    """Read a suite's folder; damaged files are listed, never used.

    Raises
    ------
    SuiteError
        If the folder holds no suite.
    """
    spec = _read_identity(folder)
    tables, labels = tuple(spec["tables"]), tuple(spec["optimizers"])
    found: dict[tuple[str, str], list[RunResult]] = {}
    damaged = []
    failures = []
    for table in tables:
        for label in labels:
            stored = find_runs(run_path(folder, table, label, 0).parent)
            damaged += [damage.message for damage in stored.damaged]
            for number, run in stored.runs.items():
                try:
                    result = RunResult.from_json(run.data)
                    if (result.table, result.label, result.number) != (table, label, number):
                        raise ResultError("it is that of another run")
                except (ResultError, ValueError, KeyError, TypeError) as error:
                    damaged.append(f"result {run.path} is damaged ({error}); run the suite again")
                    continue
                found.setdefault((table, label), []).append(result)
            for path in sorted((folder / "runs" / table / label_folder(label)).glob("*.failed")):
                failures.append(_read_failure(path, table, label))
    return SuiteResults(
        folder=folder,
        name=spec["name"],
        title=spec.get("title") or spec["name"],
        spec={
            **spec,
            "optimizers": [
                {"label": label, **entry} for label, entry in spec["optimizers"].items()
            ],
        },
        tables=tables,
        labels=labels,
        runs={t: {label: tuple(found.get((t, label), ())) for label in labels} for t in tables},
        planned=int(spec["runs"]),
        failures=tuple(failures),
        damaged=tuple(damaged),
    )


def _read_failure(path: Path, table: str, label: str) -> Failure:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Failure(table, label, int(path.stem), str(data["message"]), str(data["traceback"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Failure(table, label, int(path.stem), f"failed; its record {path} cannot be read")
