"""NAS-Bench-201, table 5: accuracy of what each of ten methods finds, published beside measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from regretta.harness.store.results import SuiteResults
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.figure import StudyTable
from regretta.plots.paper.nasbench201.beside import beside
from regretta.plots.paper.nasbench201.final_accuracy import (
    Entry,
    final_accuracies,
    learnt_elsewhere,
    left_out,
    not_run,
    other_protocols,
)
from regretta.plots.paper.nasbench201.published import (
    ALL,
    DATASETS,
    EVERY_LAYER,
    INDEPENDENT,
    TABLE_5,
    WEIGHT_SHARING,
    Number,
    PublishedRow,
    meaning,
)
from regretta.plots.style import human_name
from regretta.plots.tables import NONE, ReportTable, finite
from regretta.tabular_data.benchmark import Reference

_NAMES = {"optimal": "Best cell"}
_UNKNOWN = (np.nan, np.nan)


@dataclass(frozen=True)
class Methods:
    """The table.

    Attributes
    ----------
    entries
        By table, and within it by label.
    sources
        Table → where its numbers come from.
    best
        Table → the errors of its best cell.
    """

    entries: tuple[Entry, ...]
    sources: Mapping[str, str]
    best: Mapping[str, Reference]


def joined(suites: Sequence[SuiteResults]) -> Sequence[SuiteResults]:
    """The suites, those of supernets alone put together with the ones of sequential methods.

    Two are put together if their protocol and a table are the same; labels that both have are the
    sequential suite's.
    """
    alone = [suite for suite in suites if _optimizers(suite) <= set(WEIGHT_SHARING)]
    whole, taken = [], []
    for suite in suites:
        both = suite
        for other in alone if suite not in alone else ():
            if _belong(suite, other):
                both = _together(both, other)
                taken.append(other)
        whole.append(both)
    return [suite for suite in whole if suite not in taken]


def _optimizers(suite: SuiteResults) -> set[str]:
    return {method.optimizer for method in suite.identity.methods.values()}


def _belong(suite: SuiteResults, other: SuiteResults) -> bool:
    ours, theirs = suite.identity, other.identity
    return ours.protocol == theirs.protocol and any(
        name in ours.tables and ours.tables[name].checksum == table.checksum
        for name, table in theirs.tables.items()
    )


def _together(suite: SuiteResults, other: SuiteResults) -> SuiteResults:
    tables = dict.fromkeys([*suite.runs, *other.runs])
    runs = {name: {**other.runs.get(name, {}), **suite.runs.get(name, {})} for name in tables}
    identity = replace(
        suite.identity,
        tables={**other.identity.tables, **suite.identity.tables},
        methods={**other.identity.methods, **suite.identity.methods},
    )
    return replace(suite, identity=identity, runs=runs)


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes
    ----------
    table, dataset
        What it was measured on.
    name, batch_norm
        The method, or the label of its runs, as a reader sees it; which estimates its supernet is
        evaluated with.
    row
        What the paper has of it; None for methods of others.
    entry
        What was measured; None where it was not run.
    """

    table: str
    dataset: str
    name: str
    batch_norm: str
    row: PublishedRow | None
    entry: Entry | None


def compute(suite: SuiteResults) -> Methods:
    """Accuracy of the final incumbents of several methods.

    Raises
    ------
    FigureError
        If the suite is of one method only, or no table is of NAS-Bench-201's cells.
    """
    entries = final_accuracies(suite)
    if not entries:
        raise FigureError(
            f"table 5 needs runs on NAS-Bench-201's cells; there are {', '.join(suite.runs)}"
        )
    if len({entry.optimizer for entry in entries}) < 2:
        raise FigureError(
            f"{suite.folder.name} is not the study of table 5, which compares methods"
        )
    references = {
        table: [run.reference for runs in group.values() for run in runs if run.reference]
        for table, group in suite.runs.items()
    }
    references |= {
        other.name: [other.best(other.budgets[-1])]
        for table in suite.runs
        for other in beside(suite, table).values()
    }
    best = {
        table: max(known, key=lambda reference: reference.test_error is not None)
        for table, known in references.items()
        if known
    }
    return Methods(
        entries, {name: about.source for name, about in suite.identity.tables.items()}, best
    )


