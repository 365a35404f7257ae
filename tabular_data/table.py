"""A table: immutable, memory-mapped columns of what was measured, cell × budget × repeat."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.benchmark import (
    Benchmark,
    BenchmarkError,
    Judged,
    Observed,
    Observer,
    Provenance,
    Reference,
    Rule,
)
from regretta.tabular_data.spaces import Configurations, Counting, Space, SpaceError, get_space
from regretta.tabular_data.storage import atomic_folder, save_array

FORMAT = 1
"""Version of the format on disk: one folder with ``table.json`` and a ``.npy`` file a column."""

COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "validation_accuracy": ("cell", "budget", "repeat"),
        "training_seconds": ("cell", "budget", "repeat"),
        "test_accuracy": ("cell", "budget", "repeat"),
        "train_accuracy": ("cell", "budget", "repeat"),
        "mean_test_accuracy": ("cell", "budget"),
        "evaluation_seconds": ("cell",),
        "halfway_validation_accuracy": ("cell", "budget", "repeat"),
        "halfway_test_accuracy": ("cell", "budget", "repeat"),
        "halfway_train_accuracy": ("cell", "budget", "repeat"),
        "halfway_training_seconds": ("cell", "budget", "repeat"),
        "validation_curve": ("cell", "epoch", "repeat"),
        "test_curve": ("cell", "epoch", "repeat"),
        "train_curve": ("cell", "epoch", "repeat"),
        "parameters": ("cell",),
        "flops": ("cell",),
        "latency_seconds": ("cell",),
    }
)
"""Every column a table may have, with its axes. Accuracies are fractions, times are seconds.

