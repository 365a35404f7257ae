"""What runs of a suite have reached, as a table that fits into the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from regretta.cli.output import writable
from regretta.tabular_data.text import printable

if TYPE_CHECKING:
    from regretta.harness.store.status import Progress

Seconds = Mapping[tuple[str, str], float]
"""Processor seconds by table and label."""

_NONE = "—"


def summary(
    rows: Sequence[Progress], seconds: Seconds | None = None, width: int | None = None
) -> Iterator[str]:
    """Lines of a table for each of the suite's tables, its methods in the suite's order.

    Nothing is ranked or marked: who is better is for the tests of a report to say.

    Parameters
    ----------
    rows
        Of one suite.
    seconds
        Of runs that were done just now, for a column of it.
    width
        Characters of a line; None for those of the terminal, and for any where there is none. What
        does not fit as columns stands below each other.
    """
    if width is None:
        width = shutil.get_terminal_size((0, 0)).columns
    for table, group in groupby(rows, key=lambda row: row.table):
        mine = list(group)
        heading = f"{table}{' (reconstruction)' if mine[0].reconstruction else ''}:"
        heading += f" mean ± sd of final {mine[0].kind} {mine[0].measure} in percent"
        columns = [
            "method",
            "done",
            "failed",
            "damaged",
            "missing",
            "ended early",
            mine[0].measure,
            *(["CPU s"] if seconds else []),
        ]
        cells = [columns, *(_cells(row, seconds) for row in mine)]
        shown = [[writable(printable(cell), sys.stdout) for cell in line] for line in cells]
        widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
        if not width or sum(widths) + 2 * len(widths) <= width:
            yield heading
            for name, *values in shown:
                padded = [
                    " " * (most - _width(value)) + value
                    for most, value in zip(widths[1:], values, strict=True)
                ]
                yield f"  {'  '.join([name + ' ' * (widths[0] - _width(name)), *padded])}"
        else:
            yield from textwrap.wrap(heading, width)
            for name, *values in shown[1:]:
                about = ", ".join(
                    f"{column} {value}" for column, value in zip(shown[0][1:], values, strict=True)
                )
                for text, indent in ((name, "  "), (about, "    ")):
                    yield from textwrap.wrap(
                        text, width, initial_indent=indent, subsequent_indent=indent
                    )


def as_values(rows: Sequence[Progress], seconds: Seconds | None = None) -> list[dict[str, Any]]:
    """The rows for machines; `seconds` is null where nothing was done just now."""
    return [
        {**asdict(row), "processor_seconds": (seconds or {}).get((row.table, row.label))}
        for row in rows
    ]


def _cells(row: Progress, seconds: Seconds | None) -> list[str]:
    planned = row.done + row.failed + row.damaged + row.missing
    reached = _NONE if row.mean is None else f"{100 * row.mean:.3f}"
    if row.sd is not None:
        reached += f" ± {100 * row.sd:.3f}"
    spent = (seconds or {}).get((row.table, row.label))
    counts = (row.failed, row.damaged, row.missing, row.ended_early)
    return [
        row.label,
        f"{row.done:,} of {planned:,}",
        *(f"{count:,}" for count in counts),
        reached,
        *([_NONE if spent is None else f"{spent:,.1f}"] if seconds else []),
    ]


def _width(text: str) -> int:
    """Places of a terminal that a text takes: letters of East Asia take two."""
    from tqdm.utils import disp_len

    return int(disp_len(text))
