"""Maps an observable over theta, for data and for model samples, with error bars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from qdisc.analysis.model_samples import ModelSweep
from qdisc.analysis.moments import standard_error, streamed_moments
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.errors import PluginError
from qdisc.plugin.variable import Variable

_BLOCK = 1 << 22  # numbers per call of an observable that returns all pairs of sites


def observe(
    observable: Any, dataset: Dataset, model_sweep: ModelSweep | None = None
) -> dict[str, Variable]:
    """Average an observable over the shots of every point.

    The observable sees each configuration once, never once per theta, in physical units and
    read-only. Its optional method `coordinates(data_spec) -> {name: Variable}` says what the places
    along extra axes are.

    Args:
        observable: `spec` and `__call__(snapshots, data_spec) -> values[sample, ...]`.
        dataset: The data.
        model_sweep: Samples of the model, if there is one.

    Returns:
        value and std_error, and with model samples model_value and model_std_error, each
        (theta..., extra axes), float32. The error is the ideal bootstrap error of the mean,
        sqrt(population variance / shots); NaN where a point has fewer than two shots. Coordinates
        follow.

    Raises:
        PluginError: The output has the wrong length, axes or type, or is not finite.
    """
    out = _map(observable, dataset, dataset.configurations, dataset.counts, "")
    if model_sweep is not None:
        model = _map(observable, dataset, model_sweep.configurations, model_sweep.counts, "model_")
        if model["model_value"].shape != out["value"].shape:
            raise _problem(
                observable, "extra axes differ between data and model samples",
                f"{out['value'].shape} and {model['model_value'].shape}",
            )  # fmt: skip
        out |= model
    if hasattr(observable, "coordinates"):
        out |= _coordinates(observable, dataset, out)
    return out


def _map(
    observable: Any, dataset: Dataset, rows: np.ndarray, counts: CountMatrix, prefix: str
) -> dict[str, Variable]:
    spec = observable.spec
    mean, variance = streamed_moments(counts, values_in_blocks(observable, dataset, rows))
    error = standard_error(variance, counts.shots())
    dims = (*dataset.theta_dims, *spec.dims)
    name = spec.long_name or spec.name.replace("_", " ")
    of_model = " of model samples" if prefix else ""

    def variable(values: np.ndarray, words: str) -> Variable:
        data = dataset.to_theta(values).astype(np.float32)
        return Variable(data, dims, spec.units, words)

    return {
        f"{prefix}value": variable(mean, name + of_model),
        f"{prefix}std_error": variable(error, f"bootstrap standard error: {name}{of_model}"),
    }


def values_in_blocks(
    observable: Any, dataset: Dataset, rows: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Checked values of an observable for configurations `rows`, block after block."""
    size = max(256, _BLOCK // rows.shape[1] ** 2)
    tail: tuple[int, ...] | None = None
    for start in range(0, rows.shape[0], size):
        block = slice(start, min(start + size, rows.shape[0]))
        snapshots = dataset.physical(rows[block]).view()
        snapshots.flags.writeable = False
        values = _checked(observable, observable(snapshots, dataset.spec), snapshots.shape[0])
        if tail is not None and values.shape[1:] != tail:
            raise _problem(
                observable, "extra axes depend on the snapshots", f"{tail}, {values.shape[1:]}"
            )
        tail = values.shape[1:]
        yield block, values


def _coordinates(
    observable: Any, dataset: Dataset, maps: dict[str, Variable]
) -> dict[str, Variable]:
    out = dict(observable.coordinates(dataset.spec))
    length = dict(zip(maps["value"].dims, maps["value"].shape, strict=True))
    for name, variable in out.items():
        if name in maps or not isinstance(variable, Variable):
            raise _problem(observable, "a coordinate is a Variable with a name of its own", name)
        for dim, size in zip(variable.dims, variable.shape, strict=True):
            if length.setdefault(dim, size) != size:
                raise _problem(
                    observable, f"coordinate {name!r} does not fit the values",
                    f"{size} places along {dim!r}, {length[dim]} wanted",
                )  # fmt: skip
    return out


def _checked(observable: Any, values: Any, n: int) -> np.ndarray:
    dims = observable.spec.dims
    values = np.asarray(values)
    if values.dtype.kind not in "iufb":
        raise _problem(observable, "values must be real numbers", str(values.dtype))
    if values.ndim != 1 + len(dims) or values.shape[0] != n:
        raise _problem(
            observable, f"one value per snapshot is wanted, shape ({', '.join((str(n), *dims))})",
            f"shape {values.shape}",
        )  # fmt: skip
    finite = np.isfinite(values)
    if not finite.all():
        first = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise _problem(observable, f"values must be finite; snapshot {first[0]} gives",
                       float(values[first]))  # fmt: skip
    return values


def _problem(observable: Any, what: str, value: object) -> PluginError:
    return PluginError(what, where=f"observable {observable.spec.name}", value=value)
