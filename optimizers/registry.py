"""Optimizers by name: built in, from installed packages (entry points), or from a file."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path

from regretta.optimizers.base import Optimizer
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown

ENTRY_POINT_GROUP = "regretta.optimizers"

BUILT_IN: dict[str, str] = {
    "random_search": "regretta.optimizers.random_search:RandomSearch",
    "regularized_evolution": "regretta.optimizers.regularized_evolution:RegularizedEvolution",
    "reinforce": "regretta.optimizers.reinforce:Reinforce",
    "hyperband": "regretta.optimizers.hyperband:Hyperband",
    "smac": "regretta.optimizers.smac:Smac",
    "bohb": "regretta.optimizers.bohb:Bohb",
    "smac_stock": "regretta.optimizers.smac:SmacStock",
    "tpe": "regretta.optimizers.tpe:Tpe",
    "local_search": "regretta.optimizers.local_search:LocalSearch",
    "asha": "regretta.optimizers.asha:Asha",
}
"""Name → where the class is; imported when asked for, because some bring heavy libraries."""


class PluginError(UserError):
    """An optimizer that cannot be found or is not one."""


def available() -> dict[str, str]:
    """Name → origin of every optimizer that needs no file: built in, or installed."""
    found = dict.fromkeys(BUILT_IN, "built in")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(
            point.name, f"installed ({point.dist.name if point.dist else point.value})"
        )
    return found


def get_optimizer(name: str, plugins: tuple[Path, ...] = ()) -> type[Optimizer]:
    """The optimizer class of a name.

    Parameters
    ----------
    name
        A built-in or installed optimizer, or one that a file of `plugins` defines.
    plugins
        Python files to look in first.

    Raises
    ------
    PluginError
        If no optimizer has the name (the message has the nearest), or its file or package is
        broken.
    """
    from_files = {cls.name: cls for path in plugins for cls in load_plugin(path)}
    if name in from_files:
        return from_files[name]
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found: type[Optimizer] = getattr(importlib.import_module(module), attribute)
        return found
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        try:
            return _checked(point.load(), f"entry point {point.value}")
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                f"optimizer {name!r} ({point.value}) cannot be loaded: {error}"
            ) from error
    raise PluginError(unknown("optimizer", name, [*BUILT_IN, *available(), *from_files]))


def load_plugin(path: Path) -> list[type[Optimizer]]:
    """The optimizer classes that a Python file defines.

    Raises
    ------
    PluginError
        If the file is missing, fails when run, defines no optimizer, or one that lacks its name or
        ``ask``.
    """
    path = path.resolve()
    try:
        source = path.read_bytes()
    except OSError as error:
        raise PluginError(f"plugin {path} cannot be read: {error.strerror}") from error
    # The file's content names the module, so that an edited plugin is a new module and an unchanged
    # one is shared.
    module_name = (
        f"regretta_plugin_{path.stem}_{sha256(str(path).encode() + source).hexdigest()[:12]}"
    )
    module = sys.modules.get(module_name)
    if module is None:
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise PluginError(f"plugin {path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[module_name]
            if isinstance(error, KeyboardInterrupt):
                raise
            raise PluginError(
                f"plugin {path} fails when it is loaded: {type(error).__name__}: {error}"
            ) from error
    classes = [
        _checked(value, f"plugin {path}")
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Optimizer)
        and value.__module__ == module_name
    ]
    if not classes:
        raise PluginError(f"plugin {path} defines no subclass of regretta.Optimizer")
    return classes


def _checked(value: object, origin: str) -> type[Optimizer]:
    if not (inspect.isclass(value) and issubclass(value, Optimizer)):
        raise PluginError(f"{origin}: {value!r} is not a subclass of regretta.Optimizer")
    if not value.name:
        raise PluginError(f"{origin}: class {value.__name__} has no name; set name = '…'")
    if missing := sorted(getattr(value, "__abstractmethods__", ())):
        raise PluginError(f"{origin}: optimizer {value.name!r} lacks the method {missing[0]!r}")
    return value
