"""Figures of the papers, one a module: `compute` gives plain arrays, `caption` words, `draw` the
picture.

`draw_figures` draws all of a paper that the tables and suites at hand allow, and says what the
others lack.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from regretta.harness.store.folder import SuiteResults
from regretta.plots.paper.columns import Anchor, FigureError
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, save
from regretta.tabular_data.names import unknown
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.table import Table

__all__ = ["PAPERS", "Outcome", "Paper", "PaperFigure", "draw_figures", "heading"]


@dataclass(frozen=True)
class PaperFigure:
    """One figure of a paper, and what draws it.

    Attributes
    ----------
    number
        As in the paper; ``"S7"`` is the supplement's 7.
    title
        A few words.
    of
        What it is drawn from: each ``table`` by itself, all ``tables`` together, a ``suite``'s runs
        on each table, its runs on all ``suite tables`` together, or a ``whole suite``.
    module
        Name of the module within `regretta.plots.paper`.
    columns
        What a table must have for the figure to be complete, each item a column or several columns
        of which one will do; a figure says itself what it leaves out.
    suite
        The built-in suite whose folder it wants.
    space
        How the names of that suite's search spaces begin, where they are not the paper's.
    """

    number: str
    title: str
    of: Literal["table", "tables", "suite", "suite tables", "whole suite"]
    module: str = ""
    columns: tuple[str, ...] = ()
    suite: str = ""
    space: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper.

    Attributes
    ----------
    title
        How its figures are headed.
    space
        How the names of its search space begin.
    figures
        In the paper's order.
    """

    title: str
    space: str
    figures: tuple[PaperFigure, ...]


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


_BASE = ("validation_accuracy", "training_seconds")
_TEST = "test_accuracy or mean_test_accuracy"
_COMPARISON = "nasbench101-paper"

_NASBENCH101 = (
    PaperFigure(
        *("2", "distributions of accuracy and its noise", "table", "nasbench101_figure2"),
        columns=("train_accuracy", "validation_accuracy at several budgets and repeats", _TEST),
    ),
    PaperFigure(
        *("3", "parameters, training time and accuracy", "table", "nasbench101_figure3"),
        columns=("parameters", "training_seconds", _TEST),
    ),
    PaperFigure("4", "replacement of operations", "table", "nasbench101_figure4", _BASE),
    PaperFigure(
        "5", "depth and width", "table", "nasbench101_figure5", ("training_seconds", _TEST)
    ),
    PaperFigure("6", "locality", "table", "nasbench101_figure6", (_TEST,)),
    PaperFigure("7-left", "the comparison", "suite", "nasbench101_searches", suite=_COMPARISON),
    PaperFigure(
        "7-right",
        "robustness of the comparison",
        "suite",
        "nasbench101_searches",
        suite=_COMPARISON,
    ),
    PaperFigure(
        *(
            "8",
            "generalization from cells of up to 6 vertices",
            "whole suite",
            "nasbench101_figure8",
        ),
        suite="nasbench101-generalization",
    ),
    PaperFigure(
        *("9", "ranks on NAS-HPO-Bench", "suite tables", "nasbench101_figure9"),
        suite="nas-hpo-bench",
        space="grid",
    ),
    PaperFigure("S2", "SMAC's settings", "suite", "nasbench101_searches", suite="sensitivity-smac"),
    PaperFigure("S3", "BOHB's settings", "suite", "nasbench101_searches", suite="sensitivity-bohb"),
    PaperFigure(
        "S4", "evolution's settings", "suite", "nasbench101_searches", suite="sensitivity-evolution"
    ),
    PaperFigure(
        "S5", "REINFORCE's settings", "suite", "nasbench101_searches", suite="sensitivity-reinforce"
    ),
    PaperFigure(
        "S6", "encoding C", "suite", "nasbench101_searches", suite="nasbench101-encoding-c"
    ),
    PaperFigure(
        *("S7", "rank correlation between budgets", "table", "nasbench101_figure_s7"),
        columns=("validation_accuracy at several budgets",),
    ),
    PaperFigure(
        "S8",
        "REINFORCE against evolution",
        "suite",
        "nasbench101_searches",
        suite="nasbench101-reinforce",
    ),
)

_NASBENCH201 = (
    PaperFigure(
        "2", "accuracy and parameters", "tables", "nasbench201_figure2", ("parameters", _TEST)
    ),
    PaperFigure(
        "3",
        "ranks across data sets",
        "tables",
        "nasbench201_figure3",
        (f"{_TEST} on several data sets",),
    ),
    PaperFigure(
        "4", "correlation of sets and data sets", "tables", "nasbench201_figure4", (_BASE[0], _TEST)
    ),
    PaperFigure(
        "5", "rank stability over training", "tables", "nasbench201_figure5", ("validation_curve",)
    ),
    PaperFigure(
        "table-5",
        "methods by data sets",
        "suite tables",
        "nasbench201_table5",
        suite="nasbench201-table5",
    ),
)

