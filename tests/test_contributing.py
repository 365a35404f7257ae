"""CONTRIBUTING draws the house as it is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = ("regretta", "experiments", "plots", "harness", "optimizers", "tabular_data")


def drawn() -> dict[str, str]:
    """Folder → what the tree in CONTRIBUTING says of it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"```\n(regretta/ .*?)```", text, flags=re.DOTALL)
    folders: dict[str, str] = {}
    above: list[str] = []
    for line in tree.splitlines():
        name, _, said = line.strip().partition("/")
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], name]
        folders["/".join(above)] = said.strip()
    return folders


def rooms() -> set[str]:
    """Every folder of ours that holds modules; the links of `regretta/` lead to folders seen."""
    return {
        str(module.parent.relative_to(ROOT))
        for folder in CODE
        for module in (ROOT / folder).rglob("*.py")
        if not module.is_relative_to(ROOT / "regretta")
        or module.relative_to(ROOT / "regretta").parts[0] not in CODE
    }


def test_every_room_is_drawn() -> None:
    assert rooms() - set(drawn()) == set()


def test_every_drawn_folder_and_module_is_there() -> None:
    for folder, said in drawn().items():
        assert (ROOT / folder).is_dir(), folder
        for module in re.findall(r"\w+\.py\b", said):
            assert (ROOT / folder / module).is_file(), f"{folder}/{module}"


def test_files_that_contributing_names_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:\w+/)+[\w.]*)`", text):
        assert (ROOT / name).exists(), name
