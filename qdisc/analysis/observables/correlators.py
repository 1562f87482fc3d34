"""Products of two sites: averaged over neighbours, or every pair on its own."""

from __future__ import annotations

import numpy as np

from qdisc.analysis.observables.columns import KINDS, site_values
from qdisc.plugin import DataSpec, ObservableSpec, Variable

_LARGEST_MAP = 2_000_000  # numbers over theta and pairs; more would fill a result file


class _Shell:
    """Mean of s_i s_j over all pairs at the n-th shortest distance (a chain without sites)."""

    def __init__(self, name: str, words: str, shell: int) -> None:
        self.shell = shell
        self.spec = ObservableSpec(
            name=name,
            summary=f"Mean of s_i s_j over {words} pairs.",
            long_name=f"{words} correlator, mean of s_i s_j over pairs",
            data_kinds=KINDS,
        )

    def applies(self, data_spec: DataSpec) -> str:
        """Say why these data have no such pairs."""
        has_pairs = data_spec.pairs(self.shell).shape[0] > 0
        return "" if has_pairs else f"{data_spec.n_sites} sites have no pairs in shell {self.shell}"

    def __call__(self, snapshots: np.ndarray, data_spec: DataSpec) -> np.ndarray:
        """Return the mean product of each snapshot, (samples,)."""
        s = site_values(snapshots, data_spec)
        i, j = data_spec.pairs(self.shell).T
        return (s[:, i] * s[:, j]).mean(axis=1)


class TwoPoint:
    """s_i s_j of every pair i < j, row after row: (0,1), (0,2), ..., (1,2), ..."""

    spec = ObservableSpec(
        name="two_point",
        summary="s_i s_j for every pair of sites.",
        long_name="two-point correlator s_i s_j; pairs i < j in the order (0,1), (0,2), ...",
        data_kinds=KINDS,
        dims=("pair",),
    )

    def applies(self, data_spec: DataSpec) -> str:
        """Say why all pairs would be none, or too many to store."""
        pairs = data_spec.n_sites * (data_spec.n_sites - 1) // 2
        if pairs == 0:
            return "a single site has no pairs"
        if pairs * data_spec.n_points > _LARGEST_MAP:
            return f"{pairs} pairs at {data_spec.n_points} points are too many to store"
        return ""

    def coordinates(self, data_spec: DataSpec) -> dict[str, Variable]:
        """The two sites of each pair."""
        sites = np.stack(np.triu_indices(data_spec.n_sites, 1), axis=1).astype(np.int32)
        return {"pair_sites": Variable(sites, ("pair", "end"), long_name="sites i < j of a pair")}

    def __call__(self, snapshots: np.ndarray, data_spec: DataSpec) -> np.ndarray:
        """Return all products of each snapshot, (samples, N (N - 1) / 2)."""
        s = site_values(snapshots, data_spec)
        i, j = np.triu_indices(data_spec.n_sites, 1)
        return s[:, i] * s[:, j]


nearest_neighbour = _Shell("nearest_neighbour", "nearest-neighbour", 1)
next_nearest_neighbour = _Shell("next_nearest_neighbour", "next-nearest-neighbour", 2)
two_point = TwoPoint()
