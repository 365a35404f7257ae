"""A statistic over runs at each moment, and its band."""

from __future__ import annotations

import numpy as np
import pytest

from regretta.plots.spread import band_name, spread

EIGHT = np.array([[1.0], [2], [3], [4], [5], [6], [7], [80]])


def test_the_median_s_interval_lies_between_order_statistics() -> None:
    """Of eight values the range covers 1 - 2 / 256, from the second on 1 - 18 / 256 < 95 %."""
    value, low, high = spread(EIGHT, "median", "ci")
    assert (value[0], low[0], high[0]) == (4.5, 1, 80)
    # Of nine, the second and the eighth: 1 - 2 * 10 / 512 = 96 %.
    value, low, high = spread(np.arange(9.0)[:, None], "median", "ci")
    assert (value[0], low[0], high[0]) == (4, 1, 7)


def test_the_interquartile_mean_ignores_the_ends_and_its_interval_knows_that() -> None:
    """Winsorized: 3 3 3 4 5 6 6 6 with squared deviations 3 * 2.25 * 2 + .25 * 2 = 14; four are
    kept: sqrt(14 / 12) times t(3), 3.182."""
    value, low, high = spread(EIGHT, "iqm", "ci")
    assert value[0] == 4.5
    assert high[0] - value[0] == pytest.approx(np.sqrt(14 / 12) * 3.18245, rel=1e-5)
    assert value[0] - low[0] == pytest.approx(high[0] - value[0])


def test_a_standard_deviation_is_one_to_either_side() -> None:
    value, low, high = spread(np.array([[1.0], [3.0]]), "mean", "sd")
    assert (value[0], low[0], high[0]) == pytest.approx((2, 2 - np.sqrt(2), 2 + np.sqrt(2)))


@pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
@pytest.mark.parametrize("band", ["ci", "iqr", "sd"])
@pytest.mark.parametrize("runs", [1, 2, 3, 5, 60])
def test_every_statistic_has_every_band_of_any_number_of_runs(
    statistic: str, band: str, runs: int
) -> None:
    values = np.random.default_rng(0).gamma(2, size=(runs, 4))
    value, low, high = spread(values, statistic, band)
    assert value.shape == low.shape == high.shape == (4,)
    assert np.isfinite([value, low, high]).all()
    assert (low <= high).all()
    assert band_name(statistic, band)
