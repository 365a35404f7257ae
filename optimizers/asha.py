"""ASHA: successive halving that promotes as soon as it can, for many workers.

Li, Jamieson, Rostamizadeh, Gonina, Ben-Tzur, Hardt, Recht and Talwalkar, "A System for Massively
Parallel Hyperparameter Tuning", MLSys 2020: algorithm 2.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from heapq import heappop, heappush

from regretta.optimizers.base import Observation, Optimizer, Proposal
from regretta.optimizers.hyperband import ladder
from regretta.tabular_data.spaces import Configuration, Configurations

_BATCH = 64


@dataclass(frozen=True)
class Settings:
    """Settings of ASHA.

    Attributes
    ----------
    eta
        A configuration is promoted once it is among the best 1/eta of its rung.
    """

    eta: float = 3.0

    def __post_init__(self) -> None:
        if not self.eta >= 2:
            raise ValueError(f"eta must be at least 2, got {self.eta}")


@dataclass
class Rung:
    """The configurations that were evaluated at one budget, and which of them went on to the next.

    Of equal errors the one heard of first ranks higher.
    """

    size: int = 0
    _promoted: list[tuple[float, int]] = field(default_factory=list)
    _waiting: list[tuple[float, int, Configuration]] = field(default_factory=list)

    def add(self, error: float, configuration: Configuration) -> None:
        """A configuration was evaluated."""
        heappush(self._waiting, (error, self.size, configuration))
        self.size += 1

    def promote(self, eta: float) -> Configuration | None:
        """The best configuration that is among the best ``floor(size / eta)`` and was not promoted
        before.

        It counts as promoted from now on. None where there is no such configuration.
        """
        if not self._waiting:
            return None
        best = self._waiting[0][:2]
        # All that rank above the best of those waiting were promoted.
        if bisect_left(self._promoted, best) >= int(self.size / eta):
            return None
        insort(self._promoted, best)
        return heappop(self._waiting)[2]


class Asha(Optimizer):
    """Asynchronous successive halving (Li et al. 2020, algorithm 2): no worker waits for a rung to
    fill.

    Asked for a job, it promotes the best configuration that is promotable in the highest rung that
    has one; where no rung has one, it starts a random configuration at the lowest budget. Rungs are
    those of Hyperband's most aggressive bracket, and every rung is paid in full: no training is
    continued from a smaller budget. An invalid configuration is no training, and takes no place in
    a rung.
    """

    name = "asha"
    Settings = Settings
    presets = {"paper": {"eta": 4.0}}
    parallel = True
    uses_budgets = True

    def setup(self) -> None:
        self._ladder = ladder(self.budgets, self.settings.eta)
        if len(self._ladder) == 1:
            self.notes.append(
                f"{self.name} ran on the single budget {self._ladder[0]:g}: one rung, no early"
                " stopping"
            )
        # The highest rung promotes nothing, so that what it holds need not be kept.
        self._rungs = [Rung() for _ in self._ladder[1:]]
        self._drawn: Configurations = self.space.sample(self.rng, 0)

    def ask(self) -> Proposal:
        for below in reversed(range(len(self._rungs))):
            promoted = self._rungs[below].promote(self.settings.eta)
            if promoted is not None:
                return Proposal(promoted[None, :], self._ladder[below + 1], tag=below + 1)
        if not len(self._drawn):
            self._drawn = self.space.sample(self.rng, _BATCH)
        first, self._drawn = self._drawn[:1], self._drawn[1:]
        return Proposal(first, self._ladder[0], tag=0)

    def tell(self, observation: Observation) -> None:
        if observation.tag < len(self._rungs) and observation.valid[0]:
            self._rungs[observation.tag].add(observation.error, observation.configuration)
