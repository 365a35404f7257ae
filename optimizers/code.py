"""What code decides a run: digests of source files, and versions of the packages that they use.

Runs are repetitions of one another only if the same code made them. So results remember a digest
over the files that define their optimizer and over what these import from beside them or from
their own package, however deep; comments, docstrings and layout do not count. Installed packages
count by their versions, together with what these require of the packages that compute with NumPy.

Imports are read from the source, so that nothing is loaded to find them; so are the data files that
a source names beside itself, which count as well (`data_files`). What a program finds in another
way while it runs (`importlib`, a path from elsewhere) is not seen here.
"""

from __future__ import annotations

import ast
import errno
import importlib.util
import inspect
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from regretta.optimizers.data_files import Names, files_beside, names_beside
from regretta.tabular_data.documents import DocumentError, read_bytes

_OURS = "regretta"
_LAZY = ("regretta.tabular_data", "regretta.optimizers.base", "regretta.harness")
"""Modules whose imports within functions are for those who call them, who import that too."""
_HARMLESS = {"platformdirs", "tqdm"}
_HOLDERS = {"sklearn": "scikit-learn"}
_PLUGIN = "regretta_plugin_"


@dataclass(frozen=True)
class Code:
    """The code behind an optimizer.

    Attributes
    ----------
    digest
        SHA-256 over its source files, hexadecimal.
    packages
        Distribution → version of the installed packages that these use, and ``python``.
    """

    digest: str
    packages: Mapping[str, str]


@cache
def code_of(optimizer: type) -> Code:
    """The code of an optimizer's class and of the classes that it inherits from."""
    return _code(dict.fromkeys(cls.__module__ for cls in optimizer.__mro__))


@cache
def code_of_module(name: str) -> Code:
    """The code of a loaded module and of all that it imports."""
    return _code([name])


def files_of_plugin(path: Path) -> dict[str, bytes]:
    """A plugin's file and all that it imports and reads from beside it.

    Name within its folder → content.
    """
    files = _Files()
    files.add(path, path.stem, path.parent)
    return files.beside


def module_of_plugin(path: Path) -> str:
    """Name of the module that a plugin's file becomes; files of other content get another one."""
    digest = sha256(os.fsencode(path))
    for name, content in sorted(files_of_plugin(path).items()):
        digest.update(f"\0{name}\0".encode() + content)
    return f"{_PLUGIN}{path.stem}_{digest.hexdigest()[:12]}"


def is_plugin(module: str) -> bool:
    """Whether a module's name is one that `module_of_plugin` gave."""
    return module.startswith(_PLUGIN)


def _code(modules: Iterable[str]) -> Code:
    modules = list(modules)
    files = _Files(data="__main__" not in modules)  # a script names what it writes as well
    for name in modules:
        if name.partition(".")[0] not in sys.stdlib_module_names or name == "__main__":
            files.add_module(name)
    return files.code()


class _Files:
    """Source files that were found so far, and the installed packages that they import.

    Parameters
    ----------
    data
        Whether data files beside them are added too.
    """

    def __init__(self, *, data: bool = True) -> None:
        self._data = data
        self._seen: dict[str, str] = {}
        self._tops: set[str] = set()
        self.beside: dict[str, bytes] = {}

    def add_module(self, name: str) -> None:
        """Add a loaded module and whatever it imports."""
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if file and Path(file).is_file():
            plugin = is_plugin(name) or name == "__main__"
            path = Path(file)
            self.add(path, path.stem if plugin else name, path.parent if plugin else None)
            self._note_package(name.partition(".")[0])
        elif module is not None:  # typed in, as in a notebook
            try:
                self._seen[name] = _meaning(ast.parse(inspect.getsource(module)))
            except (OSError, TypeError, SyntaxError):
                self._seen[name] = "unknown"

    def add(self, path: Path, name: str, beside: Path | None) -> None:
        """Add a file and whatever it imports.

        Parameters
        ----------
        path
            The file.
        name
            What its module is called.
        beside
            Folder of a plugin that the file is part of.
        """
        if name in self._seen:
            return
        data = _content(path)
        if beside is not None:
            self.beside[str(path.relative_to(beside))] = data
        self._seen[name], wanted, named = _read(data, name, path.stem == "__init__")
        if self._data and named and not name.startswith(f"{_OURS}."):
            self._add_data(named, path, beside)
        for module in wanted:
            self._follow(module, beside)

    def _add_data(self, named: Names, path: Path, beside: Path | None) -> None:
        """Add the data files that a file names beside itself."""
        root = path.parent if beside is None else beside
        for file, data in files_beside(named, path, root).items():
            place = file.relative_to(root).as_posix()
            self._seen[f"data {place}"] = sha256(data).hexdigest()
            if beside is not None:
                self.beside[place] = data

    def _follow(self, module: str, beside: Path | None) -> None:
        parts = module.split(".")
        if beside is not None and _is_in(beside, parts):
            root: Path | None = beside
        elif parts[0] in sys.stdlib_module_names:
            return
        else:
            root, beside = _own_root(parts[0]), None
        if root is None:
            self._note_package(parts[0])
            return
        for length in range(1, len(parts) + 1):
            found = _file(root, parts[:length])
            if found and parts[:length] != [_OURS]:  # which only says where things are
                self.add(found, ".".join(parts[:length]), beside)

    def _note_package(self, top: str) -> None:
        if top != _OURS and not is_plugin(top):
            self._tops.add(top)

    def code(self) -> Code:
        """What was found."""
        digest = sha256("\n".join(f"{k} {v}" for k, v in sorted(self._seen.items())).encode())
        return Code(digest.hexdigest(), _versions(self._tops))


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except DocumentError as error:  # endless, or no file: for whoever loads it the same as unread
        raise OSError(errno.EINVAL, str(error), str(path)) from None


