"""Training finds what is in the data: entropies, and as many latents as there are clusters."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.entropy import plug_in_entropies

UP = np.array([0.9, 0.5, 0.2, 0.7])


def test_independent_spins_cost_their_entropy(toy):
    """Loss -> H(x) = -sum p ln p, and never below; a latent has nothing to say."""
    rows = (np.random.default_rng(0).random((1, 4000, 4)) < UP).astype(np.uint8)
    data = Dataset(rows, [[0.0]], "discrete")
    seen = rows[0].mean(0)
    entropy = -(seen * np.log(seen) + (1 - seen) * np.log(1 - seen)).sum()
    exact = plug_in_entropies(data).x
    assert 0 < entropy - exact < 0.01  # what 4000 draws pretend to correlate
    config = TrainConfig(epochs=60, batch_size=400, rows=200, learning_rate=0.01)
    run = toy.fit(toy.small(), data, config, seed=0)
    last, noise = run.loss[-10:].mean(), run.loss[-10:].std()
    assert exact - noise < last < entropy + 0.05
    assert run.loss[0] > entropy + 0.5
    assert run.kl[-10:].sum(1).mean() < 0.15


def test_two_clusters_need_one_latent(toy):
    """Spins nearly all up or nearly all down, a decoder that only z can tell which: ln 2 nats."""
    rng = np.random.default_rng(1)
    up = np.repeat([0.03, 0.97], 1000)[:, None]
    rows = (rng.random((2000, 3)) < up).astype(np.uint8)
    data = Dataset(rows[None], [[0.0]], "discrete")
    config = TrainConfig(epochs=60, batch_size=400, rows=200, learning_rate=0.03)
    run = toy.fit(toy.Linear(), data, config, seed=0)
    assert run.active_latents == 1
    assert abs(run.kl[-1].max() - np.log(2)) < 0.1
    entropy = plug_in_entropies(data).x
    assert entropy < run.loss[-1] < entropy + 0.2
    mean, _ = toy.Linear().apply(run.variables, data.samples, method="encode")
    latent = np.asarray(mean)[:, run.kl[-1].argmax()]
    cluster = data.samples.sum(1) > 1.5
    assert (np.sign(latent) == np.sign(latent[cluster].mean()) * np.where(cluster, 1, -1)).all()


SCRIPT = """
import sys
import jax, numpy as np
from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.nn.arnn import ARNNDense
from qdisc.nn.encoders_cnn import EncoderCNNcirc1D
from qdisc.nn.vae import VAEmodel
from qdisc.train import fit
rows = np.random.default_rng(0).integers(0, 2, (2, 20, 4)).astype(np.uint8)
config = TrainConfig(epochs=2, batch_size=6, gamma=1.0, schedule="cosine", validation_fraction=0.2)
def numbers():
    model = VAEmodel(EncoderCNNcirc1D(2, 1, 3, 1, 4, 8), ARNNDense(1, 4))
    run = fit(model, Dataset(rows, [[0.0, 1.0]], "discrete"), config, seed=2**40 + 1)
    leaves = (*jax.tree.leaves(run.state), run.steps, run.validation_loss)
    return [(str(leaf.dtype), np.asarray(leaf).tobytes()) for leaf in leaves]
before = numbers()
assert "netket" not in sys.modules and not jax.config.jax_enable_x64
import netket
assert jax.config.jax_enable_x64
after = numbers()
assert {kind for kind, _ in before} == {"float32", "int32", "float64"}, before
assert len(before) > 20 and before[-1][0] == "float64"  # the host's record of validation losses
print("same" if before == after else "other")
"""


def test_importing_netket_changes_no_bit():
    """NetKet switches JAX to 64 bit; parameters and curves stay what they were."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "same"
