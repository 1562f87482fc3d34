"""Mean local value of a snapshot, and its size."""

from __future__ import annotations

import numpy as np

from qdisc.analysis.observables.columns import KINDS, site_values
from qdisc.plugin import DataSpec, ObservableSpec


class Magnetisation:
    """m = (1/N) sum_i s_i; for occupations the filling, for hybrid data of the discrete half."""

    spec = ObservableSpec(
        name="magnetisation",
        summary="Mean local value per site, (1/N) sum_i s_i.",
        long_name="magnetisation per site",
        data_kinds=KINDS,
    )

    def __call__(self, snapshots: np.ndarray, data_spec: DataSpec) -> np.ndarray:
        """Return m of each snapshot, (samples,)."""
        return site_values(snapshots, data_spec).mean(axis=1)


class AbsMagnetisation:
    """|m|: an order parameter that a sign-symmetric superposition does not average away."""

    spec = ObservableSpec(
        name="abs_magnetisation",
        summary="Absolute mean local value per site, |(1/N) sum_i s_i|.",
        long_name="absolute magnetisation per site",
        data_kinds=KINDS,
    )

    def __call__(self, snapshots: np.ndarray, data_spec: DataSpec) -> np.ndarray:
        """Return |m| of each snapshot, (samples,)."""
        return np.abs(site_values(snapshots, data_spec).mean(axis=1))


magnetisation = Magnetisation()
abs_magnetisation = AbsMagnetisation()