def lines(found: Methods) -> Iterator[Line]:
    """All lines: on every table the paper's rows in its order, measured or not, then others."""
    tables = {entry.table: entry.dataset for entry in found.entries}
    for table, dataset in tables.items():
        here = [entry for entry in found.entries if entry.table == table]
        for row in TABLE_5:
            of_row = [entry for entry in here if entry.row is row]
            for entry in of_row:
                yield Line(table, dataset, human_name(entry.label), entry.batch_norm, row, entry)
            if not of_row:
                name = _NAMES.get(row.method) or human_name(row.method)
                yield Line(table, dataset, name, row.batch_norm, row, None)
        for entry in here:
            if entry.row is None:
                yield Line(
                    *(table, dataset, human_name(entry.label), entry.batch_norm, None, entry)
                )


def report_table(found: Methods) -> ReportTable:
    """The table with measured and published columns."""
    told = list(lines(found))
    return ReportTable(
        name="nasbench201-table5",
        title="NAS-Bench-201, table 5: accuracy in percent, measured and published",
        caption=_caption(found, told),
        columns=(
            *("Method", "Batch norm.", "Table", "Runs", "Seconds", "Published seconds"),
            *("Validation", "Published validation", "Test", "Published test"),
        ),
        words=(0, 1, 2),
        rows=[_row(line, found) for line in told],
        data_columns=(
            *("table", "label", "method", "batch_norm", "runs", "seconds", "seconds_sd"),
            *("validation", "validation_sd", "test", "test_sd", "published_dataset"),
            *(
                f"published_{what}{part}"
                for what in ("seconds", "validation", "test")
                for part in ("", "_sd", "_source")
            ),
        ),
        data_rows=[_data(line, found) for line in told],
    )


def _measured(line: Line, found: Methods) -> tuple[str, tuple[tuple[float, float], ...]]:
    """Runs in words; then seconds, validation and test accuracy."""
    if line.entry is not None:
        entry = line.entry
        return str(entry.runs), (entry.seconds, entry.validation, entry.test)
    best = found.best.get(line.table)
    if line.row is not None and line.row.method == "optimal" and best is not None:
        test = np.nan if best.test_error is None else 100 * (1 - best.test_error)
        return "", (_UNKNOWN, (100 * (1 - best.validation_error), np.nan), (test, np.nan))
    told = "not run"
    if line.row is not None and line.row.method in INDEPENDENT:
        others = [e.batch_norm for e in found.entries if e.runs and (e.optimizer, e.table) ==
                  (line.row.method, line.table)]  # fmt: skip
        told = f"as {others[0]}" if others else told
    return told, (_UNKNOWN,) * 3


def _published(line: Line) -> tuple[Number | None, Number | None, Number | None]:
    """Seconds, validation and test accuracy of the paper, on `_dataset`."""
    if line.row is None:
        return None, None, None
    return line.row.seconds, *line.row.accuracy[_dataset(line)]


def _dataset(line: Line) -> str:
    """The data set whose published values stand beside a table's: its own, or the searched one."""
    return line.dataset if line.dataset in DATASETS else DATASETS[0]


def _row(line: Line, found: Methods) -> tuple[str, ...]:
    runs, (seconds, validation, test) = _measured(line, found)
    theirs = _published(line)
    return (
        *(line.name, line.batch_norm or NONE, line.table, runs or NONE),
        *(_shown(*seconds, digits=0 if seconds[0] >= 100 else 2), _quoted(theirs[0])),
        *(_shown(*validation), _quoted(theirs[1]), _shown(*test), _quoted(theirs[2])),
    )


def _data(line: Line, found: Methods) -> tuple[object, ...]:
    _, measured = _measured(line, found)
    numbers = [
        part
        for number in _published(line)
        for part in (
            (None,) * 3
            if number is None
            else (number.mean, finite(number.deviation), number.sources)
        )
    ]
    return (
        *(line.table, line.name if line.entry is None else line.entry.label),
        line.row.method if line.row else line.entry.optimizer if line.entry else "",
        *(line.batch_norm, None if line.entry is None else line.entry.runs),
        *(finite(value) for pair in measured for value in pair),
        *(_dataset(line) if line.row else None, *numbers),
    )


