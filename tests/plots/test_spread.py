"""A statistic over runs at each moment, and its band."""

from __future__ import annotations

import numpy as np
import pytest

from regretta.plots.spread import band_name, interval, spread
from regretta.plots.statistics import StatisticsError

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


def test_bootstrap_of_two_runs_has_the_three_possible_means() -> None:
    found = interval([0.0, 1.0])  # means 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4
    assert (found.estimate, found.low, found.high, found.runs) == (0.5, 0.0, 1.0, 2)


def test_bootstrap_interval_of_a_normal_sample_is_near_the_textbook_one() -> None:
    sample = np.random.default_rng(1).normal(size=400)
    found = interval(sample)
    half = 1.96 * sample.std() / 20
    assert found.low == pytest.approx(sample.mean() - half, abs=0.01)
    assert found.high == pytest.approx(sample.mean() + half, abs=0.01)
    assert found == interval(sample)


def test_one_run_has_no_interval() -> None:
    found = interval([0.25])
    assert found.runs == 1
    assert found.estimate == 0.25
    assert np.isnan(found.low)
    with pytest.raises(StatisticsError, match="finite"):
        interval([0.1, np.nan])


@pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
def test_a_table_and_the_end_of_a_curve_have_one_interval(statistic: str) -> None:
    """The curve's other moments change nothing."""
    runs = np.random.default_rng(3).gamma(1.0, size=(40, 7))
    found = interval(runs[:, -1], statistic)
    ends = [part[-1] for part in spread(runs, statistic, "ci")]
    assert [found.estimate, found.low, found.high] == pytest.approx(ends, rel=1e-12)


@pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
@pytest.mark.parametrize("band", ["iqr", "sd", "ci"])
def test_thousands_of_runs_at_many_moments_are_as_each_moment_alone(
    statistic: str, band: str
) -> None:
    runs = np.random.default_rng(4).gamma(1.0, size=(3000, 101))
    together = spread(runs, statistic, band, resamples=100)
    for moment in (0, 43, 44, 100):
        alone = spread(runs[:, [moment]], statistic, band, resamples=100)
        assert [part[moment] for part in together] == pytest.approx(np.ravel(alone), rel=1e-12)
