"""Golden files of Qiskit. In an environment of its own:
pip install qiskit==2.6.2 qiskit-ibm-runtime==0.51.0

`qiskit_sampler.json`: SamplerV2, rx(theta) on qubit 0 of ten at 0, pi and pi/2, as RuntimeEncoder
writes it. `qiskit_registers.json`: X on the first of three and on the last of two bits, in two
registers, at two settings that the circuits' metadata name. `qiskit_result.json`: a `Result` as a
backend returns it, with counts and memory. `qiskit_counts.json`: `get_counts()` of X on qubit 0.
"""

import json

import numpy as np
from card import FOLDER, record
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler
from qiskit.providers.basic_provider import BasicSimulator
from qiskit_ibm_runtime import RuntimeEncoder

SDK = ["qiskit", "qiskit-ibm-runtime"]


def save(document, name: str, what: str, encoder=None) -> None:
    (FOLDER / name).write_text(json.dumps(document, cls=encoder))
    record(name, SDK, __file__, what)


def sampler() -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(10, 10)
    circuit.rx(theta, 0)
    circuit.measure(range(10), range(10))
    run = StatevectorSampler(seed=1).run([(circuit, [[0.0], [np.pi], [np.pi / 2]])], shots=16)
    what = "rx(theta) on qubit 0 of ten: 0, pi, pi/2"
    save(run.result(), "qiskit_sampler.json", what, RuntimeEncoder)


def registers() -> None:
    circuits = []
    for angle in (0.0, np.pi):
        qubits = QuantumRegister(5, "q")
        low, high = ClassicalRegister(3, "low"), ClassicalRegister(2, "high")
        circuit = QuantumCircuit(qubits, low, high, metadata={"angle": angle, "lab": "A"})
        circuit.rx(angle, 0)
        circuit.x(4)
        circuit.measure(range(3), low)
        circuit.measure(range(3, 5), high)
        circuits.append(circuit)
    run = StatevectorSampler(seed=1).run(circuits, shots=6)
    what = "rx(0 or pi) on qubit 0 and X on qubit 4, in registers of 3 and 2 bits"
    save(run.result(), "qiskit_registers.json", what, RuntimeEncoder)


def backend() -> None:
    circuit = QuantumCircuit(10, 10, name="X on qubit 0", metadata={"depth": 1})
    circuit.x(0)
    circuit.measure(range(10), range(10))
    result = BasicSimulator().run(circuit, shots=7, memory=True, seed_simulator=1).result()
    document = result.to_dict()
    document |= {"job_id": "0", "date": "2026-11-24"}
    for one in document["results"]:
        one["time_taken"] = 0.0
    document["time_taken"] = 0.0
    (FOLDER / "qiskit_result.json").write_text(json.dumps(document, default=str))
    record("qiskit_result.json", SDK, __file__, "X on qubit 0 of ten: Result with memory")
    save(result.get_counts(), "qiskit_counts.json", "X on qubit 0 of ten: get_counts()")


if __name__ == "__main__":
    sampler()
    registers()
    backend()
