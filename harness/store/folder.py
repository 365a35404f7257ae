"""A suite's folder: whose it is, who is at work in it, and how it becomes a suite again."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from regretta.harness.identity import DamagedError, SuiteError, SuiteIdentity
from regretta.harness.protocols import get_protocol, written
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.files import find_runs, label_folders
from regretta.harness.suite import Suite, plugin_copy
from regretta.optimizers.code import files_of_plugin
from regretta.tabular_data.documents import DocumentError, read_bytes
from regretta.tabular_data.locks import Lock, locked
from regretta.tabular_data.names import check_path, file_name
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.storage import folder_below, write_atomically

_PATIENCE = 10.0
_COMPACTION_PATIENCE = 30.0


def read_identity(folder: Path) -> SuiteIdentity:
    """The identity of the suite that a folder holds.

    Raises
    ------
    SuiteError
        If it holds none, or one that cannot be used.
    """
    path = folder / "suite.json"
    try:
        return SuiteIdentity.from_json(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        raise SuiteError(f"{folder} holds no suite: it has no suite.json") from None
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror or error}") from error
    except DocumentError as error:
        raise DamagedError(
            f"{path} is damaged ({error}); run the suite again: finished runs stay"
        ) from None
    except SuiteError as error:
        raise type(error)(f"{path} {error}") from error


def claim(suite: Suite, folder: Path, *, redo_changed: bool = False) -> tuple[str, ...]:
    """Make the folder this suite's, or join it to what is there if that is the same suite.

    More runs, further optimizers and further tables may join; nothing that is there may differ. A
    damaged ``suite.json`` is set aside and written anew. Plugins are copied into the folder.

    Parameters
    ----------
    suite
        The suite.
    folder
        Made if it is not there.
    redo_changed
        Whether the runs of a label whose code has changed shall be done again; without it they are
        refused.

    Returns
    -------
    tuple of str
        One line if that was so.

    Raises
    ------
    SuiteError
        If the folder cannot be written, holds something else, or was made with another suite.
    """
    path = folder / "suite.json"
    identity = suite.identity()
    said: tuple[str, ...] = ()
    with clear_disk_errors(folder, "choose another --out"):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, exclusive=True, patience=_PATIENCE) as lock:
            if not lock.held:
                raise SuiteError(
                    f"another process is starting in {folder}; run the same command again"
                )
            if path.exists():
                try:
                    there = read_identity(folder)
                except DamagedError as error:
                    aside = path.with_suffix(".damaged")
                    os.replace(path, aside)
                    what = str(error).partition(";")[0]
                    said = (f"{what}; it is kept as {aside.name} and written anew",)
                else:
                    try:
                        replaced = [
                            label
                            for label, method in identity.methods.items()
                            if label in there.methods
                            and there.methods[label].fingerprint != method.fingerprint
                            and (redo_changed or not _has_runs(folder, label))
                        ]
                        identity = there.joined(identity, replaced)
                    except SuiteError as error:
                        raise SuiteError(f"{folder}: {error}") from None
            elif not _may_become_a_suite(folder):
                raise SuiteError(f"{folder} is not empty and holds no suite; choose another --out")
            for plugin in suite.plugins():
                keep_plugin(plugin, folder)
            write_atomically(path, identity.to_json())
    return said


def _has_runs(folder: Path, label: str) -> bool:
    """Whether a label has a finished run on any table."""
    places = (folder / "runs").glob(f"*/{glob.escape(file_name(label))}")
    return any(find_runs(place).runs for place in places)


def keep_plugin(plugin: Path, folder: Path) -> None:
    """Copy a plugin and what it imports from beside it, so that the suite can be run again."""
    copy = Path(plugin_copy(plugin))
    place = folder / copy.parent
    for name, content in files_of_plugin(plugin).items():
        if not (place / name).exists():
            write_atomically(
                folder_below(folder, *copy.parent.parts, *Path(name).parent.parts)
                / Path(name).name,
                content,
            )


def kept_plugin(folder: Path, copy: str) -> Path | None:
    """The copy of a plugin in a suite's folder, found unchanged; None for none."""
    if not copy:
        return None
    plugin = check_path(folder.resolve() / copy, "plugin", SuiteError)
    if not (plugin.is_file() and plugin_copy(plugin) == copy):
        raise SuiteError(f"{plugin} is not the plugin any more that runs there were made with")
    return plugin


