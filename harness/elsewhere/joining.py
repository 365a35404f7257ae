"""Trajectories of other people's code beside a suite's runs: checked against its tables, marked.

What they claim cannot be checked as a run of Regretta's is: which protocol they followed, what an
evaluation was charged, whether the numbers are the table's. So they have a mark in every name, and
what was found of them is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import Any

import numpy as np

from regretta.harness.elsewhere.checking import Checked, check
from regretta.harness.elsewhere.origin import Origin
from regretta.harness.elsewhere.records import ElsewhereError, Trajectories
from regretta.harness.identity import MethodIdentity
from regretta.harness.limits import in_words
from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.harness.result import Trajectory as Incumbents
from regretta.harness.store.results import SuiteResults
from regretta.tabular_data.names import unknown

_NEAR = 0.99
"""A run whose last record is beyond so much of the limit has used it."""

MARK = "\u2021"
"""Marks methods whose runs are from elsewhere."""


def with_trajectories(suite: SuiteResults, others: Sequence[Trajectories]) -> SuiteResults:
    """A suite's results, and beside them the runs of other people's code.

    The results are for a report; frames and exports are of Regretta's own runs.

    Parameters
    ----------
    suite
        From `load_suite`.
    others
        From `read_trajectories`. Methods of one file have one mark, `MARK` and, where there are
        several files, its number.

    Raises
    ------
    ElsewhereError
        If a trajectory claims a table that the suite does not have, lacks the errors that are
        compared on it, or has values that the table cannot have.
    """
    methods = dict(suite.identity.methods)
    runs = {table: dict(groups) for table, groups in suite.runs.items()}
    kinds = _kinds(suite)
    origins = []
    for number, file in enumerate(others, start=1):
        mark = MARK if len(others) == 1 else f"{MARK}{number}"
        notes = list(file.notes)
        mine: dict[str, dict[str, list[RunResult]]] = {}
        told: Counter[str] = Counter()
        doubts: Counter[tuple[str, str]] = Counter()
        for trajectory in file.runs:
            if trajectory.table not in suite.tables:
                raise ElsewhereError(
                    f"{trajectory.where}: it is of table {trajectory.table!r:.100}:"
                    f" {unknown('table of this suite', trajectory.table, suite.tables)}"
                )
            label = f"{trajectory.method} {mark}"
            group = mine.setdefault(label, {}).setdefault(trajectory.table, [])
            checked = check(suite, trajectory, kinds[trajectory.table], told, doubts)
            group.append(_result(suite, checked, label, len(group), told))
        labels = tuple(mine)
        for label, tables in mine.items():
            name = label.removesuffix(f" {mark}")
            most = max(map(len, tables.values()))
            methods[label] = MethodIdentity(f"{name} of {file.path.name}", {}, runs=most)
            for table in suite.tables:
                runs[table][label] = tuple(tables.get(table, ()))
        notes += [f"{text} ({count} of {len(file.runs)} runs)" for text, count in told.items()]
        counts = Counter(trajectory.table for trajectory in file.runs)
        notes += [text for (table, text), n in doubts.items() if n == counts[table]]
        notes += _ends(suite, mine)
        origins.append(Origin(mark, str(file.path), file.sha256, labels, tuple(notes)))
    identity = replace(suite.identity, methods=methods)
    return replace(suite, identity=identity, runs=runs, elsewhere=tuple(origins))


def _kinds(suite: SuiteResults) -> dict[str, tuple[str, ...]]:
    """Which errors are compared on each table: its own kind, and that of all tables together."""
    together = regret_kind(*suite.runs.values())
    return {
        table: tuple(dict.fromkeys((regret_kind(groups), together)))
        for table, groups in suite.runs.items()
    }


def _ends(suite: SuiteResults, mine: Mapping[str, Mapping[str, Sequence[RunResult]]]) -> list[str]:
    """What is said of runs whose last record is before the limit."""
    said = []
    most = suite.identity.evaluations
    for label, tables in mine.items():
        for table, group in tables.items():
            limit = suite.identity.tables[table].time_limit
            speaking = [run for run in group if len(run.trajectory)]
            counts = [float(run.evaluations) for run in speaking]
            seconds = [float(run.trajectory.time[-1]) for run in speaking]
            short = [
                f"{_span(ends)} of {end:,.10g} {unit}"
                for ends, end, unit in ((seconds, limit, "s"), (counts, most, "evaluations"))
                if end is not None and ends and min(ends) < _NEAR * end
            ]
            if len(short) == (limit is not None) + (most is not None):
                said.append(
                    f"the last records of {label} on {table} are at {' and '.join(short)}: what"
                    " came after is not known, and the last value holds to the end"
                )
    return said


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):,.6g}", f"{max(values):,.6g}"
    return low if low == high else f"{low} to {high}"


def _protocol(suite: SuiteResults) -> Mapping[str, Any]:
    """The suite's protocol as its runs have it: what a trajectory claims, not what it is."""
    groups = (group for runs in suite.runs.values() for group in runs.values())
    return next((run.protocol for group in groups for run in group), {})


def _result(
    suite: SuiteResults, checked: Checked, label: str, number: int, told: Counter[str]
) -> RunResult:
    """A checked run as a report takes it, up to the suite's limits."""
    run, about = checked.run, suite.identity.tables[checked.run.table]
    limit, most = about.time_limit, suite.identity.evaluations
    counts = run.values.get("evaluations")
    start, end = checked.start, len(run.seconds)
    if limit is not None:
        end = int(np.searchsorted(run.seconds, limit, side="right"))
    if most is not None:
        if counts is None:
            raise ElsewhereError(
                f"{run.where} does not say after how many evaluations its records are, and suite"
                f" {suite.name!r} is limited to {in_words(None, most)}; add evaluations"
            )
        end = min(end, int(np.searchsorted(counts, most, side="right")))
    if end < len(run.seconds):
        told[f"records after the limit of {in_words(limit, most)} on {run.table} are left out"] += 1
    if start:
        told["records before the first valid evaluation (error 1) are left out"] += 1
    if run.twice:
        told["records of one second with equal values count once"] += 1
    cut = slice(start, max(start, end))
    seconds = run.seconds[cut]
    k = len(seconds)
    none = np.full(k, nan)
    evaluation = np.zeros(k, dtype=np.int64) if counts is None else counts[cut].astype(np.int64)
    return RunResult(
        table=run.table,
        label=label,
        number=number,
        optimizer=label,
        settings={},
        protocol=_protocol(suite),
        seed=suite.identity.seed,
        time_limit=limit,
        evaluation_limit=most,
        simulated_workers=suite.identity.simulated_workers,
        table_checksum=about.checksums,
        reconstruction=about.reconstruction,
        reference=checked.reference,
        evaluations=int(evaluation[-1]) if k else 0,
        proposals=-1,  # uncounted, see `RunResult.counted`
        unique_cells=0,
        epochs=0.0,
        elapsed=float(seconds[-1]) if k else 0.0,
        search_seconds=0.0,
        ended_early=False,
        evaluations_by_budget={},
        notes=(),
        trajectory=Incumbents(
            time=seconds,
            evaluation=evaluation,
            budget=none,
            configuration=np.zeros((k, 0)),
            cell=None,
            validation_error=none if checked.observed is None else checked.observed[cut],
            mean_validation_error=none if checked.mean is None else checked.mean[cut],
            test_error=None if checked.test is None else checked.test[cut],
        ),
    )
