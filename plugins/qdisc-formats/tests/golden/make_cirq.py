"""Golden files of Cirq. In an environment of its own: pip install cirq-core==1.7.0

`cirq_result.json`: X on qubit 0 of ten, one result. `cirq_sweep.json`: rx(theta) on qubit 0 of ten
at 0, pi/2 and pi, a list of results whose `params` are theta. `cirq_keys.json`: every qubit with a
key of its own. `cirq_qutrits.json`: a qutrit in its level 2 and one in 0, which Cirq does not pack.
"""

import cirq
import numpy as np
import sympy
from card import FOLDER, record

SDK = ["cirq-core"]
QUBITS = cirq.LineQubit.range(10)


def save(document, name: str, what: str) -> None:
    (FOLDER / name).write_text(cirq.to_json(document, indent=None))
    record(name, SDK, __file__, what)


def main() -> None:
    simulator = cirq.Simulator(seed=1)
    x = cirq.Circuit(cirq.X(QUBITS[0]), cirq.measure(*QUBITS, key="m"))
    save(simulator.run(x, repetitions=7), "cirq_result.json", "X on qubit 0 of ten")
    theta = sympy.Symbol("theta")
    rx = cirq.Circuit(cirq.rx(theta)(QUBITS[0]), cirq.measure(*QUBITS, key="m"))
    sweep = cirq.Points("theta", [0.0, float(np.pi) / 2, float(np.pi)])
    what = "rx(theta) on qubit 0 of ten: 0, pi/2, pi"
    save(simulator.run_sweep(rx, sweep, repetitions=16), "cirq_sweep.json", what)
    each = cirq.Circuit(
        cirq.X(QUBITS[0]), [cirq.measure(q, key=f"q{i}") for i, q in enumerate(QUBITS)]
    )
    save(simulator.run(each, repetitions=5), "cirq_keys.json", "X on qubit 0 of ten, ten keys")
    trits = cirq.LineQid.range(2, dimension=3)
    plus = cirq.MatrixGate(np.roll(np.eye(3), 1, axis=0), qid_shape=(3,))
    level = cirq.Circuit(plus(trits[0]), plus(trits[0]), cirq.measure(*trits, key="m"))
    save(simulator.run(level, repetitions=4), "cirq_qutrits.json", "qutrits in levels 2 and 0")


if __name__ == "__main__":
    main()
