"""A table: immutable columns of what was measured, cell × budget × repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.array_files import array_checksum
from regretta.tabular_data.benchmark import (
    Benchmark,
    Judged,
    Metric,
    Observed,
    Observer,
    Provenance,
    Reference,
    Rule,
)
from regretta.tabular_data.columns import (
    SEARCHED,
    TableError,
    check_budgets,
    check_columns,
    check_shapes,
    check_values,
    leave_out,
    shaped,
)
from regretta.tabular_data.frames import table_frame
from regretta.tabular_data.query import query as ask
from regretta.tabular_data.spaces import Configurations, Counting, Space, SpaceError, get_space
from regretta.tabular_data.stored_columns import StoredColumns
from regretta.tabular_data.table_files import Header, read_header, write_folder


@dataclass(frozen=True, eq=False)
class Table(Benchmark):
    """What was measured of every cell of a search space.

    Make one with `from_arrays` or `open`, never directly.

    Attributes
    ----------
    name
        How suites and reports call it.
    space
        The search space; row i of every column is cell i of the space.
    budgets
        Training budgets, ascending, in `budget_unit`.
    columns
        Read-only arrays by name, see `regretta.tabular_data.columns.COLUMNS`. A NaN is a repeat
        that was not measured.
    partial
        Whether cells may be missing; a missing cell is invalid to a search.
    dataset
        Name of the data that was trained on, such as ``cifar10``; empty where it was not said.
    metric
        What the accuracies are. Of a metric whose lower values are better, a table keeps 1 − value
        as its accuracy, so that an error is the value itself.
    collection
        The published family that the table belongs to, such as ``nats-bench``: tables of one
        collection differ in their data set only. Empty for a table that stands alone.
    checksum
        SHA-256 over all columns and the metadata that give them meaning.
    """

    name: str
    space: Space
    budgets: tuple[float, ...]
    columns: Mapping[str, NDArray[Any]]
    provenance: Provenance
    checksum: str
    budget_unit: str = "epochs"
    partial: bool = False
    dataset: str = ""
    metric: Metric = field(default_factory=Metric)
    collection: str = ""
    column_checksums: Mapping[str, str] = field(default_factory=dict)

    # -- making, writing, opening ------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls,
        name: str,
        space: Space,
        budgets: Sequence[float],
        *,
        validation_accuracy: ArrayLike,
        training_seconds: ArrayLike,
        provenance: Provenance | None = None,
        budget_unit: str = "epochs",
        partial: bool = False,
        dataset: str = "",
        metric: Metric | None = None,
        collection: str = "",
        **columns: ArrayLike,
    ) -> Self:
        """A table of arrays in memory; `write` puts it on disk.

        Parameters
        ----------
        name
            Letters, digits, ``-``, ``_`` and ``.``.
        space
            The search space; its number of cells is the first axis of every column.
        budgets
            Training budgets, ascending.
        validation_accuracy, training_seconds
            Shape ``[cells, budgets, repeats]``; axes of length 1 may be left out from the end.
            Fractions, and seconds above zero. NaN in both marks a repeat that was not measured.
        provenance
            Where the numbers come from.
        partial
            Whether cells may be missing; a search meets them as invalid. A cell that is not whole
            (measured at some budgets only, or without a value in a column) is then left out, and a
            note of the provenance says so; otherwise it is refused.
        dataset, metric, collection
            As in the class; the metric is accuracy where None.
        **columns
            Further columns of `regretta.tabular_data.columns.COLUMNS`, above all ``test_accuracy``.

        Raises
        ------
        TableError
            If a name, shape or value is not as described; names the column and the first bad row.
        """
        given = {
            "validation_accuracy": validation_accuracy,
            "training_seconds": training_seconds,
            **columns,
        }
        levels = check_budgets(budgets)
        arrays = {
            key: shaped(key, value, space.n_cells, len(levels))
            for key, value in given.items()
            if value is not None
        }
        check_values(arrays)
        origin = provenance or Provenance()
        if partial:
            origin = replace(origin, notes=(*origin.notes, *leave_out(arrays)))
        check_columns(arrays, partial, name)
        for array in arrays.values():
            array.flags.writeable = False
        header = Header(
            name=name,
            space=space.spec,
            budgets=levels,
            budget_unit=budget_unit,
            partial=partial,
            dataset=dataset,
            metric=metric or Metric(),
            collection=collection,
            provenance=origin,
        )
        sums = {key: array_checksum(array) for key, array in arrays.items()}
        return cls._made(header, space, MappingProxyType(arrays), header.checksum(sums), sums)

    @classmethod
    def _made(
        cls,
        header: Header,
        space: Space,
        columns: Mapping[str, NDArray[Any]],
        checksum: str,
        sums: Mapping[str, str],
    ) -> Self:
        return cls(
            name=header.name,
            space=space,
            budgets=header.budgets,
            columns=columns,
            provenance=header.provenance,
            checksum=checksum,
            budget_unit=header.budget_unit,
            partial=header.partial,
            dataset=header.dataset,
            metric=header.metric,
            collection=header.collection,
            column_checksums=MappingProxyType(dict(sums)),
        )

    def write(self, folder: str | Path) -> Path:
        """Write the table as a folder, all at once; returns the folder.

        Raises
        ------
        TableError
            If the folder cannot be written, or is there and holds something other than a table.
        """
        header = Header(
            **{
                field.name: getattr(self, field.name)
                for field in fields(Header)
                if field.name != "space"
            },
            space=self.space.spec,
        )
        write_folder(Path(folder), header, self.columns, self.column_checksums)
        return Path(folder)

    @classmethod
    def open(
        cls, folder: str | Path, encoding: str | None = None, counting: Counting | None = None
    ) -> Self:
        """Open a table on disk; reads the header only, whatever the table's size.

        A column is read when it is first asked for, found to be as it was written, and kept.

        Parameters
        ----------
        folder
            The folder that `write` made.
        encoding, counting
            Another encoding of the same cells, and another rule for counting edges
            (NAS-Bench-101: A, B or C; before or after pruning).

        Raises
        ------
        TableError
            If the folder is no table, was made by another version, or a column is missing,
            truncated or of another shape. Changed bytes are found when the column is read.
        """
        path = Path(folder)
        header, checksum, specs = read_header(path)
        try:
            space = get_space(header.space, encoding, counting)
            shapes = {key: spec.shape for key, spec in specs.items()}
            check_shapes(shapes, space.n_cells, len(header.budgets), header.name)
        except (SpaceError, TableError) as error:
            raise TableError(f"table {path}: {error}") from error
        columns = StoredColumns(path, specs, checksum)
        sums = {key: spec.sha256 for key, spec in specs.items()}
        return cls._made(header, space, columns, checksum, sums)

    def verify(self) -> None:
        """Recompute the checksum of every column, as it is on disk now, and the invariants of the
        values. What a search looks up is then in memory, whatever becomes of the files.

        Raises
        ------
        TableError
            At the first column whose bytes or values are not as they were written.
        """
        columns = self.columns
        if isinstance(columns, StoredColumns):
            columns = columns.on_disk(keep=SEARCHED)
        else:
            for key, array in columns.items():
                if array_checksum(array) != self.column_checksums[key]:
                    raise TableError(
                        f"table {self.name!r} was altered: column {key} does not match its checksum"
                    )
        check_columns(columns, self.partial, self.name)

    def check_unchanged(self) -> None:
        if isinstance(self.columns, StoredColumns):
            self.columns.check_unchanged()

    # -- what a search and its judge ask ---------------------------------------------------------

    numbered: ClassVar[bool] = True

    def observer(self, rule: Rule) -> Observer:
        from regretta.tabular_data.lookup import Lookup

        return Lookup(self, rule)

    def observe(
        self, configurations: Configurations, budget: float, draws: NDArray[np.float64]
    ) -> Observed:
        level = self.budget_index(budget)
        answers = self.observer(Rule()).answer(configurations, level, draws)
        return Observed(answers.errors, answers.costs, np.array(answers.rows) >= 0)

    def judge(self, configurations: Configurations, budget: float) -> Judged:
        rows = self.space.rows(configurations)
        level = self.budget_index(budget)
        test = self._test_error(level)
        return Judged(self.mean_validation_error[rows, level], None if test is None else test[rows])

    def best(self, budget: float) -> Reference:
        level = self.budget_index(budget)
        if level not in self._best:
            test = self._test_error(level)
            self._best[level] = Reference(
                validation_error=float(np.nanmin(self.mean_validation_error[:, level])),
                test_error=None if test is None else float(np.nanmin(test)),
            )
        return self._best[level]

    def _test_error(self, level: int) -> NDArray[np.float64] | None:
        """Mean test error of each cell at a budget; None where that budget has none."""
        test = self.mean_test_error
        return None if test is None or np.isnan(test[:, level]).all() else test[:, level]

    @cached_property
    def _best(self) -> dict[int, Reference]:
        return {}

    # -- what people ask -------------------------------------------------------------------------

    query = ask
    frame = table_frame

    # -- what is in it -----------------------------------------------------------------------

    @property
    def repeats(self) -> int:
        """Largest number of repeats of a training."""
        columns, key = self.columns, "validation_accuracy"
        shape = columns.shape(key) if isinstance(columns, StoredColumns) else columns[key].shape
        return int(shape[2])

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        if isinstance(self.columns, StoredColumns):
            return self.columns.nbytes
        return sum(column.nbytes for column in self.columns.values())

    @property
    def has_test(self) -> bool:
        """Whether the table has test accuracies; if not, regret is validation regret."""
        return "test_accuracy" in self.columns or "mean_test_accuracy" in self.columns

    @cached_property
    def available(self) -> NDArray[np.unsignedinteger[Any]]:
        """Number of measured repeats: shape ``[cells, budgets]``."""
        measured: NDArray[np.unsignedinteger[Any]] = (
            ~np.isnan(self.columns["validation_accuracy"])
        ).sum(axis=2, dtype=np.min_scalar_type(self.repeats))
        return measured

    @cached_property
    def repeat_order(self) -> NDArray[np.unsignedinteger[Any]] | None:
        """k-th measured repeat of each cell and budget: shape ``[cells, budgets, repeats]``.

        None where the k-th measured repeat is repeat k everywhere, as it mostly is.
        """
        missing = np.isnan(self.columns["validation_accuracy"])
        if not (missing[..., :-1] & ~missing[..., 1:]).any():
            return None
        order = np.argsort(missing, axis=2, kind="stable")
        return order.astype(np.min_scalar_type(self.repeats))

    @cached_property
    def mean_validation_error(self) -> NDArray[np.float64]:
        """1 − mean validation accuracy over the measured repeats: shape ``[cells, budgets]``.

        NaN where nothing was measured: a cell that is missing.
        """
        return 1.0 - _mean(self.columns["validation_accuracy"])

    @cached_property
    def mean_test_error(self) -> NDArray[np.float64] | None:
        """1 − mean test accuracy over the measured repeats: shape ``[cells, budgets]``.

        NaN for cells that are missing and budgets without test accuracy; None without test data.
        """
        if "mean_test_accuracy" in self.columns:
            return 1.0 - self.columns["mean_test_accuracy"].astype(np.float64)
        if "test_accuracy" in self.columns:
            return 1.0 - _mean(self.columns["test_accuracy"])
        return None

    @cached_property
    def best_mean_validation_error(self) -> float:
        """Lowest mean validation error at the largest budget; validation regret is above it."""
        return float(np.nanmin(self.mean_validation_error[:, -1]))

    @cached_property
    def best_mean_test_error(self) -> float | None:
        """Lowest mean test error at the largest budget; test regret is above it."""
        return (
            None if self.mean_test_error is None else float(np.nanmin(self.mean_test_error[:, -1]))
        )

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a table is not sent between processes; open its folder there")

    def __repr__(self) -> str:
        return (
            f"<table {self.name}: {self.n_cells} cells x {len(self.budgets)} budgets x"
            f" {self.repeats} repeats, {', '.join(self.columns)}>"
        )


def _mean(column: NDArray[Any]) -> NDArray[np.float64]:
    """Mean over the repeats that were measured, NaN where none was, without a warning."""
    total = np.nansum(column, axis=2, dtype=np.float64)
    count = (~np.isnan(column)).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
