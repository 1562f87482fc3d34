"""The Dataset: snapshots, their settings theta, meaning of columns (long: one class, 5 makers).

Immutable and validated on construction. Repeating and non-repeating snapshots have one
representation, configurations and a sparse matrix of counts, so that everything downstream is
written once.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qdisc.dataset import theta as theta_module
from qdisc.dataset.checks import Codes, check_data_type, check_samples
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.geometry import as_periodic, as_sites
from qdisc.dataset.unique import deduplicate
from qdisc.errors import DataError
from qdisc.plugin.dataspec import DataSpec

if TYPE_CHECKING:
    from qdisc._typing import Key


class Dataset:
    """Snapshots of a system at many settings theta.

    This constructor takes a full grid with the same number of shots everywhere; see
    `from_samples`, `from_counts` and `from_configurations` for anything else.

    Args:
        data: (theta_1, ..., theta_k, shots, columns) codes or values; column i is site i.
        thetas: One array per theta axis, in the order of the leading axes of `data`.
        data_type: discrete, continuous, hybrid (first N columns discrete, last N continuous)
            or shadow ([b_1, o_1, b_2, o_2, ...]).
        local_dimension: Number of codes per site; 0 infers it.
        local_states: Physical value of each code. Default: [-1, +1] for two codes,
            [0..d-1] for more, [0, 1] for the discrete half of hybrid data.
        theta_names: Names of the axes.
        theta_units: Their units.
        sites: Positions (N, dim) in lattice units.
        periodic: Whether the lattice closes on itself, per direction.
        name: A short name of the data.

    Raises:
        DataError: Anything that is not as described, with index and value.
    """

    configurations: np.ndarray
    counts: CountMatrix
    theta: np.ndarray

    def __init__(
        self,
        data: Any,
        thetas: Sequence[Any],
        data_type: str,
        local_dimension: int = 0,
        local_states: Any = None,
        *,
        theta_names: Sequence[str] | None = None,
        theta_units: Sequence[str] | None = None,
        sites: Any = None,
        periodic: bool | Sequence[bool] | None = None,
        name: str = "",
    ) -> None:
        array = np.asarray(data)
        axes = [theta_module.as_axis(axis, f"thetas[{i}]") for i, axis in enumerate(thetas)]
        if not axes:
            raise DataError("a sweep needs at least one theta axis", where="thetas", value=thetas)
        shape = tuple(axis.size for axis in axes)
        if array.ndim != len(axes) + 2 or array.shape[:-2] != shape:
            raise DataError(
                "data does not match thetas",
                where="data",
                value=f"shape {array.shape}, theta axes of length {shape}",
                hint="data has shape (theta_1, ..., theta_k, shots, columns)",
            )
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
        theta_module.as_points(points, "thetas")
        theta_module.refuse_duplicates(points, "thetas")
        rows = array.reshape(-1, array.shape[-1])
        point = np.repeat(np.arange(points.shape[0]), array.shape[-2])
        kind = check_data_type(data_type)
        rows, codes = check_samples(rows, kind, local_dimension, local_states, name or "samples")
        self._set_rows(rows, point, points.shape[0])
        self._set_theta(points, theta_names, theta_units, axes)
        self._set_rest(kind, codes, sites, periodic, name, {})

    @classmethod
    def from_samples(
        cls,
        samples: Any,
        theta: Any,
        *,
        data_type: str,
        theta_names: Sequence[str] | None = None,
        theta_units: Sequence[str] | None = None,
        local_states: Any = None,
        sites: Any = None,
        periodic: bool | Sequence[bool] | None = None,
        local_dimension: int = 0,
        name: str = "",
        source: Mapping[str, str] | None = None,
    ) -> Dataset:
        """Build from one row of theta per sample; grids, ragged and scattered sweeps alike.

        Args:
            samples: (n, columns).
            theta: (n, k) or (n,); rows with equal theta form one point.
            data_type: discrete, continuous, hybrid or shadow.
            theta_names: k names.
            theta_units: k units.
            local_states: Physical value of each code.
            sites: Positions (N, dim).
            periodic: One flag, or one per direction.
            local_dimension: Number of codes, 0 infers it.
            name: A short name.
            source: Where the data come from, as text (loader, path, ...).
        """
        kind = check_data_type(data_type)
        where = name or "samples"
        rows, codes = check_samples(np.asarray(samples), kind, local_dimension, local_states, where)
        setting = theta_module.as_points(theta, "theta", rows.shape[0])
        points, point = theta_module.unique_points(setting)
        self = cls.__new__(cls)
        self._set_rows(rows, point, points.shape[0])
        self._set_theta(points, theta_names, theta_units)
        self._set_rest(kind, codes, sites, periodic, name, source or {})
        return self

    @classmethod
    def from_points(
        cls, samples: Any, point: Any, theta: Any, *, data_type: str,
        theta_names: Sequence[str] | None = None, theta_units: Sequence[str] | None = None,
        local_states: Any = None, sites: Any = None,
        periodic: bool | Sequence[bool] | None = None, local_dimension: int = 0,
        name: str = "", source: Mapping[str, str] | None = None,
    ) -> Dataset:  # fmt: skip
        """Build from theta (points, k) and, per sample, its point (n,); points may be empty."""
        kind = check_data_type(data_type)
        where = name or "samples"
        rows, codes = check_samples(np.asarray(samples), kind, local_dimension, local_states, where)
        points = np.array(theta_module.as_points(theta, "theta"))
        theta_module.refuse_duplicates(points, "theta")
        index = theta_module.as_index(point, rows.shape[0], points.shape[0])
        self = cls.__new__(cls)
        self._set_rows(rows, index, points.shape[0])
        self._set_theta(points, theta_names, theta_units)
        self._set_rest(kind, codes, sites, periodic, name, source or {})
        return self

    @classmethod
    def from_configurations(
        cls, configurations: Any, counts: CountMatrix, theta: Any, *, data_type: str,
        theta_names: Sequence[str] | None = None, theta_units: Sequence[str] | None = None,
        local_states: Any = None, sites: Any = None,
        periodic: bool | Sequence[bool] | None = None, local_dimension: int = 0,
        name: str = "", source: Mapping[str, str] | None = None,
    ) -> Dataset:  # fmt: skip
        """Build from configurations (U, columns) and counts (points x U); points may be empty."""
        kind = check_data_type(data_type)
        rows, codes = check_samples(
            np.asarray(configurations), kind, local_dimension, local_states, name or "samples"
        )
        if counts.n_configurations != rows.shape[0]:
            raise DataError(
                "counts do not match the configurations", where="counts",
                value=f"{counts.n_configurations} columns, {rows.shape[0]} configurations",
            )  # fmt: skip
        counts = CountMatrix.checked(
            counts.data, counts.indices, counts.indptr, rows.shape[0], "counts"
        )
        points = np.array(theta_module.as_points(theta, "theta", counts.n_points))
        theta_module.refuse_duplicates(points, "theta")
        if counts.data.size == 0:
            raise DataError("the sweep is empty", where="counts", value="no counts at any point")
        self = cls.__new__(cls)
        self.configurations, self.counts = rows, counts
        self._set_theta(points, theta_names, theta_units)
        self._set_rest(kind, codes, sites, periodic, name, source or {})
        return self

    @classmethod
    def from_counts(
        cls, counts: Sequence[Mapping[str, int]], theta: Any, *, data_type: str = "discrete",
        site_order: str = "left_to_right", **options: Any,
    ) -> Dataset:  # fmt: skip
        """Build from one `{"0101": 12}` per point; character i is column i.

        Args:
            counts: One mapping per point, from strings of digits to counts; {} is an empty point.
            theta: (points, k).
            data_type: discrete or shadow.
            site_order: "right_to_left" when the first site is the last character (Qiskit).
            **options: As in `from_configurations`.
        """
        from qdisc.dataset.strings import parse_counts

        rows, matrix = parse_counts(counts, site_order, 2 if data_type == "shadow" else 1)
        return cls.from_configurations(rows, matrix, theta, data_type=data_type, **options)

    def with_source(self, source: Mapping[str, str]) -> Dataset:
        """The same data with another note on where they come from."""
        other = copy.copy(self)
        other.source = dict(source)
        return other

    # -- construction, once --------------------------------------------------------------

    def _set_rows(self, rows: np.ndarray, point: np.ndarray, n_points: int) -> None:
        unique = deduplicate(rows, point, n_points) if rows.dtype.kind == "u" else None
        if unique is not None:
            self.configurations, self.counts = unique
            return
        order = np.argsort(point, kind="stable")
        self.configurations = rows if np.array_equal(order, np.arange(order.size)) else rows[order]
        self.counts = CountMatrix.one_each(np.bincount(point, minlength=n_points))

    def _set_theta(
        self,
        points: np.ndarray,
        names: Sequence[str] | None,
        units: Sequence[str] | None,
        axes: list[np.ndarray] | None = None,
    ) -> None:
        k = points.shape[1]
        self.theta_names = theta_module.as_names(names, k)
        self.theta_units = theta_module.as_units(units, k)
        if axes is None:
            grid = theta_module.grid_axes(points)
            if grid is not None:
                axes, order = grid
                points = points[order]
                self._reorder_points(order)
        self.theta, self._axes = points, axes

    def _reorder_points(self, order: np.ndarray) -> None:
        if np.array_equal(order, np.arange(order.size)):
            return
        plain = not self.deduplicated
        self.counts = self.counts.take_points(order)
        if plain:  # rows of non-repeating data stay in point order
            self.configurations = self.configurations[self.counts.indices]
            self.counts = CountMatrix.one_each(self.counts.shots())

    def _set_rest(
        self, kind: str, codes: Codes, sites: Any, periodic: Any, name: str, source: Mapping
    ) -> None:
        self.data_type = kind
        self.local_dimension, self.local_states = codes.dimension, codes.states
        self.sites = as_sites(sites, self.n_sites)
        self.periodic = as_periodic(periodic, self.sites)
        self.name, self.source = name, dict(source)
        arrays = (self.configurations, self.theta, self.counts.data, self.counts.indices)
        more = (self.counts.indptr, self.local_states, self.sites, *(self._axes or ()))
        for array in (*arrays, *more):
            if array is not None:
                array.flags.writeable = False

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
        """Samples as (theta..., shots, columns); needs a grid with equal shots."""
        shots = self.num_sample_per_params
        if not self.is_grid or not isinstance(shots, int):
            raise DataError(
                "only a full grid with equal shots can be laid out as one array",
                where=self.name or "dataset",
                value=f"grid: {self.is_grid}, shots {self.shots.min()}..{self.shots.max()}",
                hint="use .samples and .point",
            )
        return self.samples.reshape(*self.theta_shape, shots, self.input_size)

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

    def average(self, values: np.ndarray) -> np.ndarray:
        """Mean over the shots of each point, float64 (points, ...); NaN for empty points.

        Args:
            values: One value (or array) per configuration, (configurations, ...).
        """
        sums = self.counts.sums(values)
        shots = self.shots.reshape(-1, *(1,) * (sums.ndim - 1)).astype(np.float64)
        return np.divide(sums, shots, out=np.full_like(sums, np.nan), where=shots > 0)

    def moments(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and (population) variance over the shots of each point, (points, ...)."""
        values = np.asarray(values, dtype=np.float64)
        centre = np.average(values, axis=0, weights=self.weights)  # against cancellation
        mean, square = self.average(values - centre), self.average((values - centre) ** 2)
        return mean + centre, np.maximum(square - mean**2, 0.0)

    def to_theta(self, per_point: np.ndarray) -> np.ndarray:
        """Reshape (points, ...) to (theta..., ...)."""
        per_point = np.asarray(per_point)
        return per_point.reshape(*self.theta_shape, *per_point.shape[1:])

    # -- identity ------------------------------------------------------------------------------

    @cached_property
    def spec(self) -> DataSpec:
        """Description for plugins."""
        location: tuple[float, ...] = ()
        scale: tuple[float, ...] = ()
        if self.data_type in ("continuous", "hybrid"):
            columns = self.configurations[:, -self.n_sites :].astype(np.float64)
            mean = np.average(columns, axis=0, weights=self.weights)
            sd = np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=self.weights))
            location = tuple(mean.tolist())
            scale = tuple(np.where(sd > 0, sd, 1.0).tolist())
        return DataSpec(
            data_type=self.data_type,
            n_sites=self.n_sites,
            n_columns=self.input_size,
            local_dimension=self.local_dimension,
            local_states=() if self.local_states is None else tuple(self.local_states.tolist()),
            sites=None if self.sites is None else tuple(map(tuple, self.sites.tolist())),
            periodic=self.periodic,
            theta_names=self.theta_names,
            theta_units=self.theta_units,
            n_points=self.n_points,
            n_snapshots=self.n_snapshots,
            n_configurations=self.configurations.shape[0],
            location=location,
            scale=scale,
        )

    @cached_property
    def sha256(self) -> str:
        """Checksum of the content (not of any file)."""
        words = f"{self.data_type}|{self.theta_names}|{self.theta_units}|{self.periodic}"
        digest = hashlib.sha256(words.encode())
        parts = (self.theta, self.local_states, self.configurations, self.counts.data)
        for array in (*parts, self.counts.indices, self.counts.indptr, self.sites):
            if array is not None:
                digest.update(f"{array.shape}{array.dtype.kind}".encode())
                wide = array if array.dtype.kind == "f" else array.astype(np.int64)
                digest.update(np.ascontiguousarray(wide).tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        grid = " x ".join(map(str, self.theta_shape))
        names = ", ".join(self.theta_names)
        return (
            f"Dataset({self.name or 'unnamed'}: {self.data_type}, {self.n_sites} sites, "
            f"{self.n_snapshots} snapshots at {self.n_points} settings of ({names}), "
            f"{'grid ' + grid if self.is_grid else 'scattered'}, "
            f"{self.configurations.shape[0]} configurations)"
        )
