"""A worker, wherever it is: it finds that it has the same of everything, then does runs."""

from __future__ import annotations

import os
import pickle
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from threadpoolctl import ThreadpoolController

from regretta.harness.identity import SuiteError, SuiteIdentity
from regretta.harness.planning import plan
from regretta.harness.result import checksum_of
from regretta.harness.run import run, versions
from regretta.harness.search import OptimizerError
from regretta.harness.spec import SuiteSpec
from regretta.harness.suite import Failure, Suite, Task
from regretta.harness.trace import LARGEST_TRACE
from regretta.harness.trace_bytes import to_bytes
from regretta.optimizers.code import files_of_plugin
from regretta.optimizers.home import unseen_reads
from regretta.optimizers.places import place_in
from regretta.tabular_data.storage import folder_below, write_atomically
from regretta.tabular_data.text import described, printable, shortened

_LONGEST_LINE, _LONGEST_RECORD = 1_000, 20_000
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class RunOutcome:
    """What became of one run.

    Attributes
    ----------
    task
        The run.
    seconds, processor
        Real seconds it took, and seconds of the processor.
    data
        Content of its result file; None if it failed.
    failure
        What happened, if it failed.
    notes
        What the optimizer has to say about it.
    warm
        Whether its process had done a run of its label before, so that nothing was loaded or
        compiled in it.
    trace
        Content of the file of its trace; None if it keeps none.
    """

    task: Task
    seconds: float
    data: bytes | None
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    processor: float = 0.0
    warm: bool = True
    trace: bytes | None = None


def do_run(
    suite: Suite, task: Task, done: set[str], passing: tuple[type[BaseException], ...] = ()
) -> RunOutcome:
    """Do one run; whatever an optimizer raises is this run's failure and nobody else's.

    Parameters
    ----------
    suite, task
        Which run.
    done
        Labels of which this process has done a run; that of the run is added.
    passing
        What is not the run's own, such as the user's Ctrl-C where that comes here.
    """
    start, processor = time.perf_counter(), time.process_time()
    warm = task.label in done
    done.add(task.label)

    def outcome(
        data: bytes | None,
        failure: Failure | None,
        notes: tuple[str, ...],
        trace: bytes | None = None,
    ) -> RunOutcome:
        took = time.perf_counter() - start, time.process_time() - processor
        return RunOutcome(task, took[0], data, failure, notes, took[1], warm, trace)

    try:
        result = run(suite.run_of(task))
        data = result.to_json()
        trace = None if result.trace is None else to_bytes(result.trace, checksum_of(data))
    except passing:
        raise
    except BaseException as error:
        message = str(error) if isinstance(error, OptimizerError) else _at(task, described(error))
        place = place_in(error, suite.files_of_others())
        record = _record(traceback.format_exc())
        failure = Failure(*_address(task), _line(message), record, place)
        return outcome(None, failure, ())
    planned = suite.tables[task.table]
    classes = (suite.methods[task.label].optimizer, type(planned.table), type(planned.search_table))
    notes = (*result.notes, *(line for cls in dict.fromkeys(classes) for line in unseen_reads(cls)))
    if suite.spec.trace and trace is None:
        notes += (
            f"{task.label} on {task.table}: a run whose trace takes more than"
            f" {LARGEST_TRACE >> 20} MB of memory keeps none",
        )
    return outcome(data, None, notes, trace)


DEATHS = 3
"""How often workers may die of a run until it has failed."""


def died(task: Task, what: str, printed: str = "", files: Collection[Path] = ()) -> RunOutcome:
    """The failure of a run whose workers died.

    Parameters
    ----------
    task
        The run.
    what
        What became of them.
    printed
        What the last of them printed; if Python could still say where it was, that is in it.
    files
        Those that the place is looked for in.
    """
    places = re.findall(r'^ +File "([^"\n]+)", line (\d+)', printed, re.MULTILINE)
    place = next((f"{file}:{line}" for file, line in places if Path(file) in files), "")
    failure = Failure(*_address(task), _line(_at(task, what)), _record(printed), place)
    return RunOutcome(task, 0.0, None, failure)


def _address(task: Task) -> tuple[str, str, int]:
    return task.table, task.label, task.number


def _at(task: Task, what: str) -> str:
    return f"{task.label}, run {task.number} on {task.table}: {what}"


def _line(message: str) -> str:
    return printable(shortened(message, _LONGEST_LINE))


def _record(text: str) -> str:
    return shortened(text, _LONGEST_RECORD)


