"""What a suite's folder remembers of its suite: all that decides its results.

It stands in ``suite.json``, sealed by a checksum. Two calls on one folder are of one suite if their
identities join: more runs, further optimizers and further tables may come, nothing may differ.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from hashlib import sha256
from typing import Any, Self

from regretta.harness.limits import check_limits
from regretta.harness.protocol import Protocol, ProtocolError
from regretta.harness.result import RunResult
from regretta.harness.spec import title_of
from regretta.optimizers.base import Optimizer
from regretta.optimizers.code import code_of, code_of_module
from regretta.tabular_data.documents import LARGEST, DocumentError, built, read_json
from regretta.tabular_data.errors import UserError, shown
from regretta.tabular_data.names import check_name, refuse_twins

FORMAT = 2
"""Version of ``suite.json``."""

_ENGINE = "regretta.harness.run"
_ANEW = "choose another --out"
_APART = "such runs do not belong together; merge them into different folders"
_PARTS = (
    "runs of two seeds have the same numbers, so that one folder cannot hold both: report them"
    " together (regretta report {} {}), or run the suite with one --seed everywhere and on each"
    " machine another --part of it"
)
_SAME = (
    "runs of one label are repetitions of one another: do those of one of the two again with the"
    " same code and packages, or merge them into different folders"
)


class SuiteError(UserError):
    """A suite that cannot run, or a folder that is not one or belongs to another suite."""


class DamagedError(SuiteError):
    """A ``suite.json`` that is not as it was written."""


class ContradictionError(SuiteError):
    """Two identities that are not of one suite; the message is for who runs a suite in a folder.

    Attributes
    ----------
    between
        The same of two folders by name, the one that was there and the other, and the way out.
    """

    def __init__(self, message: str, between: Callable[[str, str], str]) -> None:
        super().__init__(message)
        self.between = between


@dataclass(frozen=True)
class TableIdentity:
    """A table of a suite.

    Attributes
    ----------
    checksum, search_checksum
        Of the table that incumbents are judged on, and of the one that is searched.
    time_limit
        Simulated seconds; None for no such limit.
    cells, budgets, repeats, space
        Its number of cells, its budgets (ascending), repeats of each, and its space's name.
    source, licence, reconstruction
        As in `regretta.Provenance`.
    dataset
        Name of the data that was trained on; empty where it was not said.
    space_spec
        The space, as `regretta.get_space` takes it.
    place, plugin
        Folder in which it was found, and copy of the plugin that defines it, a path within the
        suite's folder; empty where it was asked for by name, and where it is a table. They decide
        nothing.
    """

    checksum: str
    search_checksum: str
    time_limit: float | None
    cells: int
    budgets: tuple[float, ...]
    repeats: int
    space: str
    source: str
    licence: str
    reconstruction: str
    dataset: str = ""
    space_spec: str | Mapping[str, Any] = ""
    place: str = ""
    plugin: str = ""

    @property
    def checksums(self) -> str:
        """As results carry them: both where they differ."""
        return "+".join(dict.fromkeys((self.checksum, self.search_checksum)))


@dataclass(frozen=True)
class MethodIdentity:
    """An optimizer of a suite.

    Attributes
    ----------
    optimizer, settings
        Its name and all of its settings.
    harness, code
        Digests of Regretta's code that makes runs, and of the optimizer's own.
    packages
        Versions of the packages that both use.
    plugin
        Copy of the plugin that defines it, a path within the suite's folder; empty where it is
        built in or installed. It decides nothing.
    runs
        Its runs on every table; None for as many as the suite says. They decide nothing.
    """

    optimizer: str
    settings: Mapping[str, Any]
    harness: str = ""
    code: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    plugin: str = ""
    runs: int | None = None

    @classmethod
    def of(cls, optimizer: type[Optimizer], settings: Any) -> Self:
        """The identity of an optimizer's class with an instance of its settings."""
        importlib.import_module(_ENGINE)
        harness, own = code_of_module(_ENGINE), code_of(optimizer)
        packages = {**harness.packages, **own.packages}
        return cls(optimizer.name, asdict(settings), harness.digest, own.digest, packages)

    @property
    def fingerprint(self) -> str:
        """Digest of all the code that makes its runs, which stands in every result.

        Empty where the code is not known.
        """
        if not self.code:
            return ""
        parts = [self.harness, self.code, sorted(self.packages.items())]
        return sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class SuiteIdentity:
    """A suite.

    Attributes
    ----------
    name, title
        What it is called; for files, and for people.
    protocol
        Its rules.
    seed, simulated_workers, evaluations, encoding, search_table, runs
        As in `regretta.SuiteSpec`.
    tables
        By name, in the suite's order.
    methods
        By label, in the suite's order.
    trace
        Whether the runs that are done from now on keep traces. It decides no result.
    """

    name: str
    title: str
    protocol: Protocol
    seed: int
    simulated_workers: int
    encoding: str
    runs: int
    tables: Mapping[str, TableIdentity]
    methods: Mapping[str, MethodIdentity]
    search_table: str = ""
    evaluations: int | None = None
    trace: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "is no suite's file: a suite's name", SuiteError)
        for table in self.tables:
            check_name(table, "is no suite's file: a table's name", SuiteError)

    def runs_of(self, label: str) -> int:
        """Runs on every table that the suite asks of a label."""
        own = self.methods[label].runs
        return self.runs if own is None else own

    def to_json(self) -> bytes:
        """The content of ``suite.json``, with a checksum of its own."""
        body = {"format": FORMAT, **_plain(self)}
        text = json.dumps({**body, "sha256": _digest(body)}, indent=1, ensure_ascii=False) + "\n"
        data = text.encode()
        if len(data) > LARGEST:
            raise SuiteError(
                f"suite {self.name!r}: {len(self.methods)} labels on {len(self.tables)} tables are"
                f" too many, they take {len(data):,} bytes of {LARGEST:,}; split it"
            )
        return data

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The identity of `to_json`'s bytes.

        Raises
        ------
        DamagedError
            If the bytes are not as they were written.
        SuiteError
            If they are of another version.
        """
        try:
            body = read_json(data)
            version = body.pop("format", None)
            if version != FORMAT and isinstance(version, int):
                raise SuiteError(
                    f"is of another version of regretta (format {shown(version, 20)}, this one"
                    f" reads {FORMAT}); run the suite again into another --out"
                )
            if body.pop("sha256", None) != _digest({"format": version, **body}):
                raise DocumentError("its checksum does not match")
            identity = built(cls, body)
            _refuse_twins(identity.tables, identity.methods)
            if identity.runs < 1:
                raise DocumentError(f"runs must be at least 1, got {identity.runs}")
            for name, table in identity.tables.items():
                check_limits(table.time_limit, identity.evaluations, name, DocumentError)
                if table.time_limit is None and identity.evaluations is None:
                    raise DocumentError(f"{shown(name)} has no limit")
            return identity
        except (DocumentError, ProtocolError, RecursionError) as error:
            said = "it is nested too deep" if isinstance(error, RecursionError) else error
            raise DamagedError(
                f"is damaged ({said}); run the suite again: finished runs stay"
            ) from None

    def joined(self, new: SuiteIdentity, replaced: Container[str] = ()) -> SuiteIdentity:
        """This identity and another one as one.

        Parameters
        ----------
        new
            The other one.
        replaced
            Labels whose code may be another: what they did is not there, or shall be done again.

        Raises
        ------
        ContradictionError
            Where the two contradict each other; the message says in what, and the way out.
        SuiteError
            If names of tables or labels of the two differ in case only.
        """
        for key in ("name", "seed", "encoding", "simulated_workers", "evaluations"):
            _refuse_other(key, getattr(self, key), getattr(new, key))
        if self.protocol != new.protocol:
            _refuse_other("the protocol", self.protocol.name, new.protocol.name)
            rules = f"other rules of protocol {new.protocol.name!r}"
            raise ContradictionError(
                f"it was made with {rules}; {_ANEW}",
                lambda there, here: f"{here} was made with {rules} than {there}; {_APART}",
            )
        for name in self.tables.keys() & new.tables.keys():
            _refuse_others(name, self.tables[name], new.tables[name], ("place", "plugin"))
        methods = {**self.methods, **new.methods}
        for label in self.methods.keys() & new.methods.keys():
            old, other = self.methods[label], new.methods[label]
            _refuse_others(label, old, other, ("harness", "code", "packages", "plugin", "runs"))
            if label not in replaced:
                _refuse_other_code(label, old, other)
                methods[label] = old
        runs = max(self.runs, new.runs)
        for label, method in methods.items():
            asked = [one.runs_of(label) for one in (self, new) if label in one.methods]
            if any(one.methods[label].runs for one in (self, new) if label in one.methods):
                methods[label] = replace(method, runs=max(asked))
        tables = {**self.tables, **new.tables}
        _refuse_twins(tables, methods)
        title = title_of(list(methods), list(tables))
        for one in (self, new):
            if methods.keys() == one.methods.keys() and tables.keys() == one.tables.keys():
                title = one.title
                break
        return replace(new, title=title, runs=runs, tables=tables, methods=methods)

    def owns(self, result: RunResult) -> bool:
        """Whether a result is one of this suite's."""
        table, method = self.tables.get(result.table), self.methods.get(result.label)
        return (
            table is not None
            and method is not None
            and result.seed == self.seed
            and result.simulated_workers == self.simulated_workers
            and result.optimizer == method.optimizer
            and result.code == method.fingerprint
            and dict(result.settings) == _plain(method.settings)
            and result.time_limit == table.time_limit
            and result.evaluation_limit == self.evaluations
            and dict(result.protocol) == _plain(self.protocol)
            and result.table_checksum == table.checksums
        )


