"""Each protocol's rules, as its source has them, in cases worked by hand."""

from __future__ import annotations

import pickle
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from regretta.harness.protocol import Protocol, ProtocolError
from regretta.harness.protocols import PROTOCOLS, get_protocol
from regretta.harness.result import RunResult
from regretta.harness.run import Run, run
from regretta.optimizers.base import Optimizer, Proposal
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.spaces import GridSpace, NasBench101, NasBench201
from regretta.tabular_data.table import Table
from tests.harness.scripted import scripted

EDGES = ((0, 1), (0, 2), (0, 6), (1, 3), (2, 3), (3, 6), (0, 4), (1, 4), (2, 4), (3, 4))
"""Ten edges, four of which lead to vertex 4 that leads nowhere: six after pruning."""


def ten_edges(space: NasBench101) -> np.ndarray:
    matrix = np.zeros((7, 7), dtype=np.int8)
    for edge in EDGES:
        matrix[edge] = 1
    operations = np.zeros(5, dtype=np.int8)
    return np.concatenate([matrix[np.triu_indices(7, 1)], operations]).astype(space.dtype)


def three_edges(space: NasBench101) -> np.ndarray:
    matrix = np.zeros((7, 7), dtype=np.int8)
    matrix[0, 1] = matrix[1, 6] = matrix[0, 6] = 1
    return np.concatenate([matrix[np.triu_indices(7, 1)], np.zeros(5)]).astype(space.dtype)


def table101(protocol: Protocol) -> Table:
    """All cells alike: repeat r of budget b has error 0.1·(r + 1) + 1/b and takes 10·b + r s."""
    space = NasBench101(7, "A", protocol.counting or "before")
    budgets = np.array([4.0, 12.0, 36.0, 108.0])
    repeat = np.arange(3)
    error = 0.1 * (repeat + 1) + 1 / budgets[:, None]
    seconds = 10 * budgets[:, None] + repeat
    shape = (space.n_cells, 4, 3)
    return Table.from_arrays(
        "all-alike",
        space,
        budgets.tolist(),
        validation_accuracy=np.broadcast_to((1 - error).astype(np.float32), shape),
        test_accuracy=np.broadcast_to((1 - error - 0.05).astype(np.float32), shape),
        training_seconds=np.broadcast_to(seconds.astype(np.float32), shape),
    )


@pytest.fixture(scope="module")
def paper() -> Table:
    return table101(get_protocol("nb101-paper"))


@pytest.fixture(scope="module")
def notebook() -> Table:
    return table101(get_protocol("nb101-colab"))


def go(table: Table, protocol: str, *script: Any, limit: float = 1e6, **changes: Any) -> RunResult:
    rules = replace(get_protocol(protocol), **changes)
    optimizer: type[Optimizer] = scripted(*script)
    settings = optimizer.make_settings()
    return run(Run(table, table, rules, optimizer, settings, "label", 0, 0, limit))


def test_every_protocol_states_the_rules_of_its_source() -> None:
    for protocol in PROTOCOLS.values():
        assert all(asdict(protocol.rules).values())
        assert pickle.loads(pickle.dumps(protocol)) == protocol
        assert protocol.name == "default" or protocol.source


# -- NAS-Bench-101's comparison -----------------------------------------------------------------


def test_the_comparison_counts_edges_before_pruning(paper: Table) -> None:
    space = paper.space
    assert isinstance(space, NasBench101)
    result = go(paper, "nb101-paper", ten_edges(space), three_edges(space))
    assert (result.proposals, result.evaluations) == (2, 1)
    assert result.elapsed in (1080.0, 1081.0, 1082.0)


def test_the_comparison_shows_one_repeat_and_reports_the_mean_at_108_epochs(paper: Table) -> None:
    """At 4 epochs repeat r shows 0.1·(r + 1) + 0.25 and costs 40 + r.

    The mean test error at 108 is 0.25 + 1/108.
    """
    assert isinstance(paper.space, NasBench101)
    cheap = Proposal(three_edges(paper.space)[None], 4)
    result = go(paper, "nb101-paper", cheap)
    repeat = round(result.elapsed - 40)
    assert repeat in (0, 1, 2)
    steps = result.trajectory
    assert steps.validation_error == pytest.approx([0.1 * (repeat + 1) + 0.25], abs=1e-6)
    assert steps.test_error == pytest.approx([0.25 + 1 / 108], abs=1e-6)


def test_the_comparison_mixes_budgets_in_the_incumbent_and_takes_strict_improvements_only(
    paper: Table,
) -> None:
    """The same repeat of equal cells again is no improvement.

    The lowest of three repeats is 0.1 + 1/108.
    """
    assert isinstance(paper.space, NasBench101)
    cell = three_edges(paper.space)[None]
    result = go(paper, "nb101-paper", *[Proposal(cell, b) for b in (108, 4) for _ in range(30)])
    errors = result.trajectory.validation_error
    assert (np.diff(errors) < 0).all()
    assert errors[-1] == pytest.approx(0.1 + 1 / 108, abs=1e-6)
    assert len(errors) <= 3
    assert set(result.trajectory.budget.tolist()) == {108.0}


def test_the_comparison_counts_what_finishes_within_the_limit(paper: Table) -> None:
    assert isinstance(paper.space, NasBench101)
    result = go(paper, "nb101-paper", *[three_edges(paper.space)] * 5, limit=2000.0)
    assert result.evaluations == 1


# -- NAS-Bench-101's notebook -------------------------------------------------------------------


