"""House style: fixed colours and markers, sizes, legends, and files that come out the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from regretta.tabular_data.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ONE_COLUMN = 3.5
"""Width of a figure for one column of a paper, in inches."""

TWO_COLUMNS = 7.16
"""Width of a figure across both columns, in inches."""

PNG_DPI = 200

_GRADED_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

RC: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same
        "font.size": 7.5,
        "axes.titlesize": 8,
        "axes.labelsize": 7.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "legend.handlelength": 2.6,
        "axes.linewidth": 0.6,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.axisbelow": True,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.5,
        "lines.linewidth": 1.3,
        "lines.markersize": 4,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.minor.size": 1.6,
        "ytick.minor.size": 1.6,
        "xtick.minor.pad": 4.9,  # labels of short ticks in line with those of long ones
        "ytick.minor.pad": 4.9,
        "pdf.fonttype": 42,  # text stays text
        "svg.fonttype": "none",
        "svg.hashsalt": "regretta",
    }
)

METHODS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "random_search": ("Random search", "#000000", "o"),
        "regularized_evolution": ("Regularized evolution", "#0072B2", "s"),
        "reinforce": ("REINFORCE", "#D55E00", "^"),
        "hyperband": ("Hyperband", "#E69F00", "D"),
        "smac": ("SMAC", "#009E73", "v"),
        "bohb": ("BOHB", "#CC79A7", "P"),
        "tpe": ("TPE", "#56B4E9", "X"),
        "local_search": ("Local search", "#882255", "<"),
        "asha": ("ASHA", "#8C8C1A", ">"),
        "smac_stock": ("SMAC (stock)", "#332288", "p"),
    }
)
"""Name, colour and marker of each method, in the order of every legend and table.

Colours are Okabe and Ito's palette without its yellow, then wine, olive and indigo of Paul Tol's
muted scheme: both are made for colour-blind readers. Markers tell apart what colours do not.
"""

CYCLE: tuple[tuple[str, str], ...] = (
    ("#44AA99", "h"),
    ("#AA4499", "*"),
    ("#7F7F7F", "d"),
    ("#A6611A", "H"),
    ("#117733", "8"),
    ("#6699CC", "o"),
)
"""Colours and markers for methods nobody knows, in the order in which they stand in the suite."""

DASHES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.2, 1.2, 1.2)),
    (0, (8, 2)),
)


@dataclass(frozen=True)
class MethodStyle:
    """How one label of a suite looks in every figure.

    Attributes
    ----------
    name
        What a reader sees.
    color, marker, linestyle
        As matplotlib takes them.
    hollow
        Whether the marker is open: a further label of a method that stood before.
    """

    name: str
    color: str
    marker: str
    linestyle: Any = "-"
    hollow: bool = False

    def line(self) -> dict[str, Any]:
        """Keyword arguments of a line."""
        return {
            "color": self.color,
            "linestyle": self.linestyle,
            "marker": self.marker,
            "markerfacecolor": "white" if self.hollow else self.color,
            "markeredgecolor": self.color,
            "markeredgewidth": 0.8,
        }


def graded_styles(names: Sequence[str]) -> list[MethodStyle]:
    """Styles for ascending values of one setting: colours from dark to light, and markers that differ."""
    colors = colormaps["viridis"](np.linspace(0, 0.88, len(names)))
    return [
        MethodStyle(name, to_hex(color), _GRADED_MARKERS[nth % len(_GRADED_MARKERS)])
        for nth, (name, color) in enumerate(zip(names, colors, strict=True))
    ]


def human_name(name: str) -> str:
    """A method or label as a reader sees it: ``"Regularized evolution"``; an unknown one stays as it is."""
    return METHODS[name][0] if name in METHODS else name


def method_styles(entries: Sequence[tuple[str, str]]) -> dict[str, MethodStyle]:
    """A style for each label.

    A known method looks the same in every figure. A second label of the same method keeps the
    colour and marker, hollow and with other dashes; unknown methods take the cycle in the order
    given.

    Parameters
    ----------
    entries
        Label and optimizer, in the suite's order.
    """
    styles: dict[str, MethodStyle] = {}
    looks: dict[str, tuple[str, str]] = {}
    seen: dict[str, int] = {}
    for label, optimizer in entries:
        if optimizer in METHODS:
            looks[optimizer] = METHODS[optimizer][1:]
        elif optimizer not in looks:
            looks[optimizer] = CYCLE[sum(name not in METHODS for name in looks) % len(CYCLE)]
        color, marker = looks[optimizer]
        nth = seen.get(optimizer, 0)
        seen[optimizer] = nth + 1
        styles[label] = MethodStyle(
            human_name(label), color, marker, DASHES[nth % len(DASHES)], nth > 0
        )
    return styles


@contextmanager
def house() -> Iterator[None]:
    """The house's settings for as long as the block lasts."""
    with matplotlib.rc_context(dict(RC)):  # type: ignore[arg-type]
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure that belongs to no global state; sizes in inches. Call it within `house`."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    made.get_layout_engine().set(w_pad=0.03, h_pad=0.03)  # type: ignore[union-attr,call-arg]
    return made


