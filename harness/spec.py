"""A suite as written down: which optimizers, on which tables, under which protocol, how often."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regretta.harness.limits import check_limits
from regretta.tabular_data.documents import (
    LARGEST_TOML,
    DocumentError,
    built,
    read_bytes,
    read_json,
    read_toml,
)
from regretta.tabular_data.errors import UserError, shown
from regretta.tabular_data.names import check_name, refuse_twins

_LONGEST = 1000
_MOST_RUNS = 1_000_000_000
_LISTED = 4


class SpecError(UserError):
    """A suite that is not written as it must be; the message says where and what is expected."""


@dataclass(frozen=True)
class OptimizerEntry:
    """One line of a comparison: an optimizer with settings, under a label.

    Attributes
    ----------
    name
        The optimizer.
    label
        How reports call it; the name unless another is given. Labels are unique within a suite.
    preset
        Named settings to start from, empty for the defaults.
    settings
        Settings that differ from these.
    plugin
        Python file that defines it; None for an optimizer that is built in, installed, or of the
        suite's own plugins.
    runs
        Its runs on every table; None for as many as the suite says.
    """

    name: str
    label: str = ""
    preset: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    plugin: Path | None = None
    runs: int | None = None

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)


@dataclass(frozen=True)
class SuiteSpec:
    """A suite: every optimizer entry runs `runs` times on every table, or as often as it says.

    Attributes
    ----------
    name, title
        Short name, and a line for reports; where it is empty, they say what was run on what.
    tables
        Names of the catalog or paths of folders, which have a slash.
    optimizers
        The entries.
    protocol
        Name of a protocol, or a named one with changes: ``{"based_on": …, …}``, see
        `regretta.harness.own_protocol.ProtocolChanges`.
    time_limit
        Simulated seconds, or a mapping from table (name or path) to seconds; None for the
        protocol's own or, where `evaluations` are given, for none.
    evaluations
        Evaluations after which a search ends, whatever time is left; None for no such limit.
    run_time_limit
        Real seconds after which a run is ended and has failed; None for no end. It changes no
        result.
    runs
        Runs on every table of each entry that does not say its own.
    seed
        Every run draws from an address below it.
    simulated_workers
        Workers on which every search evaluates side by side, in simulated time; 1 is the sequential
        search.
    encoding
        Encoding of the search space, where it has several; empty for the table's own.
    search_table
        Table that every search runs on, where it is not the one that is judged on and the protocol
        does not find it by itself; empty for what the protocol says.
    plugins
        Python files with further optimizers.
    cluster
        Options of `regretta.harness.executors.JobQueue`; they change no result.
    trace
        Whether every evaluation of the runs that are done is kept; it changes no result.
    """

    name: str
    tables: tuple[str, ...]
    optimizers: tuple[OptimizerEntry, ...]
    title: str = ""
    protocol: str | Mapping[str, Any] = "default"
    time_limit: float | Mapping[str, float] | None = None
    evaluations: int | None = None
    run_time_limit: float | None = None
    runs: int = 10
    seed: int = 0
    simulated_workers: int = 1
    encoding: str = ""
    search_table: str = ""
    plugins: tuple[Path, ...] = ()
    cluster: Mapping[str, Any] = field(default_factory=dict)
    trace: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", tuple(map(_as_text, self.tables)))
        object.__setattr__(self, "plugins", tuple(map(Path, self.plugins)))
        check_name(self.name, "a suite's name", SpecError)
        if not self.tables:
            raise SpecError(f"suite {self.name!r} names no table; add tables = ['…']")
        if not self.optimizers:
            raise SpecError(
                f"suite {self.name!r} names no optimizer; add [[optimizers]] with name = '…'"
            )
        for whose, runs in [
            ("", self.runs),
            *((f" of {e.label!r}", e.runs) for e in self.optimizers),
        ]:
            if runs is not None and not 1 <= runs <= _MOST_RUNS:
                raise SpecError(
                    f"suite {self.name!r}: runs{whose} must be from 1 to {_MOST_RUNS:,}, got {runs}"
                )
        if self.seed < 0:
            raise SpecError(f"suite {self.name!r}: seed must not be negative, got {self.seed}")
        if self.run_time_limit is not None and not 0 < self.run_time_limit < float("inf"):
            raise SpecError(
                f"suite {self.name!r}: run_time_limit is a number of real seconds above 0, got"
                f" {self.run_time_limit:g}"
            )
        labels = [entry.label for entry in self.optimizers]
        for kind, names in (("table", self.tables), ("label", labels)):
            _refuse_twins(self.name, kind, names)
        for label in labels:
            if len(label) > _LONGEST:
                raise SpecError(
                    f"suite {self.name!r}: label {label[:20]!r}… is too long; shorten it to at most"
                    f" {_LONGEST:,} characters"
                )
            if not all(c.isprintable() or unicodedata.category(c) == "Cf" for c in label):
                raise SpecError(
                    f"suite {self.name!r}: label {label!r} has characters that cannot be printed"
                )
        limits = (
            [*self.time_limit.values()]
            if isinstance(self.time_limit, Mapping)
            else [self.time_limit]
        )
        for limit in limits or [None]:
            check_limits(limit, self.evaluations, f"suite {self.name!r}", SpecError)

    def limit_for(self, table: str) -> float | None:
        """The time limit on one of the suite's tables, simulated seconds; None where it has none.

        Raises
        ------
        SpecError
            If the suite has two limits for the table.
        """
        if not isinstance(self.time_limit, Mapping):
            return self.time_limit
        mine = [key for key in self.time_limit if find_among(key, self.tables) == table]
        if len(mine) > 1:
            raise SpecError(
                f"suite {self.name!r} has two time limits for one table: {mine[0]!r} and"
                f" {mine[1]!r}; delete one"
            )
        return self.time_limit[mine[0]] if mine else None

    def stray_limits(self) -> list[str]:
        """Keys of `time_limit` that are none of the suite's tables."""
        limits = self.time_limit if isinstance(self.time_limit, Mapping) else {}
        return [key for key in limits if find_among(key, self.tables) is None]

    def changed(
        self,
        *,
        runs: int | None = None,
        optimizers: Sequence[str] = (),
        label: str | None = None,
        table: str | None = None,
        time_limit: float | None = None,
        evaluations: int | None = None,
        run_time_limit: float | None = None,
        seed: int | None = None,
        simulated_workers: int | None = None,
        trace: bool | None = None,
        plugins: Sequence[Path] = (),
        plugin_optimizers: Sequence[str] = (),
    ) -> SuiteSpec:
        """The suite with some things changed, as the command line does.

        Parameters
        ----------
        runs, run_time_limit, seed, simulated_workers, trace
            Take the place of the suite's own; the runs also of the entries' own.
        time_limit, evaluations
            Take the place of both limits of the suite where one of them is given.
        table
            Only this one. One of the suite's keeps its own time limit; another one takes the place
            of all of them.
        optimizers
            Only these, by label or name; one that the suite does not have is added with its
            defaults.
        label
            Another label for the one optimizer that is left.
        plugins
            Further files to find optimizers in.
        plugin_optimizers
            What these files define; added to the suite where `optimizers` names none.

        Raises
        ------
        SpecError
            If a label is given and there is more than one optimizer, or what comes out is no suite.
        """
        # A file that is given defines its optimizers, also where the suite has another one.
        known = [
            replace(entry, plugin=None) if entry.name in plugin_optimizers else entry
            for entry in self.optimizers
        ]
        entries: list[OptimizerEntry] = []
        for wanted in optimizers:
            found = [e for e in known if e.label == wanted] or [
                e for e in known if e.name == wanted
            ]
            entries += [e for e in found or [OptimizerEntry(wanted)] if e not in entries]
        if not entries:
            here = {entry.name for entry in known}
            entries = [
                *known,
                *(OptimizerEntry(name) for name in plugin_optimizers if name not in here),
            ]
        if label is not None:
            if len(entries) != 1:
                raise SpecError(
                    f"a label is for one optimizer, and there are {len(entries)}; choose one with"
                    " --optimizer"
                )
            entries = [replace(entries[0], label=label)]
        if runs is not None:
            entries = [replace(entry, runs=None) for entry in entries]
        tables, limit = self.tables, self.time_limit
        if table is not None:
            own = find_among(table, self.tables)
            tables = (table if own is None else own,)
            if isinstance(limit, Mapping):
                limit = None if own is None else self.limit_for(own)
        most = self.evaluations
        if time_limit is not None or evaluations is not None:
            limit, most = time_limit, evaluations
        labels = [entry.label for entry in self.optimizers]
        same = tables == self.tables and [entry.label for entry in entries] == labels
        return replace(
            self,
            title=self.title if same else "",
            runs=self.runs if runs is None else runs,
            tables=tables,
            time_limit=limit,
            evaluations=most,
            run_time_limit=self.run_time_limit if run_time_limit is None else run_time_limit,
            seed=self.seed if seed is None else seed,
            simulated_workers=(
                self.simulated_workers if simulated_workers is None else simulated_workers
            ),
            trace=self.trace if trace is None else trace,
            plugins=(*self.plugins, *(path for path in plugins if path not in self.plugins)),
            optimizers=tuple(entries),
        )