@cache
def _read(data: bytes, name: str, is_package: bool) -> tuple[str, tuple[str, ...], Names]:
    """Digest of what a file means, what it imports, and texts of paths beside it."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):  # compiled, or wrong, which its import will tell
        return sha256(data).hexdigest(), (), ()
    package = name if is_package else name.rpartition(".")[0]
    wanted = sorted(set(_imports(tree, package, deep=not name.startswith(_LAZY))))
    named = names_beside(tree)
    return _meaning(tree), tuple(wanted), named


def _file(root: Path, parts: list[str]) -> Path | None:
    """File of a module below a folder."""
    place = root.joinpath(*parts)
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.is_file():
            return path
    return next(iter(sorted(place.parent.glob(f"{place.name}.*.so"))), None)


def _is_in(folder: Path, parts: list[str]) -> bool:
    """Whether a module is one of those in a folder; folders there need no ``__init__.py``."""
    if _file(folder, parts[:1]):
        return True
    is_part = len(parts) > 1 and any(
        _file(folder, parts[:length]) for length in range(2, len(parts) + 1)
    )
    return is_part and not _is_elsewhere(parts[0])


@cache
def _is_elsewhere(top: str) -> bool:
    """Whether Python finds a top-level module without a plugin's folder; a mere folder is none."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


@cache
def _own_root(top: str) -> Path | None:
    """Folder that holds a top-level module whose source counts; None for installed packages."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [*(spec.submodule_search_locations or ()), *filter(None, [spec.origin])]
    if not places or spec.origin in ("built-in", "frozen"):
        return None
    place = Path(places[0])
    installed = any(
        place.is_relative_to(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")
    ) or any(place.parent.glob("*.dist-info"))  # elsewhere on the path, as a cluster's modules are
    return None if installed and top != _OURS else place.parent


def _imports(tree: ast.AST, package: str, deep: bool) -> Iterator[str]:
    """Names of modules that a program imports, those for type checkers only left out.

    Within functions too, if `deep`.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for other in node.orelse:
                yield from _imports(other, package, deep)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base: list[str] = []
            if node.level:
                base = package.split(".") if package else []
                base = base[: len(base) - node.level + 1]
            start = ".".join([*base, *filter(None, [node.module])])
            if start:
                yield start
            yield from (".".join(filter(None, [start, alias.name])) for alias in node.names)
        elif deep or not isinstance(node, ast.FunctionDef):
            yield from _imports(node, package, deep)


def _meaning(tree: ast.Module) -> str:
    """Digest of what a program does: comments, docstrings and layout left out.

    Python 3.11 to 3.13 read the same digest from a source.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body[0] = ast.Pass()
    return sha256(_dump(tree).encode()).hexdigest()


def _dump(node: Any) -> str:
    """A syntax tree as text.

    Not `ast.dump`'s, which differs between versions of Python: a newer one has further fields,
    empty in most sources, or leaves empty ones out, and 3.12 ends some f-strings with an empty
    text.
    """
    if isinstance(node, ast.JoinedStr):
        node.values = [v for v in node.values if not isinstance(v, ast.Constant) or v.value]
    if isinstance(node, ast.AST):
        filled = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        inside = ", ".join(f"{name}={_dump(value)}" for name, value in filled)
        return f"{type(node).__name__}({inside})"
    if isinstance(node, list):
        return f"[{', '.join(map(_dump, node))}]"
    return repr(node)


def _versions(tops: Iterable[str]) -> dict[str, str]:
    """Versions of the packages that hold some modules, and of what these compute with."""
    packages: set[str] = set()
    for top in tops:
        for package in _holders_of(top):
            packages |= {package, *_numerical(package)}
    versions = {name: _version(name) for name in sorted(packages - _HARMLESS, key=str.lower)}
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **{name: found for name, found in versions.items() if found}}


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@cache
def _holders_of(top: str) -> tuple[str, ...]:
    """Names of the distributions that a top-level module belongs to."""
    likely = _HOLDERS.get(top, top)
    return (likely,) if _version(likely) else tuple(_all_holders().get(top, ()))


@cache
def _all_holders() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _numerical(package: str) -> set[str]:
    """Requirements of a package, however deep, that are NumPy or need it themselves."""
    found: set[str] = set()
    todo = [package]
    while todo:
        for name in _required(todo.pop()):
            if name not in found and (name == "numpy" or "numpy" in _required(name)):
                found.add(name)
                todo.append(name)
    return found


@cache
def _required(package: str) -> tuple[str, ...]:
    """Names of the packages that one requires, those of its extras left out."""
    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return ()
    names = [re.match(r"[A-Za-z0-9._-]+", line) for line in lines if "extra ==" not in line]
    return tuple(_canonical(name[0]) for name in names if name)


def _canonical(package: str) -> str:
    try:
        return str(metadata.metadata(package)["Name"])
    except metadata.PackageNotFoundError:
        return package
