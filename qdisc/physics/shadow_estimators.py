"""Expectation values and energies from a dataset of classical shadows, over the whole sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc._typing import ArrayLike, FloatArray
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.pauli_values import pauli_values
from qdisc.errors import DataError
from qdisc.physics.family import Family
from qdisc.physics.operators import PauliSum


@dataclass(frozen=True)
class Map:
    """An estimate at every setting.

    Attributes:
        mean: (theta...), NaN where nothing was measured.
        std_error: Its standard error, the same shape.
    """

    mean: FloatArray
    std_error: FloatArray


def shadow_expectation(dataset: Dataset, string: str, bases: str = "XYZ") -> Map:
    """<P> at every setting, unbiased; see `qdisc.dataset.pauli_values`.

    Args:
        dataset: Shadows.
        string: N letters I, X, Y, Z; character i acts on site i.
        bases: The letters that the bases were drawn from.
    """
    return _map(dataset, pauli_values(_shadows(dataset), string, bases)[dataset.counts.indices])


def hamiltonian_values(shadows: ArrayLike, hamiltonian: PauliSum, bases: str = "XYZ") -> FloatArray:
    """One value per shot whose mean is <H>: sum_k w_k times the value of string k.

    All strings are estimated from the same shots, so their errors are correlated; the standard
    error of these sums knows about that.

    Args:
        shadows: (shots, 2N).
        hamiltonian: Sum of Pauli strings.
        bases: The letters that the bases were drawn from.

    Returns:
        (shots,), in the units of the Hamiltonian.
    """
    rows = np.asarray(shadows)
    total = np.zeros(rows.shape[0])
    for string, weight in zip(hamiltonian.strings, hamiltonian.weights, strict=True):
        if weight:
            total += weight * pauli_values(rows, string, bases)
    return total


def shadow_energy(dataset: Dataset, family: Family, bases: str = "XYZ") -> Map:
    """<H(theta)> at every setting of a sweep, from its shadows.

    Args:
        dataset: Shadows whose theta axes are the couplings of the family, in any order.
        family: The model that was measured.
        bases: The letters that the bases were drawn from.

    Raises:
        DataError: The axes are not the family's couplings.
    """
    if sorted(dataset.theta_names) != sorted(family.theta_names):
        raise DataError(
            f"the axes are not the couplings of {family.name}", where="theta_names",
            value=dataset.theta_names, hint=", ".join(family.theta_names),
        )  # fmt: skip
    order = [dataset.theta_names.index(name) for name in family.theta_names]
    weights = family.coefficients(dataset.theta[:, order])
    rows = _shadows(dataset)
    # <H> is linear in the weights of the parts: so are the values of each shot at its setting
    parts = np.stack([hamiltonian_values(rows, part, bases) for part in family.parts], axis=1)
    counts = dataset.counts
    entry = np.einsum("ek,ek->e", parts[counts.indices], weights[counts.point_of_entry()])
    return _map(dataset, entry)


def _shadows(dataset: Dataset) -> np.ndarray:
    if dataset.data_type != "shadow":
        raise DataError(
            "shadow estimators need shadow data", where="data_type", value=dataset.data_type
        )
    return dataset.configurations


def _map(dataset: Dataset, entry: FloatArray) -> Map:
    """Mean and standard error over the shots of each setting.

    Args:
        dataset: The data.
        entry: One value per entry of the count matrix.
    """
    point, times = dataset.counts.point_of_entry(), dataset.counts.data
    shots = dataset.shots.astype(np.float64)

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(point, times * values, dataset.n_points).astype(np.float64)

    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total(entry) / shots
        error = np.sqrt(total((entry - mean[point]) ** 2) / (shots - 1) / shots)
    return Map(dataset.to_theta(mean), dataset.to_theta(error))
