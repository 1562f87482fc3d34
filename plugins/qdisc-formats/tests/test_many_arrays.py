"""Files with one array per setting; the numbers beside an array are metadata, and theta if many."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from qdisc import load
from qdisc.errors import ConfigError, DataError
from scipy.io import savemat

ODD = [1, 0, 0, 0]
DIMS = {"dims": ["shot", "site"]}


def rows(share, shots=4):
    """Site 0 is 1 in the first `share` of the shots."""
    out = np.zeros((shots, 4), np.uint8)
    out[: round(share * shots), 0] = 1
    return out


@pytest.fixture
def lab(tmp_path):
    """Groups delta=-1 .. delta=10: site 0 is 1 in all shots of the last one; ragged."""
    path = tmp_path / "lab.h5"
    with h5py.File(path, "w") as file:
        file.attrs["sample"] = "array 7"
        for n, delta in enumerate((2, -1, 10)):
            group = file.create_group(f"delta={delta}")
            group["shots"] = rows(float(delta == 10), 4 + n)
            group["field"] = 0.5 * delta
            group["field"].attrs["units"] = "T"
            group.attrs["run"] = f"run {n}"
        file["other"] = np.zeros((2, 3))
    return path


def test_theta_in_the_names_of_groups(lab):
    data = load(lab, samples="/delta={delta:float:MHz}/shots", theta_names=["delta"], **DIMS)
    assert data.theta_names == ("delta",) and data.theta_units == ("MHz",)
    assert data.theta[:, 0].tolist() == [-1, 2, 10] and data.shots.tolist() == [5, 4, 6]
    assert data.average(data.configurations)[:, 0].tolist() == [0, 0, 1]
    assert "theta from the names of the arrays: delta" in data.source["notes"]
    assert json.loads(data.source["metadata"])["constant"] == {"sample": "array 7"}
    assert data.source["bit_order"] == "site i: index i along 'site'"


def test_theta_beside_the_arrays_with_its_unit(lab):
    data = load(lab, samples="delta=*/shots", **DIMS)
    assert data.theta_names == ("field",) and data.theta_units == ("T",)
    assert data.theta[:, 0].tolist() == [-0.5, 1, 5] and data.shots.tolist() == [5, 4, 6]
    named = load(lab, samples=["delta=10/shots", "delta=2/shots"], theta={"h": [3, 4]},
                 theta_units={"h": "K"}, **DIMS)  # fmt: skip
    assert named.theta[:, 0].tolist() == [3, 4] and named.theta_units == ("K",)
    assert named.average(named.configurations)[:, 0].tolist() == [1, 0]


def test_arrays_of_structs_and_cells(tmp_path):
    path = tmp_path / "runs.mat"
    structs = np.zeros((1, 3), [("h", object), ("shots", object)])
    cells = np.empty((1, 11), object)
    for n in range(3):
        structs[0, n] = (0.5 * n, rows(n / 2))
    for n in range(11):
        cells[0, n] = rows(float(n == 9))
    savemat(path, {"data": structs, "snaps": cells, "hs": np.arange(11.0), "rate": 3.0})
    data = load(path, samples="data(*).shots", **DIMS)
    assert data.theta_names == ("h",) and data.theta[:, 0].tolist() == [0, 0.5, 1]
    assert data.average(data.configurations)[:, 0].tolist() == [0, 0.5, 1]
    assert json.loads(data.source["metadata"])["constant"] == {"rate": 3.0}
    data = load(path, samples="snaps(*)", theta={"h": "hs"}, **DIMS)  # the tenth is not the second
    assert data.average(data.configurations)[:, 0].tolist() == [0] * 9 + [1, 0]


def test_numbers_beside_one_array_are_kept_and_vary_over_a_folder(tmp_path):
    for n in (1, 2):
        np.savez(tmp_path / f"run_{n}.npz", shots=rows(n / 2), h=0.5 * n, rate=3.0, who="x")
    one = load(tmp_path / "run_1.npz", samples="shots", **DIMS)
    assert json.loads(one.source["metadata"])["constant"] == {"h": 0.5, "rate": 3.0, "who": "x"}
    data = load(tmp_path, files="numpy", options={"samples": "shots", **DIMS})
    assert data.theta_names == ("h",) and data.theta[:, 0].tolist() == [0.5, 1.0]
    assert data.average(data.configurations)[:, 0].tolist() == [0.5, 1.0]


def test_spins_that_are_equal_in_one_setting(tmp_path):
    path = tmp_path / "spins.npz"
    np.savez(path, up=2.0 * rows(1.0) - 1, down=-np.ones((4, 4)))
    data = load(path, samples=["down", "up"], theta={"h": [0, 1]}, **DIMS)
    assert data.local_states.tolist() == [-1, 1]
    assert data.average(data.physical(data.configurations)).tolist() == [[-1] * 4, [1, -1, -1, -1]]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"samples": "run*/shots"}, DataError, ("no array of numbers matches", "/delta=2/shots")),
        ({"samples": ["delta=2/shots", "other"]}, DataError, ("different sites", "other", "(3,)")),
        ({"samples": "delta=*/shots", "dims": ["h", "site"]}, DataError, ("axis of theta", "'h'")),
        ({"samples": "delta=*/shots", "mask": "other"}, ConfigError, ("single array", "data.mask")),
        ({"samples": "delta=*/shots", "theta": {"h": [1, 2]}}, DataError, ("per job", "3 jobs")),
        ({"samples": "delta=*/shots", "theta_names": ["sample"]}, DataError, ("finite number",)),
        ({"samples": []}, ConfigError, ("each of them once",)),
        ({"samples": "delta={x"}, ConfigError, ("another form",)),
    ],
)
def test_refusals(lab, options, error, words):
    with pytest.raises(error) as caught:
        load(lab, **(DIMS | options))
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_what_lies_beside_is_not_followed(lab):
    """Links, compressed numbers and references beside an array are left alone."""
    with h5py.File(lab, "a") as file:
        group = file["delta=2"]
        group["gone"] = h5py.ExternalLink("other.h5", "/x")
        group.create_dataset("packed", data=[1.0], compression="lzf")
        group.attrs["points"] = file.ref
        group.attrs["pair"] = np.array((1, 2), [("a", int), ("b", int)])
    data = load(lab, samples="delta=2/shots", loader="hdf5", **DIMS)
    constant = json.loads(data.source["metadata"])["constant"]
    assert constant == {"sample": "array 7", "field (T)": 1.0, "run": "run 0"}


def test_arrays_called_alike_are_offered_as_a_sweep(tmp_path):
    path = tmp_path / "lab.h5"
    with h5py.File(path, "w") as file:
        for n in (10, 2):
            file[f"run{n}/shots"] = np.eye(3, dtype=np.uint8)
            file[f"run{n}"].attrs["h"] = n / 2
    with pytest.raises(DataError, match="which array holds the snapshots") as caught:
        load(path, dims=["shot", "site"])
    assert '"/run2/shots", or samples = "*/shots" for 2 arrays' in str(caught.value)
    assert load(path, samples="*/shots", dims=["shot", "site"]).theta[:, 0].tolist() == [1.0, 5.0]
