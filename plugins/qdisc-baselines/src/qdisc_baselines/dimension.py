"""Analysis `intrinsic_dimension`: how many numbers the snapshots of a setting really need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc._typing import Key
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, Provides, Variable
from scipy.optimize import brentq
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import betainc
from threadpoolctl import threadpool_limits

from qdisc_baselines.features import columns, settings_of
from qdisc_baselines.mixtures import over_theta

BLOCKS = 8  # of shots, for the error
MOST = 1000.0  # bits; 2^-MOST is still a number


class DimensionConfig(Config):
    """Options of `intrinsic_dimension`.

    Attributes:
        snapshots: Most snapshots of a setting; of more, this many are drawn.
        inner: Share of the pairs within the larger radius (codes only).
    """

    snapshots: int = 1000
    inner: float = 0.5

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        if self.snapshots < 4 or not 0 < self.inner < 1:
            raise ConfigError("the value has no meaning", where="analyses.intrinsic_dimension",
                              value=(self.snapshots, self.inner),
                              hint="snapshots >= 4, inner in (0, 1)")  # fmt: skip


class IntrinsicDimension:
    """Two-nearest-neighbour estimator for values, volumes of Hamming balls for codes."""

    spec = AnalysisSpec(
        name="intrinsic_dimension",
        summary="Intrinsic dimension of the snapshots of each setting.",
        citation="T. Mendes-Santos et al., Phys. Rev. X 11, 011040 (2021)",
        data_kinds=("discrete", "continuous"),
        needs=("dataset",),
        provides=(
            Provides("dimension", ("theta",), long_name="intrinsic dimension"),
            Provides("dimension_error", ("theta",), long_name="its standard error"),
        ),
    )
    Config = DimensionConfig

    def run(self, ctx: Any, config: DimensionConfig, *, key: Key) -> Mapping[str, Variable]:
        """Estimate, setting after setting; NaN below 4 shots."""
        dataset, rng = ctx.dataset, generator(key)
        out = np.full((dataset.n_points, 2), np.nan)
        with threadpool_limits(1):
            for p, (rows, count) in enumerate(settings_of(dataset)):
                total = int(count.sum()) if len(rows) else 0
                if total < 4:
                    continue
                if total > config.snapshots:
                    count = rng.multivariate_hypergeometric(count, config.snapshots)
                if dataset.data_type == "discrete":
                    out[p] = hamming_dimension(rows, count, config.inner, rng)
                else:
                    out[p] = two_nn(columns(dataset, np.repeat(rows, count, axis=0)))
        return {
            "dimension": over_theta(dataset, out[:, 0]),
            "dimension_error": over_theta(dataset, out[:, 1]),
        }


def two_nn(x: np.ndarray) -> tuple[float, float]:
    """Dimension from the ratio r2 / r1 of the distances to the two nearest neighbours.

    The ratio has density d mu^(-d - 1), so that (n - 1) / sum log mu is unbiased, with error
    d / sqrt(n - 2) (Facco et al., Sci. Rep. 7, 12140, 2017). Rows that coincide with another are
    left out.

    Args:
        x: (n, F) different rows.
    """
    x = np.unique(x, axis=0)
    if len(x) < 4:
        return 0.0 if len(x) == 1 else np.nan, np.nan
    near, _ = cKDTree(x).query(x, 3)
    total = float(np.log(near[:, 2] / near[:, 1]).sum())
    n = len(x)
    return ((n - 1) / total, (n - 1) / total / np.sqrt(n - 2)) if total > 0 else (np.nan, np.nan)


def hamming_dimension(
    rows: np.ndarray, count: np.ndarray, inner: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Number of free bits that explains how pairs of snapshots are spread in Hamming distance.

    Of d free bits, a share V(t, d) = 2^-d sum_{j <= t} C(d, j) of all pairs lies within distance t.
    With t2 the median distance (of `inner`) and t1 the largest t below t2, d solves
    V(t1, d) / V(t2, d) = pairs within t1 / pairs within t2, d not necessarily whole (after Macocco
    et al., Phys. Rev. Lett. 130, 067401, 2023). Frozen bits do not count; 0 when all shots agree.

    Args:
        rows: (n, sites) different configurations.
        count: (n,) shots of each.
        inner: Share of the pairs within t2.
        rng: For the blocks of the error (jackknife over blocks of shots).
    """
    keep = count > 0
    rows, count = rows[keep], count[keep]
    if len(rows) == 1:
        return 0.0, 0.0
    distance = np.rint(cdist(rows, rows, "hamming") * rows.shape[1]).astype(int)
    longest = int(distance.max())
    value = _solve(_histogram(distance, count, longest), inner)
    owner = rng.permutation(np.arange(count.sum()) % BLOCKS)
    parts = np.zeros((BLOCKS, len(rows)), int)
    np.add.at(parts, (owner, np.repeat(np.arange(len(rows)), count)), 1)
    others = np.array([
        _solve(_histogram(distance, count - part, longest), inner) for part in parts
    ])  # fmt: skip
    error = np.sqrt((BLOCKS - 1) / BLOCKS * ((others - others.mean()) ** 2).sum())
    return value, float(error)


def _histogram(distance: np.ndarray, count: np.ndarray, longest: int) -> np.ndarray:
    """Pairs of different shots at each distance 0, 1, ..."""
    pairs = np.outer(count, count).astype(float)
    np.fill_diagonal(pairs, count * (count - 1.0))
    return np.bincount(distance.ravel(), pairs.ravel(), longest + 1)


def _solve(histogram: np.ndarray, inner: float) -> float:
    within = np.cumsum(histogram)
    t2 = int(np.searchsorted(within, inner * within[-1]))
    if within[-1] == 0 or within[0] == within[-1]:
        return 0.0
    t2 = max(t2, 1)
    ratio = within[t2 - 1] / within[t2]
    t1 = t2 - 1

    def difference(d: float) -> float:
        return _volume(t1, d) / _volume(t2, d) - ratio

    low, high = float(t2), MOST
    if difference(low) <= 0:  # fewer bits than the radius: all pairs lie within it
        return low
    return float(brentq(difference, low, high)) if difference(high) < 0 else np.nan


def _volume(t: int, d: float) -> float:
    """2^-d sum_{j <= t} C(d, j), continued to real d >= t: a binomial distribution function."""
    return 1.0 if d <= t else float(betainc(d - t, t + 1, 0.5))


intrinsic_dimension = IntrinsicDimension()
