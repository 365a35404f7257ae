"""Hyperband: random configurations raced through brackets of successive halving."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.base import Observation, Optimizer, Proposal
from regretta.tabular_data.spaces import Configurations

_BATCH = 512


def ladder(budgets: tuple[float, ...], eta: float) -> tuple[float, ...]:
    """The budgets of the rungs, ascending: from the largest budget down, each at most 1/eta of the
    one before.

    Where the table has budgets max·eta⁻ᵏ these are hpbandster's; otherwise the nearest budget
    below.
    """
    rungs = [budgets[-1]]
    while below := [b for b in budgets if b <= rungs[-1] / eta * (1 + 1e-9)]:
        rungs.append(below[-1])
    return tuple(rungs[::-1])


def bracket_sizes(rungs: int, eta: float, bracket: int) -> list[int]:
    """Configurations on each rung of the bracket with that number, the most aggressive bracket
    being 0.

    hpbandster's arithmetic (``HyperBand.get_next_iteration``); with four rungs and eta 3 the
    brackets are [27, 9, 3, 1], [9, 3, 1], [6, 2] and [4], over and over.
    """
    s = rungs - 1 - bracket % rungs
    first = int(math.floor(rungs / (s + 1)) * eta**s)
    return [max(int(first * eta**-i), 1) for i in range(s + 1)]


def promoted(losses: NDArray[np.float64], survivors: int) -> NDArray[np.bool_]:
    """Which configurations of a rung advance, shape as `losses`; ties fall as in hpbandster."""
    advance = np.zeros(len(losses), dtype=np.bool_)
    advance[losses.argsort()[:survivors]] = True
    return advance


@dataclass(frozen=True)
class Settings:
    """Settings of Hyperband.

    Attributes
    ----------
    eta
        One in eta configurations advances to the next rung.
    """

    eta: float = 3.0

    def __post_init__(self) -> None:
        if not self.eta >= 2:
            raise ValueError(f"eta must be at least 2, got {self.eta}")


@dataclass
class _Bracket:
    number: int
    sizes: list[int]
    budgets: tuple[float, ...]
    configurations: Configurations
    losses: NDArray[np.float64]
    rung: int = 0
    proposed: bool = False
    told: int = 0

    def next_rung(self) -> bool:
        """Promote the best to the next rung; False where the bracket is finished."""
        if self.rung + 1 == len(self.sizes):
            return False
        self.rung += 1
        self.configurations = self.configurations[promoted(self.losses, self.sizes[self.rung])]
        self.losses = np.empty(len(self.configurations))
        self.proposed, self.told = False, 0
        return True


class Hyperband(Optimizer):
    """Hyperband (Li et al. 2018) with hpbandster's brackets and promotions; a rung is one proposal.

    Every rung is paid in full: no training is continued from a smaller budget. While rungs are
    under way on several simulated workers, further brackets are opened, as hpbandster's scheduler
    does.
    """

    name = "hyperband"
    Settings = Settings
    presets = {"script": {}}
    parallel = True
    uses_budgets = True

    def setup(self) -> None:
        self._ladder = ladder(self.budgets, self.settings.eta)
        if len(self._ladder) == 1:
            self.notes.append(
                f"{self.name} ran on the single budget {self._ladder[0]:g}: one rung, no early"
                " stopping"
            )
        rungs = len(self._ladder)
        self._sizes = [bracket_sizes(rungs, self.settings.eta, bracket) for bracket in range(rungs)]
        self._drawn: Configurations = self.space.sample(self.rng, 0)
        self._open: dict[int, _Bracket] = {}
        self._started = 0

    def ask(self) -> Proposal:
        for bracket in self._open.values():
            if not bracket.proposed:
                break
        else:
            bracket = self._start()
        bracket.proposed = True
        return Proposal(bracket.configurations, bracket.budgets[bracket.rung], tag=bracket.number)

    def _start(self) -> _Bracket:
        sizes = self._sizes[self._started % len(self._sizes)]
        if len(self._drawn) < sizes[0]:
            self._drawn = np.concatenate(
                [self._drawn, self.space.sample(self.rng, max(_BATCH, sizes[0]))]
            )
        first, self._drawn = self._drawn[: sizes[0]], self._drawn[sizes[0] :]
        bracket = _Bracket(
            self._started, sizes, self._ladder[-len(sizes) :], first, np.empty(len(first))
        )
        self._open[bracket.number] = bracket
        self._started += 1
        return bracket

    def tell(self, observation: Observation) -> None:
        bracket = self._open[observation.tag]
        count = len(observation.errors)
        bracket.losses[observation.start : observation.start + count] = observation.errors
        bracket.told += count
        if bracket.told == len(bracket.losses) and not bracket.next_rung():
            del self._open[bracket.number]