PAPERS: Mapping[str, Paper] = MappingProxyType(
    {
        "nasbench101": Paper("NAS-Bench-101 (Ying et al., ICML 2019)", "nasbench101", _NASBENCH101),
        "nasbench201": Paper(
            "NAS-Bench-201 (Dong and Yang, ICLR 2020)", "nasbench201", _NASBENCH201
        ),
    }
)
"""The papers by name."""


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
        if not table.space.name.startswith(chosen.space):
            raise FigureError(
                f"{paper} needs tables of its cells; table {table.name!r} has {table.space.name}"
            )
        if names.count(table.name) > 1:
            raise FigureError(
                f"two tables are called {table.name!r}; give one of them another name"
            )
    try:
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
    if figure.suite:
        yield from _of_suites(figure, paper, suites, folder)
    elif not tables:
        needs = ", ".join(figure.columns)
        yield Outcome(
            figure.number,
            figure.title,
            reason=f"it needs a table with {needs}; there is none at hand",
        )
    else:
        module = importlib.import_module(f"regretta.plots.paper.{figure.module}")
        for group in [[table] for table in tables] if figure.of == "table" else [list(tables)]:
            name = group[0].name if figure.of == "table" else ""
            try:
                found = module.compute(group[0] if figure.of == "table" else group)
            except FigureError as error:
                yield Outcome(figure.number, figure.title, name, reason=str(error))
                continue
            suffix = f"-{name}" if name and len(tables) > 1 else ""
            yield _drawn(figure, module, found, name, suffix, folder)


def _of_suites(
    figure: PaperFigure, paper: Paper, suites: Sequence[SuiteResults], folder: Path
) -> Iterator[Outcome]:
    module = importlib.import_module(f"regretta.plots.paper.{figure.module}")
    made, refused = [], []
    for suite in suites:
        theirs = [
            table
            for table in suite.tables
            if _space(suite, table).startswith(figure.space or paper.space)
        ]
        calls = [(table, partial(module.compute, figure.number, suite, table)) for table in theirs]
        if figure.of == "suite tables":
            calls = [("", partial(module.compute, {table: suite.runs[table] for table in theirs}))]
        elif figure.of == "whole suite" and theirs:
            calls = [("", partial(module.compute, suite))]
        for table, compute in calls:
            try:
                made.append((suite.folder.name, table, compute()))
            except FigureError as error:
                refused.append(str(error))
    several = [len({key[part] for key in made}) > 1 for part in (0, 1)]
    for *key, found in made:
        suffix = "".join(f"-{part}" for part, shown in zip(key, several, strict=True) if shown)
        yield _drawn(figure, module, found, key[1], suffix, folder)
    if not made:
        given = f" (given: {'; '.join(dict.fromkeys(refused))})" if refused else ""
        yield Outcome(
            figure.number,
            figure.title,
            reason=f"run `regretta run {figure.suite}` and pass --suite DIR{given}",
        )


def _space(suite: SuiteResults, table: str) -> str:
    return suite.identity.tables[table].space


def _drawn(
    figure: PaperFigure, module: Any, found: Any, table: str, suffix: str, folder: Path
) -> Outcome:
    """Write a figure's files."""
    if hasattr(module, "report_table"):
        report = module.report_table(found)
        report.write(folder)
        rows = (tuple(report.columns), *(tuple(row) for row in report.rows))
        return Outcome(
            figure.number, figure.title, table, f"{report.name}.csv", report.caption, rows=rows
        )
    name = f"figure-{figure.number}{suffix}"
    save(module.draw(found, TWO_COLUMNS), folder, name)
    save(module.draw(found, ONE_COLUMN), folder, f"{name}-column")
    anchors = module.anchors(found) if hasattr(module, "anchors") else ()
    return Outcome(
        figure.number, figure.title, table, f"{name}.png", module.caption(found), anchors
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
            parts.append(outcome.caption)
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
    """A figure's number as a reader says it: ``"Supplement figure 7"``, ``"Figure 7 left"``, ``"Table 5"``."""
    if number.startswith("table-"):
        return f"Table {number.removeprefix('table-')}"
    if number.startswith("S"):
        return f"Supplement figure {number[1:]}"
    return f"Figure {number.replace('-', ' ')}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    first, *others = (
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
    )
    return "\n".join([first, "|" + " --- |" * len(rows[0]), *others])
