"""How far a command is: a bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from regretta.cli.output import say
from regretta.tabular_data.text import printable

if TYPE_CHECKING:
    from tqdm import tqdm

_SECONDS_A_LINE = 30.0
_NARROW = 70
_NARROW_BAR = "{percentage:3.0f}% {n_fmt}/{total_fmt}, {remaining} left, {desc}"


class Progress:
    """How far something is, on stderr: a bar in a terminal, elsewhere a line every half minute.

    A bar is no longer than the terminal is wide, where that changes too; what counts stands first
    in a narrow one. It has no colours. A terminal that cannot go back in a line gets lines.

    Parameters
    ----------
    name
        Of what is going on.
    unit
        What is counted, one of it: ``run``, ``cell``, ``byte``.
    """

    def __init__(self, name: str, unit: str = "run") -> None:
        self._name = printable(name)
        self._unit = unit
        self._bar: tqdm[Any] | None = None
        self._is_bar = False
        self._over = threading.Event()
        self._lines = threading.Thread(target=self._tell_now_and_then, daemon=True)
        self._done = self._total = self._first = 0
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        self._is_bar = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        if not self._is_bar:
            self._lines.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, total: int) -> None:
        """Take note that so many of so many are done."""
        if total != self._total:  # at first, and when something else is counted
            self._first, self._start = done, time.monotonic()
            if self._bar is not None:
                self._bar.close()
            if self._is_bar:
                self._bar = self._new_bar(done, total)
        self._done, self._total = done, total
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def _new_bar(self, done: int, total: int) -> tqdm[Any]:
        from tqdm import tqdm

        columns = os.get_terminal_size(sys.stderr.fileno()).columns
        return tqdm(
            desc=self._name,
            initial=done,
            total=total,
            unit="B" if self._unit == "byte" else self._unit,
            unit_scale=self._unit == "byte",
            file=sys.stderr,
            dynamic_ncols=True,
            bar_format=_NARROW_BAR if 0 < columns < _NARROW else None,
        )

    def say(self, line: str) -> None:
        """Say something meanwhile."""
        if self._bar is not None:
            self._bar.clear()
        say(line)

    def line(self) -> str:
        """How far it is, and how long the rest takes at this rate."""
        new, left = self._done - self._first, self._total - self._done
        said = f"{self._name}: {self._done:,} of {self._total:,} {self._unit}s done"
        if not new or not left:
            return said
        minutes = (time.monotonic() - self._start) / new * left / 60
        return f"{said}, about {minutes:,.1f} minutes left"

    def _tell_now_and_then(self) -> None:
        while not self._over.wait(_SECONDS_A_LINE):
            if self._total:
                say(self.line())
