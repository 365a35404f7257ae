"""House style: what a method looks like, sizes, and files that come out the same every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from regretta.plots.colors import distances
from regretta.plots.text import FONT, picture_names
from regretta.tabular_data.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ONE_COLUMN = 3.5
"""Width of a figure for one column of a paper, in inches."""

TWO_COLUMNS = 7.16
"""Width of a figure across both columns, in inches."""

_WIDE = 5.0


def is_wide(width: float) -> bool:
    """Whether a figure of so many inches has room for panels or a legend side by side."""
    return width >= _WIDE


PNG_DPI = 200

RC: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": FONT,
        "text.parse_math": False,  # a dollar in a label is a dollar
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

METHODS: Mapping[str, tuple[str, str, Any]] = MappingProxyType(
    {
        "random_search": ("Random search", "#000000", "o"),
        "regularized_evolution": ("Regularized evolution", "#0072B2", "s"),
        "reinforce": ("REINFORCE", "#D55E00", "^"),
        "hyperband": ("Hyperband", "#E69F00", "D"),
        "smac": ("SMAC", "#009E73", "v"),
        "bohb": ("BOHB", "#CC79A7", "P"),
        "tpe": ("TPE", "#56B4E9", "X"),
        "local_search": ("Local search", "#882255", "<"),
        "asha": ("ASHA", "#7A5C47", ">"),
        "smac_stock": ("SMAC (stock)", "#332288", "p"),
        "rsps": ("RSPS", "#708F47", "h"),
        "darts_v1": ("DARTS-V1", "#7A7AFF", "*"),
        "darts_v2": ("DARTS-V2", "#2900EB", "d"),
        "gdas": ("GDAS", "#AD471F", (4, 1, 0)),
        "setn": ("SETN", "#A3CC8F", (3, 1, 0)),
        "enas": ("ENAS", "#CC00A3", (6, 1, 0)),
    }
)
"""Name, colour and marker of each method, in the order of every legend and table.

Colours are Okabe and Ito's palette without its yellow, then wine and indigo of Paul Tol's muted
scheme, and a brown; those of the methods that share weights were chosen as `CYCLE`'s. Markers tell
apart what colours do not; those of three numbers are stars of so many points.
"""

MARKERS: tuple[Any, ...] = (
    *("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d"),
    *((points, 1, 0) for points in (4, 3, 6)),
)

CYCLE: tuple[tuple[str, Any], ...] = tuple(
    (color, MARKERS[(nth + 10) % len(MARKERS)])
    for nth, color in enumerate(
        (
            *("#7A33FF", "#85AD66", "#C2A399", "#525C7A", "#CCB8D6", "#0A3D29", "#473D0A"),
            "#7A707A",
            *("#660A52", "#5C7A66", "#52D65C", "#8585CC", "#858585", "#333D3D", "#85A3C2"),
            *("#6600B8", "#47D6FF", "#3D477A", "#005C5C", "#A39999", "#704729", "#AD6699"),
            *("#B8CCAD", "#5C5247", "#857047", "#7066E0", "#700029", "#7099FF", "#A3993D"),
            *("#337066", "#AD8F85", "#B83DC2", "#528F0A", "#475C8F", "#ADAD85", "#338F5C"),
            *("#477029", "#A3ADB8", "#667085", "#F585D6", "#8F3D00", "#F5B800", "#B87A70"),
            "#5C3399",
        )
    )
)
"""Colours and markers for methods nobody knows, in the order in which they stand in the suite.

