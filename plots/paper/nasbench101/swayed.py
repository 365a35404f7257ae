"""Means over runs that one cell sways: few runs hold it, and it is far worse than it looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regretta.harness.axis import regret_matrix, run_end
from regretta.harness.regret import steps_at
from regretta.harness.result import RunResult
from regretta.plots.axes import human_time

_FEW, _MUCH, _ENOUGH = 0.02, 0.1, 20
_MOMENTS = 100


@dataclass(frozen=True)
class Swayed:
    """The moment at which a cell adds most to a mean, of all methods and moments.

    Attributes
    ----------
    label
        Whose mean it is.
    cell, regret
        Row of the cell, and its regret.
    runs, of
        How many runs hold it as their incumbent, of how many.
    at
        Simulated seconds.
    share
        Part of the mean that is gone if these runs are left out.
    """

    label: str
    cell: int
    regret: float
    runs: int
    of: int
    at: float
    share: float

    def told(self, name: str) -> str:
        """A sentence or two; `name` is the method's as a reader knows it."""
        return (
            f"A single cell makes up to {100 * self.share:.0f} % of a mean: after"
            f" {human_time(self.at)} {self.runs} of {self.of} runs of {name}"
            f" {'holds' if self.runs == 1 else 'hold'} row {self.cell}, whose regret is"
            f" {self.regret:.2g} and which looked better than it is. Curves rise and fall with such"
            " cells."
        )


def swayed(runs: Mapping[str, Sequence[RunResult]], kind: str) -> Swayed | None:
    """The cell that sways a mean most; None where none adds a tenth of a mean.

    Only cells count that one run or at most a fiftieth of a method's runs hold: what many runs
    find is no accident of a few; and only methods of 20 runs or more. `kind` is as in
    `RunResult.regret`.
    """
    found: list[Swayed] = []
    for label, group in runs.items():
        ended = [run for run in group if len(run.trajectory) and run.trajectory.cell is not None]
        if len(ended) < _ENOUGH:
            continue
        limit = max(run_end(run) for run in ended)
        start = min(max(float(run.trajectory.time[0]) for run in ended), limit)
        moments = np.geomspace(start, limit, _MOMENTS)
        regrets = regret_matrix(ended, moments, kind)
        cells = np.array(
            [
                steps_at(run.trajectory.time, np.asarray(run.trajectory.cell), moments)
                for run in ended
            ]
        )
        for at, regret, cell in zip(moments, regrets.T, cells.T, strict=True):
            rows, place, held = np.unique(cell, return_inverse=True, return_counts=True)
            few = held <= max(1, _FEW * len(ended))
            if not few.any() or regret.mean() <= 0:
                continue
            total = np.bincount(place, weights=regret)
            rest = (regret.sum() - total[few]) / (len(ended) - held[few])
            share = 1 - rest / regret.mean()
            most = int(np.argmax(share))
            chosen = np.flatnonzero(few)[most]
            count = int(held[chosen])
            found.append(
                Swayed(
                    label=label,
                    cell=int(rows[chosen]),
                    regret=float(total[chosen] / count),
                    runs=count,
                    of=len(ended),
                    at=float(at),
                    share=float(share[most]),
                )
            )
    most_of_all = max(found, key=lambda one: one.share, default=None)
    return most_of_all if most_of_all and most_of_all.share >= _MUCH else None
