"""Groups that describe the data of a run: the sweep, the counts, a few snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qdisc.plugin import Variable
from qdisc.results.schema import Group
from qdisc.results.text import config_text

if TYPE_CHECKING:
    from qdisc.dataset.dataset import Dataset


def theta_variables(dataset: Dataset) -> dict[str, Variable]:
    """Variables of the root that hold the settings.

    A grid has one scale per axis; scattered points have the dimension `point` and one variable
    `theta_<name>(point)` per setting. float64, in the units of the dataset.
    """
    out: dict[str, Variable] = {}
    if not dataset.is_grid:
        out["point"] = Variable(np.arange(dataset.n_points, dtype=np.int32), ("point",))
    for i, (name, units) in enumerate(zip(dataset.theta_names, dataset.theta_units, strict=True)):
        full = f"theta_{name}"
        values = dataset.thetas[i] if dataset.is_grid else dataset.theta[:, i]
        dims = (full,) if dataset.is_grid else ("point",)
        out[full] = Variable(values, dims, units, f"setting {name}")
    return out


def dataset_group(
    dataset: Dataset,
    rng_seed: int = 0,
    n_examples: int = 8,
    with_snapshots: bool = False,
    loader: str = "",
    config: Any = None,
) -> Group:
    """Group `/dataset`.

    Args:
        dataset: The data.
        rng_seed: Seed of the choice of examples.
        n_examples: Snapshots kept of each setting. A setting that has fewer repeats some; one
            that has none holds the largest code (NaN in real numbers) and `n_snapshots` = 0.
        with_snapshots: Store all snapshots: `configurations` once each, and for each entry of the
            sparse matrix of counts its `count`, `count_point` and `count_configuration`.
        loader: Name of the loader plugin.
        config: Its configuration (a struct, a mapping, or TOML).
    """
    spec = dataset.spec
    attrs: dict[str, Any] = {
        "qdisc_type": "dataset",
        "name": dataset.name,
        "kind": dataset.data_type,
        "loader": loader or dataset.source.get("loader", ""),
        "sha256": dataset.sha256,
        "source": config_text(dataset.source),
        "config": config_text(config),
        "theta_names": list(dataset.theta_names),
        "theta_units": list(dataset.theta_units),
        "n_sites": spec.n_sites,
        "n_points": spec.n_points,
        "local_dimension": spec.local_dimension,
    }
    if spec.local_states:
        attrs["local_states"] = np.asarray(spec.local_states, dtype=np.float64)
    if spec.periodic is not None:
        attrs["periodic"] = np.asarray(spec.periodic, dtype=np.uint8)
    variables = {
        "n_snapshots": Variable(
            dataset.to_theta(dataset.shots), dataset.theta_dims, long_name="number of snapshots"
        ),
        "examples": _examples(dataset, rng_seed, n_examples),
    }
    if dataset.sites is not None:
        variables["sites"] = Variable(
            np.asarray(dataset.sites, dtype=np.float64), ("site", "coordinate"),
            long_name="site positions in lattice units",
        )  # fmt: skip
    if with_snapshots:
        variables |= _snapshots(dataset)
    return Group(attrs, variables)


def _examples(dataset: Dataset, rng_seed: int, n_examples: int) -> Variable:
    rng = np.random.default_rng(rng_seed)
    rows, counts = dataset.configurations, dataset.counts
    missing = np.nan if rows.dtype.kind == "f" else np.iinfo(rows.dtype).max
    shape = (dataset.n_points, n_examples, dataset.input_size)
    out = np.full(shape, missing, dtype=rows.dtype)
    attrs: dict[str, object] = {}
    if not dataset.shots.all():
        attrs["missing_value"] = np.array([missing], dtype=out.dtype)  # of the data's own type
    ends = np.cumsum(counts.data)
    for point, shots in enumerate(dataset.shots):
        if shots:
            start = counts.indptr[point]
            first = ends[start - 1] if start else 0
            chosen = rng.choice(shots, n_examples, replace=bool(shots < n_examples))
            entry = np.searchsorted(ends, first + np.sort(chosen), side="right")
            out[point] = rows[counts.indices[entry]]
    dims = (*dataset.theta_dims, "example", "column")
    return Variable(
        dataset.to_theta(out), dims, long_name="example snapshots, as codes or values", attrs=attrs
    )


def _snapshots(dataset: Dataset) -> dict[str, Variable]:
    counts = dataset.counts
    entries = (
        ("count", counts.data, "times a configuration was seen at a setting"),
        ("count_point", counts.point_of_entry(), "row of the flattened sweep"),
        ("count_configuration", counts.indices, "row of the configurations"),
    )
    out = {name: Variable(data, ("entry",), long_name=text) for name, data, text in entries}
    out["configurations"] = Variable(
        dataset.configurations, ("configuration", "column"), long_name="distinct snapshots"
    )
    return out
