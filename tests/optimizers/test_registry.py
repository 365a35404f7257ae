"""Finding optimizers: built in, installed, or in a file."""

from __future__ import annotations

import os
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from regretta.optimizers import registry
from regretta.optimizers.code import code_of
from regretta.optimizers.home import at_home, unseen_reads
from regretta.optimizers.registry import (
    BUILT_IN,
    PluginError,
    get_optimizer,
    load_plugin,
)

PLUGIN = '''
from regretta import Optimizer

class Mine(Optimizer):
    """Mine."""
    name = "mine"

    def ask(self):
        return self.space.sample(self.rng, 1)[0]
'''


def write(folder: Path, text: str) -> Path:
    path = folder / "my_opt.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_built_in_optimizers_carry_their_names(name: str) -> None:
    assert get_optimizer(name).name == name


def test_a_file_brings_an_optimizer(tmp_path: Path) -> None:
    path = write(tmp_path, PLUGIN)
    assert get_optimizer("mine", (path,)) is load_plugin(path)[0]
    with pytest.raises(PluginError, match="unknown optimizer 'mine'"):
        get_optimizer("mine")


def test_an_unknown_optimizer_is_refused_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean 'random_search'"):
        get_optimizer("randomsearch")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "defines no subclass"),
        ("1 / 0", "fails when it is loaded: ZeroDivisionError"),
        ("def broken(:", "fails when it is loaded: SyntaxError"),
        (PLUGIN.replace('name = "mine"', ""), "class Mine has no name"),
        (PLUGIN.replace("def ask", "def asked"), "optimizer 'mine' lacks the method 'ask'"),
    ],
)
def test_a_broken_plugin_is_one_line_that_names_the_file(
    tmp_path: Path, text: str, said: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PluginError, match=said) as caught:
        load_plugin(path)
    assert str(path) in str(caught.value)


def test_a_missing_plugin_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nothing.py cannot be read: No such file"):
        load_plugin(tmp_path / "nothing.py")


def test_an_edited_plugin_is_loaded_anew(tmp_path: Path) -> None:
    before = load_plugin(write(tmp_path, PLUGIN))[0]
    after = load_plugin(write(tmp_path, PLUGIN.replace("Mine.", "Mine, better.")))[0]
    assert (before.__doc__, after.__doc__) == ("Mine.", "Mine, better.")


def test_a_plugin_with_the_name_of_a_built_in_optimizer_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, PLUGIN.replace('"mine"', '"smac"'))
    said = "class Mine has the name of another optimizer, 'smac': the one that is built in"
    for name in ("smac", "random_search"):
        with pytest.raises(PluginError, match=said):
            get_optimizer(name, (path,))


def test_two_plugins_with_one_name_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path, PLUGIN)
    second = tmp_path / "other.py"
    second.write_text(PLUGIN.replace("class Mine", "class Other"))
    with pytest.raises(PluginError, match=r"class Other has .* 'mine': class Mine of .*my_opt.py"):
        get_optimizer("mine", (first, second))
    second.write_text(PLUGIN + PLUGIN.replace("class Mine", "class Other"))
    with pytest.raises(PluginError, match=r"class Other has .* 'mine': class Mine of .*other.py"):
        get_optimizer("mine", (second,))
    assert get_optimizer("mine", (first, first)).name == "mine"


def test_an_installed_optimizer_cannot_take_a_name_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = "regretta.optimizers.random_search:RandomSearch"
    points = [EntryPoint(name, home, "") for name in ("smac", "theirs", "theirs", "single")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    for name in ("smac", "theirs"):
        with pytest.raises(PluginError, match=f"two optimizers are named '{name}'"):
            get_optimizer(name)
    assert get_optimizer("single").name == "random_search"


HELPED = """
from regretta import Optimizer
from steps import CHOICE

class Mine(Optimizer):
    "Mine."
    name = "mine"
    choice = CHOICE

    def ask(self): ...
"""


def test_a_plugin_imports_what_lies_beside_it_and_nobody_elses(tmp_path: Path) -> None:
    for folder, choice in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "steps.py").write_text(f"CHOICE = {choice}")
    first, second = (write(tmp_path / folder, HELPED) for folder in "ab")
    found = [load_plugin(path)[0] for path in (first, second)]
    assert [vars(optimizer)["choice"] for optimizer in found] == [1, 2]
    (tmp_path / "a" / "steps.py").write_text("CHOICE = 3")
    assert vars(load_plugin(first)[0])["choice"] == 3


LAZY = """
from regretta import Optimizer
{top}

class Mine(Optimizer):
    name = "mine"

    def ask(self):
        {inside}
        return CHOICE
"""


