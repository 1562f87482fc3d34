"""Cirq: packed digits, sweeps, several keys, qutrits, live results."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin

from qdisc_formats import from_cirq
from qdisc_formats.cirq import loader

ODD = [1] + [0] * 9
KEYS = [f"q{n}" for n in range(10)]


def test_the_contract(golden):
    check_plugin(loader, file=golden("cirq_sweep.json"))


def test_x_on_qubit_0(golden):
    dataset = load(golden("cirq_result.json"))
    assert dataset.samples.tolist() == [ODD] * 7 and dataset.local_states.tolist() == [1.0, -1.0]


def test_a_sweep(golden):
    dataset = load(golden("cirq_sweep.json"))
    assert dataset.theta_names == ("theta",)
    np.testing.assert_allclose(dataset.theta[:, 0], [0, np.pi / 2, np.pi])
    means = dataset.average(dataset.configurations)
    assert means[0].tolist() == [0] * 10 and means[2].tolist() == ODD and 0 < means[1, 0] < 1


def test_keys_are_not_in_the_order_of_the_qubits(golden):
    """Cirq stores q1, q2, ..., q9, q0 here: the moment of X comes first."""
    with pytest.raises(DataError, match="several measurement keys") as caught:
        load(golden("cirq_keys.json"))
    assert 'keys = ["q0", "q1", "q2"' in str(caught.value)
    assert load(golden("cirq_keys.json"), keys=KEYS).samples.tolist() == [ODD] * 5
    assert load(golden("cirq_keys.json"), keys=["q3", "q0"]).samples.tolist() == [[0, 1]] * 5
    with pytest.raises(DataError, match="no such measurement key"):
        load(golden("cirq_keys.json"), keys=["p0"])


def test_qutrits(golden):
    dataset = load(golden("cirq_qutrits.json"))
    assert dataset.samples.tolist() == [[2, 0]] * 4
    assert dataset.local_states.tolist() == [0.0, 1.0, 2.0]


def edited(golden, tmp_path, change):
    document = json.loads(golden("cirq_result.json").read_text())
    change(document, document["records"]["m"])
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda d, m: m.update(packed_digits=m["packed_digits"][:-2]),
            ("does not match", "8 bytes"),
        ),
        (lambda d, m: m.update(packed_digits="zz"), ("hexadecimal",)),
        (lambda d, m: m.update(shape=[7, 10]), ("shape", "[7, 10]")),
        (lambda d, m: m.update(shape=[10**9, 10**9, 10]), ("does not match",)),
        (lambda d, m: m.update(binary=False), ("no array of NumPy",)),
        (lambda d, m: d.update(records={}), ("several measurement keys",)),
        (lambda d, m: m.update(shape=[1, 7, 10]), ("several times", "7 instances", "instances = ")),
    ],
)
def test_refusals(golden, tmp_path, change, words):
    with pytest.raises(DataError) as caught:
        load(edited(golden, tmp_path, change))
    for word in (*words, "edited.json"):
        assert word in str(caught.value)


def test_instances_as_shots_or_as_sites(golden, tmp_path):
    path = edited(golden, tmp_path, lambda d, m: m.update(shape=[1, 7, 10]))
    assert load(path, instances="shots").samples.tolist() == [ODD] * 7
    assert load(path, instances="sites").samples.tolist() == [ODD * 7]


def test_live_results_by_their_attributes():
    records = {"m": np.array([[ODD], [ODD]])}
    params = SimpleNamespace(param_dict={"h": 0.5})
    one = SimpleNamespace(records=records, params=params)
    other = SimpleNamespace(records=records, params=SimpleNamespace(param_dict={"h": 1.5}))
    dataset = from_cirq([one, other])
    assert dataset.theta[:, 0].tolist() == [0.5, 1.5] and dataset.samples.tolist() == [ODD] * 4
    with pytest.raises(DataError, match="no result of Cirq"):
        from_cirq("records")
