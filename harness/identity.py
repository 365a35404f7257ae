"""What a suite's folder remembers of its suite: all that decides its results.

It stands in ``suite.json``, sealed by a checksum. Two calls on one folder are of one suite if their
identities join: more runs, further optimizers and further tables may come, nothing may differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any, Self, TypeVar

from regretta.harness.protocol import Protocol
from regretta.harness.result import RunResult
from regretta.tabular_data.errors import UserError

FORMAT = 2
"""Version of ``suite.json``."""


class SuiteError(UserError):
    """A suite that cannot run, or a folder that is not one or belongs to another suite."""


class DamagedError(SuiteError):
    """A ``suite.json`` that is not as it was written."""


@dataclass(frozen=True)
class TableIdentity:
    """A table of a suite.

    Attributes
    ----------
    checksum, search_checksum
        Of the table that incumbents are judged on, and of the one that is searched.
    time_limit
        Simulated seconds.
    cells, budgets, repeats, space
        Its number of cells, its budgets (ascending), repeats of each, and its space's name.
    source, licence, reconstruction
        As in `regretta.Provenance`.
    """

    checksum: str
    search_checksum: str
    time_limit: float
    cells: int
    budgets: tuple[float, ...]
    repeats: int
    space: str
    source: str
    licence: str
    reconstruction: str

    @property
    def checksums(self) -> str:
        """As results carry them: both where they differ."""
        return "+".join(dict.fromkeys((self.checksum, self.search_checksum)))


@dataclass(frozen=True)
class MethodIdentity:
    """An optimizer of a suite: its name and all of its settings."""

    optimizer: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class SuiteIdentity:
    """A suite.

    Attributes
    ----------
    name, title
        What it is called; for files, and for people.
    protocol
        Its rules.
    seed, simulated_workers, encoding, runs
        As in `regretta.SuiteSpec`.
    tables
        By name, in the suite's order.
    methods
        By label, in the suite's order.
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

    def to_json(self) -> bytes:
        """The content of ``suite.json``, with a checksum of its own."""
        body = {"format": FORMAT, **_plain(self)}
        return (
            json.dumps({**body, "sha256": _digest(body)}, indent=1, ensure_ascii=False) + "\n"
        ).encode()

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
            body = json.loads(data)
            if not isinstance(body, dict):
                raise ValueError("it is no JSON object")
            if body.get("format") != FORMAT and isinstance(body.get("format"), int):
                raise SuiteError(
                    f"is of another version of regretta (format {body['format']}, this one reads"
                    f" {FORMAT}); run the suite again into another --out"
                )
            if body.pop("sha256", None) != _digest(body):
                raise ValueError("its checksum does not match")
            del body["format"]
            body["protocol"] = _built(Protocol, body["protocol"])
            for key, kind in (("tables", TableIdentity), ("methods", MethodIdentity)):
                body[key] = {str(name): _built(kind, item) for name, item in body[key].items()}
            return _built(cls, body)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, SuiteError):
                raise
            raise DamagedError(
                f"is damaged ({error}); run the suite again: finished runs stay"
            ) from error

    def joined(self, new: SuiteIdentity) -> SuiteIdentity:
        """This identity and another one as one.

        Raises
        ------
        SuiteError
            Where they contradict each other; the message says in what.
        """
        for key in ("name", "seed", "encoding", "simulated_workers"):
            _refuse_other(key, getattr(self, key), getattr(new, key))
        if self.protocol != new.protocol:
            _refuse_other("the protocol", self.protocol.name, new.protocol.name)
            raise SuiteError("the rules of its protocol are others there than here")
        for kind in ("tables", "methods"):
            old, other = _plain(self)[kind], _plain(new)[kind]
            for name in old.keys() & other.keys():
                for key, value in other[name].items():
                    _refuse_other(f"{key} of {name!r}", old[name][key], value)
        return replace(
            new,
            runs=max(self.runs, new.runs),
            tables={**self.tables, **new.tables},
            methods={**self.methods, **new.methods},
        )

    def owns(self, result: RunResult) -> bool:
        """Whether a result is one of this suite's."""
        table, method = self.tables.get(result.table), self.methods.get(result.label)
        return (
            table is not None
            and method is not None
            and result.seed == self.seed
            and result.simulated_workers == self.simulated_workers
            and result.optimizer == method.optimizer
            and dict(result.settings) == _plain(method.settings)
            and result.time_limit == table.time_limit
            and dict(result.protocol) == _plain(self.protocol)
            and result.table_checksum == table.checksums
        )


def _refuse_other(what: str, there: Any, here: Any) -> None:
    if there != here:
        raise SuiteError(f"{what} is {there!r} there and {here!r} here")


def _plain(value: Any) -> Any:
    """What JSON gives back of a value."""
    if isinstance(value, Protocol):
        value = value.as_dict()
    elif not isinstance(value, Mapping) and hasattr(value, "__dataclass_fields__"):
        value = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return json.loads(json.dumps(value, default=_plain, allow_nan=False))


def _digest(body: Mapping[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


T = TypeVar("T")

_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}


def _built(kind: type[T], data: Any) -> T:
    """A dataclass of what JSON gave, every field there and of its type."""
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__} is no JSON object")
    stored = (f for f in fields(kind) if f.metadata.get("stored", True))  # type: ignore[arg-type]
    known = {f.name: str(f.type) for f in stored}
    if set(data) != set(known):
        raise ValueError(f"{kind.__name__} has other fields")
    for key, annotation in known.items():
        wanted = _KINDS.get(annotation)
        if wanted and (
            not isinstance(data[key], wanted)
            or isinstance(data[key], bool) != (annotation == "bool")
        ):
            raise ValueError(f"{key} is {data[key]!r}")
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in data.items()})
