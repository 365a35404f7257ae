"""What a reader must know besides the figures: what is missing or modelled, and what was run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from regretta.harness.limits import in_words
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.harness.store.scan import early_ends
from regretta.harness.store.sources import SourceFolder, origins
from regretta.plots.axes import human_time
from regretta.plots.elsewhere_notes import elsewhere_notes, own_part
from regretta.plots.style import MethodStyle, span


def count(number: int, noun: str) -> str:
    """A number with its noun: ``"1 run"``, ``"2,000 runs"``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def reader_notes(suite: SuiteResults) -> list[str]:
    """What a reader must know before the numbers: what is missing, damaged, modelled or mixed."""
    notes = elsewhere_notes(suite)
    suite = own_part(suite)
    if suite.seeds:
        notes.append(
            f"The runs are of {len(suite.seeds)} seeds: {_seeds(suite)}. Runs of one number and"
            " different seeds are different runs."
        )
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
            if len(runs[label]) < suite.planned(label)
        ]
        if behind:
            notes.append(
                f"{table}: not finished; of {_planned(suite)} runs each there are so far:"
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
            (
                "limits: do not compare them",
                {(run.time_limit, run.evaluation_limit) for run in every},
            ),
        ):
            if len(values) > 1:
                notes.append(f"{table}: its runs come from {len(values)} different {what}.")
        # Methods use different packages; of one package there should be one version.
        for package in sorted({name for run in every for name in run.versions}):
            versions = sorted({run.versions[package] for run in every if package in run.versions})
            if len(versions) > 1:
                notes.append(
                    f"{table}: its runs come from different versions of {package}:"
                    f" {', '.join(versions)}."
                )
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
    early = early_ends(suite.identity, every_run)
    notes += _shortened([f"{line}." for line in early], "methods")
    notes += measured_elsewhere(suite)
    if untested:
        notes.append(
            f"No test accuracy in {', '.join(untested)}: what is shown is validation regret."
        )
    notes += _shortened(
        [f"Failed: {f.table}, {f.label}, run {f.number}: {f.line}" for f in suite.failures],
        "runs",
    )
    notes += _shortened([f"Damaged and left out: {line}" for line in suite.damaged], "files")
    if len(suite.labels) == 1:
        notes.append("One method only: there is nothing to compare it with.")
    return notes


def measured_elsewhere(suite: SuiteResults) -> list[str]:
    """A line a method whose seconds were measured, where its runs are of several folders."""
    said = []
    for label in suite.labels:
        runs = [run for table in suite.tables for run in suite.runs[table][label]]
        clocked = [run for run in runs if run.search_seconds]
        named = [name or "this one" for name, count in _origins(suite, clocked) if count]
        if len(named) > 1:
            said.append(
                f"{label} charges seconds that were measured where it ran, and its runs are from"
                f" {len(named)} folders ({', '.join(named)}): on different machines these are not"
                " the same seconds, and its curve over time is one of several machines."
            )
    return said


def _origins(suite: SuiteResults, runs: Sequence[RunResult]) -> list[tuple[str, int]]:
    """Folders and how many of some runs are from each; the suite's own has an empty name."""
    if not suite.seeds:
        return _origins_in(suite.sources, runs)
    found = []
    for each in suite.seeds:
        mine = [run for run in runs if run.seed == each.seed]
        for name, number in _origins_in(each.sources, mine):
            found.append((f"{name} in {each.folder}" if name else each.folder, number))
    return found


def _origins_in(
    sources: Sequence[SourceFolder], runs: Sequence[RunResult]
) -> list[tuple[str, int]]:
    return list(origins(sources, ((run.table, run.label, run.code, run.number) for run in runs)))


def _seeds(suite: SuiteResults) -> str:
    """The seeds that were pooled, with their folders and how many runs each has."""
    runs = Counter(
        run.seed for groups in suite.runs.values() for group in groups.values() for run in group
    )
    return ", ".join(
        f"{each.seed} ({each.folder}, {count(runs[each.seed], 'run')})" for each in suite.seeds
    )


def _merged_from(suite: SuiteResults, runs: Sequence[RunResult]) -> str:
    """Which folders a merged folder's runs are from, and how many of each."""
    *counted, (_, here) = _origins(suite, runs)
    shown = [f"{name} ({count(number, 'run')})" for name, number in counted]
    if len(shown) > 20:
        shown = [*shown[:20], f"{len(shown) - 20} more"]
    since = f"; done in this folder itself: {count(here, 'run')}" if here else ""
    return f"{count(len(counted), 'folder')}: {', '.join(shown)}{since}"


def _shortened(lines: list[str], what: str, most: int = 20) -> list[str]:
    return (
        lines
        if len(lines) <= most
        else [*lines[:most], f"\u2026 and {len(lines) - most} more such {what}."]
    )


def _planned(suite: SuiteResults) -> str:
    return span([suite.planned(label) for label in suite.labels])


def setup_rows(suite: SuiteResults) -> list[tuple[str, str]]:
    """What was run on what, as keys and values."""
    suite = own_part(suite)
    identity, protocol = suite.identity, suite.identity.protocol
    runs = [
        run for table in suite.tables for label in suite.labels for run in suite.runs[table][label]
    ]
    rows = [("Suite", suite.name), ("Protocol", f"{protocol.name}: {protocol.summary}")]
    if identity.encoding:
        rows.append(("Encoding", identity.encoding))
    rows += [
        ("Seeds", _seeds(suite)) if suite.seeds else ("Seed", str(identity.seed)),
        ("Runs", f"{_planned(suite)} per table and method"),
        ("Simulated workers", str(identity.simulated_workers)),
    ]
    if suite.sources:
        rows.append(("Merged from", _merged_from(suite, runs)))
    for table, about in identity.tables.items():
        parts = [
            f"{about.cells:,} cells",
            f"budgets {', '.join(f'{b:g}' for b in about.budgets)}",
            f"{about.repeats} repeats",
            f"space {about.space}",
            f"source {about.source}" if about.source else "",
            f"licence {about.licence}" if about.licence else "",
            f"RECONSTRUCTION: {about.reconstruction}" if about.reconstruction else "",
            ""
            if about.time_limit is None
            else f"time limit {about.time_limit:,.10g} s ({human_time(about.time_limit)})",
            f"limit {in_words(None, identity.evaluations)}" if identity.evaluations else "",
            f"checksum {'+'.join(c[:16] for c in about.checksums.split('+'))}",
        ]
        rows.append((f"Table {table}", "; ".join(part for part in parts if part)))
    rows += [
        ("Versions", text)
        for text in sorted({_shown(run.versions) for run in runs if run.versions})
    ]
    return rows


def method_rows(
    suite: SuiteResults, styles: Mapping[str, MethodStyle]
) -> list[tuple[str, str, str, str, str]]:
    """Of each method its place, label, name in the pictures, optimizer and settings."""
    return [
        (
            f"{place:,}",
            label,
            "grey" if styles[label].background else styles[label].name,
            method.optimizer,
            _shown(method.settings) or "none",
        )
        for place, (label, method) in enumerate(suite.identity.methods.items(), start=1)
    ]


def _shown(value: Any) -> str:
    """A setting as text: mappings as ``key = value``, in their order."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_shown(inner)}" for key, inner in value.items())
    return value if isinstance(value, str) else json.dumps(value, default=str)