def _as_text(table: str | Path) -> str:
    """A table as a text, in which a path has a slash."""
    if isinstance(table, Path) and (table / "table.json").exists():
        return str(table.resolve())
    return str(table)


def title_of(labels: Sequence[str], tables: Sequence[str]) -> str:
    """A title that says what is run on what."""

    def listed(names: Sequence[str], noun: str) -> str:
        return ", ".join(names) if len(names) <= _LISTED else f"{len(names)} {noun}"

    return f"{listed(labels, 'methods')} on {listed(tables, 'tables')}"


def find_among(table: str, tables: Sequence[str]) -> str | None:
    """The one of some tables that a name or path means; None if it is none of them.

    A name means the table of that name, whether the suite has it by name or by path.

    Raises
    ------
    SpecError
        If a name means several of them.
    """
    if table in tables:
        return table
    if "/" in table:
        place = Path(table).resolve()
        return next((t for t in tables if "/" in t and Path(t).resolve() == place), None)
    mine = [t for t in tables if "/" in t and table in (Path(t).name, _own_name(Path(t)))]
    if len(mine) > 1:
        raise SpecError(f"table {table!r} may be {' or '.join(mine)}; give its path")
    return mine[0] if mine else None


def _own_name(folder: Path) -> str | None:
    """The name that a table's folder gives it."""
    try:
        return str(read_json(read_bytes(folder / "table.json")).get("name"))
    except (OSError, DocumentError):
        return None


