"""What a report says of runs that other people's code made: below figures and tables, and in words.

The runs themselves stand among the others, see `regretta.harness.elsewhere.joining`; here is why
nobody takes them for Regretta's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from regretta.harness.elsewhere.origin import Origin
from regretta.harness.store.results import SuiteResults
from regretta.plots.look import ordered
from regretta.plots.tables import ReportTable

_NOT_KNOWN = (
    "what an evaluation was charged, which measurements its search saw and how it chose its"
    " incumbent are not known here, nor that the errors are those of that table's cells"
)


def own_part(suite: SuiteResults) -> SuiteResults:
    """The results without those of other people's code."""
    if not suite.elsewhere:
        return suite
    mine = ordered(suite, [label for label in suite.labels if label not in suite.foreign])
    return replace(mine, elsewhere=())


def remark(suite: SuiteResults) -> str:
    """What stands below every figure and table that shows such runs; empty where there are none."""
    return "".join(f" {origin.caption}" for origin in _shown(suite))


def remarked(tables: Iterable[ReportTable], remark: str) -> list[ReportTable]:
    """Tables with a remark in their captions."""
    return [replace(table, caption=table.caption + remark) for table in tables]


def elsewhere_notes(suite: SuiteResults) -> list[str]:
    """What a reader must know of such runs, a line a file and a line each of what was found."""
    notes = []
    for origin in _shown(suite):
        labels = _labels(suite, origin)
        runs = sum(len(suite.runs[table][label]) for table in suite.tables for label in labels)
        one = "1 run" if runs == 1 else f"{runs:,} runs"
        notes.append(
            f"{', '.join(labels)}: {one} from {origin.file}, not run by Regretta;"
            f" SHA-256 {origin.sha256}. They claim the table and protocol of this suite:"
            f" {_NOT_KNOWN}."
        )
        notes += [f"{origin.mark}: {note}." for note in origin.notes]
    return notes


def elsewhere_sentence(suite: SuiteResults) -> str:
    """What a paper says of such runs; empty where there are none."""
    return "".join(
        f" Trajectories of {', '.join(_labels(suite, origin))} were taken from"
        f" {origin.file.rstrip('/').rpartition('/')[2]} (SHA-256 {origin.sha256[:16]}) and were not"
        " run by us; what their evaluations were charged was not checked."
        for origin in _shown(suite)
    )


def _shown(suite: SuiteResults) -> list[Origin]:
    return [origin for origin in suite.elsewhere if _labels(suite, origin)]


def _labels(suite: SuiteResults, origin: Origin) -> list[str]:
    return [
        label
        for label in origin.labels
        if label in suite.labels and any(suite.runs[table][label] for table in suite.tables)
    ]
