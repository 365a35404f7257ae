"""One self-contained page about a suite, with its figures and tables as files beside it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from regretta.harness.result import RunResult
from regretta.harness.store.files import label_folder
from regretta.harness.store.results import SuiteResults, early_ends
from regretta.plots.answer import answers
from regretta.plots.axes import human_time
from regretta.plots.critical_difference import critical_difference_caption, draw_critical_difference
from regretta.plots.ecdf import distributions, draw_ecdf, ecdf_caption
from regretta.plots.friedman import friedman_of_runs
from regretta.plots.rank_over_time import draw_ranks, rank_caption, rank_curves, rank_table
from regretta.plots.reach import reach_tables
from regretta.plots.regret_curve import draw_regret, regret_caption, regret_curves
from regretta.plots.statistics import StatisticsError
from regretta.plots.style import (
    ONE_COLUMN,
    TWO_COLUMNS,
    MethodStyle,
    human_names,
    method_styles,
    save,
)
from regretta.plots.summary import final_table, pairwise_table
from regretta.plots.tables import ReportTable
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ReportError(UserError):
    """A suite that cannot be reported on; the message says why and what to do."""


@dataclass(frozen=True)
class Picture:
    """A figure on the page: for wide windows and print, and for phones; both as data addresses."""

    name: str
    caption: str
    alt: str
    wide: str
    narrow: str


@dataclass(frozen=True)
class Section:
    """A part of the page: pictures, tables and paragraphs in order."""

    title: str
    anchor: str
    items: Sequence[Picture | ReportTable | str]


def write_report(suite: SuiteResults) -> Path:
    """Write ``report.html`` into the suite's folder, every figure into ``figures/``, every table
    into ``tables/``.

    Equal results give equal bytes. A suite that is not finished is reported as far as it got, and
    the page says what is missing.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        If there is no finished run at all, or the folder cannot be written.
    """
    begun = [
        table for table in suite.tables if any(suite.runs[table][label] for label in suite.labels)
    ]
    if not begun:
        failed = f" ({len(suite.failures)} failed)" if suite.failures else ""
        raise ReportError(f"{suite.folder} holds no finished run{failed}; run the suite first")
    try:
        sections = _sections(suite, begun)
        page = _page(suite, begun, sections)
        path = suite.folder / "report.html"
        write_atomically(path, page.encode())
    except OSError as error:
        raise ReportError(
            f"the report cannot be written to {suite.folder}: {error.strerror}"
        ) from error
    return path


def _page(suite: SuiteResults, begun: Sequence[str], sections: Sequence[Section]) -> str:
    environment = Environment(
        loader=PackageLoader("regretta.plots"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    done = sum(len(suite.runs[table][label]) for table in begun for label in suite.labels)
    return environment.get_template("report.html").render(
        title=suite.title,
        summary=(
            f"{_count(len(suite.labels), 'method')} on {_count(len(suite.tables), 'table')}:"
            f" {_count(done, 'finished run')} of"
            f" {suite.planned * len(suite.labels) * len(suite.tables)}."
        ),
        answers=answers({t: suite.runs[t] for t in begun}, _names(suite)),
        notes=_notes(suite),
        sections=sections,
        setup=_setup(suite),
        methods=_methods(suite),
    )


def _names(suite: SuiteResults) -> dict[str, str]:
    """What a reader sees, by label."""
    return {label: style.name for label, style in method_styles(_entries(suite)).items()}


Item = Picture | ReportTable | str


def _sections(suite: SuiteResults, begun: Sequence[str]) -> list[Section]:
    gallery = _Gallery(suite.folder, method_styles(_entries(suite)))
    heard = [
        t
        for t in begun
        if any(len(run.trajectory) for runs in suite.runs[t].values() for run in runs)
    ]
    sections = []
    if len(heard) > 1:
        sections.append(Section("All tables", "all-tables", _all_tables(suite, heard, gallery)))
    for table in begun:
        suffix = "" if len(heard) == 1 else f"-{label_folder(table)}"
        items: list[Item]
        if table in heard:
            items = _one_table(suite, table, gallery, suffix)
        else:
            items = [
                "No run finished an evaluation within the time limit: there is no regret to show."
            ]
        sections.append(Section(table, f"table-{label_folder(table)}", items))
    return sections


@dataclass(frozen=True)
class _Gallery:
    """Where pictures and tables go, and how methods look."""

    folder: Path
    styles: Mapping[str, MethodStyle]

    @property
    def names(self) -> dict[str, str]:
        """Whole names for the page, by label."""
        return dict(zip(self.styles, human_names(list(self.styles)), strict=True))

    def picture(
        self, name: str, draw: Callable[[float], Figure], caption: str, alt: str
    ) -> Picture:
        """Draw a figure for two columns and for one, and keep both as files."""
        folder = self.folder / "figures"
        wide, narrow = (
            save(draw(TWO_COLUMNS), folder, name),
            save(draw(ONE_COLUMN), folder, f"{name}-column"),
        )
        return Picture(name, caption, alt, _address(wide), _address(narrow))

    def tables(self, *tables: ReportTable | None) -> list[ReportTable]:
        """Keep the tables that there are as files."""
        there = [table for table in tables if table is not None]
        for table in there:
            table.write(self.folder / "tables")
        return there


def _all_tables(suite: SuiteResults, heard: Sequence[str], gallery: _Gallery) -> list[Item]:
    styles = gallery.styles
    panels = [regret_curves(suite.runs[table]) for table in heard]
    items: list[Item] = [
        gallery.picture(
            "regret",
            lambda width: draw_regret(panels, styles, width),
            regret_caption(panels),
            f"Mean regret against simulated time on {', '.join(heard)}",
        )
    ]
    everywhere = [
        label for label in suite.labels if all(suite.runs[table][label] for table in heard)
    ]
    runs = {table: {label: suite.runs[table][label] for label in everywhere} for table in heard}
    if len(everywhere) > 1:
        items.append(_ranks(runs, gallery, "rank-over-time"))
        items += gallery.tables(rank_table(runs, gallery.names))
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


def _one_table(suite: SuiteResults, table: str, gallery: _Gallery, suffix: str) -> list[Item]:
    runs, styles, names = suite.runs[table], gallery.styles, gallery.names
    there = {label: group for label, group in runs.items() if group}
    curves, shown = regret_curves(runs), distributions(there)
    baseline = next(
        (label for label, optimizer in _entries(suite) if optimizer == "random_search"), None
    )
    items: list[Item] = [
        gallery.picture(
            f"regret{suffix}",
            lambda width: draw_regret([curves], styles, width),
            regret_caption([curves]),
            f"Mean {curves.measure} against simulated time on {table}",
        ),
        *gallery.tables(
            final_table(runs, names, table, suffix),
            *reach_tables(
                there, names, table, baseline=baseline if baseline in there else None, suffix=suffix
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
        items.append(_ranks({table: there}, gallery, f"rank-over-time{suffix}"))
        items += gallery.tables(rank_table({table: there}, names, suffix))
        tests = gallery.tables(pairwise_table(there, names, table, suffix, baseline))
        items += tests or ["No pairwise tests: every method has a single run."]
    return items


def _ranks(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]], gallery: _Gallery, name: str
) -> Picture:
    shown = rank_curves(tables)
    alt = f"Average rank over time on {', '.join(tables)}"
    return gallery.picture(
        name, lambda width: draw_ranks(shown, gallery.styles, width), rank_caption(shown), alt
    )


def _address(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode()


def _entries(suite: SuiteResults) -> list[tuple[str, str]]:
    """Label and optimizer of every method, in the suite's order."""
    return [(label, method.optimizer) for label, method in suite.identity.methods.items()]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _notes(suite: SuiteResults) -> list[str]:
    """What a reader must know before the numbers: what is missing, damaged, modelled or mixed."""
    notes = []
    untested = []
    for table in suite.tables:
        runs = suite.runs[table]
        every = [run for label in suite.labels for run in runs[label]]
        if not every:
            notes.append(f"{table}: no finished run; it is left out below.")
            continue
        behind = [
            f"{label} {len(runs[label])}"
            for label in suite.labels
            if len(runs[label]) < suite.planned
        ]
        if behind:
            notes.append(
                f"{table}: not finished; of {suite.planned} runs each there are so far:"
                f" {', '.join(behind)}."
            )
        silent = Counter(run.label for run in every if not len(run.trajectory))
        if silent:
            shown = ", ".join(f"{label} {count}" for label, count in silent.items())
            notes.append(
                f"{table}: runs that finished no evaluation within the time limit: {shown}."
            )
        for what, values in (
            (
                "tables (their checksums differ): do not compare them",
                {run.table_checksum for run in every},
            ),
            ("protocols: do not compare them", {_shown(run.protocol) for run in every}),
            ("time limits: do not compare them", {run.time_limit for run in every}),
            ("sets of software versions", {_shown(run.versions) for run in every}),
        ):
            if len(values) > 1:
                notes.append(f"{table}: its runs come from {len(values)} different {what}.")
        if len({run.has_test for run in every}) > 1:
            notes.append(
                f"{table}: some runs have test errors and some do not; validation regret is shown"
                " for all."
            )
        elif not every[0].has_test:
            untested.append(table)
        notes += [
            f"{table} is a reconstruction: {text}"
            for text in sorted({r.reconstruction for r in every})
            if text
        ]
        remarks: dict[str, list[str]] = {}
        for label, note in dict.fromkeys((run.label, note) for run in every for note in run.notes):
            remarks.setdefault(note, []).append(label)
        notes += [f"{table}, {', '.join(labels)}: {note}" for note, labels in remarks.items()]
    every_run = (
        run for t in suite.tables for label in suite.labels for run in suite.runs[t][label]
    )
    notes += [f"{line}." for line in early_ends(suite.identity, every_run)]
    if untested:
        notes.append(
            f"No test accuracy in {', '.join(untested)}: what is shown is validation regret."
        )
    notes += _shortened(
        [f"Failed: {f.table}, {f.label}, run {f.number}: {f.message}" for f in suite.failures],
        "runs",
    )
    notes += _shortened([f"Damaged and left out: {line}" for line in suite.damaged], "files")
    if len(suite.labels) == 1:
        notes.append("One method only: there is nothing to compare it with.")
    return notes