def spec_of_folder(folder: Path) -> SuiteSpec:
    """The suite of a folder as it can be run again, there or elsewhere, its plugins included.

    Raises
    ------
    SuiteError
        If the folder holds no suite, or not any more what its suite needs.
    """
    identity = read_identity(folder)
    protocol = written(identity.protocol)
    if get_protocol(protocol) != identity.protocol:
        raise SuiteError(
            f"{folder} was run under other rules of protocol {identity.protocol.name!r} than this"
            " version of regretta has"
        )
    places = {
        name: table.place
        if table.place and check_path(table.place, "table", SuiteError).is_dir()
        else name
        for name, table in identity.tables.items()
    }
    entries = [
        OptimizerEntry(
            method.optimizer,
            label,
            settings=method.settings,
            plugin=kept_plugin(folder, method.plugin),
            runs=method.runs,
        )
        for label, method in identity.methods.items()
    ]
    benchmarks = [kept_plugin(folder, table.plugin) for table in identity.tables.values()]
    return SuiteSpec(
        name=identity.name,
        title=identity.title,
        tables=tuple(places.values()),
        optimizers=tuple(entries),
        protocol=protocol,
        time_limit={
            places[name]: table.time_limit
            for name, table in identity.tables.items()
            if table.time_limit is not None
        },
        evaluations=identity.evaluations,
        runs=identity.runs,
        seed=identity.seed,
        simulated_workers=identity.simulated_workers,
        encoding=identity.encoding,
        search_table=identity.search_table,
        trace=identity.trace,
        plugins=tuple(dict.fromkeys(path for path in benchmarks if path is not None)),
    )


def _may_become_a_suite(folder: Path) -> bool:
    """Whether a folder without ``suite.json`` has nothing in it but what a suite leaves there."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".suite.json.")}
    return names <= {"runs", "plugins", "suite.damaged"} or any(
        folder.glob("runs/*/*/[0-9]*.json*")
    )


class WorkingFolder:
    """A suite's folder while somebody is at work there: it is known to be the very folder."""

    def __init__(self, folder: Path, lock: Lock) -> None:
        self._folder = folder
        self._lock = lock

    def make_room(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Make the folders in which runs will be kept, by table and label; none is made later.

        Raises
        ------
        SuiteError
            If the folder cannot be written.
        """
        with self.writing():
            for table, label in kinds:
                folder_below(self._folder / "runs", file_name(table), file_name(label))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write into the folder, if it still is the one that was begun.

        Raises
        ------
        SuiteError
            If it was deleted, renamed or unmounted, or cannot be written.
        """
        with clear_disk_errors(self._folder):
            try:
                if not self._lock.is_of(self._folder / "runs"):
                    raise self._vanished()
                yield
            except FileNotFoundError:
                raise self._vanished() from None

    def _vanished(self) -> SuiteError:
        return SuiteError(
            f"{self._folder} is not there any more: it was deleted, renamed or unmounted while its"
            " runs were made; bring it back, or choose another --out, and run the same command"
        )


@contextmanager
def at_work(folder: Path) -> Iterator[WorkingFolder]:
    """Show others that somebody is at work here.

    Whoever is here alone clears what killed writers left.

    Raises
    ------
    SuiteError
        If the runs are being compacted, or the folder cannot be written.
    """
    runs = folder / "runs"
    with clear_disk_errors(folder):
        folder_below(folder, "runs")
        for below in (*runs.glob("*"), *runs.glob("*/*")):
            if below.is_symlink() and below.is_dir():
                raise OSError(errno.ELOOP, f"{below} is a link; put a folder in its place")
        lock = Lock(runs)
    try:
        if not lock.get(exclusive=False, patience=_COMPACTION_PATIENCE):
            raise SuiteError(f"{folder} is being compacted; run the same command when that is over")
        _clear_leftovers(folder, lock)
        yield WorkingFolder(folder, lock)
    finally:
        lock.close()


def _clear_leftovers(folder: Path, lock: Lock) -> None:
    if lock.supported and lock.get(exclusive=True, patience=0.2):
        plugins = [path.parent for path in folder.glob("plugins/**/.*.part")]
        for place in dict.fromkeys((folder, *label_folders(folder), *plugins)):
            clear_leftovers(place)
    lock.get(exclusive=False, patience=_COMPACTION_PATIENCE)


@contextmanager
def clear_disk_errors(
    folder: Path, advice: str = "finished runs are kept, run the same command to go on"
) -> Iterator[None]:
    """Turn an OSError into one line that names the folder and what to do."""
    try:
        yield
    except OSError as error:
        raise SuiteError(
            f"cannot write to {folder}: {error.strerror or error}; {advice}"
        ) from error
