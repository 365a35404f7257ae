"""A suite as written down: which optimizers, on which tables, under which protocol, how often."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown

_KEYS = {
    "name": str,
    "title": str,
    "tables": list,
    "search_table": str,
    "encoding": str,
    "protocol": str,
    "time_limit": (int, float, dict),
    "runs": int,
    "seed": int,
    "simulated_workers": int,
    "plugins": list,
    "cluster": dict,
    "optimizers": list,
}
_ENTRY_KEYS = {"name": str, "label": str, "preset": str, "settings": dict}


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
    """

    name: str
    label: str = ""
    preset: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)


@dataclass(frozen=True)
class SuiteSpec:
    """A suite: every optimizer entry runs `runs` times on every table.

    Attributes
    ----------
    name, title
        Short name, and a line for reports.
    tables
        Names of the catalog or folders.
    optimizers
        The entries.
    protocol
        Name of a protocol.
    time_limit
        Simulated seconds, or a mapping from table to seconds; None for the protocol's own.
    runs
        Runs of every entry on every table.
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
    """

    name: str
    tables: tuple[str, ...]
    optimizers: tuple[OptimizerEntry, ...]
    title: str = ""
    protocol: str = "default"
    time_limit: float | Mapping[str, float] | None = None
    runs: int = 10
    seed: int = 0
    simulated_workers: int = 1
    encoding: str = ""
    search_table: str = ""
    plugins: tuple[Path, ...] = ()
    cluster: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "-_." for c in self.name):
            raise SpecError(
                f"a suite's name has letters, digits, '-', '_' and '.' only, got {self.name!r}"
            )
        if not self.tables:
            raise SpecError(f"suite {self.name!r} names no table; add tables = ['…']")
        if not self.optimizers:
            raise SpecError(
                f"suite {self.name!r} names no optimizer; add [[optimizers]] with name = '…'"
            )
        if self.runs < 1:
            raise SpecError(f"suite {self.name!r}: runs must be at least 1, got {self.runs}")
        if self.seed < 0:
            raise SpecError(f"suite {self.name!r}: seed must not be negative, got {self.seed}")
        for kind, names in (
            ("table", self.tables),
            ("label", [entry.label for entry in self.optimizers]),
        ):
            if twice := sorted({name for name in names if list(names).count(name) > 1}):
                raise SpecError(
                    f"suite {self.name!r}: {kind} {twice[0]!r} stands twice; give each entry its"
                    " own label"
                )
        limits = (
            self.time_limit.values() if isinstance(self.time_limit, Mapping) else [self.time_limit]
        )
        for limit in limits:
            if limit is not None and not 0 < limit < float("inf"):
                raise SpecError(
                    f"suite {self.name!r}: a time limit is a number of seconds above 0, got"
                    f" {limit:g}"
                )

    def limit_for(self, table: str) -> float | None:
        """The suite's time limit on a table, simulated seconds; None where the protocol's own holds."""
        limit = self.time_limit
        return limit.get(table) if isinstance(limit, Mapping) else limit

    def changed(
        self,
        *,
        runs: int | None = None,
        optimizers: Sequence[str] = (),
        table: str | None = None,
        time_limit: float | None = None,
        seed: int | None = None,
        simulated_workers: int | None = None,
        plugins: Sequence[Path] = (),
        plugin_optimizers: Sequence[str] = (),
    ) -> SuiteSpec:
        """The suite with some things changed, as the command line does.

        Parameters
        ----------
        runs, table, time_limit, seed, simulated_workers
            Take the place of the suite's own.
        optimizers
            Only these, by label or name; one that the suite does not have is added with its
            defaults.
        plugins
            Further files to find optimizers in.
        plugin_optimizers
            What these files define; added to the suite where `optimizers` names none.
        """
        entries: list[OptimizerEntry] = []
        for wanted in optimizers:
            found = [e for e in self.optimizers if e.label == wanted] or [
                e for e in self.optimizers if e.name == wanted
            ]
            entries += [e for e in found or [OptimizerEntry(wanted)] if e not in entries]
        if not entries:
            here = {entry.name for entry in self.optimizers}
            entries = [
                *self.optimizers,
                *(OptimizerEntry(name) for name in plugin_optimizers if name not in here),
            ]
        return replace(
            self,
            runs=self.runs if runs is None else runs,
            tables=self.tables if table is None else (table,),
            time_limit=self.time_limit if time_limit is None else time_limit,
            seed=self.seed if seed is None else seed,
            simulated_workers=(
                self.simulated_workers if simulated_workers is None else simulated_workers
            ),
            plugins=(*self.plugins, *(path for path in plugins if path not in self.plugins)),
            optimizers=tuple(entries),
        )


def read_spec(path: Path) -> SuiteSpec:
    """The suite of a TOML file.

    Raises
    ------
    SpecError
        If the file cannot be read, is no TOML, or has an unknown, missing or wrongly typed entry.
    """
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise SpecError(f"suite {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"suite {path} is not valid TOML: {error}") from error
    where = f"suite {path}"
    _check_keys(data, _KEYS, where)
    data.setdefault("name", path.stem)
    for key in ("tables", "optimizers"):
        if key not in data:
            raise SpecError(f"{where} lacks {key}")
    entries = []
    for number, entry in enumerate(data["optimizers"], start=1):
        place = f"{where}, optimizer {number}"
        if not isinstance(entry, dict):
            raise SpecError(f"{place} must be a table: [[optimizers]] with name = '…'")
        _check_keys(entry, _ENTRY_KEYS, place)
        if "name" not in entry:
            raise SpecError(f"{place} lacks name")
        entries.append(OptimizerEntry(**entry))
    for key in ("tables", "plugins"):
        if not all(isinstance(item, str) for item in data.get(key, [])):
            raise SpecError(f"{where}: {key} must be a list of texts")
    if isinstance(data.get("time_limit"), dict):
        for table, limit in data["time_limit"].items():
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                raise SpecError(
                    f"{where}: the time limit of {table!r} must be a number of seconds, got"
                    f" {limit!r}"
                )
    data["optimizers"] = tuple(entries)
    data["tables"] = tuple(data["tables"])
    # Paths in a suite file are meant from where the file is.
    data["plugins"] = tuple((path.parent / item).resolve() for item in data.get("plugins", []))
    return SuiteSpec(**data)


def _check_keys(data: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for key, value in data.items():
        if key not in known:
            raise SpecError(f"{where}: {unknown('entry', key, known)}")
        if not isinstance(value, known[key]) or (
            isinstance(value, bool) and known[key] is not bool
        ):
            kinds = known[key] if isinstance(known[key], tuple) else (known[key],)
            raise SpecError(
                f"{where}: {key} must be {' or '.join(_KIND[kind] for kind in kinds)}, got"
                f" {value!r}"
            )


_KIND = {str: "a text", int: "a whole number", float: "a number", list: "a list", dict: "a table"}
