"""Regret as a right-continuous step function."""

from __future__ import annotations

import numpy as np

from regretta.harness.regret import final_regret, regret_matrix, steps_at
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
