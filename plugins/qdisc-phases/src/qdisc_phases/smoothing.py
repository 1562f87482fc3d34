"""Features as smooth functions of theta: Gaussian-process regression with known shot noise.

    y_i = f(theta_i) + noise_i,   variance of noise_i = excess / (4 shots_i),   excess >= 1

f is a Gaussian process with a Matern covariance (nu = 5/2: twice differentiable) and one
correlation length per axis of theta, in steps of the sweep; lengths, size and excess maximise the
evidence of each feature (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
sections 2.2 and 5.4). Features that jump get a short length, which spreads the jump over a few
steps; features that drift are averaged over many settings. Nothing else in the clusters says that
phases are regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lapack
from scipy.optimize import minimize

FITTED = 500  # settings that lengths are fitted to
LENGTH = (0.7, 50.0)  # steps
EXCESS = (1.0, 100.0)  # noise over shot noise: correlated shots, signs that are accidents
TINY = 1e-9  # of the size of f: keeps its covariance invertible


@dataclass(frozen=True)
class Smoother:
    """Features of the settings as they are measured -> smooth ones.

    Attributes:
        mean: (features,) subtracted first.
        axes: (components, features) principal directions that rise above the noise.
        matrices: (components, points, points) linear map of each component over the settings.
        lengths: (components, k) correlation lengths in steps.
    """

    mean: np.ndarray
    axes: np.ndarray
    matrices: np.ndarray
    lengths: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Smooth (points, features) to (points, components)."""
        raw = (features - self.mean) @ self.axes.T
        return np.einsum("cij,jc->ic", self.matrices, raw)


def fit_smoother(
    features: np.ndarray, shots: np.ndarray, theta: np.ndarray, *, weight: float, most: int = 8
) -> Smoother:
    """Find the components that carry more than shot noise, and how smooth each one is.

    Args:
        features: Square roots of shares (points, features).
        shots: Snapshots per setting (points,), all above zero.
        theta: Settings in steps (points, k).
        weight: Noise that is smoothed away, as a multiple of the noise found: 1 is regression, 0
            leaves the features as they are, more is smoother.
        most: Most components.
    """
    points, width = features.shape
    mean = np.average(features, axis=0, weights=shots)
    _, size, axes = np.linalg.svd(features - mean, full_matrices=False)
    # largest variance that pure noise shows (Marchenko and Pastur)
    edge = points / (4 * np.median(shots)) * (1 + np.sqrt(width / points)) ** 2
    count = int(min(most, (size**2 > edge).sum()))
    noise = 1 / (4.0 * shots)
    matrices, lengths = [], []
    for values in ((features - mean) @ axes[:count].T).T:
        matrix, length = _regression(values, noise, theta, weight)
        matrices.append(matrix)
        lengths.append(length)
    shape = (count, points, points)
    return Smoother(mean, axes[:count], np.reshape(matrices, shape),
                    np.reshape(lengths, (count, theta.shape[1])))  # fmt: skip


def _regression(
    y: np.ndarray, noise: np.ndarray, theta: np.ndarray, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """The linear map that smooths, (points, points), and the lengths (k,)."""
    k = theta.shape[1]
    taken = np.arange(y.size)
    if y.size > FITTED:  # evenly through a shuffled order that is the same every time
        taken = np.sort(np.random.default_rng(0).permutation(y.size)[:FITTED])
    squares = _squares(theta[taken], theta[taken])
    start = np.concatenate([np.log(np.full(k, 4.0)), [np.log(max(np.var(y), 1e-8)), 0.1]])
    bounds = [tuple(np.log(LENGTH))] * k + [(np.log(1e-8), np.log(10.0)), tuple(np.log(EXCESS))]
    found = minimize(
        _minus_evidence, start, (y[taken], noise[taken], squares), jac=True, method="L-BFGS-B",
        bounds=bounds, options={"maxiter": 30},
    )  # fmt: skip
    length, size, excess = np.exp(found.x[:k]), np.exp(found.x[k]), np.exp(found.x[k + 1])
    covariance = size * _matern(_squares(theta, theta), length)[0]
    total = covariance.copy()
    total[np.diag_indices(y.size)] += weight * excess * noise + TINY * size
    return cho_solve(cho_factor(total, lower=True), covariance).T, length


def _minus_evidence(
    q: np.ndarray, y: np.ndarray, noise: np.ndarray, squares: np.ndarray
) -> tuple[float, np.ndarray]:
    """-log p(y) up to a constant, and its gradient in the logarithms of the parameters."""
    k = len(squares)
    length, size, excess = np.exp(q[:k]), np.exp(q[k]), np.exp(q[k + 1])
    shape, decay = _matern(squares, length)
    covariance = size * shape
    total = covariance.copy()
    total[np.diag_indices(y.size)] += excess * noise + TINY * size
    factor = cho_factor(total, lower=True)
    alpha = cho_solve(factor, y)
    inverse = lapack.dpotri(factor[0], lower=1)[0]
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    pull = inverse - np.outer(alpha, alpha)
    slopes = [
        0.5 * size * float(np.vdot(pull, decay * square)) / length[a] ** 2
        for a, square in enumerate(squares)
    ]
    slopes.append(0.5 * (float(np.vdot(pull, covariance)) + TINY * size * np.trace(pull)))
    slopes.append(0.5 * excess * float(np.diag(pull) @ noise))
    value = 0.5 * float(y @ alpha) + float(np.log(np.diag(factor[0])).sum())
    return value, np.array(slopes)


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared differences along each axis, (k, len(a), len(b))."""
    return (a.T[:, :, None] - b.T[:, None, :]) ** 2


def _matern(squares: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The covariance at unit size, and its factor in d covariance / d log length."""
    r = np.sqrt(5 * np.tensordot(1 / length**2, squares, 1))
    falling = np.exp(-r)
    return (1 + r + r**2 / 3) * falling, (5 / 3) * (1 + r) * falling
