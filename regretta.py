"""Regretta from Python: everything the command line does, and what a plugin needs.

Names are imported from their homes when first used, so that ``import regretta`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.catalog import built_in_suites as built_in_suites
    from experiments.catalog import find_suite as find_suite
    from experiments.figure_commands import tables_at_hand as tables_at_hand
    from harness.executors import Outcome as Outcome
    from harness.executors import run_suite as run_suite
    from harness.export import export_suite as export_suite
    from harness.protocol import PROTOCOLS as PROTOCOLS
    from harness.protocol import Protocol as Protocol
    from harness.protocol import get_protocol as get_protocol
    from harness.regret import final_regret as final_regret
    from harness.regret import regret_matrix as regret_matrix
    from harness.results import RunResult as RunResult
    from harness.results import read_run as read_run
    from harness.run import Run as Run
    from harness.run import run as run
    from harness.spec import OptimizerEntry as OptimizerEntry
    from harness.spec import SuiteSpec as SuiteSpec
    from harness.spec import read_spec as read_spec
    from harness.suite import load_suite as load_suite
    from optimizers.base import Observation as Observation
    from optimizers.base import Optimizer as Optimizer
    from optimizers.base import Problem as Problem
    from optimizers.base import Proposal as Proposal
    from optimizers.registry import available as available
    from optimizers.registry import get_optimizer as get_optimizer
    from plots.paper import draw_figures as draw_figures
    from plots.parallel_workers import write_workers_figure as write_workers_figure
    from plots.report import write_report as write_report
    from tabular_data.catalog import entries as entries
    from tabular_data.catalog import open_table as open_table
    from tabular_data.errors import UserError as UserError
    from tabular_data.importing import import_table as import_table
    from tabular_data.restriction import at_most_vertices as at_most_vertices
    from tabular_data.restriction import cut_table as cut_table
    from tabular_data.spaces import GridSpace as GridSpace
    from tabular_data.spaces import NasBench101 as NasBench101
    from tabular_data.spaces import NasBench201 as NasBench201
    from tabular_data.spaces import Space as Space
    from tabular_data.spaces import get_space as get_space
    from tabular_data.table import Provenance as Provenance
    from tabular_data.table import Table as Table

_HOMES = {
    "experiments.catalog": ("built_in_suites", "find_suite"),
    "experiments.figure_commands": ("tables_at_hand",),
    "harness.executors": ("Outcome", "run_suite"),
    "harness.export": ("export_suite",),
    "harness.protocol": ("PROTOCOLS", "Protocol", "get_protocol"),
    "harness.regret": ("final_regret", "regret_matrix"),
    "harness.results": ("RunResult", "read_run"),
    "harness.run": ("Run", "run"),
    "harness.spec": ("OptimizerEntry", "SuiteSpec", "read_spec"),
    "harness.suite": ("load_suite",),
    "optimizers.base": ("Observation", "Optimizer", "Problem", "Proposal"),
    "optimizers.registry": ("available", "get_optimizer"),
    "plots.paper": ("draw_figures",),
    "plots.parallel_workers": ("write_workers_figure",),
    "plots.report": ("write_report",),
    "tabular_data.catalog": ("entries", "open_table"),
    "tabular_data.errors": ("UserError",),
    "tabular_data.importing": ("import_table",),
    "tabular_data.restriction": ("at_most_vertices", "cut_table"),
    "tabular_data.spaces": ("GridSpace", "NasBench101", "NasBench201", "Space", "get_space"),
    "tabular_data.table": ("Provenance", "Table"),
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
