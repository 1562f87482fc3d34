"""Golden files of NetKet. In an environment of its own: pip install netket==3.23.0

Samples of a product state of ten sites with +1 (or occupation 1) on site 0 only, drawn by a Markov
chain from a log-value that is -50 per wrong site: `netket_spin.npz` for Spin(1/2) at h = 0.5, and
`netket_fock.npz` for Fock(n_max = 3).
"""

import jax.numpy as jnp
import netket as nk
import numpy as np
from card import FOLDER, record


def main() -> None:
    spin = nk.hilbert.Spin(0.5, 10)
    fock = nk.hilbert.Fock(3, 10)
    for hilbert, up, down, name in ((spin, 1, -1, "spin"), (fock, 1, 0, "fock")):
        target = jnp.array([up] + [down] * 9)

        def log_value(_, x, target=target):
            return -50.0 * jnp.sum(x != target, axis=-1)

        sampler = nk.sampler.MetropolisLocal(hilbert, n_chains=4)
        state = nk.vqs.MCState(
            sampler, apply_fun=log_value, variables={"params": {"none": jnp.zeros(1)}},
            n_samples=24, n_discard_per_chain=400, sampler_seed=1,
        )  # fmt: skip
        path = FOLDER / f"netket_{name}.npz"
        np.savez(path, samples=np.asarray(state.samples), hilbert=str(state.hilbert), h=0.5)
        record(path.name, ["netket"], __file__, f"+1 on site 0 of ten, {hilbert}")


if __name__ == "__main__":
    main()
