"""Installed, Regretta is one name and stands beside a project with folders named like its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.test_readme import block

ROOT = Path(__file__).parents[1]
OUR_FOLDERS = ("tabular_data", "optimizers", "harness", "plots", "experiments")

pytestmark = pytest.mark.slow


def call(*command: object, where: Path, **environment: str) -> str:
    """Stdout of a program that sees only what is installed, and the folder where it runs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=where,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree, so that building leaves nothing in it."""
    copy = tmp_path_factory.mktemp("source") / "tree"
    copy.mkdir()
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("regretta", *OUR_FOLDERS):
        shutil.copytree(
            ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    return copy


def build(source: Path, kind: str, out: Path) -> Path:
    """Build a ``wheel`` or an ``sdist`` with the back end of pyproject.toml, without a network."""
    setuptools = pytest.importorskip("setuptools", minversion="77", reason="builds with it")
    beside = Path(setuptools.__file__).parents[1]
    out.mkdir(exist_ok=True)
    code = f"import setuptools.build_meta as b; b.build_{kind}({str(out)!r})"
    call(sys.executable, "-c", code, where=source, PYTHONPATH=str(beside))
    (made,) = out.iterdir()
    return made


def files_of(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, "wheel", tmp_path_factory.mktemp("wheel"))


def environment(folder: Path, *what: object) -> Path:
    """Programs of a fresh environment with this one's libraries, and Regretta as it is given."""
    call(sys.executable, "-m", "venv", "--without-pip", folder, where=folder.parent)
    python = folder / "bin" / "python"
    site = call(python, "-c", "import site; print(site.getsitepackages()[0])", where=folder)
    libraries = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    setuptools = pytest.importorskip("setuptools", minversion="77", reason="builds with it")
    libraries.insert(0, str(Path(setuptools.__file__).parents[1]))
    # Lines of a .pth file are folders to look into; .pth files in those are not read, so that an
    # editable install of this environment stays out.
    (Path(site.strip()) / "libraries.pth").write_text("\n".join(dict.fromkeys(libraries)))
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", *options)
    call(*pip, "--no-build-isolation", *what, where=folder)
    return folder / "bin"


@pytest.fixture(scope="module", params=["wheel", "editable"])
def programs(
    request: pytest.FixtureRequest,
    wheel: Path,
    tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("environment") / request.param
    return environment(folder, *((wheel,) if request.param == "wheel" else ("--editable", tree)))


@pytest.fixture(params=["packages", "single files"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A user's project that has all our folders' names for its own, and the README's plugin."""
    for name in OUR_FOLDERS:
        if request.param == "packages":
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text("MINE = True\n")
        else:
            (tmp_path / f"{name}.py").write_text("MINE = True\n")
    (tmp_path / "annealing.py").write_text(block("# annealing.py"))
    (tmp_path / "test_annealing.py").write_text(block("from regretta.testing"))
    return tmp_path


def test_the_wheel_installs_one_name(wheel: Path) -> None:
    assert {name.split("/")[0] for name in files_of(wheel)} == {"regretta"}


def test_the_wheel_holds_every_file_of_the_folders(wheel: Path, tree: Path) -> None:
    """Code, suites, tables, templates; not the makers of this repository's own pages."""
    ours = {
        f"regretta/{path.relative_to(tree)}"
        for name in OUR_FOLDERS
        for path in (tree / name).rglob("*")
        if path.is_file() and "pages" not in path.parts
    }
    assert ours <= files_of(wheel)
    assert not [name for name in files_of(wheel) if "/pages/" in name]


def test_a_source_distribution_builds_the_same_wheel(
    wheel: Path, tree: Path, tmp_path: Path
) -> None:
    with tarfile.open(build(tree, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("regretta-*")
    assert files_of(build(source, "wheel", tmp_path / "wheel")) == files_of(wheel)


def test_what_the_readme_promises_holds_beside_the_users_own_folders(
    programs: Path, project: Path
) -> None:
    python = programs / "python"
    names = ", ".join(OUR_FOLDERS)
    mine = f"import {names}, regretta.harness.run; assert all(m.MINE for m in ({names}))"
    call(python, "-c", mine, where=project)
    run = ("run", "quick", "--plugin", "annealing.py", "--optimizer", "annealing", "--runs", 2)
    out = call(programs / "regretta", *run, "--no-report", "--out", "out", where=project)
    assert "4 runs in out" in out  # two on each of two tables
    call(python, "-m", "regretta", "report", "out", where=project)
    assert (project / "out" / "report.html").stat().st_size > 10_000
    said = call(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", where=project)
    assert "passed" in said


def test_only_the_one_name_is_importable_from_an_empty_folder(
    programs: Path, tmp_path: Path
) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    found = call(programs / "python", "-c", code, *OUR_FOLDERS, "regretta", where=tmp_path)
    assert found.strip() == "['regretta']"