def test_the_notebook_counts_edges_after_pruning(notebook: Table) -> None:
    space = notebook.space
    assert isinstance(space, NasBench101)
    result = go(notebook, "nb101-colab", ten_edges(space))
    assert (result.proposals, result.evaluations) == (1, 1)


def test_the_notebook_counts_the_query_that_crosses_the_limit(notebook: Table) -> None:
    assert isinstance(notebook.space, NasBench101)
    result = go(notebook, "nb101-colab", *[three_edges(notebook.space)] * 5, limit=2000.0)
    assert result.evaluations == 2
    assert result.elapsed > 2000


def test_the_notebook_reports_the_test_error_of_the_same_run(notebook: Table) -> None:
    """Repeat r has validation error 0.1·(r + 1) + 1/108 and a test error 0.05 above it."""
    assert isinstance(notebook.space, NasBench101)
    steps = go(notebook, "nb101-colab", three_edges(notebook.space)).trajectory
    assert steps.test_error == pytest.approx(steps.validation_error + 0.05, abs=1e-6)


def test_what_a_search_draws_again_counts_as_proposed(notebook: Table) -> None:
    """Under the notebook's rule about 74 % of uniform samples are valid, under the comparison's 27
    %.
    """
    for name, preset in (("random_search", "colab"), ("reinforce", None)):
        optimizer = get_optimizer(name)
        settings = optimizer.make_settings(
            preset, {"learning_rate": 1e-9} if preset is None else {}
        )
        protocol = get_protocol("nb101-colab")
        spec = Run(notebook, notebook, protocol, optimizer, settings, "label", 0, 0, 3e6)
        result = run(spec)
        assert result.evaluations > 2000
        # What random search has drawn ahead counts as well, up to one batch of 512.
        share = result.evaluations / (result.proposals - (256 if preset else 0))
        assert share == pytest.approx(0.738, abs=0.05)


# -- NAS-Bench-201 ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table201() -> Table:
    """All cells alike: errors 0.5 at 12 epochs and 0.1 at 200.

    60 s for 12 epochs, 5 s an evaluation.
    """
    space = NasBench201()
    accuracy = np.broadcast_to(np.array([0.5, 0.9])[None, :, None], (space.n_cells, 2, 2))
    return Table.from_arrays(
        "nb201-cifar10",
        space,
        (12, 200),
        validation_accuracy=accuracy,
        test_accuracy=accuracy - 0.1,
        training_seconds=np.broadcast_to([[60.0], [1000.0]], accuracy.shape),
        evaluation_seconds=np.full(space.n_cells, 5.0),
    )


def test_table_5_trains_12_epochs_whatever_budget_is_asked_and_charges_an_evaluation(
    table201: Table,
) -> None:
    cell = np.zeros((1, 6), dtype=np.int8)
    budgets = get_protocol("nb201-iclr2020").budgets
    result = go(table201, "nb201-iclr2020", *[Proposal(cell, budget) for budget in budgets])
    assert result.elapsed == 3 * 65.0
    steps = result.trajectory
    # Only the query at the largest budget makes an incumbent, the third.
    assert (steps.time.tolist(), steps.validation_error.tolist()) == ([195.0], [0.5])
    assert steps.test_error == pytest.approx([0.2])


def test_table_5_counts_what_finishes_within_the_limit(table201: Table) -> None:
    """Upstream's evolution may pick the query that crosses 12,000 s.

    Here 184 queries of 65 s count.
    """
    cell = np.zeros(6, dtype=np.int8)
    assert go(table201, "nb201-iclr2020", *[cell] * 300, limit=12_000.0).evaluations == 184


def test_nats_bench_charges_training_and_evaluation_and_reports_200_epochs(table201: Table) -> None:
    result = go(table201, "nats-2021", np.zeros(6, dtype=np.int8))
    assert result.elapsed == 65.0
    assert result.trajectory.validation_error.tolist() == [0.5]
    assert result.trajectory.test_error == pytest.approx([0.2])


# -- no search runs into a gap ------------------------------------------------------------------


def gapped(**columns: Any) -> Table:
    accuracy = np.full((3, 2, 2), 0.5)
    given = {"validation_accuracy": accuracy, "training_seconds": accuracy * 4, **columns}
    space = GridSpace({"x": ["a", "b", "c"]})
    return Table.from_arrays("gapped", space, (1, 9), partial=True, **given)


def test_a_cell_that_the_judge_lacks_is_refused_before_the_first_run() -> None:
    accuracy = np.full((3, 2, 2), 0.5)
    accuracy[1] = np.nan
    judge = gapped(validation_accuracy=accuracy, training_seconds=accuracy * 4)
    with pytest.raises(
        ProtocolError, match=r"measurement at budget 9 of gapped for 1 cells.* row 1 \(x=b\)"
    ):
        get_protocol("default").check(judge, gapped())
    get_protocol("default").check(gapped(), judge)


def test_a_cell_that_was_not_measured_at_all_is_invalid_and_no_gap() -> None:
    accuracy = np.full((3, 2, 2), 0.5)
    accuracy[1] = np.nan
    get_protocol("default").check(
        gapped(validation_accuracy=accuracy, training_seconds=accuracy * 4)
    )


def test_a_repeat_that_was_not_measured_is_no_gap() -> None:
    accuracy = np.full((3, 2, 2), 0.5)
    accuracy[:, :, 1] = np.nan
    get_protocol("default").check(
        gapped(validation_accuracy=accuracy, training_seconds=accuracy * 4)
    )
