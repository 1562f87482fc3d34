"""Code as a reader of the published documentation writes it, from snapshots to phase maps.

Published names only (but for the exact states); the sweep is the J1-J2 model on 3 x 3 sites, with
fewer settings and shots.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.dataset.core import Dataset, sample_spin_configurations
from qdisc.nn.core import ARNNDense, EncoderCNN2D
from qdisc.physics.ground_states import snapshot_distribution
from qdisc.physics.hamiltonians import j1j2_family
from qdisc.vae.core import VAEmodel, VAETrainer

SHOTS = 100
J2 = np.linspace(0.0, 1.5, 5)
H = np.linspace(0.1, 2.0, 5)


@pytest.fixture(scope="module")
def dataset():
    settings = np.array([(j2, h) for j2 in J2 for h in H])
    waves = np.sqrt(snapshot_distribution(j1j2_family(3), settings))
    snapshots = []
    key = jax.random.PRNGKey(7)
    for wave in waves:
        key, own = jax.random.split(key)
        snapshots.append(
            sample_spin_configurations(wave_function=wave, num_samples=SHOTS, N=9, key=own)
        )
    data = np.array(snapshots).reshape(len(J2), len(H), SHOTS, 9)
    return Dataset(
        data=data, thetas=[J2, H], data_type="discrete", local_dimension=2, local_states=[-1, 1]
    )


@pytest.fixture(scope="module")
def trainer(dataset):
    encoder = EncoderCNN2D(latent_dim=5, num_conv_layers=3, conv_features=36, dense_features=36)
    decoder = ARNNDense(num_layers=4, features=36)
    model = VAEmodel(encoder=encoder, decoder=decoder)
    trainer = VAETrainer(model=model, dataset=dataset)
    trainer.train(num_epochs=1, batch_size=100, key=jax.random.PRNGKey(0), beta=0.5, gamma=5)
    return trainer


def test_the_data_are_what_the_physics_says(dataset):
    assert dataset.input_size == 9 and dataset.num_sample_per_params == SHOTS
    spins = 2 * dataset.data - 1
    bond = (spins[..., 0] * spins[..., 1]).mean(axis=-1)
    diagonal = (spins[..., 0] * spins[..., 4]).mean(axis=-1)
    assert bond[0, 0] < -0.9 and diagonal[0, 0] > 0.9  # Neel
    assert diagonal[-1, 0] < -0.9  # striped
    assert abs(bond[0, -1]) < 0.7  # towards the polarised phase


def test_training_learns(trainer):
    assert len(trainer.history_loss) == 3  # 25 steps
    assert trainer.history_recon[-1] < trainer.history_recon[0] - 0.3
    figure = trainer.plot_training(num_epochs=1)
    assert len(figure.axes[-1].get_lines()) == 5


def test_the_latent_map_has_the_symmetry_of_the_phases(trainer):
    trainer.compute_repr2d()
    latvar = trainer.get_data()["latvar"]
    assert latvar["mu0"].shape == latvar["mu4_abs"].shape == (len(H), len(J2))
    figure = trainer.plot_repr2d()
    assert len([ax for ax in figure.axes if ax.get_title()]) == 15
    drawn = trainer.compute_repr2d(theta_pair=(0, 1), return_latvar=True)
    np.testing.assert_array_equal(drawn["mu0_abs"], latvar["mu0_abs"].T)


def test_snapshots_are_reconstructed(trainer, dataset):
    given = dataset.data[0, 0, :10]
    drawn = trainer.reconstruct_sample(given, jax.random.PRNGKey(1))
    assert drawn.shape == (10, 9) and set(np.unique(2 * drawn - 1)) <= {-1, 1}
    cp = trainer.get_cp(given)
    assert cp.shape == (10, 9, 2)
    np.testing.assert_allclose(np.exp(cp).sum(axis=-1), 1, atol=1e-5)


def test_results_can_be_kept(trainer):
    data = trainer.get_data()
    assert set(data) == {"params", "history_loss", "history_recon", "history_logvar", "latvar"}
    assert np.shape(data["history_logvar"]) == (3, 5)
