"""Finding optimizers: built in, installed, or in a file."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from regretta.optimizers import registry
from regretta.optimizers.registry import BUILT_IN, PluginError, get_optimizer, load_plugin

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
