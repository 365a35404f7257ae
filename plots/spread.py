"""A statistic of runs at many moments at once, and the band around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from regretta.plots.statistics import Interval, StatisticsError, interquartile_mean

Floats = NDArray[np.float64]

STATISTICS: Mapping[str, str] = {
    "mean": "mean",
    "median": "median",
    "iqm": "interquartile mean",
}
"""What a curve may show of the runs."""

BANDS: Mapping[str, str] = {
    "ci": "95 % interval",
    "iqr": "interquartile range over runs",
    "sd": "one standard deviation over runs",
}
"""What the band around a curve may be."""

RESAMPLES = 2000
"""Of every bootstrap of a mean, unless asked otherwise."""

_INTERVALS = {
    "mean": "95 % bootstrap interval of the mean",
    "median": "95 % interval of the median (order statistics)",
    "iqm": "95 % interval of the interquartile mean (Tukey and McLaughlin)",
}


def band_name(statistic: str, band: str) -> str:
    """What a band is and how it was found, as a caption says it."""
    return _INTERVALS[statistic] if band == "ci" else BANDS[band]


def spread(
    values: Floats, statistic: str, band: str, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    """A statistic over runs at each moment, and its band.

    Parameters
    ----------
    values
        Shape ``[runs, k]``, at least one run, none missing.
    statistic
        A key of `STATISTICS`.
    band
        A key of `BANDS`. ``"ci"`` is a 95 % interval: of a mean by the percentile bootstrap (Efron
        and Tibshirani 1993, ch. 13); of a
        median between order statistics, exact whatever the distribution (Hahn and Meeker 1991,
        section 5.2), the whole range of fewer than six runs, which are too few for 95 %; of an
        interquartile mean by Tukey and McLaughlin's t interval (1963) with the standard error of
        the winsorized runs. ``"sd"`` is a standard deviation (n − 1) to either side.
    resamples, seed
        Size and seed of the bootstrap.

    Returns
    -------
    value, low, high
        Each of shape ``[k]``; of a single run all three are its values.
    """
    moments, bootstrap = values.shape[1], (statistic, band) == ("mean", "ci")
    # A bootstrap would draw anew for each part.
    if moments > 1 and values.size > _MOST_AT_ONCE and not bootstrap:
        parts = min(values.size // _MOST_AT_ONCE + 1, moments)
        found = [spread(part, statistic, band) for part in np.array_split(values, parts, axis=1)]
        value, low, high = (np.concatenate(columns) for columns in zip(*found, strict=True))
        return value, low, high
    value = _value(values, statistic)
    if len(values) == 1:
        return value, value, value
    if band == "iqr":
        low, high = np.quantile(values, [0.25, 0.75], axis=0)
    elif band == "sd":
        deviation = values.std(axis=0, ddof=1)
        low, high = value - deviation, value + deviation
    elif statistic == "mean":
        low, high = np.quantile(_resampled(values, resamples, seed), [0.025, 0.975], axis=0)
    elif statistic == "median":
        low, high = _of_median(values)
    else:
        reach = _of_interquartile_mean(values)
        low, high = value - reach, value + reach
    return value, low, high


def interval(values: ArrayLike, statistic: str = "mean") -> Interval:
    """A statistic of runs with the 95 % interval that the end of a curve of it has.

    Parameters
    ----------
    values
        One a run: shape ``[runs]``.
    statistic
        A key of `STATISTICS`.

    Raises
    ------
    StatisticsError
        If there is no value, or one is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 0 or not np.isfinite(sample).all():
        raise StatisticsError(
            f"an interval needs finite values, got {len(sample)} of which some are missing"
        )
    value, low, high = (float(part[0]) for part in spread(sample[:, None], statistic, "ci"))
    if len(sample) == 1:
        return Interval(value, np.nan, np.nan, 1)
    return Interval(value, low, high, len(sample))


_MOST_AT_ONCE = 1 << 17
"""Values of which quantiles are found at once: each takes copies of them all."""


def _value(values: Floats, statistic: str) -> Floats:
    if statistic == "median":
        return np.asarray(np.median(values, axis=0))
    return interquartile_mean(values, axis=0) if statistic == "iqm" else values.mean(axis=0)


def _of_median(values: Floats) -> tuple[Floats, Floats]:
    ranked, n = np.sort(values, axis=0), len(values)
    rank = max(int(stats.binom.ppf(0.025, n, 0.5)), 1)
    return ranked[rank - 1], ranked[n - rank]


def _of_interquartile_mean(values: Floats) -> Floats:
    """What the interval reaches to either side."""
    ranked, n = np.sort(values, axis=0), len(values)
    cut = n // 4
    kept = n - 2 * cut
    winsorized = np.clip(ranked, ranked[cut], ranked[n - 1 - cut])
    error = winsorized.std(axis=0, ddof=1) * np.sqrt((n - 1) / (kept * (kept - 1)))
    return np.asarray(stats.t.ppf(0.975, kept - 1) * error)


_MOST_KEPT = 20_000_000
"""Numbers of a bootstrap's draws, mostly a byte each, up to which they are kept for the next one of
as many runs."""


def _resampled(values: Floats, resamples: int, seed: int) -> Floats:
    """Means over runs drawn with replacement: shapes ``[runs, k]`` to ``[resamples, k]``."""
    count = len(values)
    draws = (_kept_draws if resamples * count <= _MOST_KEPT else _draws)(count, resamples, seed)
    return np.concatenate([(times / count) @ values for times in draws])


@lru_cache(maxsize=1)
def _kept_draws(count: int, resamples: int, seed: int) -> tuple[NDArray[Any], ...]:
    return tuple(_draws(count, resamples, seed))


def _draws(count: int, resamples: int, seed: int) -> Iterator[NDArray[Any]]:
    """How often each run is in each resample, a hundred resamples at a time."""
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, 100):
        size = min(100, resamples - first)
        times = rng.multinomial(count, np.full(count, 1 / count), size=size)
        yield times.astype(np.min_scalar_type(times.max()))
