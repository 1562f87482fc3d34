"""Golden files of Amazon Braket. In an environment of its own:
pip install amazon-braket-sdk==1.127.5 amazon-braket-schemas==1.32.1.post0

Everything is run on Braket's local simulators and stored as their result schemas write themselves:
`braket_ahs.json` four atoms of which the first is in resonance (X on atom 0), with one failed shot
and one lost atom written in afterwards; `braket_gate.json` X on qubit 0 of ten, measured in the
order 9, 0, 1, ..., 8; `braket_program_set.json` rx(theta) on qubit 0 of three at two angles.
"""

import json
from decimal import Decimal

import numpy as np
from braket.ahs.analog_hamiltonian_simulation import AnalogHamiltonianSimulation
from braket.ahs.atom_arrangement import AtomArrangement
from braket.ahs.driving_field import DrivingField
from braket.ahs.field import Field
from braket.ahs.local_detuning import LocalDetuning
from braket.ahs.pattern import Pattern
from braket.analog_hamiltonian_simulator.rydberg.rydberg_simulator import RydbergAtomSimulator
from braket.default_simulator import StateVectorSimulator
from braket.ir.openqasm import Program, ProgramSet
from braket.timings.time_series import TimeSeries
from card import FOLDER, record

SDK = ["amazon-braket-sdk", "amazon-braket-default-simulator", "amazon-braket-schemas"]


def series(*points) -> TimeSeries:
    out = TimeSeries()
    for time, value in points:
        out.put(time, value)
    return out


def save(result: dict, name: str, what: str) -> None:
    """Without times and random names, so that the file comes out the same every time."""
    fixed = {"createdAt": "2026-11-24T00:00:00Z", "endedAt": "2026-11-24T00:00:01Z"}
    task = "quantum-task/00000000-0000-4000-8000-000000000001"
    result["taskMetadata"] |= fixed | {"id": f"arn:aws:braket:us-east-1:123456789012:{task}"}
    (FOLDER / name).write_text(json.dumps(result))
    record(name, SDK, __file__, what)


def ahs() -> None:
    register = AtomArrangement()
    for n in range(4):
        register.add([Decimal(0), Decimal(n) * Decimal("2e-5")])
    rabi = np.pi / 0.9e-6  # area pi with ramps of 0.1 us
    amplitude = series((0, 0), (1e-7, rabi), (9e-7, rabi), (1e-6, 0))
    zero = series((0, 0), (1e-6, 0))
    away = series((0, -1.2e8), (1e-6, -1.2e8))
    hamiltonian = DrivingField(amplitude=amplitude, phase=zero, detuning=zero) + LocalDetuning(
        Field(away, Pattern([Decimal(0), Decimal(1), Decimal(1), Decimal(1)]))
    )
    program = AnalogHamiltonianSimulation(register=register, hamiltonian=hamiltonian).to_ir()
    np.random.seed(3)
    result = json.loads(RydbergAtomSimulator().run(program, shots=12, steps=200).json())
    result["measurements"][3]["shotMetadata"]["shotStatus"] = "Partial Success"
    result["measurements"][3]["shotResult"] = {"preSequence": [1, 1, 1, 1], "postSequence": None}
    result["measurements"][5]["shotResult"]["preSequence"][2] = 0
    result["measurements"][5]["shotResult"]["postSequence"][2] = 0
    result["additionalMetadata"] = result["additionalMetadata"] or {}
    if not result["additionalMetadata"].get("action"):
        result["additionalMetadata"]["action"] = json.loads(program.json())
    save(result, "braket_ahs.json", "X on atom 0 of four; a failed shot, a lost atom")


def gate() -> None:
    order = [9, *range(9)]
    lines = ["OPENQASM 3.0;", "qubit[10] q;", "bit[10] b;", "x q[0];", "i q[9];"]
    lines += [f"i q[{n}];" for n in range(1, 9)]
    lines += [f"b[{n}] = measure q[{qubit}];" for n, qubit in enumerate(order)]
    result = StateVectorSimulator().run(Program(source="\n".join(lines)), shots=8)
    what = "X on qubit 0 of ten, measured 9, 0, 1, ..., 8"
    save(json.loads(result.json()), "braket_gate.json", what)


def program_set() -> None:
    source = (
        "OPENQASM 3.0;\ninput float theta;\nqubit[3] q;\nbit[3] b;\nrx(theta) q[0];\n"
        "i q[1];\ni q[2];\nb = measure q;"
    )
    programs = ProgramSet(programs=[Program(source=source, inputs={"theta": [0.0, float(np.pi)]})])
    result = StateVectorSimulator().run(programs, shots=10)
    what = "rx(theta) on qubit 0 of three: 0 and pi"
    save(json.loads(result.json()), "braket_program_set.json", what)


if __name__ == "__main__":
    ahs()
    gate()
    program_set()
