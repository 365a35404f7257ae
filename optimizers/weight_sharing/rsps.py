"""Random search with parameter sharing (Li and Talwalkar, UAI 2019), as NAS-Bench-201 ran it."""

from __future__ import annotations

from regretta.optimizers.weight_sharing.base import WeightSharing
from regretta.optimizers.weight_sharing.settings import PAPER, ChoosingSettings


class Rsps(WeightSharing):
    """Random search with parameter sharing: a supernet learns from random cells; best of 100.

    Each step trains one uniform random cell, the same in all places. After an epoch 100 random
    cells are evaluated by the supernet, each on one validation batch.
    """

    name = "rsps"
    Settings = ChoosingSettings
    presets = {"paper": {**PAPER, "choice_batch": 512}, "digits": {}}

    def untrained(self) -> int:
        return int(self.random_cells(1)[0])

    def train_epoch(self, epoch: int) -> float:
        return self.train_path(self.random_cells(self.steps), epoch)

    def choose(self, last: bool) -> tuple[int, float | None]:
        settings: ChoosingSettings = self.settings
        return self.best_of(self.random_cells(settings.choices), settings.choice_batch)
