"""A suite whose every part was looked for and checked, so that its runs can start."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from regretta.harness.identity import MethodIdentity, SuiteError, SuiteIdentity, TableIdentity
from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.run import Run
from regretta.harness.search import check_benchmark, check_workers
from regretta.harness.spec import SpecError, SuiteSpec, title_of
from regretta.harness.store.files import checkpoint_folder
from regretta.optimizers.base import Optimizer, SettingsError
from regretta.optimizers.code import files_of_plugin
from regretta.optimizers.home import plugin_of
from regretta.optimizers.registry import BUILT_IN, get_optimizer, plugin_benchmarks
from regretta.tabular_data.benchmark import Benchmark
from regretta.tabular_data.catalog import find_table, open_table, sibling
from regretta.tabular_data.names import refuse_twins
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table


@dataclass(frozen=True)
class PlannedMethod:
    """An optimizer with its settings complete, ready to run.

    Attributes
    ----------
    label
        Its label in the suite.
    optimizer
        The class.
    settings
        An instance of its ``Settings``.
    identity
        All of it that decides its runs.
    runs
        Its runs on every table.
    """

    label: str
    optimizer: type[Optimizer]
    settings: Any
    identity: MethodIdentity
    runs: int


@dataclass(frozen=True, eq=False)
class PlannedTable:
    """A table of a suite: opened, checked against the protocol, with its time limit.

    Attributes
    ----------
    table, search_table
        What incumbents are judged on, and what is searched.
    time_limit, evaluations
        Simulated seconds and evaluations that a search has; None for no such limit.
    place
        Its folder, if the suite has it by path; else empty.
    """

    table: Benchmark
    search_table: Benchmark
    time_limit: float | None
    evaluations: int | None
    place: str

    def identity(self) -> TableIdentity:
        """What a suite's folder remembers of the table."""
        table, provenance = self.table, self.table.provenance
        return TableIdentity(
            checksum=table.checksum,
            search_checksum=self.search_table.checksum,
            time_limit=self.time_limit,
            cells=table.n_cells,
            budgets=tuple(table.budgets),
            repeats=table.repeats,
            space=table.space.name,
            source=provenance.source,
            licence=provenance.licence,
            reconstruction=provenance.reconstruction,
            dataset=table.dataset,
            space_spec=table.space.spec,
            place=self.place,
            plugin=plugin_copy(plugin_of(type(table))),
        )


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
    methods
        By label, in the suite's order.
    folder
        Where its results are kept, if they are, on a disk of whoever does the runs.
    part
        Which part of its runs is to be done, and of how many: every label has its share of each.
    """

    spec: SuiteSpec
    protocol: Protocol
    tables: Mapping[str, PlannedTable]
    methods: Mapping[str, PlannedMethod]
    folder: Path | None = None
    part: tuple[int, int] = (1, 1)

    def plugins(self) -> list[Path]:
        """The files that define its optimizers and benchmarks, but for those that come along."""
        classes = [method.optimizer for method in self.methods.values()]
        benchmarks = [type(planned.table) for planned in self.tables.values()]
        found = map(plugin_of, [*classes, *benchmarks])
        return list(dict.fromkeys(path for path in found if path is not None))

    def files_of_others(self) -> frozenset[Path]:
        """The source files of those optimizers and benchmarks that do not come along."""
        found: set[Path] = set()
        for plugin in self.plugins():
            found.add(plugin)
            with suppress(OSError):  # it is gone since it was loaded
                found |= {plugin.parent / name for name in files_of_plugin(plugin)}
        for method in self.methods.values():
            if method.optimizer not in BUILT_IN.values():
                with suppress(OSError, TypeError):
                    found.add(Path(inspect.getfile(method.optimizer)))
        return frozenset(found)

    def tasks(self) -> Iterator[Task]:
        """All runs; run numbers outermost, so that an interrupted suite has seen every method."""
        for number in range(max(method.runs for method in self.methods.values())):
            for (table, label), numbers in self._numbers.items():
                if number in numbers:
                    yield Task(table, label, number)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many runs there are by table and label."""
        return {kind: len(numbers) for kind, numbers in self._numbers.items()}

    def has(self, task: Task) -> bool:
        """Whether a run of one of its tables and labels is to be done."""
        return task.number in self._numbers[task.table, task.label]

    @cached_property
    def _numbers(self) -> dict[tuple[str, str], range]:
        """Numbers of the runs by table and label; each starts at another part."""
        which, parts = self.part
        kinds = product(self.tables, self.methods.items())
        return {
            (table, label): range((which - 1 - place) % parts, method.runs, parts)
            for place, (table, (label, method)) in enumerate(kinds)
        }

    def run_of(self, task: Task) -> Run:
        """The run of a task."""
        planned, method = self.tables[task.table], self.methods[task.label]
        run = Run(
            benchmark=planned.table,
            searched=planned.search_table,
            protocol=self.protocol,
            optimizer=method.optimizer,
            settings=method.settings,
            label=method.label,
            number=task.number,
            seed=self.spec.seed,
            time_limit=planned.time_limit,
            evaluations=planned.evaluations,
            simulated_workers=self.spec.simulated_workers,
            code=method.identity.fingerprint,
            trace=self.spec.trace,
        )
        if self.folder is None or not method.optimizer.keeps_checkpoints:
            return run
        return replace(run, folder=checkpoint_folder(self.folder, run))

    def identity(self) -> SuiteIdentity:
        """What a folder remembers of the suite: all that decides its results."""
        return SuiteIdentity(
            name=self.spec.name,
            title=self.spec.title or title_of(list(self.methods), list(self.tables)),
            protocol=self.protocol,
            seed=self.spec.seed,
            simulated_workers=self.spec.simulated_workers,
            evaluations=self.spec.evaluations,
            encoding=self.spec.encoding,
            search_table=place_of(self.spec.search_table),
            runs=self.spec.runs,
            tables={name: planned.identity() for name, planned in self.tables.items()},
            methods={
                label: replace(method.identity, plugin=plugin_copy(plugin_of(method.optimizer)))
                for label, method in self.methods.items()
            },
            trace=self.spec.trace,
        )


