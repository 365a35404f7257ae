"""Average rank of the optimizers over time on NAS-HPO-Bench's four tables; not in the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regretta.harness.axis import run_end
from regretta.harness.store.results import SuiteResults
from regretta.plots.axes import human_time
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.figure import StudyFigure
from regretta.plots.paper.nasbench101.figure9 import SPACE
from regretta.plots.rank_over_time import RankCurves, draw_ranks, rank_caption, rank_curves
from regretta.plots.style import MethodStyle, human_name, method_styles
from regretta.tabular_data.sources.simple_hpo.nas_hpo_bench import TABLES

_TABLES = tuple(table.name for table in TABLES)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WITHOUT_BUDGETS: Mapping[str, str] = {
    "hyperband": "Hyperband is random search",
    "bohb": "BOHB is its model alone",
}
"""Optimizer → what is left of it where every training is a full one."""


@dataclass(frozen=True, eq=False)
class Ranks:
    """What the figure shows.

    Attributes
    ----------
    curves
        Average ranks at fractions of the tables' time limits, or at simulated seconds where there
        is one table.
    limits
        Table → its time limit, simulated seconds.
    styles
        By label.
    missing
        What of the paper's figure the runs do not have.
    """

    curves: RankCurves
    limits: Mapping[str, float]
    styles: Mapping[str, MethodStyle]
    missing: tuple[str, ...]


def compute(suite: SuiteResults) -> Ranks:
    """Average rank of each method over the runs on NAS-HPO-Bench's tables.

    Tables have different time limits and are averaged at equal fractions of them, see
    `rank_curves`.

    Tables of another name are left out.

    Raises
    ------
    FigureError
        If no run on these tables finished an evaluation, or fewer than two methods have runs on
        each of them.
    """
    tables = suite.runs
    shown = {
        table: tables[table]
        for table in _TABLES
        if any(len(run.trajectory) for runs in tables.get(table, {}).values() for run in runs)
    }
    if not shown:
        raise FigureError(
            f"ranks of optimizers need finished evaluations on {', '.join(_TABLES)}; there are"
            " runs on "
            f"{', '.join(tables) or 'none of its tables'}"
        )
    labels = list(dict.fromkeys(label for group in shown.values() for label in group))
    ranked = [label for label in labels if all(group.get(label) for group in shown.values())]
    groups = {table: {label: group[label] for label in ranked} for table, group in shown.items()}
    everything = [run for group in groups.values() for runs in group.values() for run in runs]
    if len(ranked) < 2 or not any(len(run.trajectory) for run in everything):
        raise FigureError(
            f"ranks of optimizers need two methods with runs on each of {', '.join(shown)}; there"
            f" are {len(ranked)}"
        )
    optimizers = [(label, next(iter(groups.values()))[label][0].optimizer) for label in ranked]
    missing = []
    if absent := [table for table in _TABLES if table not in shown]:
        missing.append(f"runs on {', '.join(absent)}")
    if partly := [human_name(label) for label in labels if label not in ranked]:
        missing.append(f"runs on every table of {', '.join(partly)}")
    if len({budget for run in everything for budget in run.evaluations_by_budget}) == 1:
        effects = dict.fromkeys(
            _WITHOUT_BUDGETS[name] for _, name in optimizers if name in _WITHOUT_BUDGETS
        )
        missing.append(
            "budgets below the full training" + (f" ({', '.join(effects)})" if effects else "")
        )
    if not all(run.has_test for run in everything):
        missing.append("test error")
    return Ranks(
        rank_curves(groups),
        {
            table: max(run_end(r) for runs in group.values() for r in runs)
            for table, group in groups.items()
        },
        method_styles(optimizers),
        tuple(missing),
    )


def caption(found: Ranks) -> str:
    """What the figure shows and what of the paper's is missing."""
    limits = ", ".join(f"{human_time(limit)} on {table}" for table, limit in found.limits.items())
    axis = f"Tables are averaged at equal fractions of their time limits ({limits})."
    if len(found.limits) == 1:
        axis = f"The time limit is {limits}."
    missing = f" Missing: {'; '.join(found.missing)}." if found.missing else ""
    return (
        "Not a figure of the paper: its optimizers on NAS-HPO-Bench (Klein and Hutter 2019)."
        f" {rank_caption(found.curves)} {axis} These are regressions: error is min(MSE, 1) of"
        " standardized targets, so that all networks no better than a constant prediction are"
        f" equally bad.{missing}"
    )


def draw(found: Ranks, width: float) -> Figure:
    """Draw it as the report draws ranks."""
    return draw_ranks(found.curves, found.styles, width)


FIGURE = StudyFigure(
    *("optimizer-ranks", "ranks of optimizers on NAS-HPO-Bench", "nas-hpo-bench"),
    *(compute, caption, draw),
    space=SPACE,
)
