"""What a table has of one cell: values by budget and repeat, ranks, sizes, where they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.columns import TableError

if TYPE_CHECKING:
    from regretta.tabular_data.benchmark import Provenance
    from regretta.tabular_data.table import Table

Split = Literal["validation", "test", "train"]


@dataclass(frozen=True)
class Measured:
    """One quantity of a cell at one budget.

    Attributes
    ----------
    values
        Of each repeat asked for, in their order; NaN for one that was not measured. Empty where a
        source publishes the mean only.
    mean
        Over the values that are there.
    sd
        Their sample standard deviation (n − 1); NaN where there are less than two.
    """

    values: tuple[float, ...]
    mean: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Measured:
        """With the mean and deviation of some values."""
        there = [value for value in values if value == value]
        mean = math.fsum(there) / len(there) if there else math.nan
        spread = math.fsum((value - mean) ** 2 for value in there)
        sd = math.sqrt(spread / (len(there) - 1)) if len(there) > 1 else math.nan
        return cls(tuple(values), mean, sd)


@dataclass(frozen=True)
class Rank:
    """Place of a cell among all that were measured, by its mean over all repeats; 1 is the best.

    Cells that are equal share the best of their places.
    """

    place: int
    of: int


@dataclass(frozen=True)
class Training:
    """What was measured of a cell at one budget.

    Attributes
    ----------
    budget
        In the table's unit.
    validation, test, train
        In the table's metric, accuracies as fractions; None where the table has none.
    seconds
        Of training.
    validation_rank, test_rank
        The cell's rank at this budget.
    """

    budget: float
    validation: Measured
    test: Measured | None
    train: Measured | None
    seconds: Measured
    validation_rank: Rank
    test_rank: Rank | None


@dataclass(frozen=True, eq=False)
class Curve:
    """What a training had reached, and when.

    Attributes
    ----------
    epochs
        In the table's unit of budget: shape ``[n]``.
    values
        In the table's metric, NaN where it was not measured: shape ``[n, repeats]``.
    """

    epochs: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What a table has of one cell.

    Values are read from the table when they are asked for: a table never changes.

    Attributes
    ----------
    table
        The table.
    row
        The cell's row in it.
    budget
        The budget that was asked for, None for all.
    repeat
        The repeat that was asked for, from 0 on; None for all.
    """

    table: Table
    row: int
    budget: float | None = None
    repeat: int | None = None

    # -- the architecture --------------------------------------------------------------------

    @property
    def architecture(self) -> str:
        """As the field writes it; `Table.query` takes it again."""
        return self.table.space.describe(self.row)

    @property
    def words(self) -> str:
        """Described node by node."""
        return self.table.space.words(self.row)

    @property
    def official_name(self) -> int | str | None:
        """Published index or hash; None where the space has none."""
        return self.table.space.official_name(self.row)

    # -- what was measured -------------------------------------------------------------------

    @cached_property
    def trainings(self) -> tuple[Training, ...]:
        """One a budget, ascending; the one of `budget` where one was asked for."""
        return tuple(self._training(level) for level in self._levels)

    @property
    def validation(self) -> Measured:
        """At the budget asked for, else at the largest."""
        measured = self._measured("validation_accuracy", self._levels[-1])
        assert measured is not None
        return measured

    @property
    def test(self) -> Measured | None:
        """As `validation`; None where the table has no test values there."""
        return self._test(self._levels[-1])

    @property
    def train(self) -> Measured | None:
        """As `validation`; None where the table has no values of the training data there."""
        return self._measured("train_accuracy", self._levels[-1])

    @property
    def seconds(self) -> Measured:
        """Seconds of training at the budget asked for, else at the largest."""
        measured = self._measured("training_seconds", self._levels[-1])
        assert measured is not None
        return measured

    @property
    def parameters(self) -> float | None:
        """Number of trainable parameters; None where the table does not say."""
        return self._single("parameters")

    @property
    def flops(self) -> float | None:
        """Operations as the source counts them; None where the table does not say."""
        return self._single("flops")

    @property
    def latency_seconds(self) -> float | None:
        """Seconds of one batch, as the source measured it; None where the table does not say."""
        return self._single("latency_seconds")

    @property
    def evaluation_seconds(self) -> float | None:
        """Seconds of a pass over the validation set; None where the table does not say."""
        return self._single("evaluation_seconds")

    def rank(self, split: Literal["validation", "test"] = "validation") -> Rank | None:
        """The cell's rank at the budget asked for, else at the largest; None without values."""
        return self._rank(split, self._levels[-1])

    def curve(self, split: Split = "validation") -> Curve:
        """The training of the budget asked for, else of the largest, as far as the table has it.

        Every epoch where there is a curve (NAS-Bench-201: of the longest training; of CIFAR-100 and
        ImageNet16-120 its files have the last epoch only), else the values in the middle of the
        training, where there are any, and at its end.

        Raises
        ------
        TableError
            If the table has no such values.
        """
        table, level = self.table, self._levels[-1]
        budget = table.budgets[level]
        column = table.columns.get(f"{split}_curve")
        if column is not None and level == len(table.budgets) - 1:
            epochs = np.arange(1, column.shape[1] + 1) * (budget / column.shape[1])
            values = column[self.row]
        else:
            shares, points = [], []
            for share, key in ((0.5, f"halfway_{split}_accuracy"), (1.0, f"{split}_accuracy")):
                if key in table.columns and not np.isnan(table.columns[key][self.row, level]).all():
                    shares.append(share)
                    points.append(table.columns[key][self.row, level])
            if not points:
                raise TableError(
                    f"table {table.name!r} has no {split} values of single repeats at"
                    f" {budget:.12g} {table.budget_unit}"
                )
            epochs, values = np.array(shares) * budget, np.array(points)
        if self.repeat is not None:
            values = values[:, self.repeat : self.repeat + 1]
        return Curve(epochs.astype(np.float64), self._in_metric(values.astype(np.float64)))

    # -- where it comes from -----------------------------------------------------------------

    @property
    def provenance(self) -> Provenance:
        """Source, licence and notes of the table."""
        return self.table.provenance

    @property
    def reconstruction(self) -> str:
        """Which of the numbers are modelled rather than measured; empty where none is."""
        return self.table.provenance.reconstruction

    def as_dict(self) -> dict[str, Any]:
        """Everything but curves, as JSON can hold it; what was not measured is None."""
        table = self.table
        return {
            "table": table.name,
            "dataset": table.dataset,
            "metric": table.metric.name,
            "higher_is_better": table.metric.higher_is_better,
            "space": table.space.name,
            "row": self.row,
            "official_kind": table.space.official or None,
            "official_name": self.official_name,
            "architecture": self.architecture,
            "words": self.words,
            "budget_unit": table.budget_unit,
            "repeat": self.repeat,
            "trainings": [_without_nan(asdict(training)) for training in self.trainings],
            "parameters": self.parameters,
            "flops": self.flops,
            "latency_seconds": self.latency_seconds,
            "evaluation_seconds": self.evaluation_seconds,
            "source": table.provenance.source,
            "licence": table.provenance.licence,
            "reconstruction": table.provenance.reconstruction,
            "notes": list(table.provenance.notes),
        }

    def __repr__(self) -> str:
        return f"<answer of table {self.table.name}: row {self.row}, {self.architecture}>"

    # -- how it is read ----------------------------------------------------------------------

    @property
    def _levels(self) -> Sequence[int]:
        if self.budget is None:
            return range(len(self.table.budgets))
        return (self.table.budget_index(self.budget),)

    def _training(self, level: int) -> Training:
        validation = self._measured("validation_accuracy", level)
        seconds = self._measured("training_seconds", level)
        rank = self._rank("validation", level)
        assert validation is not None
        assert seconds is not None
        assert rank is not None
        return Training(
            budget=self.table.budgets[level],
            validation=validation,
            test=self._test(level),
            train=self._measured("train_accuracy", level),
            seconds=seconds,
            validation_rank=rank,
            test_rank=self._rank("test", level),
        )

    def _measured(self, key: str, level: int) -> Measured | None:
        column = self.table.columns.get(key)
        if column is None:
            return None
        values = column[self.row, level]
        if self.repeat is not None:
            values = values[self.repeat : self.repeat + 1]
        if key.endswith("accuracy"):
            values = self._in_metric(values)
        listed = values.tolist()
        if key not in ("validation_accuracy", "training_seconds") and all(v != v for v in listed):
            return None
        return Measured.of(listed)

    def _test(self, level: int) -> Measured | None:
        published = self.table.columns.get("mean_test_accuracy")
        if published is None:
            return self._measured("test_accuracy", level)
        mean = self._in_metric(published[self.row, level : level + 1]).item()
        measured = self._measured("test_accuracy", level)
        if mean != mean:
            return measured
        return Measured(
            measured.values if measured else (), mean, measured.sd if measured else math.nan
        )

    def _rank(self, split: str, level: int) -> Rank | None:
        table = self.table
        errors = table.mean_validation_error if split == "validation" else table.mean_test_error
        if errors is None or np.isnan(errors[self.row, level]):
            return None
        column = errors[:, level]
        better = int(np.count_nonzero(column < column[self.row]))
        return Rank(better + 1, int(np.count_nonzero(~np.isnan(column))))

    def _in_metric(self, accuracies: NDArray[Any]) -> NDArray[Any]:
        """A table's accuracies as values of its metric, of which it keeps 1 − value where lower is
        better."""
        return accuracies if self.table.metric.higher_is_better else 1 - accuracies

    def _single(self, key: str) -> float | None:
        column = self.table.columns.get(key)
        if column is None:
            return None
        value: float = column[self.row].item()
        return None if value != value else value


def _without_nan(value: Any) -> Any:
    """The same with None for NaN, which JSON does not have, and lists for tuples."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value