def place_of(table: str) -> str:
    """A table's name, or its path from wherever one is."""
    return str(Path(table).resolve()) if "/" in table else table


def plugin_copy(plugin: Path | None) -> str:
    """Where a suite's folder keeps a copy of a plugin; empty for none."""
    if plugin is None:
        return ""
    digest = sha256()
    for name, content in sorted(files_of_plugin(plugin).items()):
        digest.update(f"{name}\0".encode() + content + b"\0")
    return f"plugins/{plugin.stem}-{digest.hexdigest()[:16]}/{plugin.name}"


def open_tables(
    name: str, protocol: Protocol, encoding: str = "", search_table: str = ""
) -> tuple[Table, Table]:
    """The table of a name or folder, to be judged on, and the one to be searched; mostly the same.

    Parameters
    ----------
    encoding
        Of the search space; empty for the table's own.
    search_table
        The one to be searched; empty for what the protocol says.

    Raises
    ------
    TableError, SourceError, SpaceError
        If there is no such table, or it has no such encoding.
    """
    table = open_table(name, encoding or None)
    counting = protocol.counting if isinstance(table.space, NasBench101) else None
    table = open_table(name, encoding or None, counting)
    folder = find_table(name)
    searched = folder
    if search_table:
        searched = find_table(search_table)
    elif protocol.search_data not in ("", table.dataset):
        searched = sibling(folder, protocol.search_data)
    if searched == folder:
        return table, table
    return table, open_table(searched, encoding or None, counting)


def plan(spec: SuiteSpec) -> Suite:
    """Find and check every part of a suite, before the first run.

    Raises
    ------
    SuiteError, ProtocolError, TableError, SourceError, SpaceError, PluginError, SettingsError,
    WorkersError
        At the first table, protocol, optimizer or setting that is unknown or does not fit.
    """
    protocol = get_protocol(spec.protocol)
    formulas = plugin_benchmarks(spec.plugins)
    tables: dict[str, PlannedTable] = {}
    for name in spec.tables:
        table: Benchmark
        search_table: Benchmark
        if name in formulas:
            table = search_table = formulas[name]
        else:
            table, search_table = open_tables(name, protocol, spec.encoding, spec.search_table)
        planned = planned_table(
            protocol,
            table,
            search_table,
            spec.limit_for(name),
            spec.evaluations,
            f"suite {spec.name!r} has no time limit for table {table.name!r}; set time_limit or"
            " evaluations, or give --time-limit or --evaluations",
        )
        if table.name in tables:
            raise SuiteError(f"suite {spec.name!r} has two tables named {table.name!r}")
        refuse_twins(f"suite {spec.name!r}: tables", [*tables, table.name], SuiteError)
        place = place_of(name) if "/" in name else ""
        tables[table.name] = replace(planned, place=place)
    for stray in spec.stray_limits():
        raise SpecError(
            f"suite {spec.name!r} has a time limit for {stray!r}, which is not one of its tables"
        )
    methods = {}
    for entry in spec.optimizers:
        files = spec.plugins if entry.plugin is None else (entry.plugin,)
        optimizer = get_optimizer(entry.name, files)
        settings = optimizer.make_settings(entry.preset or None, entry.settings)
        check_method(
            protocol, tables.values(), entry.label, optimizer, settings, spec.simulated_workers
        )
        identity = replace(MethodIdentity.of(optimizer, settings), runs=entry.runs)
        runs = spec.runs if entry.runs is None else entry.runs
        methods[entry.label] = PlannedMethod(entry.label, optimizer, settings, identity, runs)
    return Suite(spec, protocol, tables, methods)


