"""Arrays of any layout in .npy, .npz and HDF5: axes named, theta, masks, meaning of the numbers."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from qdisc import load
from qdisc.errors import ConfigError, DataError
from qdisc.testing import check_plugin

from qdisc_formats.hdf5_any import loader as hdf5
from qdisc_formats.layout_options import ArrayConfig
from qdisc_formats.numpy_files import loader as numpy

ODD = np.array([1] + [0] * 9, np.uint8)
PLAIN = {"dims": ["shot", "site"]}


def test_the_contract(tmp_path):
    path = tmp_path / "shots.npy"
    np.save(path, np.tile(ODD, (6, 1)))
    check_plugin(numpy, config=ArrayConfig(dims=("shot", "site")), file=path)
    path = tmp_path / "lab.h5"
    with h5py.File(path, "w") as file:
        file["run/shots"] = np.tile(ODD, (6, 1))
    check_plugin(hdf5, config=ArrayConfig(dims=("shot", "site")), file=path)


def test_axes_must_be_named(tmp_path):
    path = tmp_path / "shots.npy"
    np.save(path, np.tile(ODD, (6, 1)))
    with pytest.raises(DataError, match="what the axes of this array are") as caught:
        load(path)
    assert "(6, 10)" in str(caught.value) and "dims = " in str(caught.value)
    dataset = load(path, **PLAIN)
    assert dataset.samples.tolist() == [ODD.tolist()] * 6
    assert dataset.local_states.tolist() == [0.0, 1.0]  # the numbers of the file
    np.save(path, np.tile(ODD, (6, 1)).T)
    assert load(path, dims=["site", "shot"]).samples.tolist() == [ODD.tolist()] * 6


def harvard(path, present):
    """(Lx, Ly, delta, shot): site (0, 1) is 1 at the second delta; a mask over (delta, shot)."""
    data = np.zeros((2, 3, 2, 4), bool)
    data[0, 1, 1, :] = True
    np.savez(path, rydberg_data=data, params=np.array([-1.0, 3.0]), rearrange_mask=present,
             sweep_rate=np.float64(120.0))  # fmt: skip
    return {
        "samples": "rydberg_data", "dims": ["x", "y", "delta", "shot"],
        "theta": {"delta": "params", "rate": "sweep_rate"}, "mask": "rearrange_mask",
    }  # fmt: skip


def test_lattice_sweep_mask_and_constants(tmp_path):
    path, present = tmp_path / "kz.npz", np.array([[1, 0, 1, 1], [0, 0, 1, 1]])
    dataset = load(path, **harvard(path, present))
    assert dataset.n_sites == 6 and dataset.theta_names == ("delta", "rate")
    assert dataset.theta.tolist() == [[-1.0, 120.0], [3.0, 120.0]]
    assert dataset.shots.tolist() == [3, 2]
    assert dataset.average(dataset.configurations).tolist() == [[0] * 6, [0, 1, 0, 0, 0, 0]]
    assert dataset.spec.lattice.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert dataset.source["dropped"] == "3 of 8 shots: 3 left out by the mask"
    assert dataset.source["bit_order"].endswith("runs over (x, y), the last one fastest")
    options = harvard(path, present.T) | {"mask_dims": ["shot", "delta"]}
    assert load(path, **options).shots.tolist() == [3, 2]
    options = harvard(path, present[1]) | {"mask_dims": ["shot"]}
    assert load(path, **options).shots.tolist() == [2, 2]
    with pytest.raises(DataError, match="mask does not match") as caught:
        load(path, **harvard(path, present[1]))
    assert "mask_dims" in str(caught.value) and "(2, 4)" in str(caught.value)


def test_points_and_settings_of_single_shots(tmp_path):
    path = tmp_path / "points.npz"
    shots = np.stack([np.tile(ODD, (4, 1)), np.zeros((4, 10), np.uint8)])
    np.savez(path, snaps=shots, a=[0.5, 1.0], b=[7.0, 5.0])
    options = {"samples": "snaps", "dims": ["point", "shot", "site"]}
    dataset = load(path, theta={"a": "a", "b": "b"}, theta_units={"b": "MHz"}, **options)
    assert dataset.theta.tolist() == [[0.5, 7.0], [1.0, 5.0]]
    assert dataset.theta_units == ("1", "MHz") and not dataset.is_grid
    assert dataset.average(dataset.configurations)[:, 0].tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match="settings of the axis 'point'"):
        load(path, **options)
    np.savez(path, snaps=shots.reshape(8, 10), a=np.arange(8) % 2)
    single = load(path, samples="snaps", theta={"a": "a"}, **PLAIN)
    assert single.shots.tolist() == [4, 4]
    assert single.average(single.configurations)[:, 0].tolist() == [0.5, 0.5]


def test_what_the_numbers_mean(tmp_path):
    path = tmp_path / "numbers.npy"

    def read(array, **options):
        np.save(path, np.asarray(array))
        return load(path, **PLAIN, **options)

    spins = read([[1, -1, -1]])
    assert spins.samples.tolist() == [[1, 0, 0]] and spins.local_states.tolist() == [-1, 1]
    assert read([[1.0, -1.0, -1.0]]).samples.tolist() == [[1, 0, 0]]
    assert read([[2, 1, 1]], one_based=True).samples.tolist() == [[1, 0, 0]]
    qubits = read([[1, 0, 0]], local_states=[1, -1])
    assert qubits.physical(qubits.samples).tolist() == [[-1, 1, 1]]
    assert read([[0.5, -0.5]]).data_type == "continuous"  # until the recipe says more
    half = read([[0.5, -0.5]], values="physical")
    assert half.samples.tolist() == [[1, 0]] and half.local_states.tolist() == [-0.5, 0.5]
    inverted = read([[1, 1]], values="physical", local_states=[-1, 1])
    assert inverted.samples.tolist() == [[1, 1]] and inverted.local_states.tolist() == [-1, 1]
    middle = read([[0, 1]], values="physical", local_states=[-1, 0, 1])
    assert middle.samples.tolist() == [[1, 2]]
    three = read([[-1, 0, 1]])
    assert three.samples.tolist() == [[0, 1, 2]] and three.local_states.tolist() == [-1, 0, 1]
    assert read([[0.25, 1.5]]).data_type == "continuous"
    assert read([[0, 1]], data_type="continuous").data_type == "continuous"
    for array, options, words in (
        ([[0.5, 1]], {"data_type": "discrete"}, ("whole number", "samples[0, 0]", "0.5")),
        ([[0, np.nan]], {}, ("not finite", "samples[0, 1]")),
        ([[0, 2]], {"local_states": [0, 1]}, ("without a local state", "samples[0, 1]", "2")),
        ([[1, 2]], {"values": "physical", "local_states": [1, -1]}, ("no local state", "2")),
        ([[0, 1]], {"one_based": True}, ("a code is 1..d", "samples[0, 0]")),
        ([[0, 1]], {"local_states": [-1, 0, 1]}, ("codes of the local states", 'values = "codes"')),
        ([[1, 1]], {"local_states": [1, -1]}, ("as well", "physical")),
        ([["a", "b"]], {}, ("no array of numbers",)),
        ([[1j, 0]], {}, ("no array of numbers",)),
    ):
        with pytest.raises(DataError) as caught:
            read(array, **options)
        for word in (*words, "numbers.npy"):
            assert word in str(caught.value), str(caught.value)


def test_hybrid_halves(tmp_path):
    path = tmp_path / "fk.npz"
    np.savez(path, f=[[1, 0], [0, 1]], d=[[0.5, 0.1], [0.2, 0.3]])
    dataset = load(path, samples="f", continuous="d", **PLAIN)
    assert dataset.data_type == "hybrid"
    np.testing.assert_allclose(dataset.samples, [[1, 0, 0.5, 0.1], [0, 1, 0.2, 0.3]], rtol=1e-6)


def test_hdf5_paths_and_units(tmp_path):
    path = tmp_path / "lab.h5"
    with h5py.File(path, "w") as file:
        file["run/shots"] = np.stack([np.tile(ODD, (3, 1)), np.zeros((3, 10), np.uint8)])
        file["run/detuning"] = [1.5, -0.5]
        file["run/detuning"].attrs["units"] = "MHz"
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")  # not looked at
        file.create_dataset("lzf", data=np.zeros((9, 9)), compression="lzf")
    with pytest.raises(DataError, match="which array holds the snapshots") as caught:
        load(path)
    assert "/run/shots (2, 3, 10)" in str(caught.value)
    options = {"samples": "/run/shots", "dims": ["delta", "shot", "site"]}
    with pytest.raises(DataError, match="the axis 'delta' has no values"):
        load(path, **options)
    dataset = load(path, theta={"delta": "/run/detuning"}, **options)
    assert dataset.theta[:, 0].tolist() == [-0.5, 1.5] and dataset.theta_units == ("MHz",)
    assert dataset.average(dataset.configurations)[:, 0].tolist() == [0.0, 1.0]
    for samples, match in (
        ("elsewhere", "a link to another file"), ("run", "this is a group"),
        ("lzf", "filter number"), ("run/shot", "nothing at this path"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=match) as caught:
            load(path, samples=samples, **PLAIN)
        assert "lab.h5" in str(caught.value)


def test_petabytes_in_a_header(tmp_path):
    path = tmp_path / "huge.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", shape=(1 << 40, 1 << 10), dtype="u1", chunks=(1 << 10, 1 << 10))
    with pytest.raises(DataError, match="declares far more than it stores"):
        load(path, samples="x", **PLAIN)
    path = tmp_path / "huge.npy"
    head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 8), }" % (1 << 50)
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"1")
    with pytest.raises(DataError, match="does not match the size of the file"):
        load(path, **PLAIN)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"dims": ["shot", "site", "x"]}, DataError, ("one name per axis", "(6, 10)")),
        ({"dims": ["shot", "shot"]}, ConfigError, ("one name",)),
        ({"dims": ["shot", "chain"]}, DataError, ("no axis is one of sites",)),
        ({"dims": ["_", "site"]}, DataError, ("length one", "axis 0")),
        ({"dims": ["h", "site"], "theta": {"h": [1, 2]}}, DataError, ("2 values", "6 values")),
        ({**PLAIN, "samples": "sample"}, DataError, ("no array of numbers", "samples")),
        ({**PLAIN, "theta": {"h": "hh"}}, DataError, ("no array of numbers", "hh")),
    ],
)
def test_refusals(tmp_path, options, error, words):
    path = tmp_path / "shots.npy"
    np.save(path, np.tile(ODD, (6, 1)))
    with pytest.raises(error) as caught:
        load(path, **options)
    for word in words:
        assert word in str(caught.value), str(caught.value)
