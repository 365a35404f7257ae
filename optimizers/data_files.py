"""Data files that a source names beside itself.

A plugin that reads ``Path(__file__).parent / "weights.npz"`` is another one with other weights. The
name is found in the source, so that nothing is run: every expression that makes a path of
``__file__``, of a variable or function that holds such a path, or of its folder, is looked at for
the texts in it, and what of these is a file, a folder or a pattern of files there counts. What the
same source writes is its product and does not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

LARGEST = 1 << 25
"""Bytes of all data files of a plugin at most; what comes after is none of it."""

_MAKERS = {
    *("Path", "PurePath", "PosixPath", "str", "fspath", "join", "dirname", "abspath", "realpath"),
    *("normpath", "glob", "iglob", "sorted", "list"),
}
"""Functions that make paths of paths."""

_METHODS = {
    *("joinpath", "with_name", "with_stem", "with_suffix", "glob", "rglob", "iterdir", "resolve"),
    *("absolute", "expanduser", "as_posix"),
}
"""Methods of a path that make paths."""

_WRITERS = {
    *("write_text", "write_bytes", "touch", "mkdir", "makedirs", "unlink", "remove", "rename"),
    *("replace", "save", "savez", "savez_compressed", "savetxt", "savefig", "dump", "rmtree"),
    *("to_csv", "to_json", "to_parquet", "to_pickle", "write", "copy", "copyfile"),
}
"""Functions that write what a path of their arguments, or the one they are called on, means."""

Names = tuple[tuple[str, ...], ...]
"""Texts of each path, in their order."""


def names_beside(tree: ast.Module) -> Names:
    """The texts of each path that a program makes of ``__file__``.

    What runs only where the file is a script is left out: it may name what it writes.
    """
    body = [node for node in tree.body if not _is_script(node)]
    paths = _Paths(body)
    named = (group for node in body for group in paths.within(node) if group)
    return tuple(group for group in dict.fromkeys(named) if group not in paths.written)


def files_beside(names: Names, file: Path, folder: Path) -> dict[Path, bytes]:
    """Existing files with such names, and their content.

    Parameters
    ----------
    names
        From `names_beside`.
    file
        The source.
    folder
        Files outside of it are none beside it.
    """
    found: dict[Path, bytes] = {}
    left = LARGEST
    for path in sorted(set(_matching(names, file))):
        if not path.resolve().is_relative_to(folder.resolve()):
            continue
        with path.open("rb") as opened:
            content = opened.read(left + 1)
        if len(content) <= left:
            left -= len(content)
            found[path] = content
    return found


def _matching(names: Names, file: Path) -> Iterator[Path]:
    for group in names:
        start = 0
        while start < len(group):
            # Of "weights", "a.npz" the file, else the folder.
            for end in range(len(group), start, -1):
                if files := list(_files(group[start:end], file)):
                    yield from files
                    start = end
                    break
            else:
                start += 1


def _files(parts: tuple[str, ...], file: Path) -> Iterator[Path]:
    text = "/".join(part.strip("/") for part in parts)
    if not text.strip("./") or "\0" in text:
        return
    places = [file.parent / text]
    if set(text) & set("*?["):
        try:
            places = list(file.parent.glob(text))
        except (ValueError, NotImplementedError):
            return
    elif text.startswith(".") and "/" not in text:
        places.append(file.with_suffix(text))
    for place in places:
        yield from _below(place)


def _below(place: Path) -> Iterator[Path]:
    try:
        if place.is_file():
            yield place
        elif place.is_dir() and not (place / "suite.json").exists():
            for below in sorted(place.iterdir()):
                if below.name[0] != "." and below.name != "__pycache__":
                    yield from _below(below)
    except OSError:
        return


def _is_script(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "'__main__'" in ast.dump(node.test)


class _Paths:
    """Which expressions of a program make a path of ``__file__``.

    Attributes
    ----------
    written
        Texts of those that it writes to.
    """

    def __init__(self, body: Iterable[ast.stmt]) -> None:
        self._names = {"__file__"}
        self._attributes: set[str] = set()
        self._functions: set[str] = set()
        self._meant: dict[str, set[tuple[str, ...]]] = {}
        nodes = [node for top in body for node in ast.walk(top)]
        count = 0
        while count != (count := sum(map(len, (self._names, self._attributes, self._functions)))):
            for node in nodes:
                self._learn(node)
        self.written = {
            group
            for node in nodes
            if isinstance(node, ast.Call) and _writes(node)
            for given in (node.func, *node.args)
            for group in self._groups(given)
        }

    def _groups(self, node: ast.AST) -> set[tuple[str, ...]]:
        """Texts of the paths that an expression makes, and of the variables in it."""
        found = set(self.within(node))
        for part in ast.walk(node):
            name = part.id if isinstance(part, ast.Name) else getattr(part, "attr", "")
            found |= self._meant.get(name, set())
        return found

    def within(self, node: ast.AST) -> Iterator[tuple[str, ...]]:
        """Texts of each path in a piece of the program."""
        if self._is_path(node):
            yield tuple(_texts(node))
            return
        for child in ast.iter_child_nodes(node):
            yield from self.within(child)

    def _learn(self, node: ast.AST) -> None:
        """What a piece of the program gives such a path to."""
        match node:
            case ast.Assign(targets=targets, value=value):
                self._give(value, targets)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
                | ast.For(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
            ):
                self._give(value, [target])
            case ast.FunctionDef(name=name):
                returned = (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
                if any(value is not None and self._is_path(value) for value in returned):
                    self._functions.add(name)

    def _give(self, value: ast.expr, targets: Iterable[ast.expr]) -> None:
        if not self._is_path(value):
            return
        for target in targets:
            if isinstance(target, ast.Name):
                name = target.id
                self._names.add(name)
            elif isinstance(target, ast.Attribute):
                name = target.attr
            else:
                continue
            self._attributes.add(name)
            self._meant.setdefault(name, set()).update(self.within(value))

    def _is_path(self, node: ast.AST) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._names
            case ast.Attribute(value=value, attr=name):
                return name in self._attributes or self._is_path(value)
            case ast.Subscript(value=value) | ast.FormattedValue(value=value):
                return self._is_path(value)
            case ast.BinOp(left=left, right=right):
                return self._is_path(left) or self._is_path(right)
            case ast.JoinedStr(values=values):
                return any(map(self._is_path, values))
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _METHODS:
                return self._is_path(value)
            case ast.Call(func=func, args=given):
                name = getattr(func, "attr", getattr(func, "id", ""))
                made = name in _MAKERS and any(map(self._is_path, given))
                of_package = name == "files" and any(map(_is_package, given))
                return made or of_package or name in self._functions
        return False


def _writes(call: ast.Call) -> bool:
    """Whether a call writes to the path that it is given, or is one of."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name != "open":
        return name in _WRITERS
    given = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
    modes = [node.value for node in given if isinstance(node, ast.Constant)]
    return any(isinstance(mode, str) and len(mode) < 4 and set(mode) & set("wax") for mode in modes)


def _is_package(node: ast.AST) -> bool:
    """Whether an argument of `importlib.resources.files` is the plugin itself."""
    return isinstance(node, ast.Name) and node.id in ("__package__", "__name__")


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)