def panels(
    count: int, width: float, panel_height: float, extra: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels: side by side on two columns (three at most), below each other
    on one.

    Parameters
    ----------
    count
        Number of panels.
    width
        `ONE_COLUMN` or `TWO_COLUMNS`.
    panel_height
        Height of each panel, inches.
    extra
        Further height for a legend, inches.
    """
    columns = 1 if width < TWO_COLUMNS else min(count, 2 if count in (2, 4) else 3)
    rows = -(-count // columns)
    made = figure(width, rows * panel_height + extra)
    grid = made.subplots(rows, columns, squeeze=False)
    axes = list(grid.ravel())
    for unused in axes[count:]:
        unused.remove()
    return made, axes[:count]


def png(drawn: Figure) -> bytes:
    """The figure as PNG, the same bytes every time."""
    out = BytesIO()
    with house():
        drawn.set_dpi(PNG_DPI)
        # Not savefig, which would draw everything twice.
        FigureCanvasAgg(drawn).print_png(out, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return out.getvalue()


def pdf(drawn: Figure) -> bytes:
    """The figure as PDF with text as text, the same bytes every time."""
    out = BytesIO()
    with house():
        metadata = {"CreationDate": None, "Creator": "regretta", "Producer": None}
        FigureCanvasPdf(drawn).print_pdf(out, metadata=metadata)  # type: ignore[no-untyped-call]
    return out.getvalue()


def save(drawn: Figure, folder: Path, name: str) -> bytes:
    """Write ``<name>.png`` and ``<name>.pdf`` into the folder; returns the PNG's bytes."""
    picture = png(drawn)
    drawn.set_layout_engine(
        "none"
    )  # what was laid out once stays; laying out again takes half of the time
    write_atomically(folder / f"{name}.png", picture)
    write_atomically(folder / f"{name}.pdf", pdf(drawn))
    return picture


def legend(
    drawn: Figure,
    handles: Mapping[str, Any],
    names: Mapping[str, str],
    runs: Mapping[str, Sequence[int]],
    beside: bool,
) -> None:
    """A legend of methods with their numbers of runs, outside of the panels.

    Parameters
    ----------
    handles
        By label, in the order to show.
    names
        What a reader sees, by label.
    runs
        The numbers of runs by label, one or several; a common number stands once, above.
    beside
        Right of the panels instead of below them.
    """
    if not handles:
        return
    numbers = sorted({count for label in handles for count in runs[label]})
    same = len(numbers) == 1
    columns = 1 if beside else 2 if drawn.get_figwidth() < TWO_COLUMNS else 4
    drawn.legend(
        list(handles.values()),
        [names[label] + ("" if same else f" (n = {span(runs[label])})") for label in handles],
        loc="outside right center" if beside else "outside lower center",
        ncols=columns,
        title=f"n = {numbers[0]} {'run' if numbers[0] == 1 else 'runs'} each" if same else None,
        title_fontsize=7,
        alignment="left",
    )


def legend_height(labels: int, width: float) -> float:
    """Inches that a legend below the panels takes."""
    return 0.1 + 0.15 * -(-labels // (2 if width < TWO_COLUMNS else 4))


def span(numbers: Sequence[int]) -> str:
    """Whole numbers as their range: ``"20"`` or ``"18\u201320"``."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}\u2013{high}"
