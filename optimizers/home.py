"""A plugin at home: while its code runs it finds what lies beside its file, and is watched.

Apart from the registry, as every run needs this and no run needs all optimizers.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from regretta.optimizers.code import files_of_plugin, is_plugin
from regretta.optimizers.places import is_library
from regretta.optimizers.reads import watched


def plugin_of(cls: type) -> Path | None:
    """The plugin's file that defines a class; None for any other class."""
    if not is_plugin(cls.__module__):
        return None
    return Path(str(sys.modules[cls.__module__].__file__))


@contextmanager
def at_home(cls: type) -> Iterator[None]:
    """Let a plugin's class import what lies beside its file while it runs.

    Other classes need nothing. `unseen_reads` tells afterwards what files it read.
    """
    path = plugin_of(cls)
    if path is None:
        yield
        return
    with home_of(cls.__module__, path.parent):
        yield


def unseen_reads(cls: type) -> tuple[str, ...]:
    """A line for each file that a plugin's code was seen to use and that is no part of it."""
    path = plugin_of(cls)
    home = _homes.get(cls.__module__)
    if path is None or home is None:
        return ()
    loaded = _files_of([*home.modules.values(), *_parts(cls.__module__)])
    if (home.read or loaded) and home.own is None:
        with suppress(OSError):  # it is gone since it was loaded
            home.own = {path.parent / name for name in files_of_plugin(path)}
    if home.own is None:
        return ()
    no_part = "which is no part of what its runs are known by and does not go to other machines"
    return (
        *(
            f"plugin {path.name} reads {file}, {no_part}; if it lies beside the plugin, name it"
            f" there as Path(__file__).parent / {file.name!r}"
            for file in sorted(home.read - home.own)
        ),
        *(
            f"plugin {path.name} loads {file}, {no_part}; load it by an import statement"
            for file in sorted(loaded - home.own)
        ),
    )


def _parts(plugin: str) -> list[ModuleType]:
    """Loaded modules that a plugin's name is before."""
    return [module for name, module in sys.modules.items() if name.startswith(f"{plugin}.")]


def _files_of(modules: Iterable[ModuleType]) -> set[Path]:
    files = (getattr(module, "__file__", None) for module in modules)
    return {Path(file) for file in files if file}


@dataclass
class _Home:
    """What was loaded from beside a plugin, by name; files its code has read; those it is of."""

    modules: dict[str, ModuleType] = field(default_factory=dict)
    read: set[Path] = field(default_factory=set)
    own: set[Path] | None = None


_homes: dict[str, _Home] = {}
"""By the name of a plugin's module, which belongs to its files' content, as in `sys.modules`."""


@contextmanager
def home_of(plugin: str, folder: Path) -> Iterator[None]:
    """Let imports find what lies in a folder, for no longer than they need it.

    Afterwards its modules have no name any more, so that another plugin's of that name are others.
    """
    home = _homes.setdefault(plugin, _Home())
    before, writing = dict(sys.modules), sys.dont_write_bytecode
    strangers = _strangers(folder)
    for name in strangers:
        del sys.modules[name]
    sys.modules.update(home.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    # Compiled files are told from their source by its time and size only: too little for an edit.
    sys.dont_write_bytecode = True
    try:
        with watched(folder, home.read):
            yield
    finally:
        sys.dont_write_bytecode = writing
        for name in set(sys.modules) - set(before) | set(strangers):
            module = sys.modules.get(name)
            if module is not None and _is_in(module, folder) and not name.startswith("regretta"):
                home.modules[name] = sys.modules.pop(name)
        sys.modules.update({name: before[name] for name in strangers})
        sys.path.remove(str(folder))  # last, as it is where folders of modules look for their parts


def _strangers(folder: Path) -> list[str]:
    """Loaded modules that have the name of one in a folder, and come from elsewhere."""
    here = {path.stem for path in folder.glob("*.py")}
    here |= {path.parent.name for path in folder.glob("*/__init__.py")}
    here -= {"regretta", "__main__", *sys.stdlib_module_names}
    tops = {name for name in here if name in sys.modules and not _is_in(sys.modules[name], folder)}
    return [name for name in list(sys.modules) if name.partition(".")[0] in tops]


def _is_in(module: ModuleType, folder: Path) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(
        place and Path(place).is_relative_to(folder) and not is_library(place) for place in places
    )
