"""Qiskit: packed bits, registers, backends, reversed strings, live objects, bombs."""

from __future__ import annotations

import base64
import json
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from qdisc import load
from qdisc.errors import ConfigError, DataError
from qdisc.testing import check_plugin

from qdisc_formats import from_qiskit
from qdisc_formats.qiskit import loader

ODD = [1] + [0] * 9
ANGLES = [0.0, np.pi, np.pi / 2]


def test_the_contract(golden):
    check_plugin(loader, file=golden("qiskit_result.json"))


def test_a_sweep_inside_a_bit_array(golden):
    dataset = load(golden("qiskit_sampler.json"), theta={"angle": ANGLES})
    assert dataset.theta[:, 0].tolist() == sorted(ANGLES) and dataset.shots.tolist() == [16] * 3
    means = dataset.average(dataset.configurations)
    assert means[0].tolist() == [0] * 10 and means[2].tolist() == ODD
    assert 0 < means[1, 0] < 1 and not means[:, 1:].any()
    assert dataset.local_states.tolist() == [1.0, -1.0]
    with pytest.raises(DataError, match="at which setting") as caught:
        load(golden("qiskit_sampler.json"))
    assert "sweep point 0 and pub 0, sweep point 1" in str(caught.value)
    with pytest.raises(DataError, match="one per job") as caught:
        load(golden("qiskit_sampler.json"), theta={"angle": [0, 1]})
    assert "3 jobs: pub 0, sweep point 0, pub 0, sweep point 1" in str(caught.value)


def test_registers_and_metadata_of_the_circuits(golden):
    """X on bit 4; rx(angle) on bit 0; registers of 3 and 2 bits."""
    dataset = load(golden("qiskit_registers.json"))
    assert dataset.theta_names == ("angle",) and dataset.n_sites == 5
    assert dataset.average(dataset.configurations).tolist() == [[0, 0, 0, 0, 1], [1, 0, 0, 0, 1]]
    assert "low (3 bits), high (2 bits)" in dataset.source["notes"]
    assert json.loads(dataset.source["metadata"])["constant"] == {"lab": "A"}
    high = load(golden("qiskit_registers.json"), registers=["high", "low"])
    assert high.samples[0].tolist() == [0, 1, 0, 0, 0]
    with pytest.raises(DataError, match="did you mean 'high'"):
        load(golden("qiskit_registers.json"), registers=["hihg"])


def test_a_backend_and_bare_counts(golden):
    assert load(golden("qiskit_result.json")).samples.tolist() == [ODD] * 7
    counts = golden("qiskit_counts.json")  # "0000000001"
    assert load(counts, loader="qiskit").samples.tolist() == [ODD] * 7
    with pytest.raises(DataError, match="which end of the strings is site 0") as caught:
        load(counts)
    assert "'0000000001'" in str(caught.value) and "site_order = " in str(caught.value)
    assert load(counts, site_order="right_to_left").samples.tolist() == [ODD] * 7
    assert load(counts, site_order="left_to_right").samples.tolist() == [ODD[::-1]] * 7


def test_hexadecimal_counts_need_a_width(tmp_path):
    path = tmp_path / "counts.json"
    path.write_text('{"0x1": 3, "0x4": 1}')
    with pytest.raises(DataError, match="needs the number of bits") as caught:
        load(path, loader="qiskit")
    assert "n_bits" in str(caught.value)
    dataset = load(path, loader="qiskit", n_bits=4)
    assert dataset.samples.tolist() == [[0, 0, 1, 0]] + [[1, 0, 0, 0]] * 3


def packed(array):
    import io

    stream = io.BytesIO()
    np.save(stream, array)
    return base64.b64encode(zlib.compress(stream.getvalue())).decode()


def bit_array(tmp_path, text, n_bits):
    path = tmp_path / "packed.json"
    array = {"__type__": "ndarray", "__value__": text}
    path.write_text(json.dumps(
        {"__type__": "BitArray", "__value__": {"array": array, "num_bits": n_bits}}))  # fmt: skip
    return path


def test_the_padding_is_on_the_left(tmp_path):
    path = bit_array(tmp_path, packed(np.array([[0x02, 0x01]], np.uint8)), 10)
    assert load(path).samples.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0, 0, 1]]
    path = bit_array(tmp_path, packed(np.array([[0x82, 0x01]], np.uint8)), 10)
    with pytest.raises(DataError, match="beyond num_bits"):
        load(path)


@pytest.mark.parametrize(
    ("text", "n_bits", "match"),
    [
        (packed(np.zeros((4, 2), np.uint8)), 20, "packed bits are bytes"),
        (packed(np.zeros((4, 2), np.int64)), 10, "packed bits are bytes"),
        (packed(np.zeros((0, 2), np.uint8)), 10, "no shots"),
        ("not base64!", 10, "no base64"),
        (base64.b64encode(b"not zlib").decode(), 10, "damaged"),
        (base64.b64encode(zlib.compress(b"not npy")).decode(), 10, "no array of NumPy"),
    ],
)
def test_damaged_arrays(tmp_path, text, n_bits, match):
    with pytest.raises(DataError, match=match) as caught:
        load(bit_array(tmp_path, text, n_bits))
    assert "register 'c'" in str(caught.value) and "packed.json" in str(caught.value)


def test_bombs_are_refused_before_they_unfold(tmp_path):
    zeros = base64.b64encode(zlib.compress(b"\x93NUMPY" + bytes(1 << 24), 9)).decode()
    with pytest.raises(DataError):
        load(bit_array(tmp_path, zeros, 10))
    head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 2), }" % (1 << 50)
    raw = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head
    text = base64.b64encode(zlib.compress(raw)).decode()
    with pytest.raises(DataError, match="declares far more than it stores"):
        load(bit_array(tmp_path, text, 10))
    pickled = packed(np.array([1])).encode()
    assert pickled
    objects = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    raw = b"\x93NUMPY\x01\x00" + len(objects).to_bytes(2, "little") + objects + b"cos\nsystem\n"
    text = base64.b64encode(zlib.compress(raw)).decode()
    with pytest.raises(DataError, match="pickled objects"):
        load(bit_array(tmp_path, text, 10))


def test_live_objects_by_their_attributes():
    array = np.array([[[0x00, 0x01], [0x02, 0x00]]], np.uint8)  # one sweep point, two shots
    bits = SimpleNamespace(array=array, num_bits=10)
    assert from_qiskit(bits).samples.tolist() == [ODD, ODD[::-1]]
    pub = SimpleNamespace(data={"c": bits}, metadata={"circuit_metadata": {"J": 0.5}})
    other = SimpleNamespace(data={"c": bits}, metadata={"circuit_metadata": {"J": 1.5}})
    assert from_qiskit([pub, other]).theta[:, 0].tolist() == [0.5, 1.5]
    counts = from_qiskit([{"01": 2}, {"10": 1}], theta={"h": [1, 2]})
    assert counts.samples.tolist() == [[1, 0], [1, 0], [0, 1]]
    with pytest.raises(DataError, match="holds no bits of Qiskit"):
        from_qiskit(3)
    with pytest.raises(ConfigError, match="unknown key"):
        from_qiskit(bits, thteta={})