def planned_table(
    protocol: Protocol,
    table: Benchmark,
    search_table: Benchmark,
    limit: float | None,
    evaluations: int | None,
    no_limit: str,
) -> PlannedTable:
    """A table to be judged on and the one to be searched, checked against the protocol.

    Parameters
    ----------
    limit, evaluations
        Simulated seconds and evaluations; where both are None, the protocol's own seconds.
    no_limit
        What to say where there is no limit at all.

    Raises
    ------
    ProtocolError, SuiteError, TableError
    """
    protocol.check(table, search_table)
    for each in {id(table): table, id(search_table): search_table}.values():
        each.verify()
    if limit is None and evaluations is None:
        limit = protocol.time_limit(table)
        if limit is None:
            raise SuiteError(no_limit)
    seconds = None if limit is None else float(limit)
    return PlannedTable(table, search_table, seconds, evaluations, "")


def check_method(
    protocol: Protocol,
    tables: Iterable[PlannedTable],
    label: str,
    optimizer: type[Optimizer],
    settings: Any,
    simulated_workers: int,
) -> None:
    """Refuse an optimizer with settings that cannot search these tables, or cannot be kept.

    Raises
    ------
    WorkersError, SettingsError, SuiteError
    """
    check_workers(optimizer, simulated_workers)
    try:
        json.dumps(asdict(settings), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"settings of {label!r} cannot be written as JSON: {error}") from error
    for planned in tables:
        _refuse_short_limit(planned, protocol, label, optimizer)
        check_benchmark(optimizer, settings, label, planned.search_table)


def _refuse_short_limit(
    planned: PlannedTable, protocol: Protocol, label: str, optimizer: type[Optimizer]
) -> None:
    """Refuse a time limit within which an optimizer cannot finish a single evaluation."""
    searched = planned.search_table
    if not isinstance(searched, Table) or protocol.crossing or planned.time_limit is None:
        return
    offered = protocol.offered_budgets(searched)
    asked = offered[0] if optimizer.uses_budgets else offered[-1]
    level = searched.budget_index(
        asked if protocol.trained_budget is None else protocol.trained_budget
    )
    seconds = np.asarray(searched.columns["training_seconds"][:, level], dtype=np.float64)
    there = ~np.isnan(seconds).all(axis=1)
    seconds = (np.nanmean if protocol.rule().mean else np.nanmin)(seconds[there], axis=1)
    if protocol.rule().evaluation and "evaluation_seconds" in searched.columns:
        seconds = seconds + searched.columns["evaluation_seconds"][there]
    cheapest = float(seconds.min(initial=np.inf))
    if np.isfinite(cheapest) and cheapest > planned.time_limit:
        raise SuiteError(
            f"a time limit of {planned.time_limit:.10g} s on table {planned.table.name!r} is too"
            f" short for a single evaluation of {label!r}: the cheapest takes {cheapest:.10g} s at"
            f" budget {asked:.10g} {searched.budget_unit}; set a longer --time-limit"
        )


@dataclass(frozen=True)
class Failure:
    """A run that failed.

    Attributes
    ----------
    table, label, number
        Which one.
    message
        One line of what happened.
    traceback
        All that is known of it.
    place
        Where in the code of others it happened, ``FILE:LINE``; empty where nobody knows.
    """

    table: str
    label: str
    number: int
    message: str
    traceback: str = ""
    place: str = ""

    @property
    def line(self) -> str:
        """What happened, and where."""
        return f"{self.message}, at {self.place}" if self.place else self.message