def _refuse_twins(suite: str, kind: str, names: Sequence[str]) -> None:
    """Refuse names that are alike, or differ in case only."""
    for name, count in Counter(names).items():
        if count > 1:
            raise SpecError(
                f"suite {suite!r}: {kind} {name!r} stands twice; give each entry its own label"
            )
    refuse_twins(f"suite {suite!r}: {kind}s", names, SpecError)


def read_spec(path: str | Path) -> SuiteSpec:
    """The suite of a TOML file.

    Raises
    ------
    SpecError
        If the file cannot be read, is no TOML, or has an unknown, missing or wrongly typed entry.
    """
    path = Path(path)
    where = f"suite {path}"
    try:
        data = read_toml(read_bytes(path, LARGEST_TOML))
        spec = built(SuiteSpec, {"name": path.stem, **data})
    except OSError as error:
        raise SpecError(f"{where} cannot be read: {error.strerror or error}") from error
    except DocumentError as error:
        raise SpecError(f"{where}: {error}") from None
    limit = spec.time_limit
    if isinstance(limit, Mapping):
        limit = {_table(path, table): seconds for table, seconds in limit.items()}
    return replace(
        spec,
        tables=tuple(_table(path, table) for table in spec.tables),
        search_table=_table(path, spec.search_table) if spec.search_table else "",
        time_limit=limit,
        plugins=tuple(_placed(path, plugin) for plugin in spec.plugins),
        optimizers=tuple(
            entry if entry.plugin is None else replace(entry, plugin=_placed(path, entry.plugin))
            for entry in spec.optimizers
        ),
    )


def _placed(suite: Path, item: str | Path) -> Path:
    """A path of a suite's file, which is meant from where the file is."""
    try:
        return (suite.parent / Path(item).expanduser()).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # too long, with a zero, of no user
        raise SpecError(f"suite {suite}: {shown(str(item))} cannot be a path: {error}") from None


def _table(suite: Path, table: str) -> str:
    """A table of a suite's file: a path if it has a slash or lies beside the file, else a name."""
    path = _placed(suite, table)
    try:
        beside = (path / "table.json").exists()
    except OSError as error:
        if "/" in table:
            said = error.strerror or error
            raise SpecError(f"suite {suite}: {shown(table)} cannot be a path: {said}") from None
        beside = False
    return str(path) if "/" in table or beside else table
