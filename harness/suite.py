"""A suite whose every part was looked for and checked, so that its runs can start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regretta.harness.identity import MethodIdentity, SuiteError, SuiteIdentity, TableIdentity
from regretta.harness.protocol import Protocol, get_protocol
from regretta.harness.run import Run
from regretta.harness.search import check_workers
from regretta.harness.spec import SpecError, SuiteSpec
from regretta.optimizers.base import Optimizer, SettingsError
from regretta.optimizers.registry import get_optimizer, plugin_benchmarks
from regretta.tabular_data.benchmark import Benchmark
from regretta.tabular_data.catalog import find_table, open_table, sibling
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table


@dataclass(frozen=True)
class PlannedMethod:
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

    table: Benchmark
    search_table: Benchmark
    time_limit: float

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
    """

    spec: SuiteSpec
    protocol: Protocol
    tables: Mapping[str, PlannedTable]
    methods: Mapping[str, PlannedMethod]

    def tasks(self) -> list[Task]:
        """All runs; run numbers outermost, so that an interrupted suite has seen every method."""
        return [
            Task(table, label, number)
            for number in range(self.spec.runs)
            for table in self.tables
            for label in self.methods
        ]

    def run_of(self, task: Task) -> Run:
        """The run of a task."""
        planned, method = self.tables[task.table], self.methods[task.label]
        return Run(
            benchmark=planned.table,
            searched=planned.search_table,
            protocol=self.protocol,
            optimizer=method.optimizer,
            settings=method.settings,
            label=method.label,
            number=task.number,
            seed=self.spec.seed,
            time_limit=planned.time_limit,
            simulated_workers=self.spec.simulated_workers,
        )

    def identity(self) -> SuiteIdentity:
        """What a folder remembers of the suite: all that decides its results."""
        return SuiteIdentity(
            name=self.spec.name,
            title=self.spec.title,
            protocol=self.protocol,
            seed=self.spec.seed,
            simulated_workers=self.spec.simulated_workers,
            encoding=self.spec.encoding,
            runs=self.spec.runs,
            tables={name: planned.identity() for name, planned in self.tables.items()},
            methods={
                label: MethodIdentity(method.name, asdict(method.settings))
                for label, method in self.methods.items()
            },
        )


def _opened(spec: SuiteSpec, protocol: Protocol, name: str) -> tuple[Benchmark, Benchmark]:
    """The benchmark of a name, to be judged on, and the one to be searched; mostly the same."""
    if (benchmark := plugin_benchmarks(spec.plugins).get(name)) is not None:
        return benchmark, benchmark
    table = open_table(name, spec.encoding or None)
    counting = protocol.counting if isinstance(table.space, NasBench101) else None
    variant = spec.encoding or None, counting
    table = open_table(name, *variant)
    folder = find_table(name)
    searched = _search_folder(spec, protocol, table, folder)
    return table, table if searched == folder else open_table(searched, *variant)


def _search_folder(spec: SuiteSpec, protocol: Protocol, table: Table, folder: Path) -> Path:
    """Folder of the table to search where `table`, in `folder`, is the one to be judged on."""
    if spec.search_table:
        return find_table(spec.search_table)
    if protocol.search_data in ("", table.dataset):
        return folder
    return sibling(folder, protocol.search_data)


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
        table, search_table = _opened(spec, protocol, name)
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
        tables[table.name] = PlannedTable(table, search_table, float(limit))
    if isinstance(spec.time_limit, Mapping) and (
        extra := sorted(set(spec.time_limit) - set(spec.tables))
    ):
        raise SpecError(
            f"suite {spec.name!r} has a time limit for {extra[0]!r}, which is not one of its tables"
        )
    methods = {}
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
        methods[entry.label] = PlannedMethod(entry.label, entry.name, optimizer, settings)
    return Suite(spec, protocol, tables, methods)


@dataclass(frozen=True)
class Failure:
    """A run that failed: its address, one line of what happened, and the traceback."""

    table: str
    label: str
    number: int
    message: str
    traceback: str = ""
