"""Live objects of the real packages, where they are installed (they are in no requirement)."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc_formats import from_cirq, from_netket, from_pennylane, from_pulser, from_qiskit

ODD = [1] + [0] * 9


def test_qiskit():
    qiskit = pytest.importorskip("qiskit")
    from qiskit.primitives import StatevectorSampler

    theta = qiskit.circuit.Parameter("theta")
    circuit = qiskit.QuantumCircuit(10, 10)
    circuit.rx(theta, 0)
    circuit.measure(range(10), range(10))
    result = StatevectorSampler(seed=1).run([(circuit, [[0.0], [np.pi]])], shots=4).result()
    for live in (result, list(result), result[0], result[0].data, result[0].data.c):
        dataset = from_qiskit(live, theta={"theta": [0.0, np.pi]})
        assert dataset.samples.tolist() == [[0] * 10] * 4 + [ODD] * 4
    fixed = circuit.assign_parameters([np.pi])
    from qiskit.providers.basic_provider import BasicSimulator

    backend = BasicSimulator().run(fixed, shots=3, seed_simulator=1).result()
    assert from_qiskit(backend).samples.tolist() == [ODD] * 3
    assert from_qiskit(backend.get_counts()).samples.tolist() == [ODD] * 3


def test_cirq():
    cirq = pytest.importorskip("cirq")
    sympy = pytest.importorskip("sympy")
    qubits = cirq.LineQubit.range(10)
    circuit = cirq.Circuit(cirq.rx(sympy.Symbol("h"))(qubits[0]), cirq.measure(*qubits, key="m"))
    sweep = cirq.Points("h", [0.0, np.pi])
    results = cirq.Simulator(seed=1).run_sweep(circuit, sweep, repetitions=4)
    dataset = from_cirq(results)
    assert dataset.theta_names == ("h",)
    assert dataset.samples.tolist() == [[0] * 10] * 4 + [ODD] * 4


def test_pennylane():
    qml = pytest.importorskip("pennylane")
    device = qml.device("default.qubit", wires=2, seed=1)

    @qml.set_shots(40)
    @qml.qnode(device)
    def shadow():
        qml.Hadamard(0)
        qml.S(0)
        return qml.classical_shadow(wires=range(2), seed=2)

    bits, recipes = shadow()
    for live in ((bits, recipes), qml.ClassicalShadow(bits, recipes)):
        samples = from_pennylane(live).samples
        assert (samples[samples[:, 0] == 3, 1] == 1).all()  # +1 of Y on wire 0
        assert (samples[samples[:, 2] == 4, 3] == 1).all()  # +1 of Z on wire 1


def test_pulser():
    pulser = pytest.importorskip("pulser")
    backend = pytest.importorskip("pulser_simulation")
    from pulser.backend import BitStrings, EmulationConfig

    register = pulser.Register({"b": (0.0, 0.0), "a": (30.0, 0.0)})
    sequence = pulser.Sequence(register, pulser.MockDevice)
    sequence.declare_channel("drive", "rydberg_local", initial_target="b")
    sequence.add(pulser.Pulse.ConstantPulse(1000, np.pi, 0.0, 0.0), "drive")
    config = EmulationConfig(observables=[BitStrings(evaluation_times=[1.0], num_shots=5)])
    results = backend.QutipBackendV2(sequence, config=config).run()
    assert from_pulser(results).samples.tolist() == [[1, 0]] * 5


@pytest.mark.slow
def test_netket():
    """The real package in a process of its own: it changes the precision of jax."""
    import os
    import subprocess
    import sys

    if os.environ.get("QDISC_FULL") != "1":
        pytest.skip("QDISC_FULL=1 runs it")
    code = """
import netket as nk, numpy as np
from qdisc_formats import from_netket
hilbert = nk.hilbert.Spin(0.5, 4)
model = nk.models.LogStateVector(hilbert)
state = nk.vqs.FullSumState(hilbert, model, seed=1)
target = hilbert.states_to_numbers(np.array([[1, -1, -1, -1]]))[0]
state.variables = {"params": {"logstate": np.where(
    np.arange(16) == target, 0.0, -40.0).astype(complex)}}
assert from_netket(state, shots=7).samples.tolist() == [[1, 0, 0, 0]] * 7
sampled = nk.vqs.MCState(nk.sampler.ExactSampler(hilbert), model, n_samples=16, seed=1)
sampled.variables = state.variables
both = from_netket([sampled, state], shots=16, theta={"h": [0.5, 1.5]})
assert both.samples.tolist() == [[1, 0, 0, 0]] * 32 and both.local_states.tolist() == [-1, 1]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert callable(from_netket)
