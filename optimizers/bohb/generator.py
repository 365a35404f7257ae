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

from regretta.optimizers.bohb import kernels

_UNUSED = np.random.RandomState(0)  # a normal reference draws nothing


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
        self._words = Words(random)
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
        if no_model or self._words.uniform() < self.random_fraction:
            return self._random(), {"model_based_pick": False}
        if self._stale:
            self._fit()
        vectors = self._draw(self.num_samples)
        good, bad = self._good(vectors), self._bad(vectors)
        # Python's max(1e-32, g) / max(l, 1e-32), NaN and all.
        with np.errstate(invalid="ignore"):
            values = np.where(bad > 1e-32, bad, 1e-32) / np.where(good < 1e-32, 1e-32, good)
        ends = np.flatnonzero(~np.isfinite(values) & np.isfinite(good))
        if len(ends):
            # The stock loop stops here and takes this sample; what it did not draw goes back.
            self._words.take_back()
            self._draw(int(ends[0]) + 1)
            best = vectors[ends[0]]
        else:
            values[~(values < np.inf)] = np.inf
            best = vectors[np.argmin(values)]
            if not values.min() < np.inf:
                # Stock trips over its own random configuration and draws a second one.
                self.configspace.sample_configuration()
                return self._random(), {"model_based_pick": False}
        return self._values(best), {"model_based_pick": True}

    def _random(self) -> Chosen:
        configuration = self.configspace.sample_configuration()
        return Chosen(dict(configuration), configuration.get_array())

    def _values(self, vector: NDArray[np.float64]) -> Chosen:
        if self._choices is not None:
            values = {
                name: choices[int(i)]
                for (name, choices), i in zip(self._choices.items(), vector.tolist(), strict=True)
            }
            return Chosen(values, vector)
        # Numbers are rounded on the way, so go the whole of it.
        whole = Configuration(
            self.configspace, values=dict(Configuration(self.configspace, vector=vector))
        )
        return Chosen(dict(whole), whole.get_array())

    def _vector(self, values: dict[str, Any]) -> NDArray[np.float64]:
        if isinstance(values, Chosen) and self._choices is not None:
            return values.vector
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
            data=data, var_type=self.kde_vartypes, bw="normal_reference", rng=_UNUSED
        )
        kde.bw = np.clip(kde.bw, self.min_bandwidth, None)
        return _Density(kde)

    def _draw(self, n: int) -> NDArray[np.float64]:
        """`n` vectors, each near a good one: shape ``[n, dim]``."""
        kde = self._good.kde
        bandwidths = np.maximum(kde.bw, self.min_bandwidth)
        vectors, centres = self._words.draw(n, kde.data, bandwidths, self.vartypes)
        numbers = np.flatnonzero(self.vartypes == 0)
        if len(numbers):
            centre = kde.data[centres][:, numbers]
            wide = self.bw_factor * bandwidths[numbers]
            vectors[:, numbers] = truncnorm.ppf(
                vectors[:, numbers], -centre / wide, (1 - centre) / wide, loc=centre, scale=wide
            )
        return vectors


class Chosen(dict[str, Any]):
    """A configuration's values by name, as hpbandster has them, with its vector."""

    def __init__(self, values: dict[str, Any], vector: NDArray[np.float64]) -> None:
        super().__init__(values)
        self.vector = vector


class Words:
    """The words of a Mersenne Twister, from which draws are made as ``RandomState`` makes them."""

    def __init__(self, random: np.random.RandomState) -> None:
        self._random = random
        self._words = np.empty(0, np.uint32)
        self._next = 0
        self._begun = 0  # where the last samples began

    def uniform(self) -> float:
        """``RandomState.rand()``."""
        if self._next + 2 > len(self._words):
            self._refill(1)
        variate: float = kernels.uniform(self._words, self._next)
        self._next += 2
        return variate

    def draw(
        self,
        n: int,
        data: NDArray[np.float64],
        widths: NDArray[np.float64],
        sizes: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """`n` samples near observations, and which ones: see `kernels.draw`."""
        vectors, centres = np.empty((n, len(sizes))), np.empty(n, np.int64)
        while True:
            arguments = data, widths, sizes, vectors, centres
            following: int = kernels.draw(self._words, self._next, *arguments)
            if following >= 0:
                self._begun, self._next = self._next, following
                return vectors, centres
            self._refill(n * (len(sizes) + 1))

    def take_back(self) -> None:
        """The last samples were never drawn."""
        self._next = self._begun

    def _refill(self, draws: int) -> None:
        """Room for so many further draws, which take 2 to 100 words each."""
        more = self._random.randint(0, 2**32, max(1 << 16, 200 * draws), dtype=np.uint32)
        self._words = np.concatenate([self._words[self._next :], more])
        self._next = 0


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
        # Runs of parameters of a kind, in order.
        edges = np.flatnonzero(np.diff(categorical)) + 1
        runs = np.split(np.arange(len(categorical)), edges)
        self._runs = [(run, bool(categorical[run[0]])) for run in runs]
        self._codes = np.ascontiguousarray(kde.data.T).astype(np.uint16)
        levels = np.array([np.count_nonzero(np.bincount(codes)) for codes in self._codes])
        self._agree = 1 - kde.bw
        with np.errstate(divide="ignore"):
            self._differ = kde.bw / (levels - 1)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Density at each point: shape ``[n]`` for points of shape ``[n, dim]``."""
        product = np.ones((len(points), self.kde.nobs))
        with np.errstate(invalid="ignore", over="ignore"):
            for run, categorical in self._runs:
                if categorical:
                    kernels.multiply(
                        product,
                        self._codes[run[0] : run[-1] + 1],
                        points[:, run].astype(np.uint16),
                        self._agree[run],
                        self._differ[run],
                    )
                    continue
                for i in run.tolist():
                    width = self.kde.bw[i]
                    product *= (1.0 / np.sqrt(2 * np.pi)) * np.exp(
                        -((self.kde.data[:, i] - points[:, i, None]) ** 2) / (width**2 * 2.0)
                    )
            density: NDArray[np.float64] = (product / self._scale).sum(axis=1) / self.kde.nobs
        return density
