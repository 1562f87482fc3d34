"""What plugins may know about the data without holding them: kinds, sizes, geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Description of a dataset, handed to models and observables.

    Attributes:
        data_type: discrete, continuous, hybrid or shadow.
        n_sites: Number of sites N.
        n_columns: Columns of a sample (N, or 2N for hybrid and shadow data).
        local_dimension: Number of codes per site; 0 for continuous data.
        local_states: Physical value of each code; () for continuous data.
        sites: Site positions in lattice units, or None.
        periodic: Per direction, whether the lattice closes on itself, or None.
        theta_names: Names of the theta axes.
        theta_units: Their units.
        n_points: Number of settings.
        n_snapshots: Number of snapshots.
        n_configurations: Number of stored rows (distinct ones when snapshots repeat).
        location: Mean of each continuous site over the data; () when none is continuous.
        scale: Standard deviation of the same, never zero.
    """

    data_type: str
    n_sites: int
    n_columns: int
    local_dimension: int
    local_states: tuple[float, ...] = ()
    sites: tuple[tuple[float, ...], ...] | None = None
    periodic: tuple[bool, ...] | None = None
    theta_names: tuple[str, ...] = ()
    theta_units: tuple[str, ...] = ()
    n_points: int = 1
    n_snapshots: int = 1
    n_configurations: int = 1
    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def positions(self) -> np.ndarray:
        """Positions (N, dim); a chain 0, 1, 2, ... when none were given."""
        if self.sites is None:
            return np.arange(self.n_sites, dtype=float)[:, None]
        return np.asarray(self.sites, dtype=float)

    def distances(self) -> np.ndarray:
        """Distances (N, N) between sites, around the shorter way where periodic.

        A periodic direction's length is its extent plus one lattice spacing (the smallest
        difference of coordinates along it).
        """
        positions = self.positions
        delta = np.abs(positions[:, None, :] - positions[None, :, :])
        for axis, wraps in enumerate(self.periodic or ()):
            steps = np.diff(np.unique(positions[:, axis].round(9)))
            if wraps and steps.size:
                length = np.ptp(positions[:, axis]) + steps.min()
                delta[..., axis] = np.minimum(delta[..., axis], length - delta[..., axis])
        return np.sqrt((delta**2).sum(-1))

    def pairs(self, shell: int = 1) -> np.ndarray:
        """Pairs (m, 2) of sites i < j at the `shell`-th shortest distance; (0, 2) if none."""
        distance = self.distances()
        i, j = np.triu_indices(self.n_sites, 1)
        between = distance[i, j]
        shells = np.unique(between.round(6))
        if not 1 <= shell <= shells.size:
            return np.zeros((0, 2), dtype=np.int64)
        keep = np.abs(between - shells[shell - 1]) < 1e-5
        return np.stack([i[keep], j[keep]], axis=1)

    @property
    def lattice(self) -> np.ndarray | None:
        """Site index (rows, columns) at each place of a full 2-D rectangle, else None."""
        positions = self.positions
        if positions.shape[1] != 2:
            return None
        axes = [np.unique(positions[:, a].round(6)) for a in range(2)]
        shape = (axes[0].size, axes[1].size)
        if min(shape) < 2 or shape[0] * shape[1] != self.n_sites:
            return None
        rows, cols = (np.searchsorted(axes[a], positions[:, a].round(6)) for a in range(2))
        grid = np.full(shape, -1)
        grid[rows, cols] = np.arange(self.n_sites)
        return None if (grid < 0).any() else grid
