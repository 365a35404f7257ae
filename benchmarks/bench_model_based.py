"""CPU time of SMAC, BOHB and TPE, as the packages come and as Regretta drives them, side by side.

One proposal and its update after a number of observations, on the 26 categorical parameters of
NAS-Bench-101 (encoding A) with the paper's settings. Prints a Markdown table and the machine.

    python benchmarks/bench_model_based.py                    # everything, about ten minutes
    python benchmarks/bench_model_based.py --sizes 200 --no-stock
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from regretta.experiments.pages.machine import machine
from regretta.optimizers.base import Observation, Optimizer, Problem
from regretta.optimizers.bohb import Bohb
from regretta.optimizers.smac import Smac, SmacStock
from regretta.optimizers.tpe import Tpe
from regretta.tabular_data.spaces import Configuration, get_space

SPACE = get_space("nasbench101")
TARGETS = {
    ("smac", 200): 15,
    ("smac", 1000): 25,
    ("smac", 5000): 60,
    ("bohb", 1000): 3,
    ("bohb", 5000): 8,
}
PACKAGES = (
    "smac",
    "hpbandster",
    "hyperopt",
    "numba",
    "statsmodels",
    "scikit-learn",
    "ConfigSpace",
    "scipy",
    "numpy",
)


def error_of(configuration: Configuration) -> float:
    """An error with some structure, 1 where the cell is invalid."""
    if not SPACE.is_valid(configuration):
        return 1.0
    return 0.08 + 0.04 * float(np.tanh(np.cos(np.arange(SPACE.dim)) @ configuration))


def step(search: Optimizer) -> None:
    """One proposal and its update."""
    search.tell(observed(search.ask()))


def observed(proposal: Any) -> Observation:
    """What comes of a proposal."""
    found = proposal.configurations
    errors = np.array([error_of(found[0])])
    return Observation(found, 108.0, errors, np.array([1000.0]), errors < 1, proposal.tag)


def stock_smac_after(n: int) -> Callable[[], None]:
    """SMAC's package with `n` random observations; the next step retrains its forest."""
    from smac.runhistory.dataclasses import TrialInfo, TrialValue

    search = SmacStock(Problem(SPACE, (108.0,)), np.random.default_rng(0))
    first: Any = search.ask()
    facade = search.smac
    facade.tell(first.tag, TrialValue(cost=error_of(first.configurations[0])), save=False)
    for configuration in SPACE.configuration_space(1).sample_configuration(n - 1):
        cost = error_of(SPACE.from_values(dict(configuration)))
        facade._config_selector._processed_configs.append(configuration)
        facade.tell(
            TrialInfo(configuration, seed=first.tag.seed), TrialValue(cost=cost), save=False
        )
    return lambda: step(search)


def smac_after(n: int) -> Callable[[], None]:
    """Ours with `n` random observations; the next step retrains its forest."""
    search = Smac(Problem(SPACE, (108.0,)), np.random.default_rng(0))
    step(search)
    for configuration in SPACE.configuration_space(1).sample_configuration(n - 1):
        trial = search._loop._history.start(configuration.get_array(), 0)
        search._loop.tell(trial, error_of(SPACE.from_values(dict(configuration))))
    return lambda: step(search)


def tpe_after(n: int) -> Callable[[], None]:
    """Ours with `n` random observations."""
    search = Tpe(Problem(SPACE, (108.0,)), np.random.default_rng(0), Tpe.make_settings(None, {}))
    for configuration in SPACE.sample(np.random.default_rng(1), n):
        search._startup = lambda _, entries=configuration: entries.tolist()  # type: ignore
        search._suggest = search._startup  # type: ignore[method-assign]
        search.tell(observed(search.ask()))
    del search._startup, search._suggest
    return lambda: step(search)


def stock_tpe_after(n: int) -> Callable[[], None]:
    """hyperopt's own suggestions and documents with `n` random observations."""
    import hyperopt

    dimensions = {
        p.name: hyperopt.hp.choice(p.name, list(range(len(p.choices))))
        for p in SPACE.parameters  # type: ignore[union-attr]
    }
    trials, domain = hyperopt.Trials(), hyperopt.base.Domain(lambda _: 0.0, dimensions)
    seeds = iter(range(10**9))

    def one(suggest: Any = hyperopt.tpe.suggest, **settings: Any) -> None:
        documents = suggest(trials.new_trial_ids(1), domain, trials, next(seeds), **settings)
        trials.insert_trial_docs(documents)
        trials.refresh()
        document = trials._dynamic_trials[-1]
        drawn = document["misc"]["vals"]
        entries = np.array([drawn[p.name][0] for p in SPACE.parameters], dtype=SPACE.dtype)
        document["result"] = {"loss": error_of(entries), "status": hyperopt.STATUS_OK}
        document["state"] = hyperopt.JOB_STATE_DONE
        trials.refresh()

    for _ in range(n):
        one(hyperopt.rand.suggest)
    return lambda: one(verbose=False)


