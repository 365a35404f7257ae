"""A suite whose every part was looked for and checked, so that its runs can start."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from regretta.harness.identity import MethodIdentity, SuiteIdentity, TableIdentity
from regretta.harness.protocol import Protocol
from regretta.harness.run import Run
from regretta.harness.spec import SuiteSpec, title_of
from regretta.harness.store.files import checkpoint_folder
from regretta.optimizers.base import Optimizer
from regretta.optimizers.code import files_of_plugin
from regretta.optimizers.home import plugin_of
from regretta.optimizers.registry import BUILT_IN
from regretta.tabular_data.benchmark import Benchmark


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
