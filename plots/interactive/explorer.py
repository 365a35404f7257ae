"""The interactive part of a report's page: its controls, its data and its scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from regretta.harness.store.results import SuiteResults
from regretta.plots.interactive.data import explorer_data
from regretta.plots.interactive.library import FOLDER, LIBRARY, OWN, library, write_scripts
from regretta.plots.look import Look, axis_of
from regretta.plots.style import MethodStyle


@dataclass(frozen=True)
class Explorer:
    """What a page needs for its interactive figures.

    Attributes
    ----------
    data
        What the scripts read, as JSON that may stand in a page.
    figures, statistics, bands
        What may be chosen: keys and words.
    statistic, band
        What is chosen first.
    axes, tables
        Names of axes and tables, in order.
    source
        The plotting library's file.
    """

    data: Markup
    figures: Sequence[tuple[str, str]]
    statistics: Sequence[tuple[str, str]]
    bands: Sequence[tuple[str, str]]
    statistic: str
    band: str
    axes: Sequence[str]
    tables: Sequence[str]
    source: Path

    @property
    def scripts(self) -> list[str]:
        """Addresses of our scripts, relative to the page, in their order."""
        return [f"{FOLDER}/{name}" for name in OWN]

    @property
    def library(self) -> str:
        """Address of the plotting library, relative to the page."""
        return f"{FOLDER}/{LIBRARY}"

    def write(self, folder: Path) -> None:
        """Write the scripts below a report's folder; raises OSError where that cannot be."""
        write_scripts(folder, self.source)


def explorer(
    suite: SuiteResults,
    tables: Sequence[str],
    styles: Mapping[str, MethodStyle],
    names: Mapping[str, str],
    look: Look,
) -> Explorer | None:
    """The interactive part for the tables on which a run finished an evaluation.

    None where there is none, or the plotting library is not installed.
    """
    source = library()
    if source is None or not tables:
        return None
    found = explorer_data(
        suite, tables, styles, names, axis_of(suite, look), look.statistic, look.band
    )
    figures = [("regret", "Regret"), ("distribution", "Final regret")]
    if any(any(table["ranks"]) for table in found["tables"]):
        figures.insert(1, ("ranks", "Rank"))
    if len(tables) > 1:
        figures.append(("heat", "All tables"))
    return Explorer(
        data=in_a_page(found),
        figures=figures,
        statistics=found["statistics"],
        bands=[(key, words.removesuffix(" over runs")) for key, words in found["bands"]],
        statistic=look.statistic,
        band=look.band,
        axes=[axis["label"] for axis in found["axes"]],
        tables=tables,
        source=source,
    )


def in_a_page(data: Any) -> Markup:
    """Data as JSON within a script element: nothing in it can end the element or begin another.

    Raises
    ------
    ValueError
        If a number is missing or infinite, for which JSON has no word.
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
