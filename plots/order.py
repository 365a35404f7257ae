"""Orders of methods by how well they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from regretta.harness.regret import final_regret
from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.plots.rank_over_time import expected_ranks


def by_result(tables: Mapping[str, Mapping[str, Sequence[RunResult]]]) -> list[str]:
    """Labels by mean final regret, averaged over the tables; those without a value come last."""
    means: dict[str, list[float]] = {}
    for runs in tables.values():
        kind = regret_kind(runs)
        for label, group in runs.items():
            values = final_regret(group, kind) if group else np.empty(0)
            values = values[~np.isnan(values)]
            means.setdefault(label, []).append(float(values.mean()) if len(values) else np.inf)
    return sorted(means, key=lambda label: float(np.mean(means[label])))


def leaders(tables: Mapping[str, Mapping[str, Sequence[RunResult]]], most: int) -> list[str]:
    """So many labels by their rank of final regret, averaged over the tables."""
    ranks: dict[str, list[float]] = {}
    for runs in tables.values():
        there = {label: group for label, group in runs.items() if group}
        kind = regret_kind(there)
        finals = [np.nan_to_num(final_regret(g, kind), nan=np.inf) for g in there.values()]
        for label, rank in zip(there, expected_ranks(finals), strict=True):
            ranks.setdefault(label, []).append(float(rank))
    order = sorted(ranks, key=lambda label: (-len(ranks[label]), np.mean(ranks[label])))
    return order[:most]
