"""Regret as a right-continuous step function, and ties that rounding must not break."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.harness.axis import regret_matrix
from regretta.harness.regret import TOLERANCE, at_most, final_regret, level_ties, steps_at
from regretta.harness.result import Reference, ResultError, RunResult
from tests.harness.test_result import RESULT


def test_a_step_holds_from_its_moment_on() -> None:
    time, value = np.array([2.0, 5.0]), np.array([0.3, 0.1])
    assert steps_at(time, value, [2.0, 4.999, 5.0, 99.0]).tolist() == [0.3, 0.3, 0.1, 0.1]


def test_before_the_first_evaluation_there_is_no_value() -> None:
    assert np.isnan(steps_at(np.array([2.0]), np.array([0.3]), [0.0, 1.999])).all()
    assert np.isnan(steps_at(np.array([]), np.array([]), [1.0])).all()


def test_of_several_incumbents_at_one_moment_the_last_counts() -> None:
    assert steps_at(np.array([2.0, 2.0]), np.array([0.3, 0.2]), [2.0]).tolist() == [0.2]


def test_the_matrix_has_a_row_a_run() -> None:
    when = [RESULT.trajectory.time[0] - 0.5, RESULT.elapsed]
    matrix = regret_matrix([RESULT, RESULT], when, "validation")
    assert matrix.shape == (2, 2)
    assert np.isnan(matrix[:, 0]).all()
    assert matrix[:, 1].tolist() == final_regret([RESULT, RESULT], "validation").tolist()


def ending_with(error: float, best: float) -> RunResult:
    """A run whose incumbents all have that validation error."""
    steps = RESULT.trajectory
    errors = np.full(len(steps), error)
    return replace(
        RESULT,
        trajectory=replace(steps, mean_validation_error=errors),
        reference=Reference(best, None),
    )


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_best_cell_has_regret_zero_however_its_mean_was_summed(kind: type) -> None:
    accuracy = np.array([0.905, 0.906, 0.908], dtype=kind)
    means = {float(np.mean(np.array(order), dtype=np.float64)) for order in permutations(accuracy)}
    for one in means:
        for other in means:
            assert (ending_with(1 - one, 1 - other).regret("validation") == 0).all()


def test_a_round_target_is_reached() -> None:
    # 0.9 - 0.895 is 0.005000000000000004 in double precision and 0.00499999523 in single
    for kind in (np.float64, np.float32):
        regret = ending_with(1 - float(kind(0.895)), 1 - float(kind(0.9))).regret("validation")
        assert at_most(regret, 0.005).all()


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_every_target_in_images_is_reached_and_none_an_image_below(best: int, more: int) -> None:
    worse = min(best + more, 10_000)
    for kind in (np.float64, np.float32):
        error, lowest = (1 - float(kind(1 - images / 10_000)) for images in (worse, best))
        regret = ending_with(error, lowest).regret("validation")
        assert at_most(regret, (worse - best) / 10_000).all()
        if worse > best:
            assert not at_most(regret, (worse - best - 1 / 3) / 10_000).any()


def test_missing_is_never_at_most_anything() -> None:
    assert at_most([np.nan, np.inf, 0.1], 1e9).tolist() == [False, False, True]


def test_the_value_of_an_incumbent_that_was_never_measured_is_refused() -> None:
    with pytest.raises(ResultError, match="no validation error of cell"):
        ending_with(np.nan, 0.1).regret("validation")


def test_ties_are_levelled_over_all_samples() -> None:
    one, two = level_ties([0.1, 0.3 + 6e-8], [[0.3, 0.1 + 1e-16, 0.2]])
    assert one.tolist() == [0.1, 0.3]
    assert two.tolist() == [[0.3, 0.1, 0.2]]


def test_what_is_missing_or_infinite_stays_so() -> None:
    (found,) = level_ties([np.nan, np.inf, 0.5, np.inf, -np.inf])
    assert np.isnan(found[0])
    assert found[1:].tolist() == [np.inf, 0.5, np.inf, -np.inf]
    assert level_ties([], [0.5])[0].shape == (0,)
    assert level_ties() == []


def test_a_chain_of_close_values_is_not_one_tie() -> None:
    # steps of 0.4 of the tolerance: groups of three, at 0, 1.2 and 2.4 of it
    chain = 0.4 * TOLERANCE * np.arange(9)
    (found,) = level_ties(chain)
    np.testing.assert_allclose(found / TOLERANCE, np.repeat([0, 1.2, 2.4], 3), atol=1e-9)


@given(
    st.lists(st.integers(0, 29_952), min_size=2, max_size=30),
    st.lists(st.floats(-1, 1), min_size=30, max_size=30),
)
def test_rounding_noise_never_makes_or_breaks_a_tie(images: list[int], noise: list[float]) -> None:
    # sums over three repeats of 9,984 images, each off by as much as single precision can be
    exact = np.array(images)
    noisy = exact / 29_952 + 6e-8 * np.array(noise[: len(images)])
    (found,) = level_ties(noisy)
    assert np.array_equal(found[:, None] == found[None, :], exact[:, None] == exact[None, :])
    assert np.abs(found - noisy).max() <= TOLERANCE


@given(st.lists(st.floats(0, 1e-4), min_size=1, max_size=40))
def test_levelling_keeps_the_order_and_moves_nothing_far(values: list[float]) -> None:
    (found,) = level_ties(values)
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert np.abs(found - values).max() <= TOLERANCE * (1 + 1e-9)
    assert level_ties(found)[0].tolist() == found.tolist()
