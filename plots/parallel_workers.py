"""Regret of one method on different numbers of simulated workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.plots.axes import title
from regretta.plots.curve_caption import regret_caption
from regretta.plots.regret_curve import RegretCurves, draw_regret, regret_curves
from regretta.plots.style import TWO_COLUMNS, graded_styles, house, human_name, save
from regretta.tabular_data.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class WorkerFigureError(UserError):
    """Runs that do not belong into one figure; the message says which and why."""


@dataclass(frozen=True, eq=False)
class WorkerCurves:
    """Mean regret of one method by its number of simulated workers.

    Attributes
    ----------
    optimizer, protocol
        The method, and the protocol of its runs.
    workers
        Numbers of workers, ascending; as texts they are the labels of the curves.
    by_time
        Regret against simulated wall-clock time.
    by_work
        The same regret against workers × wall-clock time: what the workers cost together, idle or
        not.
    """

    optimizer: str
    protocol: str
    workers: tuple[int, ...]
    by_time: RegretCurves
    by_work: RegretCurves


def worker_curves(
    runs: Mapping[int, Sequence[RunResult]],
    *,
    kind: str | None = None,
    band: str = "ci",
    points: int = 400,
) -> WorkerCurves:
    """Mean regret by number of workers.

    Parameters
    ----------
    runs
        Runs of one method on one table, by number of simulated workers; at least one run each.
    kind, band, points
        As in `regretta.plots.regret_curve.regret_curves`.

    Raises
    ------
    WorkerFigureError
        If there are no runs, or they differ in more than the number of workers.
    """
    workers = tuple(sorted(runs))
    if not workers or not all(runs.values()):
        raise WorkerFigureError(
            "a figure of simulated workers needs at least one run of every number of workers"
        )
    first = runs[workers[0]][0]
    for count in workers:
        for run in runs[count]:
            for key in (
                "table",
                "table_checksum",
                "optimizer",
                "settings",
                "protocol",
                "seed",
                "time_limit",
                "evaluation_limit",
            ):
                if getattr(run, key) != getattr(first, key):
                    raise WorkerFigureError(
                        f"{run.label!r} on {count} workers has {key} {getattr(run, key)!r}, on"
                        f" {workers[0]} {getattr(first, key)!r}; only the number of workers may"
                        " differ"
                    )
    by_time = regret_curves(
        {str(count): runs[count] for count in workers}, kind=kind, band=band, points=points
    )
    scaled = tuple(
        replace(curve, position=curve.position * count)
        for curve, count in zip(by_time.curves, workers, strict=True)
    )
    by_work = replace(by_time, curves=scaled, end=by_time.end * workers[-1])
    return WorkerCurves(first.optimizer, first.protocol["name"], workers, by_time, by_work)


def workers_caption(curves: WorkerCurves) -> str:
    """What a reader must know to read the figure."""
    return (
        f"{human_name(curves.optimizer)} on {_counts(curves.workers)} simulated workers,"
        " asynchronously. Left: against simulated wall-clock time. Right: against the time of all"
        " workers together, idle ones included; where curves coincide, working side by side loses"
        f" nothing. {regret_caption([curves.by_time])} Protocol:"
        f" {curves.protocol}."
    )


def _counts(workers: Sequence[int]) -> str:
    shown = [f"{count:,}" for count in workers]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def draw_workers(curves: WorkerCurves, width: float = TWO_COLUMNS) -> Figure:
    """Draw two panels: regret against wall-clock time, and against the time of all workers
    together.

    Parameters
    ----------
    curves
        From `worker_curves`.
    width
        `regretta.plots.style.ONE_COLUMN` or `TWO_COLUMNS`.
    """
    names = [f"{count:,} {'worker' if count == 1 else 'workers'}" for count in curves.workers]
    looks = graded_styles(names)
    styles = {str(count): look for count, look in zip(curves.workers, looks, strict=True)}
    figure = draw_regret([curves.by_time, curves.by_work], styles, width)
    left, right = figure.axes
    modelled = curves.by_time.reconstruction
    with house():
        title(left, f"{human_name(curves.optimizer)}, {curves.by_time.table}", modelled)
        title(right, "The same by the time of all workers", modelled)
        right.set_xlabel("Workers × simulated wall-clock time (s)")
    return figure


def write_workers_figure(
    folders: Sequence[Path], out: Path, *, label: str | None = None, table: str | None = None
) -> Path:
    """Draw the figure of suites that differ in their number of simulated workers.

    Parameters
    ----------
    folders
        Folders that ``regretta run --simulated-workers W`` made, one for each W.
    out
        Folder for ``parallel_workers.png``, ``.pdf`` and its caption as ``.txt``.
    label, table
        Which of the suites' labels and tables; may be left out where they have one.

    Returns
    -------
    Path of the PNG.

    Raises
    ------
    SuiteError
        If a folder holds no suite.
    WorkerFigureError
        If a folder lacks the label, the table or runs, two have the same number of workers, or the
        suites differ in more than that number.
    """
    runs: dict[int, Sequence[RunResult]] = {}
    for suite in map(load_suite, folders):
        found = _runs(suite, label, table)
        count = found[0].simulated_workers
        if count in runs:
            raise WorkerFigureError(
                f"{suite.folder} has runs on {count} simulated workers, and so has another folder"
            )
        runs[count] = found
    curves = worker_curves(runs)
    out.mkdir(parents=True, exist_ok=True)
    save(draw_workers(curves), out, "parallel_workers")
    (out / "parallel_workers.txt").write_text(workers_caption(curves) + "\n", encoding="utf-8")
    return out / "parallel_workers.png"


def _runs(suite: SuiteResults, label: str | None, table: str | None) -> Sequence[RunResult]:
    chosen = []
    for kind, wanted, there in (("table", table, suite.tables), ("label", label, suite.labels)):
        if wanted is None and len(there) != 1:
            raise WorkerFigureError(
                f"{suite.folder} has several {kind}s: {', '.join(there)}; choose one, {kind}='…'"
            )
        if wanted is not None and wanted not in there:
            raise WorkerFigureError(
                f"{suite.folder} has no {kind} {wanted!r}; it has {', '.join(there)}"
            )
        chosen.append(wanted or there[0])
    found = suite.runs[chosen[0]][chosen[1]]
    if not found:
        raise WorkerFigureError(
            f"{suite.folder} has no finished run of {chosen[1]!r} on {chosen[0]!r}; run it again"
        )
    return found
