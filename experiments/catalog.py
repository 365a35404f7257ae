"""The built-in suites, by name."""

from __future__ import annotations

from pathlib import Path

from regretta.harness.spec import SpecError, SuiteSpec, read_spec
from regretta.tabular_data.names import unknown

_FOLDER = Path(__file__).with_name("suites")


def built_in_suites() -> dict[str, Path]:
    """Name → TOML file of every suite that comes with Regretta."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def find_suite(suite: str) -> SuiteSpec:
    """The suite of a built-in name or of a TOML file.

    Raises
    ------
    SpecError
        If there is neither; the message has the nearest names.
    """
    known = built_in_suites()
    if suite in known:
        return read_spec(known[suite])
    if suite.endswith(".toml") or "/" in suite or Path(suite).is_file():
        return read_spec(Path(suite))
    raise SpecError(f"{unknown('suite', suite, known)} (a suite of your own is a .toml file)")
