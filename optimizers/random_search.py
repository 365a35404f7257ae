"""Random search: every configuration independent of all others."""

from __future__ import annotations

from dataclasses import dataclass

from regretta.optimizers.base import Optimizer
from regretta.tabular_data.spaces import Configurations

_BATCH = 512


@dataclass(frozen=True)
class Settings:
    """Settings of random search.

    Attributes
    ----------
    reject_invalid
        Propose valid configurations only. The comparison of NAS-Bench-101 proposes invalid ones
        too, which cost nothing; its authors' notebook rejects them. In both ways the evaluated
        cells are distributed alike.
    """

    reject_invalid: bool = False


class RandomSearch(Optimizer):
    """Uniform samples of the encoding (Ying et al. 2019, section 4.1), many a proposal."""

    name = "random_search"
    Settings = Settings
    presets = {"colab": {"reject_invalid": True}}
    parallel = True

    def ask(self) -> Configurations:
        while True:
            batch = self.space.sample(self.rng, _BATCH)
            if not self.settings.reject_invalid:
                return batch
            batch = batch[self.space.valid(batch)]
            self.discarded += _BATCH - len(batch)
            if len(batch):
                return batch
