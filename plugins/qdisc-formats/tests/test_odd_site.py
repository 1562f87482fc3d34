"""A product state with one odd site: through every loader, and on through qdisc's own files.

One site differs from all others, so that a reversed, shifted or transposed order shows. Each file
is read twice: as it is, and again from the HDF5 file that its dataset was written to.
"""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from qdisc import load
from qdisc.dataset.hdf5 import write_dataset
from qdisc.dataset.load import load_with
from qdisc.plugin import Registry

REGISTRY = Registry()
LEFT = {"site_order": "left_to_right"}
RIGHT = {"site_order": "right_to_left"}
ROWS = np.array([[0, 1, 0, 0, 0]] * 6, np.uint8)  # site 1 of five
PLAIN = {"dims": ["shot", "site"]}
ARRAY = {"samples": "snapshots", "dims": ["x", "y", "shot", "delta"],
         "theta": {"delta": "detuning"}}  # fmt: skip


def text(folder, content, name="shots.txt"):
    path = folder / name
    path.write_text(content)
    return path


def csv(folder):
    return text(folder, "h,s0,s1,s2,s3,s4\n" + "0.5,0,1,0,0,0\n" * 6)


def strings(folder):
    return text(folder, "01000\n" * 6)


def counts(folder):
    return text(folder, '{"00010": 6}')


def parquet(folder):
    arrow, table = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = folder / "shots.parquet"
    table.write_table(arrow.table({"bits": ["01000"] * 6}), path)
    return path


def npy(folder):
    path = folder / "shots.npy"
    np.save(path, ROWS)
    return path


def npz(folder):
    path = folder / "shots.npz"
    np.savez(path, shots=ROWS.T, other=1.0)
    return path


def hdf5(folder):
    path = folder / "lab.h5"
    with h5py.File(path, "w") as file:
        file["run/shots"] = ROWS
    return path


def runs(folder):
    for h in (1, 2):
        text(folder, "01000\n" * h, f"h={h}.txt")
    return folder


CASES = [  # loader, file, options, number of sites, the odd one
    ("bloqade", "bloqade_local.json", {}, 10, 0),
    ("bloqade", "bloqade_remote.json", {"atom_loss": "third_state"}, 10, 0),
    ("bloqade", "bloqade_remote.json", {"atom_loss": "mask"}, 9, 0),
    ("bloqade", "bloqade_copies.json", {}, 2, 0),
    ("braket_ahs", "braket_ahs.json", {}, 4, 0),
    ("braket_gate", "braket_gate.json", {}, 10, 0),
    ("braket_gate", "braket_program_set.json", {}, 3, 0),
    ("qiskit", "qiskit_sampler.json", {"theta": {"a": [0, 2, 1]}}, 10, 0),
    ("qiskit", "qiskit_result.json", {}, 10, 0),
    ("qiskit", "qiskit_counts.json", {}, 10, 0),
    ("counts", "qiskit_counts.json", RIGHT, 10, 0),
    ("counts", counts, RIGHT, 5, 1),
    ("cirq", "cirq_result.json", {}, 10, 0),
    ("cirq", "cirq_sweep.json", {}, 10, 0),
    ("cirq", "cirq_keys.json", {"keys": [f"q{n}" for n in range(10)]}, 10, 0),
    ("pulser", "pulser_results.json", {}, 6, 0),
    ("pulser", "pulser_registers.json", {}, 3, 0),
    ("netket", "netket_spin.npz", {}, 10, 0),
    ("netket", "netket_fock.npz", {}, 10, 0),
    ("matlab", "matlab_v4.mat", PLAIN, 3, 0),
    *(("matlab", f"matlab_{v}.mat", ARRAY, 6, 1) for v in ("v5", "v7", "v73")),
    ("numpy", npy, PLAIN, 5, 1),
    ("numpy", npz, {"dims": ["site", "shot"]}, 5, 1),
    ("hdf5", hdf5, PLAIN, 5, 1),
    ("csv", csv, {}, 5, 1),
    ("csv", strings, LEFT, 5, 1),
    ("parquet", parquet, LEFT, 5, 1),
    ("folder", runs, {"pattern": "h={h}.txt", "options": LEFT}, 5, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "options", "n_sites", "odd"), CASES)
def test_one_odd_site(golden, tmp_path, name, file, options, n_sites, odd):
    path = golden(file) if isinstance(file, str) else file(tmp_path)
    dataset = load_with(REGISTRY, path, name, options)
    copy = tmp_path / "copy.h5"
    write_dataset(dataset, copy)
    for data in (dataset, load_with(REGISTRY, copy)):
        assert data.n_sites == n_sites
        codes = data.configurations
        lowest = np.where(codes == 2, 0, codes)  # a lost atom is not the odd one
        usual = lowest[:, odd - 1]  # of any other site
        differs = (lowest != usual[:, None]).any(0)
        assert np.flatnonzero(differs).tolist() == [odd], codes
        last = data.average(lowest)[-1]  # the setting at which the site is odd in every shot
        assert abs(last[odd] - np.delete(last, odd).mean()) > 0.3


def test_the_list_is_complete():
    ours = {
        name for name in REGISTRY.names("loader")
        if REGISTRY.load("loader", name).package.startswith("qdisc-formats")
    }  # fmt: skip
    assert ours - {"pennylane"} == {name for name, *_ in CASES}


@pytest.mark.parametrize("file", ["pennylane_shadow.npz", "pennylane_dataset.h5"])
def test_shadows(golden, tmp_path, file):
    """|+i>, |1>, |->, |0>: in its own basis each wire gives one outcome, in the others both."""
    dataset = load(golden(file))
    copy = tmp_path / "copy.h5"
    write_dataset(dataset, copy)
    for data in (dataset, load(copy)):
        samples = data.samples
        bases, outcomes = samples[:, 0::2], samples[:, 1::2]
        for wire, (basis, outcome) in enumerate(((3, 1), (4, 0), (2, 0), (4, 1))):
            for other in (2, 3, 4):
                seen = set(outcomes[bases[:, wire] == other, wire].tolist())
                assert seen == ({outcome} if other == basis else {0, 1}), (wire, other)


@pytest.mark.parametrize(
    ("name", "file", "options", "words"),
    [
        ("counts", "qiskit_counts.json", RIGHT, "the last character of the strings is site 0"),
        ("qiskit", "qiskit_counts.json", LEFT, "the first character of the strings is site 0"),
        ("cirq", "cirq_keys.json", {"keys": ["q3", "q0"]}, "q3, q0, in this order"),
    ],
)
def test_the_order_that_was_chosen_is_told(golden, name, file, options, words):
    assert words in load(golden(file), loader=name, **options).source["bit_order"]
