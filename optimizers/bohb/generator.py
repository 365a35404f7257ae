"""hpbandster's own BOHB generator, with its one-by-one work done in batches.

The model is hpbandster's: two of statsmodels' kernel density estimates, of the good and of the bad
configurations, on the largest budget that has enough of them (Falkner et al., "BOHB", ICML 2018,
section 3.2). Every random draw and every floating-point operation keeps the order that it has in
``hpbandster.optimizers.config_generators.bohb``, so that a seed gives the stock generator's
proposals.
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
from ConfigSpace import Configuration, ConfigurationSpace
from hpbandster.core.dispatcher import Job
from hpbandster.optimizers.config_generators.bohb import BOHB as StockGenerator
from numpy.typing import NDArray
from scipy.stats import truncnorm
from statsmodels.nonparametric.kernel_density import KDEMultivariate


class BatchedGenerator(StockGenerator):  # type: ignore[misc]
    """Stock BOHB generator that fits when asked and evaluates all samples of a proposal at once.

    Parameters
    ----------
    configspace
        The search space, seeded: it draws the random configurations.
    random
        Takes the place of NumPy's global state, which the stock generator draws from.
    **settings
        As hpbandster's.
    """

    def __init__(
        self, configspace: ConfigurationSpace, random: np.random.RandomState, **settings: Any
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # ConfigSpace still has the old methods it calls
            super().__init__(configspace=configspace, **settings)
        self.random = random
        # What ConfigSpace's conversions amount to where every parameter is categorical.
        self._choices = (
            {name: list(cast(Any, parameter).choices) for name, parameter in configspace.items()}
            if self.vartypes.all()
            else None
        )
        self._observed: dict[float, _Observations] = {}
        self._model_budget = -np.inf
        self._good: _Density
        self._bad: _Density
        self._stale = False

    def new_result(self, job: Job, update_model: bool = True) -> None:
        """Keep a job's configuration and loss, unless a larger budget has a model already."""
        budget = job.kwargs["budget"]
        if self._model_budget > budget:
            return
        vector = self._vector(job.kwargs["config"])
        observed = self._observed.setdefault(budget, _Observations(len(vector)))
        observed.append(vector, job.result["loss"])
        n_good, n_bad = self._split(observed.n)
        if observed.n >= self.min_points_in_model and min(n_good, n_bad) > len(vector):
            self._model_budget = budget
            self._stale = True

    def get_config(self, budget: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """The next configuration, names to values, and whether the model chose it."""
        no_model = self._model_budget == -np.inf
        if no_model or self.random.rand() < self.random_fraction:
            return dict(self.configspace.sample_configuration()), {"model_based_pick": False}
        if self._stale:
            self._fit()
        before = self.random.get_state(legacy=False)
        vectors = self._draw(self.num_samples)
        good, bad = self._good(vectors), self._bad(vectors)
        # Python's max(1e-32, g) / max(l, 1e-32), NaN and all.
        with np.errstate(invalid="ignore"):
            values = np.where(bad > 1e-32, bad, 1e-32) / np.where(good < 1e-32, 1e-32, good)
        ends = np.flatnonzero(~np.isfinite(values) & np.isfinite(good))
        if len(ends):
            # The stock loop stops here and takes this sample; what it did not draw goes back.
            self.random.set_state(before)
            self._draw(int(ends[0]) + 1)
            best = vectors[ends[0]]
        else:
            values[~(values < np.inf)] = np.inf
            best = vectors[np.argmin(values)]
            if not values.min() < np.inf:
                # Stock trips over its own random configuration and draws a second one.
                self.configspace.sample_configuration()
                return dict(self.configspace.sample_configuration()), {"model_based_pick": False}
        return self._values(best), {"model_based_pick": True}

    def _values(self, vector: NDArray[np.float64]) -> dict[str, Any]:
        if self._choices is not None:
            return {
                name: choices[int(i)]
                for (name, choices), i in zip(self._choices.items(), vector.tolist(), strict=True)
            }
        # Numbers are rounded on the way, so go the whole of it.
        return dict(
            Configuration(
                self.configspace, values=dict(Configuration(self.configspace, vector=vector))
            )
        )

    def _vector(self, values: dict[str, Any]) -> NDArray[np.float64]:
        if self._choices is not None:
            return np.array(
                [choices.index(values[name]) for name, choices in self._choices.items()],
                dtype=np.float64,
            )
        vector: NDArray[np.float64] = Configuration(self.configspace, values).get_array()
        return vector

    def _split(self, n: int) -> tuple[int, int]:
        """How many of `n` observations are good, and how many of the rest are bad."""
        n_good = max(self.min_points_in_model, self.top_n_percent * n // 100)
        n_bad = max(self.min_points_in_model, (100 - self.top_n_percent) * n // 100)
        return min(n_good, n), min(n_bad, max(n - n_good, 0))

    def _fit(self) -> None:
        observed = self._observed[self._model_budget]
        n_good, n_bad = self._split(observed.n)
        order = np.argsort(observed.losses)
        vectors = observed.vectors
        self._bad = self._density(vectors[order[n_good : n_good + n_bad]])
        self._good = self._density(vectors[order[:n_good]])
        self._stale = False

    def _density(self, data: NDArray[np.float64]) -> _Density:
        kde = KDEMultivariate(
            data=data, var_type=self.kde_vartypes, bw="normal_reference", rng=self.random
        )
        kde.bw = np.clip(kde.bw, self.min_bandwidth, None)
        return _Density(kde)

    def _draw(self, n: int) -> NDArray[np.float64]:
        """`n` vectors, each near a good one: shape ``[n, dim]``."""
        rand, randint = self.random.rand, self.random.randint
        kde = self._good.kde
        bandwidths = np.maximum(kde.bw, self.min_bandwidth)
        widths, sizes = bandwidths.tolist(), self.vartypes.tolist()
        drawn, centres = [], []
        for _ in range(n):
            centre = kde.data[randint(0, len(kde.data))]
            centres.append(centre)
            drawn.append(
                [
                    # For a number the uniform variate that a truncated normal one is made of.
                    rand() if size == 0 else value if rand() < 1 - width else randint(size)
                    for value, width, size in zip(centre.tolist(), widths, sizes, strict=True)
                ]
            )
        vectors = np.array(drawn, dtype=np.float64)
        numbers = np.flatnonzero(self.vartypes == 0)
        if len(numbers):
            centre, wide = np.array(centres)[:, numbers], self.bw_factor * bandwidths[numbers]
            vectors[:, numbers] = truncnorm.ppf(
                vectors[:, numbers], -centre / wide, (1 - centre) / wide, loc=centre, scale=wide
            )
        return vectors


class _Observations:
    """Vectors and losses of one budget, in arrays that grow."""

    def __init__(self, dim: int) -> None:
        self.n = 0
        self._vectors = np.empty((64, dim))
        self._losses = np.empty(64)

    def append(self, vector: NDArray[np.float64], loss: float) -> None:
        if self.n == len(self._losses):
            self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
            self._losses = np.concatenate([self._losses, np.empty_like(self._losses)])
        self._vectors[self.n] = vector
        self._losses[self.n] = loss if np.isfinite(loss) else np.inf
        self.n += 1

    @property
    def vectors(self) -> NDArray[np.float64]:
        return self._vectors[: self.n]

    @property
    def losses(self) -> NDArray[np.float64]:
        return self._losses[: self.n]


class _Density:
    """``KDEMultivariate.pdf`` of many points at once, to the last bit.

    Kernel values are multiplied parameter by parameter and summed over the data as statsmodels does
    it: Aitchison and Aitken's kernel for a categorical parameter (with the number of levels that
    the data show), a Gaussian for the others.
    """

    def __init__(self, kde: KDEMultivariate) -> None:
        self.kde = kde
        categorical = np.array([kind == "u" for kind in kde.var_type])
        self._scale = np.prod(kde.bw[~categorical])
        # Choices as small as they fit: comparing them is most of the work.
        choices = kde.data[:, categorical].T
        most = int(choices.max(initial=0)) + 1
        codes = choices.astype(np.min_scalar_type(most), order="C")
        levels = np.sum([(codes == choice).any(axis=1) for choice in range(most)], axis=0)
        # Of each parameter the data, and its kernel where data and point differ and agree; None: a
        # Gaussian.
        self._columns: list[NDArray[Any]] = list(kde.data.T)
        self._kernels: list[tuple[float, float] | None] = [None] * len(categorical)
        for i, code, n in zip(
            np.flatnonzero(categorical).tolist(), codes, levels.tolist(), strict=True
        ):
            width = float(kde.bw[i])
            self._columns[i] = code
            self._kernels[i] = (width / (n - 1) if n > 1 else np.inf, 1 - width)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Density at each point: shape ``[n]`` for points of shape ``[n, dim]``."""
        product, agreed, differing = (np.empty((len(points), self.kde.nobs)) for _ in range(3))
        with np.errstate(invalid="ignore", over="ignore"):
            for i, (column, kernel) in enumerate(zip(self._columns, self._kernels, strict=True)):
                values = points[:, i, None].astype(column.dtype)
                factor = agreed
                if kernel is None:
                    width = self.kde.bw[i]
                    factor = (1.0 / np.sqrt(2 * np.pi)) * np.exp(
                        -((column - values) ** 2) / (width**2 * 2.0)
                    )
                elif np.isinf(kernel[0]):
                    factor = np.where(column == values, kernel[1], kernel[0])
                else:
                    # A choice by arithmetic, exact because one of the two terms is zero; thrice as
                    # fast as `where`.
                    agree = column == values
                    np.multiply(agree, kernel[1], out=agreed)
                    np.multiply(~agree, kernel[0], out=differing)
                    factor += differing
                if i == 0:
                    product[:] = factor
                else:
                    product *= factor
            density: NDArray[np.float64] = (product / self._scale).sum(axis=1) / self.kde.nobs
        return density
