"""NAS-Bench-201's table 5 as published: ten methods, six of them under two kinds of batch
normalization, every number with where it was read (Dong and Yang, ICLR 2020).

No copy of the paper was at hand: each number stands as others quote it, and those that nobody does
are marked as quoted from memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from regretta.optimizers.weight_sharing import settings

RUNNING, BATCH, ALL = "running", "batch", "all"
"""Batch normalization of the supernet when it is evaluated: by running estimates (the table's first
block, figure 7), by the statistics of each batch inside the cells (second block, figure 8), or, in
no paper, by those of each batch in every layer."""

BATCH_NORMS: Mapping[str, str] = MappingProxyType(
    {kind: words.capitalize() for kind, words in settings.BATCH_NORMS.items()}
)
"""Every kind, as readers see it."""

EVERY_LAYER = (
    "Statistics of each batch in every layer (all): the paper's code has them inside the cells only"
    " and keeps running estimates in the stem, between the stages and before the classifier."
)
"""What must be said of `ALL`."""

WEIGHT_SHARING = ("rsps", "darts_v1", "darts_v2", "gdas", "setn", "enas")
"""Methods that train one supernet, in the paper's order."""

INDEPENDENT = ("darts_v1", "darts_v2", "gdas")
"""Those that never choose by an evaluation of the supernet, so that all kinds of batch
normalization are one and the same search."""

SEQUENTIAL = ("regularized_evolution", "random_search", "reinforce", "bohb")
"""Methods that look up trainings, in the paper's order."""

DATASETS = ("cifar10", "cifar100", "imagenet16-120")
"""Data sets of the paper as tables name them; weights are shared on the first only."""

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "a": "Wang et al., ReLIZO (NeurIPS 2024), table 2, quoting the paper",
        "b": "README of RMI-NAS",
        "c": "Chen et al. (NeurIPS 2022) on connectivity and convergence, table 2, after TE-NAS",
        "d": "table 2 of a later paper on zero-cost NAS",
        "e": "MathNAS, table 8",
        "f": "a comment among the annotations of Trails (mean test accuracy only)",
        "g": "a review quoting a table of LLMatic",
        "h": "a table of a paper on early-exit evolution",
        "p": "AutoDL-Projects at bb2f405: mean of the three runs that its script prints",
        "t": "computed from the published table: the cell of skip connections only, or its best",
        "M": "from memory, not yet checked",
    }
)
"""How sure a number is: letters, and what each means."""


@dataclass(frozen=True)
class Number:
    """A published number.

    Attributes
    ----------
    mean, deviation
        Over the paper's runs: 3 of each method that shares weights, 500 of the others; NaN where
        the paper has no deviation.
    sources
        Letters of `SOURCES`; of several the first quotes mean and deviation.
    """

    mean: float
    deviation: float
    sources: str


@dataclass(frozen=True)
class PublishedRow:
    """A row of the table.

    Attributes
    ----------
    method
        As optimizers are called; ``"optimal"`` for the best cell of each column.
    batch_norm
        `RUNNING`, `BATCH`, or empty for a method that trains no supernet.
    seconds
        The search's own: of a supernet all training and the last choice, of the others what is
        spent besides the 12,000 s of their evaluations. None for the best cell.
    accuracy
        Data set → validation and test accuracy, percent.
    """

    method: str
    batch_norm: str
    seconds: Number | None
    accuracy: Mapping[str, tuple[Number, Number]]


_NUMBER = re.compile(r"([\d.]+)(?:±([\d.]+))? (\w+)")


def _number(text: str) -> Number:
    """The number of ``"80.42±3.58 a"``."""
    match = _NUMBER.fullmatch(text)
    assert match is not None, text
    mean, deviation, sources = match.groups()
    return Number(float(mean), float(deviation or "nan"), sources)


def _row(method: str, batch_norm: str, seconds: str, *pairs: str) -> PublishedRow:
    """A row of seconds, and of ``"validation | test"`` on each of `DATASETS`."""
    accuracy = {}
    for dataset, pair in zip(DATASETS, pairs, strict=True):
        validation, test = map(_number, pair.split(" | "))
        accuracy[dataset] = validation, test
    return PublishedRow(method, batch_norm, _number(seconds) if seconds else None, accuracy)


def _all_skip(method: str, batch_norm: str, seconds: str, sources: Sequence[str]) -> PublishedRow:
    """A row of a method that always ends in the cell of skip connections only."""
    six = zip(("39.77", "54.30", "15.03", "15.61", "16.43", "16.32"), sources, strict=True)
    numbers = [f"{value}±0 {letters}" for value, letters in six]
    pairs = (" | ".join(numbers[k : k + 2]) for k in (0, 2, 4))
    return _row(method, batch_norm, seconds, *pairs)


