"""A dataset whose samples stay in their file is the dataset in memory, as far as anybody sees."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import qdisc
from qdisc.dataset import streamed
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.dataset.stored_rows import StoredRows
from qdisc.errors import DataError

POINTS, SHOTS, SITES = 5, 60, 4


def write(path, data_type="continuous", shuffled=False, **attributes):
    """A file written with h5py alone; samples in the order of theta, or in any."""
    rng = np.random.default_rng(3)
    n = POINTS * SHOTS
    point = np.repeat(np.arange(POINTS), SHOTS)
    values = rng.normal(point[:, None] * 0.3, 1 + 0.1 * np.arange(SITES), (n, SITES))
    codes = rng.integers(0, 3, (n, SITES))
    samples = {
        "continuous": values,
        "discrete": rng.integers(0, 3, (n, 3 * SITES)),
        "hybrid": np.concatenate([codes, values], axis=1),
        "shadow": np.stack([codes + 2, rng.integers(0, 2, codes.shape)], axis=-1).reshape(n, -1),
    }[data_type]
    order = rng.permutation(n) if shuffled else np.arange(n)
    with h5py.File(path, "w") as file:
        file.attrs["data_type"] = data_type
        file.attrs.update(attributes)
        file.create_dataset("samples", data=samples[order], chunks=(16, samples.shape[1]))
        file["point"] = point[order]
        file["theta"] = np.linspace(0, 1, POINTS)[:, None]
    return path


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("kind", ["continuous", "discrete", "hybrid", "shadow"])
def test_it_is_the_dataset_in_memory(tmp_path, kind, shuffled, monkeypatch):
    """Sizes, codes, spread, averages over theta and (for rows in order) the checksum."""
    monkeypatch.setattr(streamed, "_PIECE", 1 << 10)
    file = write(tmp_path / "data.h5", kind, shuffled)
    away, here = read_dataset(file, stream=True), read_dataset(file)
    assert isinstance(away.configurations, StoredRows)
    assert np.array_equal(away.samples, here.samples)
    assert away.configurations.dtype == here.configurations.dtype
    for name in ("n_snapshots", "n_sites", "local_dimension", "theta_dims", "thetas"):
        assert np.array_equal(getattr(away, name), getattr(here, name)), name
    assert np.array_equal(away.point, here.point) and np.array_equal(away.shots, here.shots)
    assert np.allclose(away.spec.location, here.spec.location, rtol=0, atol=1e-12)
    assert np.allclose(away.spec.scale, here.spec.scale, rtol=1e-12)
    assert away.spec.local_states == here.spec.local_states
    value = away.configurations[:].astype(float).sum(1)
    for mine, theirs in zip(
        away.moments(value), here.moments(here.configurations.astype(float).sum(1)), strict=True
    ):
        assert np.allclose(mine, theirs, rtol=1e-12, atol=1e-12)
    if not shuffled and not here.deduplicated:
        assert away.sha256 == here.sha256


def test_rows_are_read_as_an_array_gives_them(tmp_path):
    file = write(tmp_path / "data.h5")
    rows = read_dataset(file, stream=True).configurations
    whole = rows[:]
    rng = np.random.default_rng(0)
    assert whole.shape == rows.shape and np.array_equal(rows[17], whole[17])
    assert np.array_equal(rows[5:9, 1::2], whole[5:9, 1::2])
    assert np.array_equal(np.concatenate([rows[i : i + 7] for i in range(0, 300, 7)]), whole)
    some = rng.integers(0, 300, 50)
    assert np.array_equal(rows[some], whole[some])
    part = rows.only(np.arange(3, 300, 7))
    assert np.array_equal(part[2:5], whole[3::7][2:5]) and part.shape == (43, SITES)
    with pytest.raises(IndexError):
        rows[[300]]


def test_too_many_rows_at_once_are_refused(tmp_path):
    rows = read_dataset(write(tmp_path / "data.h5"), stream=True).configurations
    rows.largest = 1000
    with pytest.raises(DataError, match="stay in their file: too many at once") as caught:
        np.asarray(rows)
    assert "300 rows" in str(caught.value) and "data.stream = false" in str(caught.value)


def test_a_file_that_changes_is_noticed(tmp_path):
    file = write(tmp_path / "data.h5")
    rows = read_dataset(file, stream=True).configurations
    write(tmp_path / "other.h5").replace(file)
    with pytest.raises(DataError, match="changed while its rows were in use"):
        rows[3:5]
    file.unlink()
    with pytest.raises(DataError, match="is gone"):
        rows[3:5]


def test_every_sample_is_checked(tmp_path, monkeypatch):
    """A value that is not finite, a code out of range, a point that is not there: by name."""
    monkeypatch.setattr(streamed, "_PIECE", 1 << 10)
    file = write(tmp_path / "data.h5")
    with h5py.File(file, "r+") as stored:
        stored["samples"][250, 2] = np.nan
    with pytest.raises(DataError, match=r"not finite[\s\S]*/samples\[250, 2\]"):
        read_dataset(file, stream=True)
    file = write(tmp_path / "codes.h5", "discrete", local_dimension=2)
    with pytest.raises(DataError, match="a code is out of range"):
        read_dataset(file, stream=True)
    file = write(tmp_path / "point.h5")
    with h5py.File(file, "r+") as stored:
        stored["point"][299] = 5
    with pytest.raises(DataError, match=r"not there[\s\S]*point\[299\]"):
        read_dataset(file, stream=True)


def test_auto_streams_what_is_large_and_does_not_repeat(tmp_path, monkeypatch):
    real, codes = write(tmp_path / "real.h5"), write(tmp_path / "codes.h5", "discrete")
    monkeypatch.setattr(streamed, "_PROBE_ROWS", 15)
    load = qdisc.load
    assert not isinstance(load(real).configurations, StoredRows)
    monkeypatch.setattr(streamed, "STREAM_BYTES", 1 << 10)
    assert isinstance(load(real).configurations, StoredRows)
    assert isinstance(load(codes).configurations, StoredRows)
    assert not isinstance(load(real, stream=False).configurations, StoredRows)
    few = np.random.default_rng(0).integers(0, 2, (2, 500, 2))
    write_dataset(Dataset(few, [[0.0, 1.0]], "discrete"), tmp_path / "counts.h5")
    assert load(tmp_path / "counts.h5").deduplicated
    with pytest.raises(DataError, match="only /samples stream"):
        load(tmp_path / "counts.h5", stream=True)
    with h5py.File(real) as stored:
        samples = np.repeat(np.arange(20)[:, None] % 2, 2, 1).astype(np.uint8)
        point, theta = np.zeros(300, int), stored["theta"][:1]
    with h5py.File(tmp_path / "same.h5", "w") as file:
        file.attrs["data_type"] = "discrete"
        file["samples"], file["point"], file["theta"] = np.tile(samples, (15, 4)), point, theta
    monkeypatch.setattr(streamed, "STREAM_BYTES", 100)
    assert load(tmp_path / "same.h5").deduplicated
