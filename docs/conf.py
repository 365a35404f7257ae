"""How Sphinx makes the site: ``make docs``. Nothing is fetched, neither then nor by a reader."""

from __future__ import annotations

import re
from pathlib import Path

import regretta

project = "Regretta"
author = "the authors of Regretta"
version = release = regretta.__version__
copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["build"]
html_theme = "furo"
html_title = f"Regretta {release}"
html_copy_source = False
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files outside docs/, which a test checks
# Names in single backticks are code where no object has that name.
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": True}

_INTRODUCTION = """# Reference

Every public name of `regretta`, by what it is for. What is not listed may change without notice.

```{eval-rst}
.. autoclass:: regretta.UserError
```
"""


def reference() -> str:
    """The page of all public names, in the groups of the package's own docstring."""
    parts = [_INTRODUCTION]
    for group in re.split(r"\n\n(?=\S)", regretta.__doc__ or "")[1:]:
        title, _, lines = group.partition("\n")
        told = {
            name: re.search(rf"^ {{4}}(\w+, )?{name}\b|(, | and ){name}\b", lines, re.M)
            for name in regretta.__all__
        }
        places = {name: found.end() for name, found in told.items() if found}
        if not lines.startswith("    ") or not places:
            continue
        parts.append(f"## {title.rstrip(':')}\n")
        for name in sorted(places, key=places.__getitem__):
            value = getattr(regretta, name)
            kind = "class" if isinstance(value, type) else "function" if callable(value) else "data"
            parts.append(f"```{{eval-rst}}\n.. auto{kind}:: regretta.{name}\n```\n")
    return "\n".join(parts)


Path(__file__).with_name("reference.md").write_text(reference(), encoding="utf-8")
