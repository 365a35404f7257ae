"""The numbers of a data card, from a table's arrays only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.spaces.nasbench201_functions import functions
from regretta.tabular_data.table import Table

Floats = NDArray[np.float64]
Method = Callable[[Floats, Floats], float]


@dataclass(frozen=True)
class Card:
    """What the card says and its figures show, for ``c`` cells, ``b`` budgets and ``r`` repeats.

    Accuracies are fractions. The top tenth are the cells with the best mean test accuracy at the
    longest budget.

    Attributes
    ----------
    validation, test
        ``[c, b, r]``.
    seconds, parameters, flops
        ``[c, b]``, the mean over repeats; ``[c]``; ``[c]``.
    spread_validation, spread_test
        ``[c, b]``: standard deviation between repeats, with r − 1.
    top
        ``[c]``: whether a cell is of the top tenth.
    rank_all, rank_top
        ``[b, b]``: Spearman's correlation of mean validation accuracies between budgets.
    kendall_all, kendall_top
        ``[b, b]``: Kendall's τ-b of the same.
    agreement
        ``[4, b]``: validation with test (means): Spearman and Kendall over all cells, then over the
        top tenth.
    repeatability
        ``[2, b]``: mean Spearman between the validation accuracies of two repeats, all cells and
        top tenth.
    near_best
        Cells whose mean test accuracy is within two standard errors of a difference from the best.
    noise_at_top
        Standard deviation between repeats, over the top tenth, at the longest budget: root mean
        square, test.
    """

    validation: Floats
    test: Floats
    seconds: Floats
    parameters: Floats
    flops: Floats
    spread_validation: Floats
    spread_test: Floats
    top: NDArray[np.bool_]
    rank_all: Floats
    rank_top: Floats
    kendall_all: Floats
    kendall_top: Floats
    agreement: Floats
    repeatability: Floats
    near_best: int
    noise_at_top: float
    chance: float


def compute(table: Table) -> Card:
    """Everything the card needs, each cell once.

    A cell that a partial table lacks is left out. Of NAS-Bench-201's strings that are one function,
    and so share their numbers, the first is taken.
    """
    there = ~np.isnan(table.columns["validation_accuracy"]).any(axis=(1, 2))
    if isinstance(table.space, NasBench201):
        first = np.zeros_like(there)
        first[np.unique(functions().of_row, return_index=True)[1]] = True
        there &= first

    def column(key: str) -> Floats:
        return np.asarray(table.columns[key][there], dtype=np.float64)

    validation, test = column("validation_accuracy"), column("test_accuracy")
    mean_validation, mean_test = validation.mean(2), test.mean(2)
    top = mean_test[:, -1] >= np.quantile(mean_test[:, -1], 0.9)
    budgets, repeats = validation.shape[1:]
    spread_test = test.std(2, ddof=1)
    noise = float(np.sqrt((spread_test[top, -1] ** 2).mean()))
    within = mean_test[:, -1] >= mean_test[:, -1].max() - 2 * noise * np.sqrt(2 / repeats)

    def pairs(method: Method, rows: NDArray[np.bool_]) -> Floats:
        chosen = mean_validation[rows]
        return np.array(
            [[method(chosen[:, i], chosen[:, j]) for j in range(budgets)] for i in range(budgets)]
        )

    every = np.ones(len(validation), dtype=bool)
    agreement = [
        [method(mean_validation[rows, b], mean_test[rows, b]) for b in range(budgets)]
        for rows in (every, top)
        for method in (spearman, kendall)
    ]
    repeatability = [
        [
            np.mean(
                [
                    spearman(validation[rows, b, i], validation[rows, b, j])
                    for i, j in combinations(range(repeats), 2)
                ]
            )
            for b in range(budgets)
        ]
        for rows in (every, top)
    ]
    return Card(
        validation=validation,
        test=test,
        seconds=column("training_seconds").mean(2),
        parameters=column("parameters"),
        flops=column("flops"),
        spread_validation=validation.std(2, ddof=1),
        spread_test=spread_test,
        top=top,
        rank_all=pairs(spearman, every),
        rank_top=pairs(spearman, top),
        kendall_all=pairs(kendall, every),
        kendall_top=pairs(kendall, top),
        agreement=np.array(agreement),
        repeatability=np.array(repeatability),
        near_best=int(within.sum()),
        noise_at_top=noise,
        # Ten labels: three standard deviations above guessing, for the number of test images.
        chance=0.1 + 3 * np.sqrt(0.09 / 649),
    )


def spearman(a: Floats, b: Floats) -> float:
    return float(spearmanr(a, b).statistic)


def kendall(a: Floats, b: Floats) -> float:
    return float(kendalltau(a, b).statistic)
