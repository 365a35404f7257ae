"""A table: immutable, memory-mapped columns of what was measured, cell × budget × repeat."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    COLUMNS,
    TableError,
    check_budgets,
    check_columns,
    check_name,
    check_shape,
    check_values,
    leave_out,
    shaped,
)
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces import Configurations, Counting, Space, SpaceError, get_space
from regretta.tabular_data.storage import atomic_folder, save_array

FORMAT = 2
"""Version of the format on disk: one folder with ``table.json`` and a ``.npy`` file a column."""


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
        Read-only arrays by name, see `COLUMNS`. A NaN is a repeat that was not measured.
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
            Further columns of `COLUMNS`, above all ``test_accuracy``.

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
        check_name(name)
        levels = check_budgets(budgets)
        for what, text in (
            ("budget_unit", budget_unit),
            ("dataset", dataset),
            ("collection", collection),
        ):
            if not isinstance(text, str) or not text.isprintable():
                raise TableError(f"a table's {what} is a printable text, got {text!r:.80}")
        given_by = provenance or Provenance()
        arrays = {
            key: shaped(key, value, space.n_cells, len(levels))
            for key, value in given.items()
            if value is not None
        }
        check_values(arrays)
        if partial:
            notes = leave_out(arrays)
            given_by = replace(given_by, notes=(*given_by.notes, *notes))
        check_columns(arrays, partial, name)
        for array in arrays.values():
            array.flags.writeable = False
        sums = {key: _column_checksum(array) for key, array in arrays.items()}
        table = cls(
            name=name,
            space=space,
            budgets=levels,
            columns=MappingProxyType(arrays),
            provenance=given_by,
            checksum="",
            budget_unit=budget_unit,
            partial=partial,
            dataset=dataset,
            metric=metric or Metric(),
            collection=collection,
            column_checksums=MappingProxyType(sums),
        )
        return replace(table, checksum=_table_checksum(table._header(), sums))

    def write(self, folder: str | Path) -> Path:
        """Write the table as a folder, all at once; returns the folder.

        Raises
        ------
        TableError
            If the folder cannot be written, or is there and holds something other than a table.
        """
        path = Path(folder)
        if (
            path.exists()
            and not (path / "table.json").exists()
            and (not path.is_dir() or any(path.iterdir()))
        ):
            raise TableError(f"{path} exists and is not a table; choose another folder")
        header = self._header()
        header["checksum"] = self.checksum
        header["columns"] = {
            key: {
                "dtype": array.dtype.str,
                "shape": list(array.shape),
                "sha256": self.column_checksums[key],
            }
            for key, array in self.columns.items()
        }
        try:
            with atomic_folder(path) as scratch:
                for key, array in self.columns.items():
                    save_array(scratch / f"{key}.npy", array)
                (scratch / "table.json").write_text(
                    json.dumps(header, indent=1) + "\n", encoding="utf-8"
                )
        except OSError as error:
            raise TableError(f"cannot write table {path}: {error.strerror or error}") from error
        return path

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "space": self.space.spec,
            "budgets": list(self.budgets),
            "budget_unit": self.budget_unit,
            "partial": self.partial,
            "dataset": self.dataset,
            "metric": asdict(self.metric),
            "collection": self.collection,
            "provenance": {**asdict(self.provenance), "notes": list(self.provenance.notes)},
        }

    @classmethod
    def open(
        cls, folder: str | Path, encoding: str | None = None, counting: Counting | None = None
    ) -> Self:
        """Map a table from disk; reads the header only, whatever the table's size.

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
            If the folder is no table, was made by a newer version, or a column is missing,
            truncated or of another shape. Changed bytes are found by `verify`.
        """
        path = Path(folder)
        try:
            header = json.loads((path / "table.json").read_text(encoding="utf-8"))
            columns = header.pop("columns")
            checksum = header.pop("checksum")
            version = header["format"]
        except FileNotFoundError:
            raise TableError(f"{path} is not a table: it has no table.json") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TableError(
                f"table {path} is damaged: table.json cannot be read ({error}); import it again"
            ) from error
        if version != FORMAT:
            raise TableError(
                f"table {path} has format {version}, this version of regretta reads {FORMAT};"
                " make it anew with `regretta table import`, `build` or `cut`, or Table.write"
            )
        try:
            sums = {key: str(spec["sha256"]) for key, spec in columns.items()}
            if _table_checksum(header, sums) != checksum:
                raise TableError("it was altered: table.json does not match its checksum")
            space = get_space(header["space"], encoding, counting)
            provenance = Provenance(
                **{**header["provenance"], "notes": tuple(header["provenance"]["notes"])}
            )
            metric = Metric(**header["metric"])
            budgets = check_budgets(header["budgets"])
            check_name(header["name"])
            for key, spec in columns.items():
                if key not in COLUMNS:
                    raise TableError(unknown("column", key, COLUMNS))
                check_shape(key, spec["shape"], space.n_cells, len(budgets))
        except (SpaceError, TableError) as error:
            raise TableError(f"table {path}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise TableError(
                f"table {path} is damaged: table.json lacks {error}; import it again"
            ) from error
        return cls(
            name=header["name"],
            space=space,
            budgets=budgets,
            columns=MappingProxyType({key: _map(path, key, spec) for key, spec in columns.items()}),
            provenance=provenance,
            checksum=checksum,
            budget_unit=header["budget_unit"],
            partial=header["partial"],
            dataset=header["dataset"],
            metric=metric,
            collection=header["collection"],
            column_checksums=MappingProxyType(sums),
        )

    def verify(self) -> None:
        """Recompute the checksum of every column and the invariants of the values.

        Raises
        ------
        TableError
            At the first column whose bytes or values are not as they were written.
        """
        for key, array in self.columns.items():
            if _column_checksum(array) != self.column_checksums[key]:
                raise TableError(
                    f"table {self.name!r} was altered: column {key} does not match its checksum;"
                    " import it again"
                )
        check_columns(self.columns, self.partial, self.name)

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

    # -- what is in it -----------------------------------------------------------------------

    @property
    def repeats(self) -> int:
        """Largest number of repeats of a training."""
        return int(self.columns["validation_accuracy"].shape[2])

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


def _column_checksum(array: NDArray[Any]) -> str:
    digest = sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _table_checksum(header: Mapping[str, Any], sums: Mapping[str, str]) -> str:
    return sha256(json.dumps([header, dict(sums)], sort_keys=True).encode()).hexdigest()


def _map(path: Path, key: str, spec: Mapping[str, Any]) -> NDArray[Any]:
    file = path / f"{key}.npy"
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        if (
            array.dtype.kind not in "fiu"
            or array.dtype.str != spec["dtype"]
            or list(array.shape) != spec["shape"]
        ):
            raise ValueError(
                f"shape {list(array.shape)} and dtype {array.dtype.str}, not {spec['shape']}"
                f" {spec['dtype']}"
            )
    except FileNotFoundError:
        raise TableError(
            f"table {path} is damaged: {file.name} is missing; import it again"
        ) from None
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise TableError(
            f"table {path} is damaged: {file.name} cannot be mapped ({error}); import it again"
        ) from error
    return np.asarray(array)  # a plain view: indexing a memmap object costs a microsecond more
