"""Whatever the sweep looks like, the chain writes a valid result."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.results.validate import validate

KINDS = ("discrete", "continuous", "hybrid", "shadow")


def errors(result):
    return [str(f) for f in validate(result.path) if f.severity == "ERROR"]


def mu(result):
    return result.variable("/analyses/latent_map/mu")


def sound(result, status="ok"):
    assert errors(result) == []
    assert result.exit_code == 0
    assert result.status("latent_map") == status


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data(lab, kind):
    data = lab.line(kind)
    result = lab.quick(data)
    sound(result)
    assert mu(result).dims == (*data.theta_dims, "latent")
    assert mu(result).shape == (3, 2)
    assert result.status("reconstruction") == "ok"
    assert result.group("/dataset").attrs["kind"] == kind
    assert result.variable("/dataset/n_snapshots").data.tolist() == [12, 12, 12]
    assert np.isfinite(mu(result).data).all()


def test_a_grid_of_two_settings_on_a_lattice(lab):
    sites = np.stack(np.meshgrid([0.0, 1], [0.0, 1], indexing="ij"), -1).reshape(-1, 2)
    codes = lab.rows("discrete", (3, 2, 5))
    axes = [np.arange(3.0), np.arange(2.0)]
    data = Dataset(codes, axes, "discrete", sites=sites, theta_names=("g", "h"))
    result = lab.quick(data)
    sound(result)
    assert mu(result).shape == (3, 2, 2)
    assert mu(result).dims == ("theta_g", "theta_h", "latent")


def test_a_grid_of_three_settings(lab):
    axes = [np.arange(2.0), np.arange(3.0), np.arange(2.0)]
    result = lab.quick(Dataset(lab.rows("discrete", (2, 3, 2, 4)), axes, "discrete"))
    sound(result)
    assert mu(result).shape == (2, 3, 2, 2)


def test_scattered_settings_with_different_shots(lab):
    theta = np.array([[0.0, 1.0], [0.3, 0.2], [0.7, 0.9]])[[0] * 3 + [1] * 9 + [2] * 4]
    data = Dataset.from_samples(lab.rows("discrete", (16,)), theta, data_type="discrete")
    result = lab.quick(data)
    sound(result)
    assert mu(result).dims == ("point", "latent")
    assert result.variable("/dataset/n_snapshots").data.tolist() == [3, 9, 4]


def test_one_shot_per_point(lab):
    result = lab.quick(lab.line("continuous", points=12, shots=1))
    sound(result)
    assert mu(result).shape == (12, 2)


def test_one_point(lab):
    result = lab.quick(lab.line(points=1, shots=20))
    sound(result)
    assert mu(result).shape == (1, 2)


def test_one_snapshot_in_all(lab):
    """Nothing can be learned from it, and yet nothing breaks."""
    sound(lab.quick(lab.line(points=1, shots=1)))


def test_a_setting_without_snapshots_is_empty_on_the_map(lab):
    counts = [{"0101": 5, "1111": 2}, {}, {"0000": 4}]
    result = lab.quick(Dataset.from_counts(counts, [[0.0], [1.0], [2.0]]))
    sound(result)
    assert np.isnan(mu(result).data).any(axis=1).tolist() == [False, True, False]
    assert result.variable("/dataset/n_snapshots").data.tolist() == [7, 0, 4]


def test_more_than_two_states_and_one_site(lab):
    codes = np.random.default_rng(0).integers(0, 4, (3, 10, 1))
    data = Dataset(codes, [[0.0, 1, 2]], "discrete", local_dimension=4)
    result = lab.quick(data)
    sound(result)
    assert result.variable("/analyses/reconstruction/cp").shape == (3, 1, 4)


def test_no_training_at_all(lab):
    """epochs = 0: the untrained model is analysed, and the file says so."""
    result = lab.quick(lab.line(), set={"train.epochs": 0})
    sound(result)
    assert result.variable("/training/loss").shape == (0,)


def test_plain_h5py_reads_it(lab):
    result = lab.quick(lab.line())
    with h5py.File(result.path, "r") as file:
        assert file.attrs["qdisc_type"] == "result"
        assert file["analyses/latent_map/mu"].shape == (3, 2)
        assert file["analyses/latent_map/mu"].attrs["units"] == "1"
        loss = file["training/loss"][:]
        assert loss.shape == (2,)
        assert np.isfinite(loss).all()
        assert file["training"].attrs["n_compilations"] == 1
        assert file["provenance"].attrs["seed"] == 0
        kernel = file["model/params/mean/kernel"]
        assert kernel.shape == (4, 2)
        assert kernel.dtype == np.float32
        data = lab.line()
        entropy = file["training"].attrs.get("entropy_x")
        assert (entropy is not None) == data.deduplicated
