"""The built-in suites, by name."""

from __future__ import annotations

from pathlib import Path

from regretta.harness.spec import SpecError, SuiteSpec, read_spec
from regretta.harness.store.folder import spec_of_folder
from regretta.tabular_data.names import check_path, unknown

_FOLDER = Path(__file__).with_name("suites")


def built_in_suites() -> dict[str, Path]:
    """Name → TOML file of every suite that comes with Regretta."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def find_suite(suite: str | Path) -> SuiteSpec:
    """The suite of a built-in name, of a TOML file, or of a folder of results.

    Raises
    ------
    SpecError, SuiteError
        If there is none (the message has the nearest names), or it cannot be read.
    """
    known = built_in_suites()
    if suite in known:
        return read_spec(known[str(suite)])
    path = check_path(suite, "suite", SpecError)
    if folder := results_folder(path):
        return spec_of_folder(folder)
    if path.suffix == ".toml" or "/" in str(suite) or path.is_file():
        return read_spec(path)
    raise SpecError(
        f"{unknown('suite', str(suite), known)} (a suite of your own is a .toml file, or a folder"
        " of results)"
    )


def results_folder(path: Path) -> Path | None:
    """The folder of results that a path means, as it is or by its ``suite.json``; else None."""
    folder = path.parent if path.name == "suite.json" else path
    return folder if (folder / "suite.json").is_file() else None
