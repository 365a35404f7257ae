"""How a report is to look: which methods in what order, how wide, which curve and band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from regretta.harness.axis import AXES, SECONDS, Axis, get_axis
from regretta.harness.spec import title_of
from regretta.harness.store.results import SuiteResults
from regretta.plots.spread import BANDS, STATISTICS
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown

VENUES: Mapping[str, tuple[float, float]] = {
    "ieee": (3.5, 7.16),
    "neurips": (5.5, 5.5),
    "iclr": (5.5, 5.5),
    "icml": (3.25, 6.75),
    "acl": (3.03, 6.3),
    "cvpr": (3.25, 6.875),
}
"""Inches of a column and of a page's text, as the venues' style files set them.

NeurIPS and ICLR have one column of 5.5 in; ICML 3.25 in of 6.75; ACL 7.7 of 16 cm; CVPR 3.25 of
6.875 in; IEEE's transactions 3.5 of 7.16 in.
"""

FORMATS = ("png", "pdf", "svg")
"""Kinds of files that a figure may be."""

ORDERS: Mapping[str, str] = {
    "suite": "as the suite has them, or as --methods names them",
    "result": "by mean final regret, best first",
}
"""Orders of methods."""

_NARROWEST, _WIDEST = 2.0, 20.0


class LookError(UserError):
    """A look that cannot be: what is wrong, and what may be asked for."""


@dataclass(frozen=True)
class Look:
    """How a report looks.

    Attributes
    ----------
    methods
        Labels to show, in this order; empty for all.
    order
        One of `ORDERS`.
    column, page
        Inches of a figure for one column, and across the page.
    formats
        Some of `FORMATS`.
    statistic
        What a curve shows of the runs: one of `STATISTICS`.
    band
        What the band around it is: one of `BANDS`.
    axis
        What regret is drawn against: one of `regretta.harness.axis.AXES`; empty for time or, where
        searches had a limit of evaluations only, for these.
    """

    methods: tuple[str, ...] = ()
    order: str = "suite"
    column: float = ONE_COLUMN
    page: float = TWO_COLUMNS
    formats: tuple[str, ...] = ("png", "pdf")
    statistic: str = "mean"
    band: str = "ci"
    axis: str = ""

    def __post_init__(self) -> None:
        for kind, value, known in (
            ("order", self.order, ORDERS),
            ("statistic", self.statistic, STATISTICS),
            ("band", self.band, BANDS),
            ("axis", self.axis or SECONDS.name, AXES),
        ):
            if value not in known:
                raise LookError(unknown(kind, value, known))
        for form in self.formats:
            if form not in FORMATS:
                raise LookError(unknown("format", form, FORMATS))
        if not self.formats:
            raise LookError(f"a figure has a format: {', '.join(FORMATS)}")
        for width in (self.column, self.page):
            if not _NARROWEST <= width <= _WIDEST:
                raise LookError(
                    f"a figure is {_NARROWEST:g} to {_WIDEST:g} inches wide, not {width:g}"
                )

    def wide_as(self, width: str) -> Look:
        """The same, as wide as a venue's columns, or as so many inches.

        Raises
        ------
        LookError
            If it is no venue of `VENUES` and no number.
        """
        if width.lower() in VENUES:
            column, page = VENUES[width.lower()]
        else:
            try:
                column = page = float(width)
            except ValueError:
                raise LookError(
                    f"{unknown('width', width, VENUES)} (or a number of inches)"
                ) from None
        return replace(self, column=column, page=page)


def axis_of(suite: SuiteResults, look: Look) -> Axis:
    """What the curves of a report are drawn against."""
    timed = any(table.time_limit is not None for table in suite.identity.tables.values())
    return get_axis(look.axis or (SECONDS.name if timed else "evaluations"))


def labels_of(suite: SuiteResults, text: str) -> tuple[str, ...]:
    """The labels that a text names with commas between; a label may have commas itself.

    Raises
    ------
    LookError
        At the first that the suite does not have.
    """
    words, found = text.split(","), []
    while words:
        for length in range(len(words), 0, -1):
            label = ",".join(words[:length]).strip()
            if label in suite.identity.methods:
                found.append(label)
                del words[:length]
                break
        else:
            raise LookError(unknown("method", words[0].strip(), suite.labels))
    return tuple(found)


def chosen(suite: SuiteResults, labels: Sequence[str]) -> SuiteResults:
    """A suite's results with some of its methods only, in an order; all where none is named.

    Raises
    ------
    LookError
        If the suite has no method of that label, or one is named twice.
    """
    if not labels:
        return suite
    for label in labels:
        if label not in suite.identity.methods:
            raise LookError(unknown("method", label, suite.labels))
        if list(labels).count(label) > 1:
            raise LookError(f"method {label!r} is named twice")
    return ordered(suite, labels)


def ordered(suite: SuiteResults, labels: Iterable[str]) -> SuiteResults:
    """A suite's results with its methods in an order; those that are left out are gone."""
    labels = tuple(labels)
    tables = list(suite.tables)
    title = suite.title
    if title == title_of(list(suite.labels), tables):
        title = title_of(list(labels), tables)
    methods = {label: suite.identity.methods[label] for label in labels}
    identity = replace(suite.identity, methods=methods, title=title)
    runs = {
        table: {label: groups[label] for label in labels} for table, groups in suite.runs.items()
    }
    failures = tuple(failure for failure in suite.failures if failure.label in labels)
    return replace(suite, identity=identity, runs=runs, failures=failures)
