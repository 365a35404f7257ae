"""Tables and results as data frames of pandas, which is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.errors import UserError

if TYPE_CHECKING:
    import pandas

    from regretta.tabular_data.table import Table

_OF_REPEATS = {
    "validation": "validation_accuracy",
    "test": "test_accuracy",
    "train": "train_accuracy",
    "seconds": "training_seconds",
}
_OF_CELLS = ("parameters", "flops", "latency_seconds", "evaluation_seconds")


def make_frame(columns: Mapping[str, Any]) -> pandas.DataFrame:
    """A data frame of columns by name.

    Raises
    ------
    UserError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise UserError(
            "data frames need pandas, which is not installed: pip install 'regretta[frames]'"
        ) from None
    return pandas.DataFrame(dict(columns))


def table_frame(
    table: Table, rows: ArrayLike | None = None, budget: float | None = None
) -> pandas.DataFrame:
    """The table as a tidy data frame: a line a measured repeat.

    Parameters
    ----------
    rows
        Cells to have, all where None.
    budget
        One of the table's budgets, all where None.

    Returns
    -------
    pandas.DataFrame
        ``row``; ``index`` where cells have official ones; ``budget``, ``repeat``; ``validation``,
        ``test``, ``train`` (in the table's metric) and ``seconds``, NaN where one was not measured;
        ``mean_test`` where the mean over repeats is what was published; ``parameters``, ``flops``,
        ``latency_seconds``, ``evaluation_seconds``; ``reconstruction``, true, where numbers are
        modelled. Columns that the table lacks are left out.
        ``attrs`` holds the table's name, dataset, metric, source, licence and reconstruction.

    Raises
    ------
    UserError
        If pandas is not installed, or there is no such row or budget.
    """
    which = np.arange(table.n_cells) if rows is None else table.space.check_rows(rows)
    levels = range(len(table.budgets)) if budget is None else [table.budget_index(budget)]
    kept = {
        name: table.columns[key][which][:, levels]
        for name, key in _OF_REPEATS.items()
        if key in table.columns
    }
    there = np.logical_or.reduce([~np.isnan(values) for values in kept.values()])
    cell, level, repeat = np.nonzero(there)
    columns: dict[str, NDArray[Any]] = {"row": which[cell]}
    if (indices := table.space.official_indices(which)) is not None:
        columns["index"] = indices[cell]
    columns["budget"] = np.array(table.budgets)[levels][level]
    columns["repeat"] = repeat
    for name, values in kept.items():
        columns[name] = _in_metric(table, name, values[there])
    if "mean_test_accuracy" in table.columns:
        mean = table.columns["mean_test_accuracy"][which][:, levels][cell, level]
        columns["mean_test"] = _in_metric(table, "mean_test", mean)
    for name in _OF_CELLS:
        if name in table.columns:
            columns[name] = table.columns[name][which][cell]
    if table.provenance.reconstruction:
        columns["reconstruction"] = np.ones(len(cell), dtype=bool)
    frame = make_frame(columns)
    frame.attrs = {
        "table": table.name,
        "dataset": table.dataset,
        "metric": table.metric.name,
        "source": table.provenance.source,
        "licence": table.provenance.licence,
        "reconstruction": table.provenance.reconstruction,
    }
    return frame


def _in_metric(table: Table, name: str, values: NDArray[Any]) -> NDArray[Any]:
    plain = name == "seconds" or table.metric.higher_is_better
    return values if plain else 1 - values