TABLE_5: tuple[PublishedRow, ...] = (
    _row(
        *("rsps", RUNNING, "8007.13 p"),
        *("80.42±3.58 a | 84.07±3.61 a", "52.12±5.55 a | 52.31±5.77 a"),
        "27.22±3.24 a | 26.28±3.09 a",
    ),
    _all_skip("darts_v1", RUNNING, "11625.77 p", ["at"] * 6),
    _all_skip("darts_v2", RUNNING, "35781.80 pb", ["at"] * 6),
    _row(
        *("gdas", RUNNING, "31609.80 pb"),
        *("89.89±0.08 a | 93.61±0.09 ab", "71.34±0.04 a | 70.70±0.30 ab"),
        "41.59±1.33 a | 41.71±0.98 ab",
    ),
    _row(
        *("setn", RUNNING, "34139.53 p"),
        *("84.04±0.28 ae | 87.64±0.00 ae", "58.86±0.06 ae | 59.05±0.24 ae"),
        "33.06±0.02 ae | 32.52±0.21 ae",
    ),
    _row(
        *("enas", RUNNING, "14058.80 p"),
        *("37.51±3.19 a | 53.89±0.58 a", "13.37±2.35 a | 13.96±2.33 a"),
        "15.06±1.95 a | 14.84±2.10 a",
    ),
    _row(
        *("rsps", BATCH, "7587.12 Md"),
        *("84.16±1.69 d | 87.66±1.69 cd", "59.00±4.60 M | 58.33±4.34 c"),
        "31.56±3.28 M | 31.14±3.88 c",
    ),
    _all_skip("darts_v1", BATCH, "10889.87 c", ["cdt"] * 6),
    _all_skip("darts_v2", BATCH, "29901.67 c", ["cdt"] * 6),
    _row(
        *("gdas", BATCH, "28925.91 c"),
        *("90.00±0.21 M | 93.51±0.13 M", "71.14±0.27 M | 70.61±0.26 M"),
        "41.70±1.26 M | 41.84±0.90 c",
    ),
    _row(
        *("setn", BATCH, "31009.81 M"),
        *("82.25±5.17 M | 86.19±4.63 M", "56.86±7.59 M | 56.87±7.77 M"),
        "32.54±3.63 M | 31.90±4.07 M",
    ),
    _all_skip("enas", BATCH, "13314.51 c", ["Mt", "ct"] * 3),
    _row(
        *("regularized_evolution", "", "0.02 M"),
        *("91.19±0.31 M | 93.92±0.30 Mf", "71.81±1.12 M | 71.84±0.99 M"),
        "45.15±0.89 M | 45.54±1.03 M",
    ),
    _row(
        *("random_search", "", "0.01 M"),
        *("90.93±0.36 M | 93.70±0.36 gf", "70.93±1.09 M | 71.04±1.07 M"),
        "44.45±1.10 M | 44.57±1.25 M",
    ),
    _row(
        *("reinforce", "", "0.12 M"),
        *("91.09±0.37 h | 93.85±0.37 b", "71.61±1.12 M | 71.71±1.09 b"),
        "45.05±1.02 M | 45.24±1.18 b",
    ),
    _row(
        *("bohb", "", "3.59 M"),
        *("90.82±0.53 M | 93.61±0.52 Mf", "70.74±1.29 M | 70.85±1.28 M"),
        "44.26±1.36 M | 44.42±1.49 M",
    ),
    _row(
        *("optimal", "", ""),
        *("91.61 cdt | 94.37 cdt", "73.49 cdt | 73.51 cdt", "46.77 cd | 47.31 cdt"),
    ),
)
"""All rows, in the paper's order: the block of running estimates, that of batch statistics, the
sequential methods, the best cell (the published table itself has 46.73 for the paper's 46.77)."""


def published(method: str, batch_norm: str = "") -> PublishedRow | None:
    """The row of a method; None where the table has none. `ALL` stands beside `BATCH`."""
    wanted = (BATCH if batch_norm == ALL else batch_norm) if method in WEIGHT_SHARING else ""
    return next((r for r in TABLE_5 if (r.method, r.batch_norm) == (method, wanted)), None)


def meaning(letters: Iterable[str]) -> str:
    """What some letters of `SOURCES` mean, in their order."""
    used = set(letters)
    return "; ".join(f"{letter}: {words}" for letter, words in SOURCES.items() if letter in used)
