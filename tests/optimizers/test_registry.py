"""Finding optimizers: built in, installed, or in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

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
