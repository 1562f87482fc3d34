"""What a dataset holds, read only: sizes, samples, and averages over the shots of a setting."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.identity import checksum, describe
from qdisc.errors import DataError
from qdisc.plugin.dataspec import DataSpec

if TYPE_CHECKING:
    from qdisc._typing import Key


class Content:
    """The finished part of a `Dataset`.

    Attributes:
        configurations: (U, columns) stored rows, uint8 or uint16 codes, float32 otherwise.
        counts: How often each row was seen at each point; ones when snapshots do not repeat.
        theta: (points, k) settings, float64.
        theta_names: Names of the k axes.
        theta_units: Their units.
        data_type: discrete, continuous, hybrid or shadow.
        local_dimension: Number of codes per site, 0 for continuous data.
        local_states: Physical value of each code, or None.
        sites: Positions (N, dim), or None.
        periodic: One flag per direction, or None.
        name: A short name.
        source: Where the data come from, as text.
    """

    configurations: np.ndarray
    counts: CountMatrix
    theta: np.ndarray
    theta_names: tuple[str, ...]
    theta_units: tuple[str, ...]
    data_type: str
    local_dimension: int
    local_states: np.ndarray | None
    sites: np.ndarray | None
    periodic: tuple[bool, ...] | None
    name: str
    source: dict[str, str]
    _axes: list[np.ndarray] | None

    # -- sizes and settings --------------------------------------------------------------

    @property
    def input_size(self) -> int:
        """Columns of a sample."""
        return self.configurations.shape[1]

    @property
    def n_sites(self) -> int:
        """Number of sites N."""
        return self.input_size // (2 if self.data_type in ("hybrid", "shadow") else 1)

    @property
    def n_points(self) -> int:
        """Number of settings."""
        return self.theta.shape[0]

    @cached_property
    def n_snapshots(self) -> int:
        """Number of snapshots over all settings."""
        return int(self.counts.data.sum())

    @cached_property
    def shots(self) -> np.ndarray:
        """Snapshots per point, int64 (points,)."""
        return self.counts.shots()

    @cached_property
    def weights(self) -> np.ndarray:
        """Snapshots per configuration, int64 (configurations,)."""
        return self.counts.weights()

    @property
    def deduplicated(self) -> bool:
        """Whether configurations are stored once with counts."""
        return self.counts.data.size != self.configurations.shape[0] or bool(
            (self.counts.data != 1).any()
        )

    @property
    def is_grid(self) -> bool:
        """Whether the points fill the product of the theta axes."""
        return self._axes is not None

    @property
    def thetas(self) -> list[np.ndarray]:
        """Axes of a full grid.

        Raises:
            DataError: The sweep is scattered.
        """
        if self._axes is None:
            raise DataError(
                "a scattered sweep has no axes", where=self.name or "dataset",
                value=f"{self.n_points} points", hint="use .theta, one row per point",
            )  # fmt: skip
        return self._axes

    @property
    def theta_dims(self) -> tuple[str, ...]:
        """Dimension names of maps over theta: one per axis on a grid, else ("point",)."""
        return tuple(f"theta_{n}" for n in self.theta_names) if self.is_grid else ("point",)

    @property
    def theta_shape(self) -> tuple[int, ...]:
        """Shape of maps over theta."""
        return tuple(a.size for a in self._axes) if self._axes is not None else (self.n_points,)

    @property
    def num_sample_per_params(self) -> int | np.ndarray:
        """Shots per setting; an array over theta when they differ."""
        equal = (self.shots == self.shots[0]).all()
        return int(self.shots[0]) if equal else self.to_theta(self.shots)

    # -- samples ---------------------------------------------------------------------------

    @property
    def samples(self) -> np.ndarray:
        """All snapshots (n, columns), point after point."""
        return self.configurations[np.repeat(self.counts.indices, self.counts.data)]

    @property
    def point(self) -> np.ndarray:
        """Point of each row of `samples`, (n,)."""
        return np.repeat(self.counts.point_of_entry(), self.counts.data)

    @property
    def data(self) -> np.ndarray:
        """Samples as (theta..., shots, columns); needs a grid with equal shots.

        Codes are signed here, so that 2 * data - 1 are spins: unsigned ones would wrap to 255.
        """
        shots = self.num_sample_per_params
        if not self.is_grid or not isinstance(shots, int):
            raise DataError(
                "only a full grid with equal shots can be laid out as one array",
                where=self.name or "dataset",
                value=f"grid: {self.is_grid}, shots {self.shots.min()}..{self.shots.max()}",
                hint="use .samples and .point",
            )
        samples = self.samples
        if samples.dtype.kind == "u":
            samples = samples.astype(np.int8 if self.local_dimension <= 128 else np.int32)
        return samples.reshape(*self.theta_shape, shots, self.input_size)

    def physical(self, samples: np.ndarray) -> np.ndarray:
        """Map codes to `local_states`; shadows stay as they are stored."""
        samples, states = np.asarray(samples), self.local_states
        if states is None or self.data_type == "shadow":
            return samples
        if self.data_type == "discrete":
            return states[samples]
        n = self.n_sites
        codes = samples[..., :n].astype(np.int64)
        return np.concatenate([states[codes], samples[..., n:]], axis=-1)

    def create_batches(self, batch_size: int, key: Key) -> list[np.ndarray]:
        """Shuffle all snapshots into batches; the last one may be smaller, none is dropped."""
        import jax

        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise DataError("a batch holds at least one snapshot", where="batch_size",
                            value=batch_size)  # fmt: skip
        entry = np.repeat(self.counts.indices, self.counts.data)
        entry = entry[np.asarray(jax.random.permutation(key, self.n_snapshots))]
        return [
            self.configurations[entry[i : i + batch_size]]
            for i in range(0, entry.size, int(batch_size))
        ]

    # -- averages over shots -----------------------------------------------------------------

    def average(
        self, values: np.ndarray, function: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Mean over the shots of each point, float64 (points, ...); NaN for empty points.

        Args:
            values: One value (or array) per configuration, (configurations, ...).
            function: What is averaged of them, number by number; they themselves by default.
        """
        sums = self.counts.sums(values, function)
        shots = self.shots.reshape(-1, *(1,) * (sums.ndim - 1)).astype(np.float64)
        return np.divide(sums, shots, out=np.full_like(sums, np.nan), where=shots > 0)

    def moments(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and (population) variance over the shots of each point, (points, ...)."""
        values = np.asarray(values)
        centre = self.counts.mean(values)  # against cancellation
        mean = self.average(values, lambda v: v - centre)
        square = self.average(values, lambda v: (v - centre) ** 2)
        return mean + centre, np.maximum(square - mean**2, 0.0)

    def to_theta(self, per_point: np.ndarray) -> np.ndarray:
        """Reshape (points, ...) to (theta..., ...)."""
        per_point = np.asarray(per_point)
        return per_point.reshape(*self.theta_shape, *per_point.shape[1:])

    def spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the continuous sites over all snapshots, (sites,)."""
        columns = self.configurations[:, -self.n_sites :].astype(np.float64)
        mean = np.average(columns, axis=0, weights=self.weights)
        return mean, np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=self.weights))

    # -- identity ------------------------------------------------------------------------------

    @cached_property
    def spec(self) -> DataSpec:
        """Description for plugins."""
        return describe(self)

    @cached_property
    def sha256(self) -> str:
        """Checksum of the content (not of any file)."""
        return checksum(self)

    def __repr__(self) -> str:
        grid = " x ".join(map(str, self.theta_shape))
        names = ", ".join(self.theta_names)
        return (
            f"Dataset({self.name or 'unnamed'}: {self.data_type}, {self.n_sites} sites, "
            f"{self.n_snapshots} snapshots at {self.n_points} settings of ({names}), "
            f"{'grid ' + grid if self.is_grid else 'scattered'}, "
            f"{self.configurations.shape[0]} configurations)"
        )
