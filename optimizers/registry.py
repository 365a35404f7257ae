"""Optimizers by name: built in, from installed packages (entry points), or from a file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from regretta.optimizers.asha import Asha
from regretta.optimizers.base import Optimizer
from regretta.optimizers.bohb import Bohb
from regretta.optimizers.code import code_of, module_of_plugin
from regretta.optimizers.home import at_home, home_of
from regretta.optimizers.hyperband import Hyperband
from regretta.optimizers.local_search import LocalSearch
from regretta.optimizers.places import place_below
from regretta.optimizers.random_search import RandomSearch
from regretta.optimizers.regularized_evolution import RegularizedEvolution
from regretta.optimizers.reinforce import Reinforce
from regretta.optimizers.smac import Smac, SmacStock
from regretta.optimizers.tpe import Tpe
from regretta.optimizers.weight_sharing.darts import DartsV1, DartsV2
from regretta.optimizers.weight_sharing.enas import Enas
from regretta.optimizers.weight_sharing.gdas import Gdas
from regretta.optimizers.weight_sharing.rsps import Rsps
from regretta.optimizers.weight_sharing.setn import Setn
from regretta.tabular_data.benchmark import Benchmark
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import check_name, unknown
from regretta.tabular_data.text import described

ENTRY_POINT_GROUP = "regretta.optimizers"

BUILT_IN: Mapping[str, type[Optimizer]] = MappingProxyType(
    {
        optimizer.name: optimizer
        for optimizer in (
            RandomSearch,
            RegularizedEvolution,
            Reinforce,
            Hyperband,
            Smac,
            Bohb,
            SmacStock,
            Tpe,
            LocalSearch,
            Asha,
            Rsps,
            DartsV1,
            DartsV2,
            Gdas,
            Setn,
            Enas,
        )
    }
)
"""The optimizers that come with Regretta, by name. Those that need a heavy library import it when a
run starts."""


class PluginError(UserError):
    """An optimizer that cannot be found or is not one."""


def available() -> dict[str, str]:
    """Name → origin of every optimizer that needs no file: built in, or installed."""
    found = dict.fromkeys(BUILT_IN, "built in")
    for name, package in installed().items():
        found.setdefault(name, f"installed ({package})")
    return found


def installed() -> dict[str, str]:
    """Name → package of every optimizer that an installed package offers."""
    return {point.name: _package(point) for point in _points()}


def _points() -> list[EntryPoint]:
    """The optimizers of installed packages."""
    return list(entry_points(group=ENTRY_POINT_GROUP))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _origin(point: EntryPoint) -> str:
    return f"installed ({_package(point)})"


def get_optimizer(name: str, plugins: Sequence[Path] = ()) -> type[Optimizer]:
    """The optimizer class of a name.

    Parameters
    ----------
    name
        A built-in or installed optimizer, or one that a file of `plugins` defines.
    plugins
        Python files that define further ones.

    Raises
    ------
    PluginError
        If no optimizer has the name (the message has the nearest) or several have it, or its file
        or package is broken.
    """
    from_files = {cls.name: cls for _, cls in plugin_optimizers(plugins)}
    points = [point for point in _points() if point.name == name]
    owners = [*(["built in"] if name in BUILT_IN else []), *map(_origin, points)]
    if len(owners) > 1:
        raise PluginError(
            f"two optimizers are named {name!r}: {' and '.join(owners)}; remove one, or rename it"
        )
    if name in from_files:
        return from_files[name]
    if name in BUILT_IN:
        return BUILT_IN[name]
    for point in points:
        try:
            return _checked(point.load(), f"entry point {point.value}")
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                f"optimizer {name!r} ({point.value}) cannot be loaded: {described(error)}"
            ) from error
    raise PluginError(unknown("optimizer", name, [*available(), *from_files]))


def plugin_optimizers(plugins: Sequence[Path]) -> list[tuple[Path, type[Optimizer]]]:
    """The optimizers that some files define, each with its file.

    Raises
    ------
    PluginError
        As `load_plugin`, or if two have one name, or one has that of an optimizer that is built in
        or installed.
    """
    found: list[tuple[Path, type[Optimizer]]] = []
    owners = {name: f"the one that is {origin}" for name, origin in available().items()}
    for path in dict.fromkeys(path.resolve() for path in plugins):
        for optimizer in load_plugin(path):
            if optimizer.name in owners:
                raise PluginError(
                    f"plugin {path}: class {optimizer.__name__} has the name of another optimizer,"
                    f" {optimizer.name!r}: {owners[optimizer.name]}; give it a name of its own"
                )
            owners[optimizer.name] = f"class {optimizer.__name__} of {path}"
            found.append((path, optimizer))
    return found


def plugin_benchmarks(plugins: Sequence[Path]) -> dict[str, Benchmark]:
    """The benchmarks that some files define, one of each class, by name.

    Where a benchmark has no checksum of its own, its code is what it belongs to.

    Raises
    ------
    PluginError
        As `load_plugin`, or if a benchmark has no name, or that of another one, or cannot be made.
    """
    found: dict[str, Benchmark] = {}
    for path in dict.fromkeys(path.resolve() for path in plugins):
        for cls in _classes(path, Benchmark):
            try:
                with at_home(cls):
                    benchmark = cls()
            except Exception as error:
                where = place_below(error, path.parent)
                raise PluginError(
                    f"plugin {path}: benchmark {cls.__name__} cannot be made: {described(error)}"
                    + (f", at {where}" if where else "")
                ) from error
            name = getattr(benchmark, "name", "")
            if not name or name in found:
                what = "has the name of another benchmark" if name else "has no name"
                raise PluginError(f"plugin {path}: benchmark {cls.__name__} {what}; set name = '…'")
            check_name(name, f"plugin {path}: name of benchmark {cls.__name__}", PluginError)
            if not benchmark.checksum:
                benchmark.checksum = code_of(cls).digest
            found[name] = benchmark
    return found


def load_plugin(path: Path) -> list[type[Optimizer]]:
    """The optimizer classes that a Python file defines.

    What it imports is looked for beside the file first, also with ``from .name import …`` and while
    it runs (`regretta.optimizers.home`). A file may define benchmarks as well, or nothing else: see
    `plugin_benchmarks`.

    Raises
    ------
    PluginError
        If the file is missing, fails when run, defines neither optimizer nor benchmark, or an
        optimizer that lacks its name or ``ask``.
    """
    path = path.resolve()
    optimizers = [_checked(cls, f"plugin {path}") for cls in _classes(path, Optimizer)]
    if not optimizers and not _classes(path, Benchmark):
        raise PluginError(f"plugin {path} defines no subclass of regretta.Optimizer")
    for optimizer in optimizers:
        code_of(optimizer)  # now, before somebody edits the files
    return optimizers


def _classes(path: Path, base: type) -> list[Any]:
    """The subclasses that a plugin's file itself defines."""
    module = _module(path)
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    return list(dict.fromkeys(classes))


