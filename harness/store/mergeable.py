"""Which folders a merge takes, and the one suite that they are of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from regretta.harness.identity import ContradictionError, SuiteError, SuiteIdentity
from regretta.harness.store.folder import read_identity
from regretta.tabular_data.locks import locked


@dataclass(frozen=True)
class Source:
    """A folder that takes part.

    Attributes
    ----------
    name
        What the user calls it.
    folder, identity
        Where it is, and the suite it is of.
    runs
        Table → label → numbers of its runs, as they are found.
    """

    name: str
    folder: Path
    identity: SuiteIdentity
    runs: dict[str, dict[str, tuple[tuple[int, ...], ...]]] = field(default_factory=dict)


def sources_of(
    out: str, target: Path, folders: Sequence[str | Path], notes: list[str]
) -> list[Source]:
    """The folders to be merged into `target`, which the user calls `out`; each counts once.

    Raises
    ------
    SuiteError
        If one holds no suite, cannot be read, or is or holds `target`.
    """
    found: dict[tuple[int, int], Source] = {}
    for folder in map(Path, folders):
        identity = read_identity(folder)
        place = Path(os.path.realpath(folder))
        try:
            about = os.stat(place)
        except OSError as error:
            raise SuiteError(f"{folder} cannot be read: {error.strerror or error}") from error
        key = (about.st_dev, about.st_ino)
        if key in found:
            notes.append(f"{folder} is the same folder as {found[key].name}, and counts once")
            continue
        if target == place:
            raise SuiteError(
                f"{folder} is to be merged into itself; name another OUT, or leave it out"
            )
        if target.is_relative_to(place):
            raise SuiteError(
                f"{out} lies within {folder}, which must not change; choose another OUT"
            )
        found[key] = Source(str(folder), place, identity)
        if _somebody_in(place):
            notes.append(
                f"runs are being done in {folder}: those that end after this are not in {out};"
                " merge again when all are done"
            )
    return list(found.values())


def suite_at(out: str, target: Path) -> Source | None:
    """What is at the place already, if it is a suite's folder; None if nothing is.

    Raises
    ------
    SuiteError
        If something else is there.
    """
    if (target / "suite.json").exists():
        return Source(out, target, read_identity(target))
    if target.is_dir() and not any(target.iterdir()):
        return None
    if os.path.lexists(target):
        raise SuiteError(f"{out} is there and holds no suite; choose another OUT")
    return None


def _somebody_in(folder: Path) -> bool:
    with suppress(OSError), locked(folder / "runs", exclusive=True) as lock:
        return not lock.held
    return False


def joined(sources: Sequence[Source], notes: list[str]) -> SuiteIdentity:
    """The identity of them all.

    Raises
    ------
    SuiteError
        If two of them contradict each other; the message says which, in what, and the way out.
    """
    whole = sources[0].identity
    names = dict.fromkeys(source.identity.name for source in sources)
    if len(names) > 1:
        notes.append(
            f"the folders' suites are called {', '.join(names)}; the merged one is {whole.name}"
        )
    for count, source in enumerate(sources[1:], start=1):
        try:
            whole = whole.joined(replace(source.identity, name=whole.name))
        except SuiteError as error:
            raise SuiteError(_contradiction(sources[:count], source, error)) from None
    tables = {}
    for name, table in whole.tables.items():
        places = [s.identity.tables[name].place for s in sources if name in s.identity.tables]
        here = next((place for place in places if place and os.path.isdir(place)), table.place)
        tables[name] = replace(table, place=here)
    return replace(whole, tables=tables, trace=any(s.identity.trace for s in sources))


def _contradiction(before: Sequence[Source], source: Source, error: SuiteError) -> str:
    """What of a folder contradicts which of those before it."""
    for other in before:
        try:
            other.identity.joined(replace(source.identity, name=other.identity.name))
        except ContradictionError as found:
            return found.between(other.name, source.name)
        except SuiteError as found:
            return f"{other.name} and {source.name} do not fit: {found}"
    return f"{source.name} does not fit the folders before it: {error}"
