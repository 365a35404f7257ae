"""What code decides a run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from subprocess import run

import pytest

from regretta.optimizers import code
from regretta.optimizers.code import code_of
from regretta.optimizers.registry import get_optimizer, load_plugin

HELPED = """
from regretta import Optimizer
from steps import CHOICE

class Mine(Optimizer):
    "Mine."
    name = "mine"
    choice = CHOICE

    def ask(self): ...
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "my_opt.py"
    path.write_text(text)
    return path


def test_code_is_another_when_what_it_does_is_another(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("from deeper import CHOICE")
    (tmp_path / "deeper.py").write_text("CHOICE = 1")
    path = write(tmp_path, HELPED)
    before = code_of(load_plugin(path)[0])
    path.write_text("# a comment\n" + HELPED.replace('"Mine."', '"A docstring."'))
    assert code_of(load_plugin(path)[0]) == before
    (tmp_path / "deeper.py").write_text("CHOICE = 2")
    assert code_of(load_plugin(path)[0]).digest != before.digest
    (tmp_path / "deeper.py").write_text("CHOICE = 1")
    assert code_of(load_plugin(path)[0]).digest == before.digest
    path.write_text(HELPED.replace("...", "return None"))
    assert code_of(load_plugin(path)[0]).digest != before.digest


VARIED = """
from beside import A


def step(a: int, *, b: object = None, **more: int) -> "str":
    "What it does."
    width = {None: 1, **more}
    return f"{a:>{b}}{{x}} {width!r:}" f"{a}" ""


class Mine(A):
    names: list[str] = []

    async def ask(self):
        match self.names:
            case [first, *_]:
                return lambda: (yield first)
"""
"""What syntax trees of Python 3.11, 3.12 and 3.13 tell differently, and what might be."""


@pytest.mark.parametrize("python", ["python3.11", "python3.12", "python3.13"])
def test_each_python_reads_the_same_code(tmp_path: Path, python: str) -> None:
    """Else runs would be said to be of changed code where only Python is another."""
    program = shutil.which(python)
    if program is None or run([program, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"{python} is not there")
    (tmp_path / "varied.py").write_text(VARIED)
    (tmp_path / "beside.py").write_text("class A: 'A.'")
    ask = (
        "import runpy, sys; sys.path.insert(0, sys.argv[1]); import varied;"
        "print(runpy.run_path(sys.argv[2])['code_of'](varied.Mine).digest)"
    )
    source = Path(code.__file__)
    there, here = (
        run([one, "-c", ask, tmp_path, source], capture_output=True, text=True, check=True).stdout
        for one in (program, sys.executable)
    )
    assert there == here != ""


def test_code_counts_the_optimizer_that_it_inherits_from(tmp_path: Path) -> None:
    for name, base in (("a", "Optimizer"), ("b", "get_optimizer('hyperband')")):
        path = tmp_path / f"{name}.py"
        path.write_text(
            "from regretta import Optimizer, get_optimizer\n"
            f"class P({base}):\n    name = 'p'\n    def ask(self): ...\n"
        )
    plain, derived = (code_of(load_plugin(tmp_path / f"{name}.py")[0]) for name in "ab")
    assert plain.digest != derived.digest


def test_the_packages_that_an_optimizer_computes_with_count() -> None:
    pytest.importorskip("hyperopt")
    assert set(code_of(get_optimizer("random_search")).packages) == {"python", "numpy"}
    assert {"hyperopt", "numpy", "scipy"} <= set(code_of(get_optimizer("tpe")).packages)
    smac = code_of(get_optimizer("smac")).packages
    assert {"smac", "ConfigSpace", "scikit-learn", "scipy", "numpy"} <= set(smac)
    assert "hyperopt" not in smac
    assert {"hpbandster", "ConfigSpace"} <= set(code_of(get_optimizer("bohb")).packages)


def test_a_package_installed_elsewhere_on_the_path_counts_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As packages of a cluster's modules are, which `PYTHONPATH` names."""
    root = tmp_path / "modules"
    package, about = root / "elsewhere", root / "elsewhere-1.2.dist-info"
    package.mkdir(parents=True)
    about.mkdir()
    (package / "__init__.py").write_text("CHOICE = 1")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(root)
    path = write(tmp_path, HELPED.replace("steps", "elsewhere"))
    before = code_of(load_plugin(path)[0])
    assert before.packages["elsewhere"] == "1.2"
    (package / "__init__.py").write_text("CHOICE = 1  # of 8 MB, say\nMORE = 2")
    path.write_text("# another file\n" + path.read_text())
    assert code_of(load_plugin(path)[0]) == before
