"""Optimizers that do just what a test tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from regretta.optimizers.base import Observation, Optimizer, Proposal


class Scripted(Optimizer):
    """Proposes the class's script, one entry an ask, then nothing; keeps what it was told."""

    name = "scripted"
    script: ClassVar[list[Any]] = []
    told: ClassVar[list[Observation]] = []

    def setup(self) -> None:
        self._entries = iter(self.script)

    def ask(self) -> Any:
        return next(self._entries, None)

    def tell(self, observation: Observation) -> None:
        self.told.append(observation)


def scripted(*script: Any) -> type[Scripted]:
    """A scripted optimizer class of its own."""
    return type("Once", (Scripted,), {"script": list(script), "told": []})


@dataclass(frozen=True)
class _Settings:
    exponent: float = 1.0


class OneByOne(Optimizer):
    """Random search that proposes one at a time."""

    name = "one_by_one"
    Settings = _Settings

    def ask(self) -> np.ndarray:
        return self.space.sample(self.rng, 1)[0]


class ManyAtOnce(OneByOne):
    """The same proposals in batches of 64."""

    name = "many_at_once"

    def ask(self) -> Any:
        return Proposal(np.concatenate([self.space.sample(self.rng, 1) for _ in range(64)]))
