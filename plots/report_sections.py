"""The sections of a report: which figures and tables are of which results, and their files."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from regretta.harness.axis import SECONDS, Axis
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.plots.critical_difference import critical_difference_caption, draw_critical_difference
from regretta.plots.curve_caption import regret_caption
from regretta.plots.ecdf import distributions, draw_ecdf, ecdf_caption
from regretta.plots.elsewhere_notes import remark, remarked
from regretta.plots.friedman import friedman_of_runs
from regretta.plots.look import Look, axis_of
from regretta.plots.order import leaders
from regretta.plots.rank_over_time import draw_ranks, rank_caption, rank_curves, rank_table
from regretta.plots.reach import reach_tables
from regretta.plots.regret_curve import draw_regret, regret_curves
from regretta.plots.spread import STATISTICS
from regretta.plots.statistics import StatisticsError
from regretta.plots.style import MethodStyle, human_names, method_styles, save
from regretta.plots.summary import final_table, pairwise_table
from regretta.plots.tables import ReportTable
from regretta.tabular_data.names import file_name
from regretta.tabular_data.storage import folder_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST_TOLD_APART = 40
"""Methods that a reader can tell apart in a figure; of more, only the `LEADING` are coloured."""

LEADING = 20


@dataclass(frozen=True)
class Picture:
    """A figure on the page: for wide windows and print, and for phones; both as data addresses."""

    name: str
    caption: str
    alt: str
    wide: Markup
    narrow: Markup


Item = Picture | ReportTable | str


@dataclass(frozen=True)
class Section:
    """A part of the page: pictures, tables and paragraphs in order."""

    title: str
    anchor: str
    items: Sequence[Item]


@dataclass(frozen=True)
class Gallery:
    """Where pictures and tables go, what curves are drawn against, what captions end with."""

    folder: Path
    look: Look
    axis: Axis
    styles: Mapping[str, MethodStyle]
    remark: str = ""
    of_tables: str = ""

    @property
    def names(self) -> dict[str, str]:
        """Whole names for the page, by label."""
        return dict(zip(self.styles, human_names(list(self.styles)), strict=True))

    def picture(
        self, name: str, draw: Callable[[float], Figure], caption: str, alt: str
    ) -> Picture:
        """Draw a figure for two columns and for one, and keep both as files."""
        folder = folder_below(self.folder, "figures")
        wide, narrow = (
            save(draw(self.look.page), folder, name, self.look.formats),
            save(draw(self.look.column), folder, f"{name}-column", self.look.formats),
        )
        return Picture(name, caption + self.remark, alt, _address(wide), _address(narrow))

    def tables(self, *tables: ReportTable | None) -> list[ReportTable]:
        """Keep the tables that there are as files."""
        there = remarked((table for table in tables if table is not None), self.of_tables)
        for table in there:
            folder = folder_below(self.folder, "tables")
            table.write(folder, self.look.column, self.look.page)
        return there


def gallery_of(suite: SuiteResults, begun: Sequence[str], folder: Path, look: Look) -> Gallery:
    """Where the pictures of a suite go, and what its methods look like in all of them.

    Parameters
    ----------
    suite
        Its results.
    begun
        Tables that have a finished run.
    folder
        Of the report.
    look
        As the reader asks for.
    """
    methods = suite.identity.methods
    entries = [(label, method.optimizer) for label, method in methods.items()]
    settings = {label: method.settings for label, method in methods.items()}
    axis = axis_of(suite, look)
    said = f" Protocol: {suite.identity.protocol.name}.{remark(suite)}"
    if len(methods) <= MOST_TOLD_APART:
        return Gallery(folder, look, axis, method_styles(entries, settings), said, said)
    leading = leaders({table: suite.runs[table] for table in begun}, LEADING)
    return Gallery(
        folder,
        look,
        axis,
        method_styles(entries, settings, leading),
        f" Coloured are the {len(leading)} of {len(methods):,} methods with the best mean rank of"
        " final regret; the others are grey. All of them stand in the tables." + said,
        said,
    )


def sections_of(suite: SuiteResults, begun: Sequence[str], gallery: Gallery) -> list[Section]:
    """Sections of all tables together, where there are several, and of each that was begun."""
    heard = heard_on(suite, begun)
    sections = []
    if len(heard) > 1:
        sections.append(Section("All tables", "all-tables", _all_tables(suite, heard, gallery)))
    for table in begun:
        suffix = "" if len(heard) == 1 else f"-{file_name(table)}"
        items: list[Item]
        if table in heard:
            items = _one_table(suite, table, gallery, suffix)
        else:
            items = [
                "No run finished an evaluation within the time limit: there is no regret to show."
            ]
        sections.append(Section(table, f"table-{file_name(table)}", items))
    return sections


def heard_on(suite: SuiteResults, begun: Sequence[str]) -> list[str]:
    """The tables on which a run finished an evaluation."""
    return [
        table
        for table in begun
        if any(len(run.trajectory) for runs in suite.runs[table].values() for run in runs)
    ]


def _all_tables(suite: SuiteResults, heard: Sequence[str], gallery: Gallery) -> list[Item]:
    styles = gallery.styles
    look = gallery.look
    panels = [
        regret_curves(
            suite.runs[table], axis=gallery.axis, statistic=look.statistic, band=look.band
        )
        for table in heard
    ]
    items: list[Item] = [
        gallery.picture(
            "regret",
            lambda width: draw_regret(panels, styles, width),
            regret_caption(panels),
            f"{STATISTICS[look.statistic].capitalize()} regret against {gallery.axis.words}"
            f" on {', '.join(heard)}",
        )
    ]
    everywhere = [
        label for label in suite.labels if all(suite.runs[table][label] for table in heard)
    ]
    runs = {table: {label: suite.runs[table][label] for label in everywhere} for table in heard}
    if len(everywhere) > 1:
        items += _ranks(runs, gallery)
    if len(everywhere) > MOST_TOLD_APART:
        return [*items, f"No critical-difference diagram: {len(everywhere):,} names have no room."]
    try:
        found = friedman_of_runs(runs)
    except StatisticsError as error:
        return [*items, f"No critical-difference diagram (Friedman's test): {error}."]
    modelled = "; ".join(
        dict.fromkeys(panel.reconstruction for panel in panels if panel.reconstruction)
    )
    items.append(
        gallery.picture(
            "critical-difference",
            lambda width: draw_critical_difference(found, styles, width, bool(modelled)),
            critical_difference_caption(found, modelled),
            "Critical-difference diagram: "
            + ", ".join(
                f"{styles[m].name} {rank:.2f}"
                for m, rank in zip(found.labels, found.ranks, strict=True)
            ),
        )
    )
    return items


def _one_table(suite: SuiteResults, table: str, gallery: Gallery, suffix: str) -> list[Item]:
    runs, styles, names = suite.runs[table], gallery.styles, gallery.names
    there = {label: group for label, group in runs.items() if group}
    look, shown = gallery.look, distributions(there)
    axis = gallery.axis
    curves = regret_curves(runs, axis=axis, statistic=look.statistic, band=look.band)
    baseline = next(
        (
            label
            for label, method in suite.identity.methods.items()
            if method.optimizer == "random_search"
        ),
        None,
    )
    items: list[Item] = [
        gallery.picture(
            f"regret{suffix}",
            lambda width: draw_regret([curves], styles, width),
            regret_caption([curves]),
            f"{STATISTICS[look.statistic].capitalize()} {curves.measure} against {axis.words} on"
            f" {table}",
        ),
        *gallery.tables(
            final_table(runs, names, table, suffix),
            *reach_tables(
                *(there, names, table),
                baseline=baseline if baseline in there else None,
                axis=axis,
                suffix=suffix,
            ),
        ),
        gallery.picture(
            f"ecdf{suffix}",
            lambda width: draw_ecdf(shown, styles, width),
            ecdf_caption(shown),
            f"Empirical distribution of final {shown.measure} on {table}",
        ),
    ]
    if len(there) > 1:
        items += _ranks({table: there}, gallery, suffix)
        tests = gallery.tables(pairwise_table(there, names, table, suffix, baseline))
        items += tests or ["No pairwise tests: every method has a single run."]
    return items


def _ranks(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]], gallery: Gallery, suffix: str = ""
) -> list[Item]:
    axis = gallery.axis
    try:
        shown = rank_curves(tables, axis=axis)
    except StatisticsError as error:
        return [f"No ranks: {error}."]
    if len(shown.labels) == 1:
        return [f"No ranks: only {gallery.names[shown.labels[0]]} has {axis.words}."]
    over = "over time" if axis == SECONDS else f"against {axis.words}"
    picture = gallery.picture(
        f"rank-over-time{suffix}",
        lambda width: draw_ranks(shown, gallery.styles, width),
        rank_caption(shown),
        f"Average rank {over} on {', '.join(tables)}",
    )
    return [picture, *gallery.tables(rank_table(tables, gallery.names, suffix, axis))]


def _address(png: bytes) -> Markup:
    return Markup("data:image/png;base64,") + Markup(b64encode(png).decode())
