"""One self-contained page about a suite, with its figures and tables as files beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from regretta.harness.store.results import SuiteResults, load_suite
from regretta.plots.elsewhere_notes import elsewhere_sentence, own_part
from regretta.plots.interactive.explorer import Explorer, explorer
from regretta.plots.look import Look, chosen, ordered
from regretta.plots.methods_paragraph import methods_paragraph
from regretta.plots.order import by_result
from regretta.plots.report_notes import count, method_rows, reader_notes, setup_rows
from regretta.plots.report_sections import Gallery, Section, gallery_of, heard_on, sections_of
from regretta.plots.style import human_names
from regretta.plots.text import escape_latex
from regretta.plots.verdict import verdicts
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.storage import folder_below, write_atomically
from regretta.tabular_data.text import printable


class ReportError(UserError):
    """A suite that cannot be reported on; the message says why and what to do."""


def write_report(
    suite: SuiteResults | str | Path, out: str | Path | None = None, look: Look | None = None
) -> Path:
    """Write ``report.html`` into a folder, every figure into ``figures/``, every table into
    ``tables/``, what a paper says of how it was done into ``methods.txt`` and, as LaTeX writes it,
    ``methods.tex``, and what makes the page's figures interactive into ``scripts/``: without that
    folder, or without scripts, the page shows pictures.

    Equal results give equal bytes. A suite that is not finished is reported as far as it got, and
    the page says what is missing.

    Parameters
    ----------
    suite
        Results, or their folder.
    out
        Where to write; the suite's folder if None.
    look
        Which methods, in what order, how wide, which statistic.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        If there is no finished run at all, or the folder cannot be written.
    LookError
        If the suite lacks a method that is asked for.
    """
    if not isinstance(suite, SuiteResults):
        suite = load_suite(suite)
    look = look or Look()
    suite = chosen(suite, look.methods)
    folder = suite.folder if out is None else Path(out)
    begun = [
        table for table in suite.tables if any(suite.runs[table][label] for label in suite.labels)
    ]
    if not begun:
        failed = f" ({len(suite.failures)} failed)" if suite.failures else ""
        raise ReportError(f"{suite.folder} holds no finished run{failed}; run the suite first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clear_leftovers(folder)
        for place in ("figures", "tables"):
            clear_leftovers(folder_below(folder, place))
        if look.order == "result":
            suite = ordered(suite, by_result({table: suite.runs[table] for table in begun}))
        gallery = gallery_of(suite, begun, folder, look)
        paragraph = methods_paragraph(own_part(suite), look) + elsewhere_sentence(suite)
        sections = sections_of(suite, begun, gallery)
        look_closer = explorer(suite, heard_on(suite, begun), gallery.styles, gallery.names, look)
        if look_closer is not None:
            look_closer.write(folder)
        page = _page(suite, begun, sections, gallery, paragraph, look_closer)
        path = folder / "report.html"
        write_atomically(folder / "methods.txt", f"{paragraph}\n".encode())
        write_atomically(folder / "methods.tex", f"{escape_latex(paragraph)}\n".encode())
        write_atomically(path, page.encode())
    except OSError as error:
        raise ReportError(f"the report cannot be written to {folder}: {error.strerror}") from error
    return path


def _page(
    suite: SuiteResults,
    begun: Sequence[str],
    sections: Sequence[Section],
    gallery: Gallery,
    paragraph: str,
    look_closer: Explorer | None,
) -> str:
    environment = Environment(
        loader=PackageLoader("regretta.plots"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    mine = [label for label in suite.labels if label not in suite.foreign]
    done = sum(len(suite.runs[table][label]) for table in begun for label in mine)
    others = f", and {len(suite.labels) - len(mine)} not run by Regretta" if suite.foreign else ""
    names = human_names(suite.labels)
    named = ", ".join(names) if len(names) <= 8 else f"{len(names):,} methods"
    return environment.get_template("report.html").render(
        title=suite.identity.title or f"{suite.name}: {named} on {', '.join(suite.tables)}",
        summary=(
            f"{count(len(mine), 'method')} on {count(len(suite.tables), 'table')}:"
            f" {count(done, 'finished run')} of"
            f" {sum(map(suite.planned, mine)) * len(suite.tables)}{others}."
        ),
        verdicts=verdicts(
            {table: suite.runs[table] for table in begun},
            gallery.names,
            {label: suite.planned(label) for label in mine},
            {t: Counter(f.label for f in suite.failures if f.table == t) for t in begun},
            gallery.axis,
        ),
        notes=reader_notes(suite),
        explorer=look_closer,
        sections=sections,
        setup=setup_rows(suite),
        methods=method_rows(suite, gallery.styles),
        paragraph=paragraph,
    )


def _clean(value: Any) -> Any:
    """What a template puts out, without the control characters of a stranger's text."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)
