"""A data file that a plugin's source names beside itself is part of the plugin."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from regretta.optimizers.code import code_of, files_of_plugin
from regretta.optimizers.data_files import LARGEST, files_beside, names_beside
from regretta.optimizers.registry import load_plugin

FILES = ("a.npz", "w/b.npy", "w/c.npy", "x.csv", "y.csv", "mine.json", "results/suite.json")

MINE = """
from pathlib import Path
from regretta import Optimizer

HERE = Path(__file__).parent

class Mine(Optimizer):
    name = "mine"
    text = (HERE / "a.npz").read_text()

    def ask(self): ...
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("np.load(Path(__file__).parent / 'a.npz')", ["a.npz"]),
        ("np.load(Path(__file__).with_name('a.npz'))", ["a.npz"]),
        ("open(Path(__file__).with_suffix('.json'))", ["mine.json"]),
        ("open(os.path.join(os.path.dirname(__file__), 'w', 'b.npy'))", ["w/b.npy"]),
        ("HERE = Path(__file__).resolve().parent\nopen(str(HERE) + '/a.npz')", ["a.npz"]),
        (
            "HERE = Path(__file__).parent\nW = HERE / 'w'\nopen(W / f'{k}.npy')",
            ["w/b.npy", "w/c.npy"],
        ),
        ("def place(n):\n  return Path(__file__).parent / n\nopen(place('a.npz'))", ["a.npz"]),
        ("class A:\n  here = Path(__file__).parent\nopen(self.here / 'a.npz')", ["a.npz"]),
        ("np.load(files(__package__) / 'a.npz')", ["a.npz"]),
        ("np.load(resources.files(__name__).joinpath('w', 'b.npy'))", ["w/b.npy"]),
        ("for f in Path(__file__).parent.glob('*.csv'): open(f)", ["x.csv", "y.csv"]),
        ("open(Path(__file__).parent / 'none.npz')", []),
        ("open('a.npz')", []),
        ("print(__file__, 'a.npz')", []),
        ("open(Path(__file__).parent / '..' / 'beside.txt')", []),
        ("open(Path(__file__).parent / '/etc/hostname')", []),
        ("HERE = Path(__file__).parent\nload_suite(HERE / 'results')", []),
        ("(Path(__file__).parent / 'a.npz').write_text('1')", []),
        ("open(Path(__file__).with_name('a.npz'), 'a').write('1')", []),
        ("Path(__file__).with_name('a.npz').open(mode='wb')", []),
        ("LOG = Path(__file__).parent / 'a.npz'\nopen(LOG, 'w')", []),
        ("H = Path(__file__).parent\nnp.load(H / 'a.npz')\nnp.save(H / 'a.npz', x)", []),
        ("open(Path(__file__).with_name('a.npz'), 'rb')", ["a.npz"]),
        ("if __name__ == '__main__':\n  open(Path(__file__).parent / 'a.npz', 'w')", []),
    ],
)
def test_what_the_source_names_by_its_own_place_is_found(
    folder: Path, source: str, files: list[str]
) -> None:
    (folder.parent / "beside.txt").write_text("no part of it")
    found = files_beside(names_beside(ast.parse(source)), folder / "mine.py", folder)
    assert [path.relative_to(folder).as_posix() for path in found] == files


def test_other_data_make_another_optimizer(folder: Path) -> None:
    plugin = folder / "my_opt.py"
    plugin.write_text(MINE)
    before = load_plugin(plugin)[0]
    (folder / "x.csv").write_text("which it does not name")
    assert code_of(load_plugin(plugin)[0]) == code_of(before)
    (folder / "a.npz").write_text("other weights")
    after = load_plugin(plugin)[0]
    assert (vars(before)["text"], vars(after)["text"]) == ("a.npz", "other weights")
    assert code_of(after).digest != code_of(before).digest


def test_data_of_a_module_beside_count_too(folder: Path) -> None:
    plugin = folder / "my_opt.py"
    plugin.write_text("from lib.steps import STEP\n" + MINE)
    (folder / "lib").mkdir()
    (folder / "lib" / "steps.py").write_text(
        "from pathlib import Path\nSTEP = Path(__file__).with_name('step.txt').read_text()"
    )
    (folder / "lib" / "step.txt").write_text("3")
    assert set(files_of_plugin(plugin)) == {
        *("my_opt.py", "a.npz", "lib/steps.py", "lib/step.txt"),
    }


def test_more_than_goes_to_other_machines_is_none_of_it(folder: Path) -> None:
    with (folder / "a.npz").open("wb") as file:
        file.truncate(LARGEST + 1)
    (folder / "my_opt.py").write_text(MINE.replace("read_text()", "stat().st_size"))
    assert set(files_of_plugin(folder / "my_opt.py")) == {"my_opt.py"}


def test_a_plugin_is_a_package_of_its_resources(folder: Path) -> None:
    plugin = folder / "my_opt.py"
    plugin.write_text(
        MINE.replace("HERE = Path(__file__).parent", "HERE = files(__package__)").replace(
            "from pathlib import Path", "from importlib.resources import files"
        )
    )
    (optimizer,) = load_plugin(plugin)
    assert vars(optimizer)["text"] == "a.npz"
    assert set(files_of_plugin(plugin)) == {"my_opt.py", "a.npz"}
