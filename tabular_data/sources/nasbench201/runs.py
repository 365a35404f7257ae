"""What NAS-Bench-201 and NATS-Bench record of an architecture, gathered into columns.

Both keep, for each schedule (12 and 200 epochs), the runs of an architecture by data set and seed
(D-X-Y/NATS-Bench, ``api_utils.py``: ``ArchResults``, ``ResultsCount``). Accuracies are per cent and
times are seconds an epoch, keyed ``split@epoch``. CIFAR-10 has two keys: a search trains on half of
the training data (``cifar10-valid``) and the test accuracy comes from other runs, on all of it
(``cifar10``). Where a split or a seed was not measured it stays missing: nothing is taken from
another split.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.errors import shown
from regretta.tabular_data.names import unknown
from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.nasbench201.records import RULES, Records, settled
from regretta.tabular_data.spaces import NasBench201, SpaceError
from regretta.tabular_data.table import Table

BUDGETS = (12, 200)
MID_SCHEDULE = (1, 4)
"""Epochs of the 12-epoch run at which NATS-Bench's Hyperband and BOHB look.

AutoDL-Projects, ``exps/NATS-algos``.
"""

_MAX_SEEDS = 4  # 777, 888 and 999 after 200 epochs, 111 after 12
_SIZE_SPACE = re.compile(r"\d+(:\d+){4}")
_ABSURD = 1e30  # no time, size or latency, and whatever is made of it still fits a column's 32 bits


@dataclass(frozen=True)
class _Keys:
    """Data set and split of a search's validation accuracy, and of a report's test accuracy."""

    search: str
    report: str
    test: str
    validation: str = "x-valid"


DATASETS: Mapping[str, _Keys] = MappingProxyType(
    {
        "cifar10": _Keys("cifar10-valid", "cifar10", "ori-test"),
        "cifar100": _Keys("cifar100", "cifar100", "x-test"),
        "imagenet16-120": _Keys("ImageNet16-120", "ImageNet16-120", "x-test"),
    }
)
"""Data set → its keys in the files."""


class Runs:
    """The columns of one data set's table, filled architecture by architecture.

    Parameters
    ----------
    dataset
        A key of `DATASETS`.
    where
        The source, for messages.
    mid_schedule
        Whether to have budgets of 1 and 4 epochs too: where the 12-epoch runs stood then.

    Raises
    ------
    SourceError
        If the data set is unknown.
    """

    def __init__(self, dataset: str, where: str, mid_schedule: bool = False) -> None:
        if dataset not in DATASETS:
            raise SourceError(unknown("data set of NATS-Bench", dataset, DATASETS))
        self._dataset, self._keys, self._where = dataset, DATASETS[dataset], where
        self._stops = MID_SCHEDULE if mid_schedule else ()
        self._space = NasBench201()
        self._index = np.full(self._space.n_cells, -1, dtype=np.int64)
        # (column, budget, seed) → one value a cell, or one a cell and epoch
        self._measured: dict[tuple[str, int, int], NDArray[np.float32]] = {}
        self._recorded = {quantity: Records(self._space.n_cells) for quantity in RULES}

    def add(self, place: str, states: Iterable[Any]) -> int:
        """Take in one architecture; returns its index.

        Parameters
        ----------
        place
            Where it stands, for messages.
        states
            The state of its ``ArchResults`` for each schedule.

        Raises
        ------
        SourceError
            If the structure, the string or a value is not as it should be, or it was taken in
            before.
        """
        index = row = -1
        try:
            for state in states:
                text = state["arch_str"]
                if type(text) is not str:
                    raise _Odd(f"its architecture is {shown(text, 40)}, not a text")
                if _SIZE_SPACE.fullmatch(text):
                    raise _Odd(
                        "it is of NATS-Bench's size search space (NATS-sss); only the topology"
                        " search space (NATS-tss) can be imported"
                    )
                own = int(state["arch_index"]), self._space.row(self._space.from_string(text))
                if row < 0 and self._index[own[1]] >= 0:
                    raise _Odd(f"{text} occurs twice")
                if row >= 0 and own != (index, row):
                    raise _Odd("its schedules are of different architectures")
                index, row = own
                for (dataset, seed), run in state["all_results"].items():
                    if dataset in (self._keys.search, self._keys.report):
                        self._add_run(row, dataset, int(seed), run)
        except (SpaceError, _Odd) as error:
            raise SourceError(f"{place}: {error}") from None
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise SourceError(
                f"{place} is not what NATS-Bench records of an architecture ({shown(error, 100)})"
            ) from None
        self._index[row] = index
        return index

    def check(self, archs: Any, where: str) -> None:
        """Compare every index taken in with the file's own list of all architectures.

        Raises
        ------
        SourceError
            If the list is no list of all 15,625 strings, or an architecture has another index in
            it.
        """
        if (
            not isinstance(archs, list)
            or len(archs) != self._space.n_cells
            or not all(type(a) is str for a in archs)
        ):
            raise SourceError(f"{where} has no list of all {self._space.n_cells} architectures")
        for row in np.flatnonzero(self._index >= 0).tolist():
            index, text = int(self._index[row]), self._space.describe(row)
            if not 0 <= index < len(archs) or archs[index] != text:
                raise SourceError(f"{where}: {text} is not architecture {index} of the list of all")

    def _add_run(self, row: int, dataset: str, seed: int, run: Mapping[str, Any]) -> None:
        epochs = run["epochs"]
        if epochs not in BUDGETS:
            raise _Odd(
                f"a run has {shown(epochs, 20)} epochs, not {' or '.join(map(str, BUDGETS))}"
            )
        splits, times = run["eval_acc1es"], run["eval_times"] or {}
        stops = (*(self._stops if epochs == BUDGETS[0] else ()), epochs)
        if dataset == self._keys.report:
            for stop in stops:
                self._put(
                    "test_accuracy",
                    stop,
                    seed,
                    row,
                    _accuracy(splits, f"{self._keys.test}@{stop - 1}"),
                )
            self._put_curve("test_curve", epochs, seed, row, splits, f"{self._keys.test}@{{}}")
        if dataset != self._keys.search:
            return
        for stop in stops:
            self._put(
                "validation_accuracy",
                stop,
                seed,
                row,
                _accuracy(splits, f"{self._keys.validation}@{stop - 1}"),
            )
            self._put("train_accuracy", stop, seed, row, _accuracy(run["train_acc1es"], stop - 1))
            if run["train_times"] is not None:
                seconds = sum(_positive(run["train_times"][epoch]) for epoch in range(stop))
                self._put("training_seconds", stop, seed, row, seconds)
        self._put_curve(
            "validation_curve", epochs, seed, row, splits, f"{self._keys.validation}@{{}}"
        )
        self._put_curve("train_curve", epochs, seed, row, run["train_acc1es"], None)
        record: dict[str, float] = {
            "parameters": round(_positive(run["params"]) * 1e6),
            "flops": round(_positive(run["flop"]) * 1e6),
        }
        if f"{self._keys.validation}@{epochs - 1}" in times:
            seconds = times[f"{self._keys.validation}@{epochs - 1}"]
            record["evaluation_seconds"] = _positive(seconds)
        if latencies := [_positive(value) for value in run["latency"] or () if value != -1]:
            record["latency_seconds"] = sum(latencies) / len(latencies)
        for quantity, value in record.items():
            self._recorded[quantity].put(epochs, seed, row, value)

    def _put(self, column: str, epochs: int, seed: int, row: int, value: float) -> None:
        self._array(column, epochs, seed, (self._space.n_cells,))[row] = value

    def _put_curve(
        self,
        column: str,
        epochs: int,
        seed: int,
        row: int,
        accuracies: Mapping[Any, Any],
        key: str | None,
    ) -> None:
        """A curve of the longest schedule, where there is more of it than its last point."""
        keys = [epoch if key is None else key.format(epoch) for epoch in range(epochs)]
        if epochs == BUDGETS[-1] and keys[0] in accuracies:
            curve = self._array(column, epochs, seed, (self._space.n_cells, epochs))
            curve[row] = [_accuracy(accuracies, k) for k in keys]

    def _array(
        self, column: str, epochs: int, seed: int, shape: tuple[int, ...]
    ) -> NDArray[np.float32]:
        key = column, epochs, seed
        if key not in self._measured:
            if len({s for _, _, s in self._measured} | {seed}) > _MAX_SEEDS:
                raise _Odd(f"seed {seed} is one of more than {_MAX_SEEDS} different ones")
            self._measured[key] = np.full(shape, np.nan, dtype=np.float32)
        return self._measured[key]

    def table(self, name: str, source: str, licence: str, collection: str, partial: bool) -> Table:
        """The table, once all architectures are in.

        A repeat is a seed, the same one for every cell, so that a missing seed leaves a gap.

        Raises
        ------
        SourceError
            If architectures are missing and `partial` is false, or the data set was not measured.
        """
        absent = self._index < 0
        if absent.any() and not partial:
            first = self._space.describe(int(np.argmax(absent)))
            raise SourceError(
                f"{self._where}: {absent.sum()} of {len(absent)} architectures are missing, first"
                f" {first}; pass --partial to import what is there"
            )
        notes = [self._fill_in_seconds(), *self._match_seconds()]
        published = self._space.official_indices(np.arange(len(absent)))
        if others := int((~absent & (self._index != published)).sum()):
            notes += [
                f"{others} architectures have another index in the file than the published one,"
                " which is what `index` of a query means"
            ]
        budgets = [budget for budget in (*self._stops, *BUDGETS) if self._seeds(budget)]
        repeats = max((len(self._seeds(budget)) for budget in budgets), default=0)
        columns, said = settled(self._recorded, ~absent)
        notes += said
        for column in (
            "validation_accuracy",
            "training_seconds",
            "test_accuracy",
            "train_accuracy",
        ):
            values = np.full((len(absent), len(budgets), repeats), np.nan, dtype=np.float32)
            for level, budget in enumerate(budgets):
                for repeat, seed in enumerate(self._seeds(budget)):
                    values[:, level, repeat] = self._measured.get(
                        (column, budget, seed), np.float32(np.nan)
                    )
            if not np.isnan(values).all():
                columns[column] = values
        if "validation_accuracy" not in columns:
            raise SourceError(
                f"{self._where} has no {self._dataset} run with both an accuracy and a training"
                " time"
            )
        for column in ("validation_curve", "test_curve", "train_curve"):
            curves = [
                self._measured.get((column, budgets[-1], seed)) for seed in self._seeds(budgets[-1])
            ]
            if (
                shape := next((curve.shape for curve in curves if curve is not None), None)
            ) is not None:
                gap = np.full(shape, np.nan, dtype=np.float32)
                stacked = np.stack([gap if curve is None else curve for curve in curves], axis=2)
                gaps: Any = np.isnan(stacked).all(axis=2)
                lacking = gaps.any(axis=1) & ~absent
                if lacking.any():
                    notes += [f"{column} is left out: {lacking.sum()} architectures lack it"]
                else:
                    columns[column] = stacked
        seeds = "; ".join(f"{b} epochs: {', '.join(map(str, self._seeds(b)))}" for b in budgets)
        notes += [f"repeats are the seeds, as published ({seeds})"]
        if self._stops:
            notes += [
                f"{' and '.join(map(str, self._stops))} epochs are not trainings of their own: they"
                f" are where the {BUDGETS[0]}-epoch runs stood then, in the middle of their"
                " schedule"
            ]
        if self._keys.search != self._keys.report:
            notes += [
                f"validation is {self._keys.search} {self._keys.validation}; test is"
                f" {self._keys.report} {self._keys.test}, of other runs that trained on the"
                " validation data too"
            ]
        try:
            return Table.from_arrays(
                name,
                self._space,
                budgets,
                **columns,  # type: ignore[arg-type]
                partial=partial,
                dataset=self._dataset,
                collection=collection,
                provenance=Provenance(source, licence, notes=tuple(filter(None, notes))),
            )
        except TableError as error:
            raise SourceError(f"{self._where}: {error}") from error

    def _seeds(self, budget: int) -> list[int]:
        """Seeds that measured anything a search or a report asks for."""
        return sorted(
            {
                seed
                for (column, epochs, seed), values in self._measured.items()
                if epochs == budget
                and column in ("validation_accuracy", "test_accuracy")
                and not np.isnan(values).all()
            }
        )

    def _fill_in_seconds(self) -> str:
        """Times of 200 epochs from those of 12, where a file has none.

        An epoch takes the same time in both schedules; NAS-Bench-201 v1.0 timed the short one only.
        """
        short, long = BUDGETS
        timed = [
            values
            for (c, budget, _), values in self._measured.items()
            if (c, budget) == ("training_seconds", short)
        ]
        if not timed:
            return ""
        count = (~np.isnan(timed)).sum(axis=0)
        epoch = np.where(count > 0, np.nansum(timed, axis=0) / np.maximum(count, 1), np.nan) / short
        filled = 0
        for (column, budget, seed), accuracy in list(self._measured.items()):
            if (column, budget) == ("validation_accuracy", long):
                seconds = self._array("training_seconds", long, seed, accuracy.shape)
                gaps = np.isnan(seconds) & ~np.isnan(accuracy) & ~np.isnan(epoch)
                seconds[gaps] = epoch[gaps] * long
                filled += int(gaps.sum())
        return (
            f"{filled} times of {long} epochs are {long}/{short} of those of {short} epochs"
            if filled
            else ""
        )

    def _match_seconds(self) -> list[str]:
        """A repeat is measured where it has accuracy and time; without one, its others go too."""
        dropped = 0
        for (column, budget, seed), accuracy in list(self._measured.items()):
            if column == "validation_accuracy":
                seconds = self._array("training_seconds", budget, seed, accuracy.shape)
                dropped += int((~np.isnan(accuracy) & np.isnan(seconds)).sum())
                gaps = np.isnan(accuracy) | np.isnan(seconds)
                accuracy[gaps] = seconds[gaps] = np.nan
        return (
            [f"{dropped} validation accuracies without a training time are left out"]
            if dropped
            else []
        )


class _Odd(ValueError):
    """Something of an architecture that is not as it should be."""


def _accuracy(accuracies: Mapping[Any, Any], key: Any) -> float:
    """Fraction from per cent; NaN where it was not measured."""
    if key not in accuracies:
        return float("nan")
    value = accuracies[key]
    if not isinstance(value, float | int) or not 0 <= value <= 100:
        raise _Odd(f"accuracy {key} is {shown(value, 40)}, not per cent from 0 to 100")
    return value / 100


def _positive(value: Any) -> float:
    if not isinstance(value, float | int) or not 0 < value < _ABSURD:
        raise _Odd(f"a time, size or latency is {shown(value, 40)}, not a positive number")
    return float(value)
