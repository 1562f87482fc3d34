"""Through a result file and back, and whether somebody changed what was lent to them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from qdisc.dataset.dataset import Dataset
from qdisc.plugin.variable import Variable
from qdisc.results import build
from qdisc.results.reader import read_tree
from qdisc.results.schema import Group
from qdisc.results.writer import write_result


def stored(dataset: Dataset, **groups: Any) -> Group:
    """Write a result with these groups and read it again.

    Args:
        dataset: The data of the result.
        **groups: Groups of `result_group`: model, observables, analyses.
    """
    notes = build.provenance_group(
        created_at="", duration_s=0.0, command="", seed=0, config_toml="", environment={}
    )
    root = build.result_group(
        title=dataset.name, theta=build.theta_variables(dataset),
        dataset=build.dataset_group(dataset), provenance=notes, **groups,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="qdisc-check-") as folder:
        return read_tree(write_result(Path(folder) / "result.h5", root))


def same_variables(ours: Mapping[str, Variable], theirs: Mapping[str, Variable]) -> None:
    """Compare variables exactly: names, axes, units, dtype, and every bit."""
    missing = sorted(set(ours) - set(theirs))
    assert not missing, f"lost: {', '.join(missing)}"
    for name, a in ours.items():
        b = theirs[name]
        for field in ("dims", "units"):
            mine, other = getattr(a, field), getattr(b, field)
            assert mine == other, f"{name}: {field} {mine!r} became {other!r}"
        assert a.data.dtype == b.data.dtype, f"{name}: {a.data.dtype} became {b.data.dtype}"
        equal = np.array_equal(a.data, b.data, equal_nan=a.data.dtype.kind == "f")
        assert equal, f"{name}: the numbers differ"


def close_variables(ours: Mapping[str, Variable], theirs: Mapping[str, Variable]) -> None:
    """Compare variables to rounding."""
    assert set(ours) == set(theirs)
    for name, a in ours.items():
        b = theirs[name].data
        equal = np.allclose(a.data, b, rtol=1e-3, atol=1e-4, equal_nan=True)
        assert equal, f"{name}: differs by up to {np.nanmax(np.abs(a.data - b))}"


@contextmanager
def untouched(dataset: Dataset) -> Iterator[None]:
    """Raise if the arrays of a dataset change inside."""
    arrays = {
        "configurations": dataset.configurations, "theta": dataset.theta,
        "counts": dataset.counts.data, "indices": dataset.counts.indices,
    }  # fmt: skip
    before = {name: array.copy() for name, array in arrays.items()}
    yield
    for name, array in arrays.items():
        assert np.array_equal(array, before[name]), f"the plugin changed dataset.{name}"
