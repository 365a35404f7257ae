"""Regretta from Python: everything the command line does, and what a plugin needs.

An optimizer of your own
    Optimizer, its base class: override `ask` and `tell`
    Problem, what a search may know of its benchmark: space and budgets
    Proposal, configurations asked for at a budget
    Observation, what came of them: errors and seconds
    available, the names of all optimizers
    get_optimizer, the class of a name

Suites: many optimizers, tables and seeds
    built_in_suites, name and file of each suite that comes with Regretta
    find_suite, the suite of a name or a TOML file
    read_spec, the suite of a TOML file
    SuiteSpec, a suite as written down
    OptimizerEntry, one of its optimizers with label and settings
    run_suite, do the runs that a folder does not have yet
    load_suite, read the results of a folder
    read_trajectories, what other people's code wrote of its runs
    with_trajectories, results with such runs beside them, checked and marked
    merge_folders, make one folder of several machines' results
    pool_seeds, results of one suite under several seeds together, for a report

What they show
    write_report, a page with figures and tables
    write_workers_figure, a method on different numbers of simulated workers
    draw_figures, the figures of a paper
    tables_at_hand, the tables that a paper's figures are drawn from
    export_suite, results in the formats of others
    regret_matrix, regret of many runs at given seconds, evaluations, cells or epochs
    final_regret, regret of many runs at the end

One run
    search, an optimizer on a benchmark for some simulated seconds, in one line
    SearchResult, what it found: curve and best cell
    Run, all that decides it
    run, do it
    RunResult, what came of it
    Trace, every evaluation of it, where they were kept
    Protocol, what a search sees and is charged
    PROTOCOLS, those that have a name
    get_protocol, the one of a name, or a named one with changes

Tables and spaces to search
    Benchmark, what can be searched and judged; a table is one
    Table, what was measured: cell by budget by repeat; `query` asks it about an architecture
    Provenance, where a benchmark's numbers come from
    Observed, Judged and Reference, what a benchmark of your own answers with
    entries, the tables that are there
    open_table, the table of a name or folder
    import_table, make a table of a published file
    cut_table, make a table of another's smaller cells
    Space, named parameters, and the cell of a configuration
    NasBench101, NasBench201 and GridSpace, the spaces that there are
    get_space, the space of a name

UserError is the base of every error that a user can mend; `__version__` is a text.

Names are imported from their homes when first used, so that ``import regretta`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from regretta.experiments.catalog import built_in_suites as built_in_suites
    from regretta.experiments.catalog import find_suite as find_suite
    from regretta.experiments.paper_tables import tables_at_hand as tables_at_hand
    from regretta.harness.axis import regret_matrix as regret_matrix
    from regretta.harness.campaign import run_suite as run_suite
    from regretta.harness.elsewhere.joining import with_trajectories as with_trajectories
    from regretta.harness.elsewhere.trajectories import read_trajectories as read_trajectories
    from regretta.harness.protocol import Protocol as Protocol
    from regretta.harness.protocols import PROTOCOLS as PROTOCOLS
    from regretta.harness.protocols import get_protocol as get_protocol
    from regretta.harness.regret import final_regret as final_regret
    from regretta.harness.result import RunResult as RunResult
    from regretta.harness.run import Run as Run
    from regretta.harness.run import run as run
    from regretta.harness.single import SearchResult as SearchResult
    from regretta.harness.single import search as search
    from regretta.harness.spec import OptimizerEntry as OptimizerEntry
    from regretta.harness.spec import SuiteSpec as SuiteSpec
    from regretta.harness.spec import read_spec as read_spec
    from regretta.harness.store.export import export_suite as export_suite
    from regretta.harness.store.merge import merge_folders as merge_folders
    from regretta.harness.store.pooling import pool_seeds as pool_seeds
    from regretta.harness.store.results import load_suite as load_suite
    from regretta.harness.trace import Trace as Trace
    from regretta.optimizers.base import Observation as Observation
    from regretta.optimizers.base import Optimizer as Optimizer
    from regretta.optimizers.base import Problem as Problem
    from regretta.optimizers.base import Proposal as Proposal
    from regretta.optimizers.registry import available as available
    from regretta.optimizers.registry import get_optimizer as get_optimizer
    from regretta.plots.paper import draw_figures as draw_figures
    from regretta.plots.parallel_workers import write_workers_figure as write_workers_figure
    from regretta.plots.report import write_report as write_report
    from regretta.tabular_data.benchmark import Benchmark as Benchmark
    from regretta.tabular_data.benchmark import Judged as Judged
    from regretta.tabular_data.benchmark import Observed as Observed
    from regretta.tabular_data.benchmark import Provenance as Provenance
    from regretta.tabular_data.benchmark import Reference as Reference
    from regretta.tabular_data.catalog import entries as entries
    from regretta.tabular_data.catalog import open_table as open_table
    from regretta.tabular_data.cutting import cut_table as cut_table
    from regretta.tabular_data.errors import UserError as UserError
    from regretta.tabular_data.importing import import_table as import_table
    from regretta.tabular_data.spaces import GridSpace as GridSpace
    from regretta.tabular_data.spaces import NasBench101 as NasBench101
    from regretta.tabular_data.spaces import NasBench201 as NasBench201
    from regretta.tabular_data.spaces import Space as Space
    from regretta.tabular_data.spaces import get_space as get_space
    from regretta.tabular_data.table import Table as Table

_HOMES = {
    "regretta.experiments.catalog": ("built_in_suites", "find_suite"),
    "regretta.experiments.paper_tables": ("tables_at_hand",),
    "regretta.harness.axis": ("regret_matrix",),
    "regretta.harness.campaign": ("run_suite",),
    "regretta.harness.protocol": ("Protocol",),
    "regretta.harness.protocols": ("PROTOCOLS", "get_protocol"),
    "regretta.harness.regret": ("final_regret",),
    "regretta.harness.result": ("RunResult",),
    "regretta.harness.run": ("Run", "run"),
    "regretta.harness.single": ("SearchResult", "search"),
    "regretta.harness.spec": ("OptimizerEntry", "SuiteSpec", "read_spec"),
    "regretta.harness.elsewhere.joining": ("with_trajectories",),
    "regretta.harness.elsewhere.trajectories": ("read_trajectories",),
    "regretta.harness.store.export": ("export_suite",),
    "regretta.harness.store.merge": ("merge_folders",),
    "regretta.harness.store.pooling": ("pool_seeds",),
    "regretta.harness.store.results": ("load_suite",),
    "regretta.harness.trace": ("Trace",),
    "regretta.optimizers.base": ("Observation", "Optimizer", "Problem", "Proposal"),
    "regretta.optimizers.registry": ("available", "get_optimizer"),
    "regretta.plots.paper": ("draw_figures",),
    "regretta.plots.parallel_workers": ("write_workers_figure",),
    "regretta.plots.report": ("write_report",),
    "regretta.tabular_data.benchmark": (
        "Benchmark",
        "Judged",
        "Observed",
        "Provenance",
        "Reference",
    ),
    "regretta.tabular_data.catalog": ("entries", "open_table"),
    "regretta.tabular_data.errors": ("UserError",),
    "regretta.tabular_data.importing": ("import_table",),
    "regretta.tabular_data.cutting": ("cut_table",),
    "regretta.tabular_data.spaces": (
        "GridSpace",
        "NasBench101",
        "NasBench201",
        "Space",
        "get_space",
    ),
    "regretta.tabular_data.table": ("Table",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'regretta' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
