"""What a worker does, wherever it is: check that it has the same of everything, then do runs."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from threadpoolctl import ThreadpoolController

from regretta.harness.dialogue import OptimizerError
from regretta.harness.identity import SuiteError, SuiteIdentity
from regretta.harness.run import run, versions
from regretta.harness.spec import SuiteSpec
from regretta.harness.suite import Failure, Suite, Task, plan

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Report:
    """What became of one run.

    Attributes
    ----------
    task
        The run.
    seconds
        Real seconds it took.
    data
        Content of its result file; None if it failed.
    failure
        What happened, if it failed.
    notes
        What the optimizer has to say about it.
    """

    task: Task
    seconds: float
    data: bytes | None
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


def do_run(suite: Suite, task: Task) -> Report:
    """Do one run; whatever an optimizer raises is this run's failure and nobody else's."""
    start = time.perf_counter()
    try:
        result = run(suite.run_of(task))
        data = result.to_json()
    except (Exception, SystemExit) as error:
        message = str(error)
        if not isinstance(error, OptimizerError):
            message = (
                f"{task.label}, run {task.number} on {task.table}: {type(error).__name__}: {error}"
            )
        failure = Failure(task.table, task.label, task.number, message, traceback.format_exc())
        return Report(task, time.perf_counter() - start, None, failure)
    return Report(task, time.perf_counter() - start, data, notes=result.notes)


@lru_cache(1)
def _libraries(_modules: int) -> ThreadpoolController:
    """The numerical libraries loaded now; looked for again when more modules are, as that takes 10 ms."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep numerical libraries, loaded or not yet, to one thread: runs are parallel, and so never differ."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        with _libraries(len(sys.modules)).limit(limits=1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@cache
def _code() -> str:
    """Digest of the source code that makes results."""
    digest = sha256()
    root = Path(__file__).parents[2]
    for package in ("harness", "optimizers", "tabular_data"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class Order:
    """All that a worker needs to know, and what it must find the same at its place.

    Attributes
    ----------
    spec
        The suite, with absolute paths.
    suite
        Its identity: tables with their checksums, optimizers with their settings.
    plugins
        Path and content of every plugin file.
    versions
        As results carry them.
    code
        Digest of regretta's source code.
    """

    spec: SuiteSpec
    suite: SuiteIdentity
    plugins: tuple[tuple[Path, bytes], ...]
    versions: Mapping[str, str]
    code: str


def order(suite: Suite) -> Order:
    """The order of a suite."""
    spec = suite.spec
    absolute = {
        name: str(Path(name).resolve()) if Path(name, "table.json").exists() else name
        for name in spec.tables
    }
    limit = spec.time_limit
    if isinstance(limit, Mapping):
        limit = {absolute[name]: seconds for name, seconds in limit.items()}
    plugins = tuple(path.resolve() for path in spec.plugins)
    return Order(
        spec=replace(spec, tables=tuple(absolute.values()), time_limit=limit, plugins=plugins),
        suite=suite.identity(),
        plugins=tuple((path, path.read_bytes()) for path in plugins),
        versions=versions(),
        code=_code(),
    )


class Workplace:
    """A suite opened where a worker is, found to be the very suite of the order.

    Parameters
    ----------
    order
        What is to be done.

    Raises
    ------
    UserError
        If anything is missing here or differs; one line says what.
    """

    def __init__(self, order: Order) -> None:
        here = versions()
        for package, version in order.versions.items():
            if here.get(package) != version:
                raise SuiteError(
                    f"it has {package} {here.get(package)}; install {version} there, as it is here"
                )
        if _code() != order.code:
            raise SuiteError(
                f"it has other source code of regretta {here['regretta']}; install the same there"
            )
        self.suite = plan(replace(order.spec, plugins=_plugins(order)))
        _compare(order.suite, self.suite.identity())

    def do(self, task: Task) -> Report:
        """Do one run."""
        return do_run(self.suite, task)


def _plugins(order: Order) -> tuple[Path, ...]:
    """The plugin files: those at the same place here, or where one is missing or differs, copies of the order's."""
    found = []
    for path, content in order.plugins:
        try:
            same = path.read_bytes() == content
        except OSError:
            same = False
        if not same:
            name = f"regretta-{sha256(content).hexdigest()[:16]}"
            folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_uid != os.getuid():
                raise SuiteError(f"cannot keep plugin {path.name}: {folder} is another user's")
            path = folder / path.name
            path.write_bytes(content)
        found.append(path)
    return tuple(found)


def _compare(there: SuiteIdentity, here: SuiteIdentity) -> None:
    for name, table in there.tables.items():
        if name not in here.tables:
            raise SuiteError(f"it lacks table {name!r}; copy its folder there")
        needed, found = table.checksums, here.tables[name].checksums
        if found != needed:
            raise SuiteError(
                f"it has another table {name!r} (checksum {found[:12]}… where {needed[:12]}… is"
                " needed); copy the table's folder there"
            )
    try:
        here.joined(there)
    except SuiteError as error:
        raise SuiteError(f"it sees another suite: {error}") from None