Each colour was chosen for its CIEDE2000 distance to all before it, `METHODS` and `OTHERS` included,
for readers with common vision, protanopia, deuteranopia and tritanopia alike: at least 8 among the
first 24 of all colours, and 5 among all 60.
"""

OTHERS = "#BDBDBD"
"""Colour of the methods behind the leading ones, where there are too many to tell all apart."""

DASHES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.2, 1.2, 1.2)),
    (0, (8, 2)),
    (0, (5, 1.2, 1.2, 1.2, 1.2, 1.2)),
)

_RAMPS = ("viridis", "plasma", "cividis")


@dataclass(frozen=True)
class MethodStyle:
    """How one label of a suite looks in every figure.

    Attributes
    ----------
    name
        What stands in a picture: see `regretta.plots.text.picture_names`.
    color, marker, linestyle
        As matplotlib takes them.
    hollow
        Whether the marker is open: a further label of a method that stood before.
    background
        Whether it is one of many thin lines behind the leading methods, without a name of its own
        in legends.
    """

    name: str
    color: str
    marker: Any
    linestyle: Any = "-"
    hollow: bool = False
    background: bool = False

    def line(self) -> dict[str, Any]:
        """Keyword arguments of a line."""
        if self.background:
            return {"color": self.color, "linewidth": 0.5}
        return {
            "color": self.color,
            "linestyle": self.linestyle,
            "marker": self.marker,
            "markerfacecolor": "white" if self.hollow else self.color,
            "markeredgecolor": self.color,
            "markeredgewidth": 0.8,
        }


def graded_styles(names: Sequence[str], ramp: str = _RAMPS[0]) -> list[MethodStyle]:
    """Styles for ascending values of one setting: colours from dark to light, markers that differ.

    Parameters
    ----------
    names
        What a reader sees, in ascending order of the values.
    ramp
        A colour map of matplotlib that ascends in lightness.
    """
    return [
        MethodStyle(name, color, MARKERS[nth % len(MARKERS)])
        for nth, (name, color) in enumerate(zip(names, _ramp(ramp, len(names)), strict=True))
    ]


def _ramp(name: str, count: int) -> list[str]:
    return [to_hex(color) for color in colormaps[name](np.linspace(0, 0.88, count))]


def human_name(name: str) -> str:
    """A method or label as a reader sees it: ``"Regularized evolution"``, or what it is called."""
    return METHODS[name][0] if name in METHODS else name


def human_names(labels: Sequence[str]) -> list[str]:
    """Labels as a reader sees them; where two would read the same, each stays as it is."""
    names = [human_name(label) for label in labels]
    count = Counter(names)
    return [name if count[name] == 1 else label for name, label in zip(names, labels, strict=True)]


def method_styles(
    entries: Sequence[tuple[str, str]],
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    leading: Collection[str] | None = None,
) -> dict[str, MethodStyle]:
    """A style for each label; no two are the same.

    A known method looks the same in every figure, and a method keeps its colour: a second label of
    it is hollow and has other dashes. Unknown methods take the cycle in the order given. Three or
    more labels of one method that differ in one number are a sweep, and graded by it. Where all
    labels are of one method, three or more have colours of their own.

    Parameters
    ----------
    entries
        Label and optimizer, in the suite's order.
    settings
        By label; without them nothing is taken for a sweep.
    leading
        Labels to tell apart; the others become lines of one grey. All by default.
    """
    labels = [label for label, _ in entries]
    names = dict(zip(labels, picture_names(human_names(labels)), strict=True))
    shown = [entry for entry in entries if leading is None or entry[0] in leading]
    styles: dict[str, MethodStyle] = {}
    own: dict[str, tuple[str, Any]] = {}
    taken: set[tuple[Any, ...]] = set()
    optimizers = {optimizer for _, optimizer in shown}
    alone = len(optimizers) == 1 and len(shown) > 2
    free = [*CYCLE, *(METHODS[name][1:] for name in METHODS if name not in optimizers)]
    for place, (label, optimizer) in enumerate(shown):
        key = label if alone and place else optimizer
        if key not in own:
            unknown = sum(name not in METHODS or name not in optimizers for name in own)
            known = key in METHODS and key == optimizer
            own[key] = METHODS[key][1:] if known else free[unknown % len(free)]
        look = next(
            look for base in (own[key], *CYCLE) for look in _looks(*base) if look not in taken
        )
        taken.add(look)
        styles[label] = MethodStyle(names[label], *look)
    for swept in _sweeps(shown, settings or {}):
        others = [style.color for label, style in styles.items() if label not in swept]
        ramp = max(_RAMPS, key=lambda name: _clearance(_ramp(name, len(swept)), others))
        if _clearance(_ramp(ramp, len(swept)), others) >= 5:
            looks = graded_styles([names[label] for label in swept], ramp)
            styles |= dict(zip(swept, looks, strict=True))
    hidden = MethodStyle("", OTHERS, "", background=True)
    return {label: styles.get(label) or replace(hidden, name=name) for label, name in names.items()}


def _looks(color: str, marker: Any) -> Iterator[tuple[Any, ...]]:
    """Colour, marker, dashes and hollowness of a method's labels, the plainest first."""
    first = MARKERS.index(marker)
    yield color, marker, DASHES[0], False
    for hollow in (True, False):
        for other in (*MARKERS[first:], *MARKERS[:first]):
            for dashes in (*DASHES[1:], DASHES[0]):
                yield color, other, dashes, hollow


def _sweeps(
    entries: Sequence[tuple[str, str]], settings: Mapping[str, Mapping[str, Any]]
) -> list[list[str]]:
    """Labels of one optimizer each that differ in one number only, ascending by it."""
    groups: dict[str, list[str]] = {}
    for label, optimizer in entries:
        groups.setdefault(optimizer, []).append(label)
    found = []
    for labels in groups.values():
        theirs = [settings.get(label, {}) for label in labels]
        keys = {
            key for some in theirs for key in some if any(s.get(key) != some[key] for s in theirs)
        }
        if len(labels) < 3 or len(keys) != 1:
            continue
        (key,) = keys
        values = [some.get(key) for some in theirs]
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            pairs = sorted(zip(values, range(len(labels)), strict=True))
            found.append([labels[place] for _, place in pairs])
    return found


def _clearance(ramp: Sequence[str], others: Sequence[str]) -> float:
    return float(distances(ramp, others).min()) if others else np.inf


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
    columns = 1 if not is_wide(width) else min(count, 2 if count in (2, 4) else 3)
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


def svg(drawn: Figure) -> bytes:
    """The figure as SVG with text as text, the same bytes every time."""
    out = BytesIO()
    with house(), matplotlib.rc_context({"svg.hashsalt": "regretta", "svg.fonttype": "none"}):
        metadata = {"Date": None, "Creator": "regretta"}
        FigureCanvasSVG(drawn).print_svg(out, metadata=metadata)  # type: ignore[no-untyped-call]
    return out.getvalue()


def save(drawn: Figure, folder: Path, name: str, formats: Sequence[str] = ("png", "pdf")) -> bytes:
    """Write ``<name>.png``, ``<name>.pdf`` or ``<name>.svg`` into the folder; returns the PNG's
    bytes, whether it is among the formats or not.
    """
    picture = png(drawn)
    # What was laid out once stays; laying out again takes half of the time.
    drawn.set_layout_engine("none")
    for form in formats:
        content = picture if form == "png" else {"pdf": pdf, "svg": svg}[form](drawn)
        write_atomically(folder / f"{name}.{form}", content)
    return picture


def span(numbers: Sequence[int]) -> str:
    """Whole numbers as their range: ``"20"`` or ``"18\u201320"``."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}\u2013{high}"
