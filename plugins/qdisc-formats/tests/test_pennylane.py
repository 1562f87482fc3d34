"""Classical shadows of a product state: |+i>, |1>, |->, |0> on wires 0 to 3."""

from __future__ import annotations

from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin

from qdisc_formats import from_pennylane
from qdisc_formats.pennylane import loader

EIGEN = {0: (3, 1), 1: (4, 0), 2: (2, 0), 3: (4, 1)}  # wire: basis (Y, Z, X, Z), outcome
FILES = ("pennylane_shadow.npz", "pennylane_dataset.h5")


def product_state(dataset):
    assert dataset.data_type == "shadow" and dataset.n_sites == 4 and dataset.n_snapshots == 60
    bases, outcomes = dataset.samples[:, 0::2], dataset.samples[:, 1::2]
    for wire, (basis, outcome) in EIGEN.items():
        there = bases[:, wire] == basis
        assert there.sum() > 10 and (outcomes[there, wire] == outcome).all()
        assert 0 < outcomes[~there, wire].mean() < 1  # random in the two other bases


@pytest.mark.parametrize("name", FILES)
def test_eigenstates_of_y_and_of_the_others(golden, name):
    check_plugin(loader, file=golden(name))
    product_state(load(golden(name)))


def test_a_sweep_in_groups_and_in_an_array(golden, tmp_path):
    with np.load(golden(FILES[0])) as archive:
        bits, recipes = archive["bits"], archive["recipes"]
    path = tmp_path / "sweep.h5"
    with h5py.File(path, "w") as file:
        for n, h in enumerate((0.5, 1.5)):
            group = file.create_group(f"run{n}")
            group["bits"], group["recipes"] = bits, recipes
            group.attrs["h"], group.attrs["machine"] = h, "A"
    dataset = load(path)
    assert dataset.theta_names == ("h",) and dataset.theta[:, 0].tolist() == [0.5, 1.5]
    assert dataset.shots.tolist() == [60, 60]
    np.savez(tmp_path / "sweep.npz", bits=np.stack([bits] * 2), recipes=np.stack([recipes] * 2))
    both = load(tmp_path / "sweep.npz", theta={"h": [0.5, 1.5]})
    np.testing.assert_array_equal(both.samples, dataset.samples)


def test_live_shadows(golden):
    with np.load(golden(FILES[0])) as archive:
        pair = (archive["bits"], archive["recipes"])
    product_state(from_pennylane(pair))
    product_state(from_pennylane(np.stack(pair)))
    product_state(from_pennylane(SimpleNamespace(bits=pair[0], recipes=pair[1])))
    two = from_pennylane([pair, pair], theta={"h": [0, 1]})
    assert two.shots.tolist() == [60, 60]


@pytest.mark.parametrize(
    ("bits", "recipes", "words"),
    [
        ([[0, 1]], [[0, 3]], ("recipes[0, 1]", "value: 3", "X, Y, Z")),
        ([[0, -1]], [[0, 1]], ("bits[0, 1]", "value: -1")),
        ([[0, 1]], [[0]], ("one shape",)),
        ([0, 1], [0, 1], ("one shape",)),
    ],
)
def test_refusals(tmp_path, bits, recipes, words):
    path = tmp_path / "shadow.npz"
    np.savez(path, bits=np.array(bits), recipes=np.array(recipes))
    with pytest.raises(DataError) as caught:
        load(path)
    for word in (*words, "shadow.npz"):
        assert word in str(caught.value)