def _shortened(lines: list[str], what: str, most: int = 20) -> list[str]:
    return (
        lines
        if len(lines) <= most
        else [*lines[:most], f"\u2026 and {len(lines) - most} more such {what}."]
    )


def _setup(suite: SuiteResults) -> list[tuple[str, str]]:
    """What was run on what, as keys and values."""
    identity, protocol = suite.identity, suite.identity.protocol
    runs = [
        run for table in suite.tables for label in suite.labels for run in suite.runs[table][label]
    ]
    rows = [("Suite", suite.name), ("Protocol", f"{protocol.name}: {protocol.summary}")]
    if identity.encoding:
        rows.append(("Encoding", identity.encoding))
    rows += [
        ("Seed", str(identity.seed)),
        ("Runs", f"{suite.planned} per table and method"),
        ("Simulated workers", str(identity.simulated_workers)),
    ]
    for table, about in identity.tables.items():
        parts = [
            f"{about.cells:,} cells",
            f"budgets {', '.join(f'{b:g}' for b in about.budgets)}",
            f"{about.repeats} repeats",
            f"space {about.space}",
            f"source {about.source}" if about.source else "",
            f"licence {about.licence}" if about.licence else "",
            f"RECONSTRUCTION: {about.reconstruction}" if about.reconstruction else "",
            f"time limit {about.time_limit:,.10g} s ({human_time(about.time_limit)})",
            f"checksum {'+'.join(c[:16] for c in about.checksums.split('+'))}",
        ]
        rows.append((f"Table {table}", "; ".join(part for part in parts if part)))
    rows += [
        ("Versions", text)
        for text in sorted({_shown(run.versions) for run in runs if run.versions})
    ]
    return rows


def _methods(suite: SuiteResults) -> list[tuple[str, str, str]]:
    return [
        (label, method.optimizer, _shown(method.settings) or "none")
        for label, method in suite.identity.methods.items()
    ]


def _shown(value: Any) -> str:
    """A setting as text: mappings as ``key = value``, in their order."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_shown(inner)}" for key, inner in value.items())
    return value if isinstance(value, str) else json.dumps(value, default=str)
