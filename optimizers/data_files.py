"""Data files that a source names beside itself.

A plugin that reads ``Path(__file__).parent / "weights.npz"`` is another one with other weights. The
name is found in the source, so that nothing is run: every expression that makes a path of
``__file__``, of a variable or function that holds such a path, or of its folder, is looked at for
the texts in it, and what of these is a file, a folder or a pattern of files there counts.
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

Names = tuple[tuple[str, ...], ...]
"""Texts of each path, in their order."""


def names_beside(tree: ast.Module) -> Names:
    """The texts of each path that a program makes of ``__file__``.

    What runs only where the file is a script is left out: it may name what it writes.
    """
    body = [node for node in tree.body if not _is_script(node)]
    paths = _Paths(body)
    return tuple(dict.fromkeys(group for node in body for group in paths.within(node) if group))


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
    """Which expressions of a program make a path of ``__file__``."""

    def __init__(self, body: Iterable[ast.stmt]) -> None:
        self._names = {"__file__"}
        self._attributes: set[str] = set()
        nodes = [node for top in body for node in ast.walk(top)]
        count = 0
        while count != (count := len(self._names) + len(self._attributes)):
            for node in nodes:
                self._learn(node)

    def within(self, node: ast.AST) -> Iterator[tuple[str, ...]]:
        """Texts of each path in a piece of the program."""
        if self._is_path(node):
            yield tuple(_texts(node))
            return
        for child in ast.iter_child_nodes(node):
            yield from self.within(child)

    def _learn(self, node: ast.AST) -> None:
        """What a piece of the program gives such a path to."""
        targets: list[ast.expr] = []
        match node:
            case ast.Assign(targets=targets, value=value) if self._is_path(value):
                pass
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
                | ast.For(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
            ) if self._is_path(value):
                targets = [target]
            case ast.FunctionDef(name=name):
                returned = (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
                if any(value is not None and self._is_path(value) for value in returned):
                    self._names.add(name)
                    self._attributes.add(name)
            case _:
                return
        for target in targets:
            if isinstance(target, ast.Name):
                self._names.add(target.id)
                self._attributes.add(target.id)
            elif isinstance(target, ast.Attribute):
                self._attributes.add(target.attr)

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
            case ast.Call(func=func, args=given):
                name = getattr(func, "attr", getattr(func, "id", ""))
                return self._is_path(func) or (name in _MAKERS and any(map(self._is_path, given)))
        return False


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)
