"""Golden files of PennyLane. In an environment of its own: pip install pennylane==0.45.1

Classical shadows of a product state of four wires: |+i> on wire 0 (eigenvalue +1 of Y), |1> on
wire 1, |-> on wire 2 (-1 of X), |0> on wire 3. `pennylane_shadow.npz` and `.h5` hold `bits` and
`recipes` as `classical_shadow` returns them; `pennylane_dataset.h5` is a `qml.data.Dataset`.
"""

import numpy as np
import pennylane as qml
from card import FOLDER, record

SDK = ["pennylane"]
SHOTS = 60


def main() -> None:
    device = qml.device("default.qubit", wires=4, seed=5)

    @qml.set_shots(SHOTS)
    @qml.qnode(device)
    def shadow():
        qml.Hadamard(0)
        qml.S(0)
        qml.PauliX(1)
        qml.PauliX(2)
        qml.Hadamard(2)
        return qml.classical_shadow(wires=range(4), seed=7)

    bits, recipes = (np.asarray(array) for array in shadow())
    what = "shadow of |+i>, |1>, |->, |0>"
    np.savez(FOLDER / "pennylane_shadow.npz", bits=bits, recipes=recipes)
    record("pennylane_shadow.npz", SDK, __file__, what)
    name = "pennylane_dataset.h5"
    (FOLDER / name).unlink(missing_ok=True)
    data = qml.data.Dataset(bits=bits, recipes=recipes, identifiers=("bits", "recipes"))
    data.write(FOLDER / name)
    record(name, SDK, __file__, f"{what}, as a Dataset")


if __name__ == "__main__":
    main()
