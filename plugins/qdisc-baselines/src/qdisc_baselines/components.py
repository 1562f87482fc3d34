"""Principal axes of a covariance, and which of them stand above shot noise."""

from __future__ import annotations

import numpy as np


def principal(covariance: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Variances (k,) and axes (k, F) of a covariance, largest first; signs are fixed.

    The component of each axis that is largest in size is positive.
    """
    variance, axes = np.linalg.eigh(covariance)
    variance, axes = np.maximum(variance[::-1][:most], 0.0), axes.T[::-1][:most]
    largest = np.abs(axes).argmax(axis=1)
    return variance, axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]


def above_noise(mean: np.ndarray, noise: np.ndarray, sigmas: float = 4.0) -> np.ndarray:
    """Which columns of a map vary over the settings by more than their errors explain.

    For each column chi^2 = sum (mean - weighted mean)^2 / noise has P - 1 degrees of freedom when
    nothing varies; a column counts when it exceeds that by `sigmas` sqrt(2 (P - 1)).

    Args:
        mean: (P, F) of the settings with shots.
        noise: (P, F) variance of each mean; columns without noise that vary count, too.
        sigmas: How sure to be.
    """
    floor = 1e-12 + 1e-9 * mean.var(axis=0)
    weight = 1 / np.maximum(noise, floor)
    centre = (weight * mean).sum(axis=0) / weight.sum(axis=0)
    chi2 = (weight * (mean - centre) ** 2).sum(axis=0)
    free = max(1, len(mean) - 1)
    return (chi2 - free > sigmas * np.sqrt(2 * free)) & (np.ptp(mean, axis=0) > 1e-9)
