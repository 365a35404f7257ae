"""Which folders a merged folder's runs are from: ``sources.json`` in it, sealed by a checksum."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

from regretta.harness.identity import DamagedError
from regretta.tabular_data.documents import DocumentError, built, read_bytes, read_json
from regretta.tabular_data.storage import write_atomically

FORMAT = 1
"""Version of ``sources.json``."""

_FILE = "sources.json"


@dataclass(frozen=True)
class SourceFolder:
    """A folder that was merged into another one.

    Attributes
    ----------
    folder
        What it was called.
    suite
        SHA-256 of its ``suite.json``, hexadecimal.
    codes
        Label → digest of the code that made its runs.
    runs
        Table → label → numbers of its runs, as pairs of a first and a last one.
    """

    folder: str
    suite: str
    codes: Mapping[str, str]
    runs: Mapping[str, Mapping[str, tuple[tuple[int, ...], ...]]]


@dataclass(frozen=True)
class SeedFolder:
    """A folder whose runs stand in a report beside those of other seeds.

    Attributes
    ----------
    seed
        Of all its runs.
    folder
        What it was called.
    sources
        The folders that it was merged from; none if it was not.
    """

    seed: int
    folder: str
    sources: tuple[SourceFolder, ...] = ()


@dataclass(frozen=True)
class _Document:
    format: int
    sources: tuple[SourceFolder, ...]


def known_numbers(
    sources: Iterable[SourceFolder], table: str, label: str, code: str, numbers: Iterable[int]
) -> set[int]:
    """Those of some numbers that are of runs which the sources have, made by some code."""
    pairs = sorted(
        (pair[0], pair[1])
        for source in sources
        if source.codes.get(label) == code
        for pair in source.runs.get(table, {}).get(label, ())
        if len(pair) == 2
    )
    starts = [first for first, _ in pairs]
    ends = list(accumulate((last for _, last in pairs), max))
    found = set()
    for number in numbers:
        at = bisect_right(starts, number)
        if at and number <= ends[at - 1]:
            found.add(number)
    return found


def without(own: SourceFolder, earlier: Sequence[SourceFolder]) -> SourceFolder:
    """A folder without the runs that it has of others: those that were done there itself."""
    runs: dict[str, dict[str, tuple[tuple[int, ...], ...]]] = {}
    for table, labels in own.runs.items():
        for label, pairs in labels.items():
            mine = {n for first, last in pairs for n in range(first, last + 1)}
            if left := mine - known_numbers(earlier, table, label, own.codes[label], mine):
                runs.setdefault(table, {})[label] = pairs_of(left)
    return replace(own, runs=runs)


def origins(
    sources: Sequence[SourceFolder], runs: Iterable[tuple[str, str, str, int]]
) -> tuple[tuple[str, int], ...]:
    """How many of some runs are of which source, each counted at the first that has it.

    Parameters
    ----------
    sources
        In their order.
    runs
        Table, label, digest of the code and number of each.

    Returns
    -------
    tuple of (str, int)
        Name and number of runs, also where that is 0; then those of no source, under an empty name.
    """
    left: dict[tuple[str, str, str], set[int]] = {}
    for *kind, number in runs:
        left.setdefault(tuple(kind), set()).add(number)  # type: ignore[arg-type]
    counted = []
    for source in sources:
        count = 0
        for (table, label, code), numbers in left.items():
            found = known_numbers([source], table, label, code, numbers)
            numbers -= found
            count += len(found)
        counted.append((source.folder, count))
    return (*counted, ("", sum(map(len, left.values()))))


def united(sources: Iterable[SourceFolder]) -> list[SourceFolder]:
    """The sources with those of one name and code as one."""
    found: dict[tuple[str, str], SourceFolder] = {}
    for source in sources:
        key = (source.folder, json.dumps(dict(source.codes), sort_keys=True))
        other = found.get(key)
        if other is None:
            found[key] = source
            continue
        runs: dict[str, dict[str, tuple[tuple[int, ...], ...]]] = {}
        for one in (other, source):
            for table, labels in one.runs.items():
                for label, pairs in labels.items():
                    mine = runs.setdefault(table, {})
                    mine[label] = _joined((*mine.get(label, ()), *pairs))
        found[key] = replace(source, runs=runs)
    return list(found.values())


def _joined(pairs: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Pairs of a first and a last number with those that touch as one, ascending."""
    joined: list[tuple[int, ...]] = []
    for first, last in sorted(pair for pair in pairs if len(pair) == 2):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def pairs_of(numbers: Iterable[int]) -> tuple[tuple[int, ...], ...]:
    """Numbers as pairs of a first and a last one, ascending."""
    return _joined((number, number) for number in numbers)


def read_sources(folder: Path) -> tuple[SourceFolder, ...]:
    """The folders that a folder was merged from; none if it was not.

    Raises
    ------
    DamagedError
        If what it has of them is not as it was written.
    """
    path = folder / _FILE
    try:
        body = read_json(read_bytes(path))
        if body.pop("sha256", None) != _digest(body):
            raise DocumentError("its checksum does not match")
        document = built(_Document, body)
        if document.format != FORMAT:
            raise DocumentError("it is of another version of regretta")
        return document.sources
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise DamagedError(f"{path} cannot be read: {error.strerror or error}") from error
    except (DocumentError, RecursionError) as error:
        said = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise DamagedError(
            f"{path} is damaged ({said}): which folders the runs are from is not known; delete it"
        ) from None


def write_sources(folder: Path, sources: Sequence[SourceFolder]) -> None:
    """Keep where a folder's runs are from, each source once."""
    body = json.loads(json.dumps({"format": FORMAT, "sources": [asdict(s) for s in sources]}))
    data = json.dumps({**body, "sha256": _digest(body)}, ensure_ascii=False) + "\n"
    write_atomically(folder / _FILE, data.encode())


def _digest(body: Mapping[str, object]) -> str:
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
