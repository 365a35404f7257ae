"""Seconds an epoch of each supernet, of choosing among cells, and of all that is neither.

    python benchmarks/bench_weight_sharing.py                  # the recipe of digits201
    python benchmarks/bench_weight_sharing.py --recipe "channels=8,16,32 cells_per_stage=5"

CPU seconds of one thread; the least of some epochs, because other work on a machine only adds. What
is outside is measured over a whole search that keeps checkpoints: its CPU seconds less those of
training and choosing that it logged.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from regretta.experiments.pages.machine import machine
from regretta.optimizers.base import Problem
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.spaces import get_space

SIX = ("rsps", "darts_v1", "darts_v2", "gdas", "setn", "enas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="", help="see the setting of that name")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--optimizer", action="append", choices=SIX)
    options = parser.parse_args()
    print(machine("torch", "numpy", "regretta"))
    print(
        "\n| method | training, s an epoch | choice, s an epoch | the last choice, s | the paper's"
        " epochs, s | making the supernet, s | outside, ms an epoch |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in options.optimizer or SIX:
        row(name, options.recipe, options.epochs)


def row(name: str, recipe: str, epochs: int) -> None:
    optimizer = get_optimizer(name)
    whole = optimizer.make_settings(values={"recipe": recipe}).epochs
    settings = optimizer.make_settings(values={"recipe": recipe, "epochs": epochs})
    with tempfile.TemporaryDirectory() as folder:
        problem = Problem(get_space("nasbench201"), (27.0,), Path(folder))
        start = time.thread_time()
        search = optimizer(problem, np.random.default_rng(0), settings)
        made = time.thread_time() - start
        done = list(search.epochs())[1:]
        spent = time.thread_time() - start - made
    training = min(epoch.seconds for epoch in done)
    choices = [epoch.choice_seconds for epoch in done]
    choice = min(choices[:-1])
    outside = (spent - sum(epoch.seconds + epoch.choice_seconds for epoch in done)) / epochs
    print(
        f"| {name} | {training:.2f} | {choice:.2f} | {choices[-1]:.2f} |"
        f" {whole * (training + choice):,.0f} | {made:.2f} | {outside * 1e3:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
