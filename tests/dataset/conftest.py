"""Small datasets of every kind and every shape of sweep, with exact numbers."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset

SITES = 5


def _samples(data_type: str, rows: int, rng: np.random.Generator) -> np.ndarray:
    if data_type == "discrete":
        return rng.integers(0, 2, (rows, SITES))
    if data_type == "qutrit":
        out = rng.integers(0, 3, (rows, SITES))
        out[0] = [0, 1, 2, 0, 0]
        return out
    if data_type == "continuous":
        return rng.normal(size=(rows, SITES)).astype(np.float32)
    if data_type == "hybrid":
        codes, values = rng.integers(0, 2, (rows, SITES)), rng.normal(size=(rows, SITES))
        return np.hstack([codes, values]).astype(np.float32)
    bases, outcomes = rng.integers(2, 5, (rows, SITES)), rng.integers(0, 2, (rows, SITES))
    return np.stack([bases, outcomes], axis=-1).reshape(rows, 2 * SITES)


def _grid(k: int) -> np.ndarray:
    axes = ([0.0, 0.5, 1.0], [-1.0, 1.0], [10.0, 20.0])[:k]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, k)


def build(data_type: str, k: int = 2, sweep: str = "grid", shots: int = 7) -> Dataset:
    """A dataset of 5 sites; sweep is grid, ragged (one empty point) or scattered."""
    rng = np.random.default_rng(k)
    theta = _grid(k)
    if sweep == "scattered":
        theta = rng.uniform(size=(6, k))
    per_point = np.full(len(theta), shots)
    if sweep == "ragged":
        per_point = 1 + np.arange(len(theta))
        per_point[1] = 0
    point = rng.permutation(np.repeat(np.arange(len(theta)), per_point))
    kind = "discrete" if data_type == "qutrit" else data_type
    return Dataset.from_points(
        _samples(data_type, point.size, rng), point, theta, data_type=kind,
        theta_names=["J", "h", "T"][:k], theta_units=["meV", "T", "K"][:k],
        sites=np.arange(SITES), periodic=True, name="small",
        local_states=[-1, 0, 1] if data_type == "qutrit" else None,
    )  # fmt: skip


KINDS = ("discrete", "qutrit", "continuous", "hybrid", "shadow")
SHAPES = [(k, sweep) for k in (1, 2, 3) for sweep in ("grid", "ragged", "scattered")]
every_dataset = pytest.fixture(
    params=[(kind, *shape) for kind in KINDS for shape in SHAPES],
    ids=lambda p: f"{p[0]}-{p[1]}-{p[2]}",
)


@every_dataset
def small(request) -> Dataset:
    return build(*request.param)


@pytest.fixture
def make():
    return build


@pytest.fixture
def odd_site() -> Dataset:
    """Product state: site 1 of 4 is code 1, all others 0; every reversal shows."""
    samples = np.tile([0, 1, 0, 0], (40, 1))
    return Dataset.from_samples(samples, np.repeat([0.0, 1.0], 20), data_type="discrete")


@pytest.fixture
def same():
    """Compare two datasets entry by entry."""

    def check(a: Dataset, b: Dataset) -> None:
        for name in ("data_type", "local_dimension", "theta_names", "theta_units", "periodic"):
            assert getattr(a, name) == getattr(b, name), name
        for name in ("theta", "configurations", "local_states", "sites", "shots"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        for name in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(a.counts, name), getattr(b.counts, name))
        assert a.configurations.dtype == b.configurations.dtype
        assert a.is_grid == b.is_grid and a.sha256 == b.sha256

    return check
