"""The one face in Python: what ``from regretta import …`` offers."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import regretta

DOC = regretta.__doc__ or ""


@pytest.mark.parametrize("name", regretta.__all__)
def test_every_name_is_there_with_a_docstring_of_its_own(name: str) -> None:
    value = getattr(regretta, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)
        assert value.__module__.startswith("regretta.")


@pytest.mark.parametrize("name", regretta.__all__)
def test_every_name_is_told_once(name: str) -> None:
    told = re.findall(rf"^ {{4}}(?:\w+, )?{name}\b|, {name}\b| and {name}\b|^{name} is", DOC, re.M)
    assert len(told) == 1


def test_type_checkers_see_the_same_names_in_the_same_homes() -> None:
    """They follow imports that are never carried out."""
    assert regretta.__file__
    tree = ast.parse(Path(regretta.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert seen == regretta._HOME_OF


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        regretta.no_such_name  # noqa: B018


def test_importing_it_imports_no_library() -> None:
    code = "import sys, regretta; print(sorted({'numpy', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
