"""How a comparison was done, in sentences that a paper can take."""

from __future__ import annotations

from collections.abc import Sequence

from regretta.harness.limits import in_words
from regretta.harness.protocol import Protocol
from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.plots.axes import human_time
from regretta.plots.look import Look
from regretta.plots.report_notes import count
from regretta.plots.spread import STATISTICS, band_name
from regretta.plots.statistics import LEVEL
from regretta.plots.style import human_names, span
from regretta.tabular_data.text import printable


def methods_paragraph(suite: SuiteResults, look: Look) -> str:
    """What was run under which protocol, how often, and how it was evaluated; one paragraph."""
    identity, protocol = suite.identity, suite.identity.protocol
    every = [
        run for table in suite.tables for label in suite.labels for run in suite.runs[table][label]
    ]
    tables = _listed([_table(suite, table) for table in suite.tables])
    sentences = [
        f"We compared {_listed(human_names(suite.labels))} on"
        f" {count(len(suite.tables), 'tabular benchmark')}: {tables}.",
        f"Searches followed the protocol {protocol.name} of Regretta"
        f" {_versions(every, 'regretta')}: {protocol.summary.rstrip('.')}.",
    ]
    if identity.simulated_workers > 1:
        sentences.append(
            f"Each search evaluated on {identity.simulated_workers} simulated workers side by side."
        )
    runs = sorted({len(suite.runs[t][label]) for t in suite.tables for label in suite.labels})
    sentences.append(
        f"Each method ran {span(runs)} times a table, every run with random streams of its own"
        f" below {_seeds(suite)}."
    )
    kind = regret_kind(*(suite.runs[table] for table in suite.tables)) if every else "test"
    sentences.append(
        f"Regret is the mean {kind} error of the incumbent over the measured repeats at"
        f" {_reported(protocol)}, less that of the best cell; no search sees it."
        if protocol.test != "repeat" or kind != "test"
        else "Regret is the test error of the incumbent's observed repeat, less that of the best"
        " cell; no search sees it."
    )
    sentences.append(
        f"Curves show the {STATISTICS[look.statistic]} over runs and, as a band, the"
        f" {band_name(look.statistic, look.band)}; final"
        " regrets were compared by two-sided Mann-Whitney U tests with Holm's correction over all"
        f" pairs of a table, at level {LEVEL:g}; their means have 95 % percentile bootstrap"
        " intervals."
    )
    changed = [
        f"{label}: {method.optimizer} with"
        f" {', '.join(f'{key} = {value}' for key, value in method.settings.items())}"
        for label, method in identity.methods.items()
        if label != method.optimizer and method.settings
    ]
    if changed:
        sentences.append(f"Settings were: {'; '.join(changed)}.")
    libraries = [
        f"{name} {_versions(every, name)}"
        for name in sorted({name for run in every for name in run.versions} - {"regretta"})
    ]
    if libraries:
        sentences.append(f"Software: {', '.join(libraries)}.")
    return printable(" ".join(sentences))


def _seeds(suite: SuiteResults) -> str:
    if not suite.seeds:
        return f"seed {suite.identity.seed}"
    return f"one of the seeds {_listed([str(each.seed) for each in suite.seeds])}"


def _table(suite: SuiteResults, table: str) -> str:
    about = suite.identity.tables[table]
    parts = [
        f"{about.cells:,} cells",
        f"budgets {', '.join(f'{budget:.12g}' for budget in about.budgets)}",
        f"{about.repeats} {'repeat' if about.repeats == 1 else 'repeats'} each",
        about.source,
        f"reconstruction: {about.reconstruction.rstrip('.')}" if about.reconstruction else "",
        f"{_limit(about.time_limit, suite.identity.evaluations)} a search",
    ]
    return f"{table} ({'; '.join(part for part in parts if part)})"


def _reported(protocol: Protocol) -> str:
    """The budget at which incumbents are judged."""
    if protocol.report_budget is None:
        return "the largest budget"
    return f"budget {protocol.report_budget:.12g}"


def _limit(seconds: float | None, evaluations: int | None) -> str:
    """What a search had, in whole words."""
    parts = []
    if seconds is not None:
        parts.append(f"{seconds:,.10g} simulated seconds ({human_time(seconds)})")
    if evaluations is not None:
        parts.append(in_words(None, evaluations))
    both = ", whichever came first," if len(parts) > 1 else ""
    return " or ".join(parts) + both


def _versions(runs: Sequence[RunResult], name: str) -> str:
    """The versions of a package that took part in runs."""
    return " and ".join(sorted({run.versions[name] for run in runs if name in run.versions}))


def _listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
