"""Braket: analog shots, gate results whose columns are named, program sets, refusals."""

from __future__ import annotations

import json

import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin

from qdisc_formats.braket_ahs import loader as ahs
from qdisc_formats.braket_gate import loader as gate

ODD = [1] + [0] * 9


def test_the_contract(golden):
    check_plugin(ahs, file=golden("braket_ahs.json"))
    check_plugin(gate, file=golden("braket_gate.json"))


def test_x_on_atom_0(golden):
    dataset = load(golden("braket_ahs.json"))
    assert dataset.samples.tolist() == [[1, 0, 0, 0]] * 10
    assert dataset.source["dropped"] == (
        "2 of 12 snapshots: 1 with status Partial Success; 1 with an atom missing before the pulse"
    )
    assert dataset.sites.tolist() == [[0], [1], [2], [3]] and dataset.theta.tolist() == [[0.0]]
    assert "20 um" in dataset.source["notes"]
    assert "123456789012" not in json.dumps(dataset.source)
    lost = load(golden("braket_ahs.json"), atom_loss="third_state").samples
    assert sorted(map(tuple, lost.tolist())) == [(1, 0, 0, 0)] * 10 + [(1, 0, 2, 0)]


def test_several_results_are_a_sweep(golden, tmp_path):
    one = json.loads(golden("braket_ahs.json").read_text())
    path = tmp_path / "both.json"
    path.write_text(json.dumps([one, one]))
    same = load(path)  # equal programmes: one setting
    assert same.theta.tolist() == [[0.0]] and same.n_snapshots == 20
    assert "2 jobs merged into 1 setting" in same.source["notes"]
    sweep = load(path, theta={"detuning": [1.5, 2.5]}, theta_units={"detuning": "MHz"})
    assert sweep.theta[:, 0].tolist() == [1.5, 2.5] and sweep.theta_units == ("MHz",)
    other = json.loads(json.dumps(one))
    other["additionalMetadata"]["action"]["hamiltonian"] = {}
    path.write_text(json.dumps([one, other]))
    with pytest.raises(DataError, match="at which setting") as caught:
        load(path)
    assert "result 0 and result 1" in str(caught.value) and "theta = " in str(caught.value)


def test_columns_are_named_by_their_qubits(golden):
    """Measured in the order 9, 0, 1, ..., 8: the bit that is 1 is in column 1, and is site 0."""
    dataset = load(golden("braket_gate.json"))
    assert dataset.samples.tolist() == [ODD] * 8
    assert dataset.local_states.tolist() == [1.0, -1.0]
    assert dataset.physical(dataset.samples)[0, :2].tolist() == [-1.0, 1.0]


def test_a_program_set_is_a_sweep(golden):
    dataset = load(golden("braket_program_set.json"))
    assert dataset.theta_names == ("theta",) and dataset.shots.tolist() == [5, 5]
    assert dataset.theta[:, 0].tolist() == pytest.approx([0.0, 3.141592653589793])
    assert dataset.average(dataset.configurations).tolist() == [[0, 0, 0], [1, 0, 0]]


def edited(golden, tmp_path, change):
    document = json.loads(golden("braket_gate.json").read_text())
    change(document)
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(document))
    return path


def test_no_word_on_the_qubits(golden, tmp_path):
    path = edited(golden, tmp_path, lambda d: d.update(measuredQubits=None))
    with pytest.raises(DataError, match="which end of the strings is site 0") as caught:
        load(path)
    assert "site_order = " in str(caught.value) and "edited.json" in str(caught.value)
    assert load(path, site_order="left_to_right").samples[0].tolist() == [0, 1] + [0] * 8


def test_probabilities_count_when_they_are_shots(golden, tmp_path):
    def change(document):
        shares = {"0100000000": 0.75, "0000000000": 0.25}  # in the order 9, 0, 1, ...
        document.update(measurements=None, measurementProbabilities=shares)

    dataset = load(edited(golden, tmp_path, change))
    assert dataset.n_snapshots == 8 and dataset.samples.sum(0).tolist() == [6] + [0] * 9

    def thirds(document):
        change(document)
        document["measurementProbabilities"]["0100000000"] = 1 / 3

    with pytest.raises(DataError, match="no whole number of shots") as caught:
        load(edited(golden, tmp_path, thirds))
    assert "0100000000" in str(caught.value) and "of 8 shots" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["measurements"][3].__setitem__(2, 2), ("shot 3, column 2", "value: 2")),
        (lambda d: d["measurements"][3].append(0), ("shot 3", "10 bits")),
        (lambda d: d.update(measurements=[]), ("holds no shots", "shots > 0")),
        (lambda d: d["measuredQubits"].__setitem__(0, 0), ("names each column once", "10 columns")),
        (lambda d: d["braketSchemaHeader"].update(name="x.gate_model"), ("x.gate_model",)),
    ],
)
def test_refusals(golden, tmp_path, change, words):
    with pytest.raises(DataError) as caught:
        load(edited(golden, tmp_path, change), loader="braket_gate")
    for word in (*words, "edited.json"):
        assert word in str(caught.value)