``mean_test_accuracy`` is for sources that publish the mean over repeats but not each repeat;
``evaluation_seconds`` is one pass over the validation set; curves hold the accuracy after every
epoch of the run of the largest budget.
"""

_REQUIRED = ("validation_accuracy", "training_seconds")


class TableError(BenchmarkError):
    """A table that cannot be made or opened as asked; the message says what and where."""


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
            Whether a cell without any repeat is allowed; a search then meets it as invalid.
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
        _check_name(name)
        levels = _check_budgets(budgets)
        arrays = {
            key: _shaped(key, value, space.n_cells, len(levels))
            for key, value in given.items()
            if value is not None
        }
        _check_columns(arrays, partial, name)
        for array in arrays.values():
            array.flags.writeable = False
        sums = {key: _column_checksum(array) for key, array in arrays.items()}
        header = _header(name, space.spec, levels, budget_unit, partial, provenance or Provenance())
        return cls(
            name=name,
            space=space,
            budgets=levels,
            columns=MappingProxyType(arrays),
            provenance=provenance or Provenance(),
            checksum=_table_checksum(header, sums),
            budget_unit=budget_unit,
            partial=partial,
            column_checksums=MappingProxyType(sums),
        )

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
        header = _header(
            self.name,
            self.space.spec,
            self.budgets,
            self.budget_unit,
            self.partial,
            self.provenance,
        )
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
                " import it again"
            )
        try:
            sums = {key: str(spec["sha256"]) for key, spec in columns.items()}
            if _table_checksum(header, sums) != checksum:
                raise TableError(
                    f"table {path} was altered: table.json does not match its checksum; import it"
                    " again"
                )
            space = get_space(header["space"], encoding, counting)
            provenance = Provenance(
                **{**header["provenance"], "notes": tuple(header["provenance"]["notes"])}
            )
        except SpaceError as error:
            raise TableError(f"table {path}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, TableError):
                raise
            raise TableError(
                f"table {path} is damaged: table.json lacks {error}; import it again"
            ) from error
        return cls(
            name=header["name"],
            space=space,
            budgets=tuple(header["budgets"]),
            columns=MappingProxyType({key: _map(path, key, spec) for key, spec in columns.items()}),
            provenance=provenance,
            checksum=checksum,
            budget_unit=header["budget_unit"],
            partial=header["partial"],
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
        _check_columns(self.columns, self.partial, self.name)

    # -- what a search and its judge ask ---------------------------------------------------------

    numbered: ClassVar[bool] = True

    def observer(self, rule: Rule) -> Observer:
        from regretta.tabular_data.lookup import Lookup

        return Lookup(self, rule)

    def observe(
        self, configurations: Configurations, budget: float, draws: NDArray[np.float64]
    ) -> Observed:
        level = self.budget_index(budget)
        answers = self.observer(Rule()).answer(configurations, level, draws.tolist())
        return Observed(answers.errors, answers.costs, np.array(answers.rows) >= 0)

    def judge(self, configurations: Configurations, budget: float) -> Judged:
        rows = self.space.rows(self.space.check(configurations))
        level = self.budget_index(budget)
        test = self.mean_test_error
        return Judged(
            self.mean_validation_error[rows, level], None if test is None else test[rows, level]
        )

    def best(self, budget: float) -> Reference:
        level = self.budget_index(budget)
        if level not in self._best:
            test = self.mean_test_error
            self._best[level] = Reference(
                validation_error=float(np.nanmin(self.mean_validation_error[:, level])),
                test_error=None if test is None else float(np.nanmin(test[:, level])),
            )
        return self._best[level]

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
    def available(self) -> NDArray[np.uint8]:
        """Number of measured repeats: shape ``[cells, budgets]``."""
        measured: NDArray[np.uint8] = (~np.isnan(self.columns["validation_accuracy"])).sum(
            axis=2, dtype=np.uint8
        )
        return measured

    @cached_property
    def repeat_order(self) -> NDArray[np.uint8] | None:
        """k-th measured repeat of each cell and budget: shape ``[cells, budgets, repeats]``.

        None where the k-th measured repeat is repeat k everywhere, as it mostly is.
        """
        missing = np.isnan(self.columns["validation_accuracy"])
        if not (missing[..., :-1] & ~missing[..., 1:]).any():
            return None
        return np.argsort(missing, axis=2, kind="stable").astype(np.uint8)

    @cached_property
    def mean_validation_error(self) -> NDArray[np.float64]:
        """1 − mean validation accuracy over the measured repeats: shape ``[cells, budgets]``; NaN where none."""
        return 1.0 - _mean(self.columns["validation_accuracy"])

    @cached_property
    def mean_test_error(self) -> NDArray[np.float64] | None:
        """1 − mean test accuracy over the measured repeats: shape ``[cells, budgets]``; None without test data."""
        if "mean_test_accuracy" in self.columns:
            return 1.0 - self.columns["mean_test_accuracy"].astype(np.float64)
        if "test_accuracy" in self.columns:
            return 1.0 - _mean(self.columns["test_accuracy"])
        return None

    @cached_property
    def best_mean_validation_error(self) -> float:
        """Lowest mean validation error of any cell at the largest budget: what validation regret is taken from."""
        return float(np.nanmin(self.mean_validation_error[:, -1]))

    @cached_property
    def best_mean_test_error(self) -> float | None:
        """Lowest mean test error of any cell at the largest budget: what test regret is taken from."""
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


def _header(
    name: str,
    space: str | dict[str, Any],
    budgets: tuple[float, ...],
    unit: str,
    partial: bool,
    provenance: Provenance,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": name,
        "space": space,
        "budgets": list(budgets),
        "budget_unit": unit,
        "partial": partial,
        "provenance": {**asdict(provenance), "notes": list(provenance.notes)},
    }


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
        if array.dtype.str != spec["dtype"] or list(array.shape) != spec["shape"]:
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


def _check_name(name: str) -> None:
    if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
        raise TableError(f"a table's name has letters, digits, '-', '_' and '.' only, got {name!r}")


def _check_budgets(budgets: Sequence[float]) -> tuple[float, ...]:
    levels = tuple(float(budget) for budget in budgets)
    if (
        not levels
        or any(not np.isfinite(b) or b <= 0 for b in levels)
        or list(levels) != sorted(set(levels))
    ):
        raise TableError(f"budgets must be positive and ascending, got {list(levels)}")
    return levels


def _shaped(key: str, value: ArrayLike, cells: int, budgets: int) -> NDArray[Any]:
    """The column as a contiguous float (or integer) array with all of its axes."""
    if key not in COLUMNS:
        from regretta.tabular_data.names import unknown

        raise TableError(unknown("column", key, COLUMNS))
    axes = COLUMNS[key]
    array = np.array(value, order="C")
    if array.dtype.kind not in "fiu":
        raise TableError(f"column {key} must hold numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(np.float32)
    if len(axes) > 1 and array.dtype.kind != "f":
        array = array.astype(np.float64)
    while array.ndim < len(axes):
        array = array[..., None]
    sizes = {"cell": cells, "budget": budgets}
    for axis, name in enumerate(axes):
        if (
            array.ndim != len(axes)
            or array.shape[axis] != sizes.get(name, array.shape[axis])
            or 0 in array.shape
        ):
            expected = ", ".join(str(sizes.get(a, a + "s")) for a in axes)
            raise TableError(
                f"column {key} must have shape [{expected}] ({' x '.join(axes)}), got"
                f" {list(array.shape)}"
            )
    return array


def _check_columns(columns: Mapping[str, NDArray[Any]], partial: bool, table: str) -> None:
    for key, array in columns.items():
        if key.endswith(("accuracy", "curve")):
            _refuse(
                ~((array >= 0) & (array <= 1)) & ~np.isnan(array),
                key,
                array,
                "an accuracy is a fraction from 0 to 1",
            )
        elif key.endswith("seconds"):
            _refuse(
                ~((array > 0) & (array < np.inf)) & ~np.isnan(array),
                key,
                array,
                "seconds are above zero and finite",
            )
    accuracy, seconds = (columns[key] for key in _REQUIRED)
    if accuracy.shape != seconds.shape:
        raise TableError(
            f"columns validation_accuracy and training_seconds differ in shape: {accuracy.shape}"
            f" and {seconds.shape}"
        )
    missing = np.isnan(accuracy)
    _refuse(
        missing != np.isnan(seconds),
        "training_seconds",
        seconds,
        "a repeat needs both accuracy and time, or neither",
    )
    if "test_accuracy" in columns:
        test = columns["test_accuracy"]
        if test.shape != accuracy.shape:
            raise TableError(
                f"columns validation_accuracy and test_accuracy differ in shape: {accuracy.shape}"
                f" and {test.shape}"
            )
    if not partial:
        absent = missing.all(axis=2)
        _refuse(
            absent.all(axis=1),
            "validation_accuracy",
            accuracy,
            "a cell has no measurement at all (pass partial=True to allow)",
        )
    if missing[..., -1, :].all():
        raise TableError(f"table {table!r} has no measurement at its largest budget")


def _refuse(bad: NDArray[np.bool_], key: str, array: NDArray[Any], rule: str) -> None:
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        value = array[where]
        shown = f"{value:g}" if np.ndim(value) == 0 else "no repeat"
        raise TableError(
            f"column {key}, row {where[0]}{list(where[1:]) or ''}: {rule}, got {shown}"
        )