@lru_cache(1)
def _libraries(_modules: int) -> ThreadpoolController:
    """The numerical libraries loaded now; as this takes 10 ms, only done when there are more."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep numerical libraries, loaded or not yet, to one thread, so that runs never differ."""
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
class Instructions:
    """All that a worker needs to know, and what it must find the same at its place.

    Attributes
    ----------
    spec
        The suite, with absolute paths.
    suite
        Its identity: tables with their checksums, optimizers with their settings.
    plugins
        Every plugin's path, and the files it is made of: name within its folder → content.
    versions
        As results carry them.
    code
        Digest of regretta's source code.
    folder
        The suite's folder, where workers have the same disk.
    """

    spec: SuiteSpec
    suite: SuiteIdentity
    plugins: tuple[tuple[Path, Mapping[str, bytes]], ...]
    versions: Mapping[str, str]
    code: str
    folder: Path | None = None


def instructions_for(suite: Suite) -> Instructions:
    """What the workers of a suite must know."""
    spec = suite.spec

    def absolute(table: str) -> str:
        return str(Path(table).resolve()) if Path(table, "table.json").exists() else table

    limit = spec.time_limit
    if isinstance(limit, Mapping):
        limit = {absolute(table): seconds for table, seconds in limit.items()}
    spec = replace(
        spec,
        tables=tuple(map(absolute, spec.tables)),
        search_table=absolute(spec.search_table) if spec.search_table else "",
        time_limit=limit,
    )
    spec = _with_plugins(spec, Path.resolve)
    used = [*spec.plugins, *(entry.plugin for entry in spec.optimizers if entry.plugin)]
    return Instructions(
        spec=spec,
        suite=suite.identity(),
        plugins=tuple((path, files_of_plugin(path)) for path in dict.fromkeys(used)),
        versions=versions(),
        code=_code(),
        folder=suite.folder,
    )


def _with_plugins(spec: SuiteSpec, place: Callable[[Path], Path]) -> SuiteSpec:
    """A suite whose plugins are at other places."""
    entries = tuple(
        replace(entry, plugin=place(entry.plugin)) if entry.plugin else entry
        for entry in spec.optimizers
    )
    return replace(spec, plugins=tuple(map(place, spec.plugins)), optimizers=entries)


class Worker:
    """A suite opened where a worker is, found to be the very suite of its instructions.

    Parameters
    ----------
    instructions
        What is to be done.

    Raises
    ------
    UserError
        If anything is missing here or differs; one line says what.
    """

    def __init__(self, instructions: Instructions) -> None:
        here = versions()
        for package, version in instructions.versions.items():
            if here.get(package) != version:
                raise SuiteError(
                    f"it has {package} {here.get(package)}; install {version} there, as it is here"
                )
        if _code() != instructions.code:
            raise SuiteError(
                f"it has other source code of regretta {here['regretta']}; install the same there"
            )
        places = dict(_placed(instructions))
        suite = plan(_with_plugins(instructions.spec, places.__getitem__))
        self._suite = replace(suite, folder=instructions.folder)
        self._copies = {
            f"{copy.parent}{os.sep}": f"{path.parent}{os.sep}"
            for path, copy in places.items()
            if copy != path
        }
        self._done: set[str] = set()
        _compare(instructions.suite, self._suite.identity())

    @property
    def limit(self) -> float | None:
        """Real seconds that a run may take."""
        return self._suite.spec.run_time_limit

    def do(self, task: Task) -> RunOutcome:
        """Do one run; what it tells of copies of plugins is told of the plugins."""
        outcome = do_run(self._suite, task, self._done)
        failure, notes = outcome.failure, outcome.notes
        for copy, own in self._copies.items():
            notes = tuple(note.replace(copy, own) for note in notes)
            if failure is not None:
                failure = replace(
                    failure,
                    message=failure.message.replace(copy, own),
                    traceback=failure.traceback.replace(copy, own),
                    place=failure.place.replace(copy, own),
                )
        return replace(outcome, failure=failure, notes=notes)


def _placed(instructions: Instructions) -> Iterator[tuple[Path, Path]]:
    """Where each plugin is: at the same place here, a copy where it is missing or differs."""
    for path, files in instructions.plugins:
        try:
            same = files_of_plugin(path) == files
        except OSError:
            same = False
        if same:
            yield path, path
            continue
        digest = sha256(pickle.dumps(sorted(files.items()))).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"regretta-{digest}-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():  # nor may it be another user's link
            raise SuiteError(f"cannot keep plugin {path.name}: {folder} is another user's")
        for name, content in files.items():
            write_atomically(
                folder_below(folder, *Path(name).parent.parts) / Path(name).name, content
            )
        yield path, folder / path.name


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
        what = str(error).removeprefix("it was made with ").partition(";")[0]
        raise SuiteError(f"it sees {what}") from None