def _caption(found: Methods, told: Sequence[Line]) -> str:
    entries = found.entries
    sources = "; ".join(f"{table}: {words}" for table, words in found.sources.items() if words)
    rates = sorted(
        {
            e.settings["learning_rate"]
            for e in entries
            if e.optimizer == "reinforce" and "learning_rate" in e.settings
        }
    )
    letters = [n.sources for line in told for n in _published(line) if n is not None]
    elsewhere = dict.fromkeys(line.table for line in told if line.dataset not in DATASETS)
    parts = [
        "Mean \u00b1 standard deviation over runs. Published: 500 runs, of methods that share"
        " weights 3, with its source in brackets: "
        f"{meaning(''.join(letters))}.{other_protocols(entries)}{left_out(entries)}",
    ]
    if elsewhere:
        parts.append(
            f"What is published beside {', '.join(elsewhere)} is of CIFAR-10, another data set:"
            " only the order of the methods is to be compared."
        )
    if missing := not_run(entries):
        parts.append(f"Not run: {', '.join(map(human_name, missing))}.")
    parts += _about_supernets(entries)
    if not other_protocols(entries):
        parts += [
            _differences(entries),
            "Upstream chains the seeds of its runs, so that about 349 of its 500 are distinct.",
        ]
    if rates:
        parts.append(
            "The paper does not state REINFORCE's learning rate; here it is"
            f" {', '.join(f'{rate:g}' for rate in rates)}."
        )
    if sources:
        parts.append(f"Sources of the tables: {sources}.")
    return " ".join(filter(None, parts))


def _about_supernets(entries: Sequence[Entry]) -> Iterator[str]:
    """What a reader must know of methods that share weights, where there are runs of one."""
    ours = [entry for entry in entries if entry.batch_norm]
    if not ours:
        return
    yield (
        "Seconds: of a supernet all training and the last choice, measured where it ran (published"
        " ones on a GPU of 2020); of a sequential method the paper counts what it spends besides"
        " its 12,000 s of evaluations, which is not charged here."
    )
    if any(entry.batch_norm == ALL for entry in ours):
        yield EVERY_LAYER
    if elsewhere := learnt_elsewhere(entry.settings for entry in ours):
        yield elsewhere
    once = [
        human_name(name)
        for name in INDEPENDENT
        if len({entry.batch_norm for entry in ours if entry.optimizer == name}) == 1
    ]
    if once:
        yield (
            f"{', '.join(once)}: run under one kind of batch normalization only, since any other is"
            " the same search; the paper's two rows differ by their seeds."
        )


def _differences(entries: Sequence[Entry]) -> str:
    """By how much each method's means and deviations differ from the published ones."""
    told = []
    for label in dict.fromkeys(e.label for e in entries):
        pairs = [
            (ours, theirs)
            for e in entries
            if e.label == label and e.published
            for ours, theirs in zip((e.validation, e.test), e.published, strict=True)
            if np.isfinite(ours[1])
        ]
        if pairs:
            points = [ours[0] - theirs.mean for ours, theirs in pairs]
            ratios = [ours[1] / theirs.deviation for ours, theirs in pairs if theirs.deviation > 0]
            said = f"{human_name(label)} {_range(points, '+.2f')} points"
            if ratios:  # DARTS always ends in one cell: no deviation to divide by
                said += f", its deviation {_range(ratios, '.2f')} times the published"
            told.append(said)
    if not told:
        return ""
    return f"Ours less published, over data sets and both accuracies: {'; '.join(told)}."


def _range(values: Sequence[float], form: str) -> str:
    low, high = (f"{round(value, 2) + 0.0:{form}}" for value in (min(values), max(values)))
    return (low if low == high else f"{low} to {high}").replace("-", "\u2212")


def _shown(mean: float, deviation: float, digits: int = 2) -> str:
    if np.isnan(mean):
        return NONE
    shown = f"{mean:.{digits}f}"
    return shown + ("" if np.isnan(deviation) else f" \u00b1 {deviation:.{digits}f}")


def _quoted(number: Number | None) -> str:
    """A published number with the letters of its sources."""
    if number is None:
        return NONE
    return f"{_shown(number.mean, number.deviation)} [{number.sources}]"


FIGURE = StudyTable(
    *("table-5", "methods by data sets", "nasbench201-table5", compute, report_table),
    join=joined,
)