@pytest.mark.parametrize(
    ("top", "inside"),
    [
        ("from .steps import CHOICE", "pass"),
        ("from . import steps", "CHOICE = steps.CHOICE"),
        ("from .lib.deep import CHOICE", "pass"),
        ("from lib.deep import CHOICE", "pass"),
        ("import lib.deep", "CHOICE = lib.deep.CHOICE"),
        ("", "from steps import CHOICE"),
        ("", "from .steps import CHOICE"),
        ("", "from lib.deep import CHOICE"),
        ("import steps", "from steps import CHOICE"),
    ],
)
def test_modules_beside_a_plugin_are_its_own_however_and_whenever_it_imports_them(
    tmp_path: Path, top: str, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    monkeypatch.syspath_prepend(tmp_path / "1")  # as the current folder may be
    for choice in (1, 2):
        folder = tmp_path / str(choice)
        (folder / "lib").mkdir(parents=True)
        (folder / "steps.py").write_text(f"CHOICE = {choice}")
        (folder / "lib" / "deep.py").write_text("from ..steps import CHOICE")
        if "from .lib" not in top:
            (folder / "lib" / "deep.py").write_text(f"CHOICE = {choice}")
        found += load_plugin(write(folder, LAZY.format(top=top, inside=inside)))
    assert code_of(found[0]).digest != code_of(found[1]).digest
    answers = []
    for optimizer in (*found, *found):
        with at_home(optimizer):
            answers.append(optimizer.ask(None))  # type: ignore[arg-type]
    assert answers == [1, 2, 1, 2]
    assert not {"steps", "lib", "lib.deep"} & set(sys.modules)


def test_a_module_of_that_name_from_elsewhere_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ModuleType("steps")
    monkeypatch.setitem(sys.modules, "steps", other)
    (tmp_path / "steps.py").write_text("CHOICE = 1")
    assert vars(load_plugin(write(tmp_path, HELPED))[0])["choice"] == 1
    assert sys.modules["steps"] is other


@pytest.mark.parametrize(
    ("text", "beside", "place"),
    [
        ("\n\n1 / 0", "", "my_opt.py:3"),
        ("x = 1\n\ndef broken(:", "", "my_opt.py:3"),
        ("import steps", "\n\n\nimport no_such_module", "steps.py:4"),
        ("import json\n\njson.loads('{')", "", "my_opt.py:3"),
    ],
)
def test_a_plugin_that_fails_as_it_is_loaded_is_told_with_file_and_line(
    tmp_path: Path, text: str, beside: str, place: str
) -> None:
    (tmp_path / "steps.py").write_text(beside)
    with pytest.raises(PluginError) as caught:
        load_plugin(write(tmp_path, text))
    assert str(caught.value).endswith(f", at {tmp_path.resolve() / place}")


READER = """
import importlib
import json
import steps
from . import steps_too
from pathlib import Path
from regretta import Optimizer

HERE = Path(__file__).parent
NAMED = (HERE / "named.json").read_text()
NAMES = {{"file": "un" + "named.json"}}
importlib.import_module("by_name")
importlib.import_module(".by_name_too", __package__)
UNNAMED = json.load(open(HERE / NAMES["file"]))

class Reader(Optimizer):
    name = "reader"

    def ask(self):
        (HERE / "written.json").write_text("1")
        (HERE / "written.json").read_text()
        return Path({other!r}).read_text()
"""


def test_what_a_plugin_reads_or_loads_and_is_no_part_of_it_is_told(
    tmp_path: Path,
) -> None:
    folder, other = tmp_path / "plugin", tmp_path / "other.txt"
    folder.mkdir()
    for name in ("steps", "steps_too", "by_name", "by_name_too"):
        (folder / f"{name}.py").write_text("")
    for path in (folder / "named.json", folder / "unnamed.json", other):
        path.write_text("1")
        os.utime(path, (1, 1))
    (optimizer,) = load_plugin(write(folder, READER.format(other=str(other))))
    with at_home(optimizer):
        optimizer.ask(None)  # type: ignore[arg-type]
    told = unseen_reads(optimizer)
    assert [line.partition(", which is no part")[0] for line in told] == [
        f"plugin my_opt.py reads {other}",
        f"plugin my_opt.py reads {folder / 'unnamed.json'}",
        f"plugin my_opt.py loads {folder / 'by_name.py'}",
        f"plugin my_opt.py loads {folder / 'by_name_too.py'}",
    ]
    assert unseen_reads(get_optimizer("random_search")) == ()


def test_what_a_plugin_wrote_itself_is_not_told_whatever_time_the_file_has(tmp_path: Path) -> None:
    """File systems round times down, so that a new file may look older than the run."""
    inside = (
        "import os; from pathlib import Path; made = Path({!r}); made.write_text('own');"
        " os.utime(made, (1, 1)); CHOICE = made.read_text()"
    )
    text = LAZY.format(top="", inside=inside.format(str(tmp_path / "made.txt")))
    (optimizer,) = load_plugin(write(tmp_path, text))
    with at_home(optimizer):
        assert optimizer.ask(None) == "own"  # type: ignore[arg-type]
    assert unseen_reads(optimizer) == ()


def test_each_of_several_plugins_at_work_is_told_of_what_it_reads_itself(tmp_path: Path) -> None:
    """An optimizer and a benchmark, say."""
    inside = "from pathlib import Path; CHOICE = Path({!r}).read_text()"
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.txt").write_text(name)
        os.utime(tmp_path / f"{name}.txt", (1, 1))
        text = LAZY.format(top="", inside=inside.format(str(tmp_path / f"{name}.txt")))
        found += load_plugin(write(tmp_path / name, text))
    with at_home(found[0]), at_home(found[1]):
        assert [optimizer.ask(None) for optimizer in found] == ["a", "b"]  # type: ignore[arg-type]
    for optimizer, name in zip(found, "ab", strict=True):
        (line,) = unseen_reads(optimizer)
        assert line.startswith(f"plugin my_opt.py reads {tmp_path / name}.txt, ")
