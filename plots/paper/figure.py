"""What a figure of a paper is: a value that says what it is drawn from, and the functions that
draw it.

A module ends in ``FIGURE = TableFigure("5", "depth and width", compute, caption, draw)``, and its
paper's package lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from regretta.harness.store.results import SuiteResults
from regretta.plots.paper.columns import Anchor
from regretta.plots.tables import ReportTable
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = TypeVar("Found")


def no_anchors(_: object) -> tuple[Anchor, ...]:
    """Of a figure for which the paper's text gives no number."""
    return ()


@dataclass(frozen=True, kw_only=True)
class _Of:
    """What figures of all kinds have.

    Attributes
    ----------
    space
        How the names of its search spaces begin, where they are not the paper's.
    """

    space: str = ""


@dataclass(frozen=True)
class TableFigure(_Of, Generic[Found]):
    """A figure of one table; several tables give several pictures.

    Attributes
    ----------
    number
        As in the paper; ``"S7"`` is the supplement's 7.
    title
        A few words.
    compute
        What the picture shows, as plain arrays; raises `FigureError` where the table cannot.
    caption
        What a reader must know: what is shown, what is published, what is missing.
    draw
        The picture, `regretta.plots.style.ONE_COLUMN` or `TWO_COLUMNS` wide.
    anchors
        Our values beside the paper's.
    needs
        What a table must have for the figure to be complete, each item a column or several of which
        one will do; the figure says itself what it leaves out.
    """

    number: str
    title: str
    compute: Callable[[Table], Found]
    caption: Callable[[Found], str]
    draw: Callable[[Found, float], Figure]
    anchors: Callable[[Found], tuple[Anchor, ...]] = no_anchors
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class TablesFigure(_Of, Generic[Found]):
    """A figure of all tables together; attributes as in `TableFigure`."""

    number: str
    title: str
    compute: Callable[[Sequence[Table]], Found]
    caption: Callable[[Found], str]
    draw: Callable[[Found, float], Figure]
    anchors: Callable[[Found], tuple[Anchor, ...]] = no_anchors
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class SuiteFigure(_Of, Generic[Found]):
    """A figure of a suite's runs on one of its tables; attributes as in `TableFigure`, and:

    Attributes
    ----------
    suite
        The built-in suite whose folder it wants.
    """

    number: str
    title: str
    suite: str
    compute: Callable[[SuiteResults, str], Found]
    caption: Callable[[Found], str]
    draw: Callable[[Found, float], Figure]
    anchors: Callable[[Found], tuple[Anchor, ...]] = no_anchors


@dataclass(frozen=True)
class StudyFigure(_Of, Generic[Found]):
    """A figure of a suite's runs on all of its tables; attributes as in `SuiteFigure`."""

    number: str
    title: str
    suite: str
    compute: Callable[[SuiteResults], Found]
    caption: Callable[[Found], str]
    draw: Callable[[Found, float], Figure]
    anchors: Callable[[Found], tuple[Anchor, ...]] = no_anchors


@dataclass(frozen=True)
class StudyTable(_Of, Generic[Found]):
    """A table of a paper, from a suite's runs on all of its tables.

    Attributes
    ----------
    number, title, suite, compute
        As in `SuiteFigure`.
    table
        The rows and their caption.
    join
        Puts suites together that are one study in several parts.
    """

    number: str
    title: str
    suite: str
    compute: Callable[[SuiteResults], Found]
    table: Callable[[Found], ReportTable]
    join: Callable[[Sequence[SuiteResults]], Sequence[SuiteResults]] = tuple


PaperFigure: TypeAlias = (
    TableFigure[Any] | TablesFigure[Any] | SuiteFigure[Any] | StudyFigure[Any] | StudyTable[Any]
)


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

    @property
    def spaces(self) -> tuple[str, ...]:
        """How the names of all search spaces begin that a figure is drawn from."""
        return tuple(dict.fromkeys(figure.space or self.space for figure in self.figures))
