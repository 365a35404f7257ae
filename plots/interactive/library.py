"""The scripts of a report: the plotting library's, from its package, and our own.

The library is plotly.js as the package plotly carries it: one file under the MIT licence that needs
no network. Only that file is read; the package is not imported.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from regretta.tabular_data.storage import folder_below, write_atomically

FOLDER = "scripts"
"""Where a report's scripts lie, beside the page."""

OWN = ("look.js", "figures.js", "explorer.js")
"""Our own scripts, in the order in which a page runs them; the library comes after them."""

LIBRARY = "plotly.min.js"

COMPILE_HINT = b"//# allFunctionsCalledOnLoad\n"
"""First line of the library as a page has it: Chromium, from version 136 on, then compiles it while
the page is read, not when it is run (https://v8.dev/blog/explicit-compile-hints); to other browsers
it is a comment."""


def library() -> Path | None:
    """The library's file; None where its package is not installed."""
    found = find_spec("plotly")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "package_data" / LIBRARY
        if path.is_file():
            return path
    return None


def write_scripts(folder: Path, source: Path) -> None:
    """Write the library of `source` and our own scripts below a report's folder.

    Raises
    ------
    OSError
        If a file cannot be read or written.
    """
    place = folder_below(folder, FOLDER)
    contents = {LIBRARY: COMPILE_HINT + source.read_bytes()}
    contents |= {name: asset(name).encode() for name in OWN}
    for name, content in contents.items():
        path = place / name
        if not (path.is_file() and not path.is_symlink() and path.read_bytes() == content):
            write_atomically(path, content)


def asset(name: str) -> str:
    """The text of a file in ``assets/``."""
    return (files("regretta.plots.interactive") / "assets" / name).read_text(encoding="utf-8")
