"""Draws all of a paper that the tables and suites at hand allow, and says what the others lack."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from regretta.harness.store.results import SuiteResults
from regretta.plots.paper import nasbench101, nasbench201
from regretta.plots.paper.columns import Anchor, FigureError
from regretta.plots.paper.figure import (
    Paper,
    PaperFigure,
    StudyFigure,
    StudyTable,
    SuiteFigure,
    TableFigure,
    TablesFigure,
)
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, save
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import file_name, unknown
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.table import Table

PAPERS: Mapping[str, Paper] = MappingProxyType(
    {"nasbench101": nasbench101.PAPER, "nasbench201": nasbench201.PAPER}
)
"""The papers by name."""


@dataclass(frozen=True)
class Outcome:
    """What became of one figure on one table.

    Attributes
    ----------
    figure, title
        Its number and words.
    table
        Name of the table; empty where it is of none or several.
    file
        The picture's PNG, or the table's CSV, in the folder; empty where it was not drawn.
    caption
        What it shows, what is published and what is missing.
    anchors
        Our values beside the paper's.
    reason
        Why it was not drawn; empty where it was.
    rows
        Heading and rows of a table of the paper.
    """

    figure: str
    title: str
    table: str = ""
    file: str = ""
    caption: str = ""
    anchors: tuple[Anchor, ...] = ()
    reason: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


def draw_figures(
    paper: str, tables: Sequence[Table], folder: str | Path, suites: Sequence[SuiteResults] = ()
) -> tuple[Outcome, ...]:
    """Draw every figure of a paper that the tables and suites allow.

    Writes ``figure-<number>.png`` and ``.pdf`` across two columns, the same with ``-column`` for
    one (with the table's name at the end where there are several tables), a table of the paper as
    ``.csv`` and ``.tex``, and the index ``figures.md``.

    Parameters
    ----------
    paper
        A name of `PAPERS`.
    tables
        Of the paper's search space, under different names.
    folder
        Where to write.
    suites
        From `regretta.load_suite`, for the figures of searches; each figure takes the
        suites that are its study.

    Returns
    -------
    tuple of Outcome
        In the paper's order.

    Raises
    ------
    FigureError
        For an unknown paper, a table of another space, two tables of one name, or a folder that
        cannot be written.
    """
    if paper not in PAPERS:
        raise FigureError(unknown("paper", paper, PAPERS))
    chosen, target = PAPERS[paper], Path(folder)
    names = [table.name for table in tables]
    for table in tables:
        if not table.space.name.startswith(chosen.spaces):
            raise FigureError(
                f"{paper} needs tables of its cells; table {table.name!r} has {table.space.name}"
            )
        if names.count(table.name) > 1:
            raise FigureError(
                f"two tables are called {table.name!r}; give one of them another name"
            )
    try:
        target.mkdir(parents=True, exist_ok=True)
        clear_leftovers(target)
        outcomes = tuple(
            outcome
            for figure in chosen.figures
            for outcome in _outcomes(figure, chosen, tables, suites, target)
        )
        write_atomically(target / "figures.md", _index(chosen, outcomes).encode())
    except OSError as error:
        raise FigureError(f"figures cannot be written to {target}: {error.strerror}") from error
    return outcomes


def _outcomes(
    figure: PaperFigure,
    paper: Paper,
    tables: Sequence[Table],
    suites: Sequence[SuiteResults],
    folder: Path,
) -> Iterator[Outcome]:
    space = figure.space or paper.space
    if isinstance(figure, TableFigure | TablesFigure):
        theirs = [table for table in tables if table.space.name.startswith(space)]
        return _of_tables(figure, theirs, folder)
    return _of_suites(figure, space, suites, folder)


def _of_tables(
    figure: TableFigure[Any] | TablesFigure[Any], tables: Sequence[Table], folder: Path
) -> Iterator[Outcome]:
    if not tables:
        needs = ", ".join(figure.needs)
        reason = f"it needs a table with {needs}; there is none at hand"
        yield Outcome(figure.number, figure.title, reason=reason)
        return
    calls: list[tuple[str, Callable[[], Any]]]
    if isinstance(figure, TableFigure):
        calls = [(table.name, partial(figure.compute, table)) for table in tables]
    else:
        calls = [("", partial(figure.compute, tables))]
    for name, compute in calls:
        try:
            found = compute()
        except UserError as error:
            yield Outcome(figure.number, figure.title, name, reason=str(error))
        else:
            suffix = f"-{file_name(name)}" if len(calls) > 1 else ""
            yield _drawn(figure, found, name, suffix, folder)


def _of_suites(
    figure: SuiteFigure[Any] | StudyFigure[Any] | StudyTable[Any],
    space: str,
    suites: Sequence[SuiteResults],
    folder: Path,
) -> Iterator[Outcome]:
    made, refused = [], []
    for suite in figure.join(suites) if isinstance(figure, StudyTable) else suites:
        theirs = [table for table in suite.tables if _space(suite, table).startswith(space)]
        calls = [("", partial(figure.compute, suite))] if theirs else []
        if isinstance(figure, SuiteFigure):
            calls = [(table, partial(figure.compute, suite, table)) for table in theirs]
        for table, compute in calls:
            try:
                made.append((suite.folder.name, table, compute()))
            except UserError as error:
                refused.append(str(error))
    several = [len({key[part] for key in made}) > 1 for part in (0, 1)]
    for *key, found in made:
        parts = [part for part, shown in zip(key, several, strict=True) if shown]
        suffix = f"-{file_name('-'.join(parts))}" if parts else ""
        yield _drawn(figure, found, key[1], suffix, folder)
    if not made:
        given = f" (given: {'; '.join(dict.fromkeys(refused))})" if refused else ""
        reason = f"run `regretta run {figure.suite}` and pass --suite DIR{given}"
        yield Outcome(figure.number, figure.title, reason=reason)


def _space(suite: SuiteResults, table: str) -> str:
    return suite.identity.tables[table].space


def _drawn(figure: PaperFigure, found: Any, table: str, suffix: str, folder: Path) -> Outcome:
    """Write a figure's files."""
    if isinstance(figure, StudyTable):
        report = figure.table(found)
        report = replace(report, name=f"{report.name}{suffix}")
        report.write(folder)
        rows = (tuple(report.columns), *(tuple(row) for row in report.rows))
        return Outcome(
            figure.number, figure.title, table, f"{report.name}.csv", report.caption, rows=rows
        )
    name = f"figure-{figure.number}{suffix}"
    save(figure.draw(found, TWO_COLUMNS), folder, name)
    save(figure.draw(found, ONE_COLUMN), folder, f"{name}-column")
    return Outcome(
        *(figure.number, figure.title, table, f"{name}.png"),
        caption=figure.caption(found),
        anchors=figure.anchors(found),
    )


def _index(paper: Paper, outcomes: Sequence[Outcome]) -> str:
    """The page ``figures.md``."""
    parts = [f"# Figures of {paper.title}"]
    for outcome in outcomes:
        if outcome.file:
            where = f", {outcome.table}" if outcome.table else ""
            parts.append(f"## {heading(outcome.figure)}{where}: {outcome.title}")
            if outcome.rows:
                parts += [_markdown(outcome.rows), f"As a file: [{outcome.file}]({outcome.file})"]
            else:
                vector = outcome.file.removesuffix(".png") + ".pdf"
                parts.append(
                    f"[![{heading(outcome.figure)}: {outcome.title}]({outcome.file})]({vector})"
                )
            parts.append(_escaped(outcome.caption))
            if outcome.anchors:
                values = [(a.quantity, a.ours, a.published) for a in outcome.anchors]
                parts.append(_markdown([("Quantity", "Here", "Published"), *values]))
    left = [o for o in outcomes if o.reason]
    if left:
        parts.append("## Not drawn")
        words = [
            f"{heading(o.figure)} ({', '.join(filter(None, (o.title, o.table)))}): {o.reason}"
            for o in left
        ]
        parts.append("\n".join(f"- {line}" for line in words))
    return "\n\n".join(parts) + "\n"


def heading(number: str) -> str:
    """A figure's number as a reader says it.

    ``"S7"`` is ``"Supplement figure 7"``, ``"7-left"`` ``"Figure 7 left"``, ``"table-5"`` ``"Table
    5"``, and a name without a number ``"Beside the paper"``.
    """
    if not any(letter.isdigit() for letter in number):
        return "Beside the paper"
    if number.startswith("table-"):
        return f"Table {number.removeprefix('table-')}"
    if number.startswith("S"):
        return f"Supplement figure {number[1:]}"
    return f"Figure {number.replace('-', ' ')}"


def _escaped(words: str) -> str:
    """Words of a caption or label as Markdown that shows them as they are."""
    return re.sub(r"([\\`*_<\[|])", r"\\\1", words)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    first, *others = ("| " + " | ".join(map(_escaped, row)) + " |" for row in rows)
    return "\n".join([first, "|" + " --- |" * len(rows[0]), *others])