def random_results(generator: Any, n: int) -> None:
    """`n` random observations for a generator of hpbandster's."""
    from hpbandster.core.dispatcher import Job

    for i, configuration in enumerate(SPACE.configuration_space(1).sample_configuration(n)):
        job = Job((-1, 0, i), config=dict(configuration), budget=108.0)
        job.result = {"loss": error_of(SPACE.from_values(dict(configuration))), "info": None}
        generator.new_result(job, update_model=i == n - 1)


def bohb_after(n: int) -> Callable[[], None]:
    """BOHB with `n` random observations on its one budget: every further step fits anew."""
    search = Bohb(Problem(SPACE, (108.0,)), np.random.default_rng(0))
    random_results(search._generator, n)
    return lambda: step(search)


def stock_bohb_after(n: int) -> Callable[[], None]:
    """hpbandster's generator with `n` random observations, and the paper's settings."""
    from hpbandster.core.dispatcher import Job
    from hpbandster.optimizers.config_generators.bohb import BOHB

    chosen = {name: value for name, value in vars(Bohb.make_settings()).items() if name != "eta"}
    generator = BOHB(SPACE.configuration_space(0), **chosen)
    random_results(generator, n)
    numbers = iter(range(10**9))

    def one() -> None:
        values, _ = generator.get_config(108.0)
        job = Job((next(numbers), 0, 0), config=values, budget=108.0)
        job.result = {"loss": error_of(SPACE.from_values(values)), "info": None}
        generator.new_result(job)

    return one


def milliseconds(one: Callable[[], None], repeats: int) -> float:
    """Mean CPU time of a step, over all threads of this process."""
    start = time.process_time()
    for _ in range(repeats):
        one()
    return (time.process_time() - start) / repeats * 1000


def resident_megabytes() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory_of_runs(cls: type[Optimizer], runs: int, evaluations: int) -> tuple[float, float]:
    """Resident megabytes after the first tenth of `runs` and after all of them."""
    after = []
    for number in range(runs):
        search = cls(Problem(SPACE, (108.0,)), np.random.default_rng(number))
        for _ in range(evaluations):
            step(search)
        del search
        if number + 1 in (max(runs // 10, 1), runs):
            gc.collect()
            after.append(resident_megabytes())
    return after[0], after[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[200, 1000, 5000, 8500],
        help="observations before a step",
    )
    parser.add_argument(
        "--no-stock", action="store_true", help="leave the packages' own, slow ways out"
    )
    parser.add_argument(
        "--runs", type=int, default=100, help="runs whose memory is measured; 0 for none"
    )
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")

    print("| optimizer | observations | stock, ms | here, ms | times faster | target, ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, stock, here, stock_steps, steps in (
        ("smac", stock_smac_after, smac_after, 8, 80),
        ("bohb", stock_bohb_after, bohb_after, 20, 100),
        ("tpe", stock_tpe_after, tpe_after, 10, 100),
    ):
        for n in chosen.sizes:
            fast = milliseconds(here(n), steps)
            slow = None if chosen.no_stock else milliseconds(stock(n), stock_steps)
            columns = ("–", "–") if slow is None else (f"{slow:.1f}", f"{slow / fast:.0f}")
            target = TARGETS.get((name, n), "–")
            print(
                f"| {name} | {n} | {columns[0]} | {fast:.1f} | {columns[1]} | {target} |",
                flush=True,
            )
    if chosen.runs:
        for cls in (Smac, Bohb, Tpe):
            first, last = memory_of_runs(cls, chosen.runs, 80)
            tenth = max(chosen.runs // 10, 1)
            print(
                f"\n{cls.name}: {first:.0f} MiB after {tenth} runs, {last:.0f} MiB after"
                f" {chosen.runs}",
                flush=True,
            )
    print(f"\nCPU time, one process. {machine(*PACKAGES)}")


if __name__ == "__main__":
    main()