def _module(path: Path) -> ModuleType:
    try:
        # The content names the module, so that an edited plugin is a new module and an unchanged
        # one is shared.
        module_name = module_of_plugin(path)
    except OSError as error:
        raise PluginError(f"plugin {path} cannot be read: {error.strerror}") from error
    module = sys.modules.get(module_name)
    if module is None:
        # As a package its modules may be relative to it.
        spec = importlib.util.spec_from_file_location(
            module_name, path, submodule_search_locations=[str(path.parent)]
        )
        if spec is None or spec.loader is None:
            raise PluginError(f"plugin {path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            with home_of(module_name, path.parent):
                spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[module_name]
            if isinstance(error, KeyboardInterrupt):
                raise
            where = place_below(error, path.parent)
            raise PluginError(
                f"plugin {path} fails when it is loaded: {described(error)}"
                + (f", at {where}" if where else "")
            ) from error
    return module


def _checked(value: object, origin: str) -> type[Optimizer]:
    if not (inspect.isclass(value) and issubclass(value, Optimizer)):
        raise PluginError(f"{origin}: {value!r} is not a subclass of regretta.Optimizer")
    if not value.name:
        raise PluginError(f"{origin}: class {value.__name__} has no name; set name = '…'")
    if missing := sorted(getattr(value, "__abstractmethods__", ())):
        raise PluginError(f"{origin}: optimizer {value.name!r} lacks the method {missing[0]!r}")
    return value
