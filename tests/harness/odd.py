"""An optimizer that does something odd in some runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from regretta.harness.spec import OptimizerEntry, SuiteSpec

PLUGIN = """
import multiprocessing, os, signal, sys
from regretta import Optimizer

class Odd(Optimizer):
    "Does something odd at its first proposal in some runs."
    name = "odd"

    def ask(self):
        if self.rng.random() < 0.004 and not os.path.exists(__file__ + ".mended"):
            {what}
        return self.space.sample(self.rng, 1)[0]
"""


def odd(spec: SuiteSpec, tmp_path: Path, what: str) -> SuiteSpec:
    plugin = tmp_path / "odd.py"
    plugin.write_text(PLUGIN.format(what=what))
    return replace(spec, optimizers=(*spec.optimizers, OptimizerEntry("odd")), plugins=(plugin,))