def _refuse_twins(tables: Iterable[str], labels: Iterable[str]) -> None:
    refuse_twins("tables", tables, SuiteError)
    refuse_twins("labels", labels, SuiteError)


def _refuse_other(what: str, there: Any, here: Any) -> None:
    if there != here:
        way = _PARTS if what == "seed" else _APART
        raise ContradictionError(
            f"it was made with another suite: {what} is {there!r} there and {here!r} here; {_ANEW}",
            lambda one, other: (
                f"{what} is {there!r} in {one} and {here!r} in {other}; {way.format(one, other)}"
            ),
        )


def _refuse_others(name: str, there: Any, here: Any, apart: Collection[str]) -> None:
    """Refuse two identities of one name that differ in a field, but for some."""
    here, there = _plain(here), _plain(there)
    for key in (key for key in here if key not in apart):
        _refuse_other(f"{key} of {name!r}", there[key], here[key])


def _refuse_other_code(label: str, there: MethodIdentity, here: MethodIdentity) -> None:
    """Refuse to mix runs of one label that other code made."""
    if there.code != here.code:
        what = f"its code has changed since (optimizer {here.optimizer!r} and what lies beside it)"
        versions = [f"another version of the code of optimizer {here.optimizer!r}"] * 2
    elif there.harness != here.harness:
        what = "Regretta's own code has changed since"
        versions = ["another version of Regretta's own code"] * 2
    else:
        packages = dict.fromkeys([*there.packages, *here.packages])
        changed = [
            (name, there.packages.get(name, "not used"), here.packages.get(name, "not used"))
            for name in packages
            if there.packages.get(name) != here.packages.get(name)
        ]
        if not changed:
            return
        what = ", ".join(f"{name} was {old} and is {new} now" for name, old, new in changed)
        versions = [", ".join(f"{one[0]} {one[k]}" for one in changed) for k in (1, 2)]
    raise ContradictionError(
        f"{label!r} has runs there already, and {what}: they would not be repetitions of one"
        " another; give it another --label, choose another --out, or do its runs again with"
        " --redo-changed",
        lambda one, other: (
            f"{label!r} was run with {versions[0]} in {one} than in {other}; {_SAME}"
            if versions[0] == versions[1]
            else f"{label!r} was run with {versions[0]} in {one} and {versions[1]} in {other};"
            f" {_SAME}"
        ),
    )


def _plain(value: Any) -> Any:
    """What JSON gives back of a value."""
    if isinstance(value, Protocol):
        value = value.as_dict()
    elif not isinstance(value, Mapping) and hasattr(value, "__dataclass_fields__"):
        value = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return json.loads(json.dumps(value, default=_plain, allow_nan=False))


def _digest(body: Mapping[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
