"""Golden files of Pulser. In an environment of its own:
pip install pulser-core==1.9.1 pulser-simulation==1.9.1

Six atoms far apart, only atom q0 is driven, for 1000 ns by a pulse of area pi/2 or pi:
`pulser_results.json` (area pi, bit strings taken half way and at the end), `pulser_sweep.json` (a
list of both, at the end). `pulser_registers.json` names its atoms b, a, c, as `atom_order` says.
"""

import json

import numpy as np
import pulser
from card import FOLDER, record
from pulser.backend import BitStrings, EmulationConfig
from pulser_simulation import QutipBackendV2

SDK = ["pulser-core", "pulser-simulation"]


def run(names, area, times, shots=20):
    np.random.seed(1)
    register = pulser.Register({name: (30.0 * n, 0.0) for n, name in enumerate(names)})
    sequence = pulser.Sequence(register, pulser.MockDevice)
    sequence.declare_channel("drive", "rydberg_local", initial_target=names[0])
    sequence.add(pulser.Pulse.ConstantPulse(1000, area, 0.0, 0.0), "drive")
    config = EmulationConfig(
        observables=[BitStrings(evaluation_times=times, num_shots=shots)], with_modulation=False
    )
    return QutipBackendV2(sequence, config=config).run()


def plain(results) -> dict:
    """Without the random names of observables, so that the file comes out the same every time."""
    document = json.loads(results.to_abstract_repr())
    for n, (_, name) in enumerate(sorted(document["tagmap"].items())):
        fixed = f"00000000-0000-4000-8000-{n:012}"
        text = json.dumps(document).replace(name, fixed)
        document = json.loads(text)
    return document


def save(document, name: str, what: str) -> None:
    (FOLDER / name).write_text(json.dumps(document))
    record(name, SDK, __file__, what)


if __name__ == "__main__":
    six = [f"q{n}" for n in range(6)]
    whole = plain(run(six, np.pi, [0.5, 1.0]))
    save(whole, "pulser_results.json", "X on atom q0 of six, half way and at the end")
    sweep = [plain(run(six, np.pi / 2, [1.0])), plain(run(six, np.pi, [1.0]))]
    save(sweep, "pulser_sweep.json", "areas pi/2 and pi on atom q0 of six")
    save(plain(run(["b", "a", "c"], np.pi, [1.0])), "pulser_registers.json", "X on b of b, a, c")
