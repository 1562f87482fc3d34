"""The Dataset: snapshots, their settings theta, and what a column means.

Immutable and validated on construction. Repeating and non-repeating snapshots have one
representation, configurations and a sparse matrix of counts, so that everything downstream is
written once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qdisc.dataset import theta as theta_module
from qdisc.dataset.checks import Codes, check_data_type, check_samples
from qdisc.dataset.content import Content
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.geometry import as_periodic, as_sites
from qdisc.dataset.unique import deduplicate
from qdisc.errors import DataError


class Dataset(Content):
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
        in_order = bool((point[1:] >= point[:-1]).all())
        self.configurations = rows if in_order else rows[np.argsort(point, kind="stable")]
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
