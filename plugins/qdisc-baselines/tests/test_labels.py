"""Methods that label: planted phases are found, and one phase is one."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.testing import run_plugin
from sklearn.metrics import adjusted_rand_score

from qdisc_baselines.components import above_noise, principal
from qdisc_baselines.diffusion import diffusion_map, kernel_distances, walk
from qdisc_baselines.pca import pca
from qdisc_baselines.shadow_pca import pauli_means, shadow_pca


@pytest.mark.parametrize("plugin", [pca, diffusion_map])
def test_a_planted_border_is_found(plugin, planted):
    found = run_plugin(plugin, planted)
    truth = (planted.theta[:, 0] > 4.5).astype(int)
    assert found["n_phases"].data == 2
    assert adjusted_rand_score(truth, found["label"].data.ravel()) == 1.0
    assert "2 phases of 35, 28 settings" in found["label"].attrs["finding"]


@pytest.mark.parametrize("plugin", [pca, diffusion_map])
def test_one_phase_is_one(plugin, nothing):
    found = run_plugin(plugin, nothing)
    assert found["n_phases"].data == 1 and (found["label"].data == 0).all()


def test_principal_components_of_a_known_gaussian():
    """Standardised columns: variances are the eigenvalues of the correlation matrix."""
    correlation = np.array([[1, 0.8, 0.0], [0.8, 1, 0.0], [0.0, 0.0, 1]])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60_000, 3)) @ np.linalg.cholesky(correlation).T * [1.0, 5.0, 0.1] + 7
    dataset = Dataset.from_samples(x, np.repeat([0.0, 1.0, 2.0], 20_000), data_type="continuous")
    found = run_plugin(pca, dataset, components=3)
    error = np.sqrt(2 / 60_000) * np.array([1.8, 1.0, 0.2])
    assert (np.abs(found["variance"].data - [1.8, 1.0, 0.2]) < 5 * error).all()
    np.testing.assert_allclose(found["share"].data.sum(), 1.0, rtol=1e-5)
    axis = found["axis"].data[0]
    np.testing.assert_allclose(axis, [np.sqrt(0.5), np.sqrt(0.5), 0], atol=0.02)
    # |z| of a Gaussian of variance v is sqrt(2 v / pi)
    np.testing.assert_allclose(found["size"].data[0, 0], np.sqrt(2 * 1.8 / np.pi), rtol=0.03)
    assert found["n_phases"].data == 1


def test_axes_are_orthonormal_with_fixed_signs():
    a = np.random.default_rng(1).normal(size=(5, 5))
    variance, axes = principal(a @ a.T, 3)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(axes @ (a @ a.T) @ axes.T, np.diag(variance), atol=1e-10)
    assert (axes[np.arange(3), np.abs(axes).argmax(axis=1)] > 0).all()


def test_noise_is_told_from_change():
    rng = np.random.default_rng(2)
    noise = np.full((200, 2), 0.01)
    mean = rng.normal(size=(200, 2)) * 0.1
    mean[:, 1] += np.linspace(0, 0.4, 200)
    assert above_noise(mean, noise).tolist() == [False, True]


def test_kernel_distances_are_unbiased(make):
    """Means over many draws: 0 for equal distributions, the exact discrepancy for others."""
    x = 2.0 * make.bits(3) - 1
    p = np.array([[1, 1, 1, 1, 1, 1, 1, 1], [8, 1, 1, 1, 1, 1, 1, 2]], float)
    p /= p.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        counts = np.stack([rng.multinomial(50, q) for q in (p[0], p[0], p[1])]).astype(float)
        found.append(kernel_distances(x, counts, 1e3)[0])  # so wide that k is linear in |x - y|^2
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(300)
    assert abs(mean[0, 1]) < 4 * error[0, 1]
    weight = np.full(8, 1 / 8) * 2 / 3 + p[1] / 3
    m = ((x[:, None] - x) ** 2).sum(-1)
    wanted = ((p[0] - p[1]) @ x) ** 2 @ np.ones(3) / (1e6 * (weight @ m @ weight))
    assert abs(mean[0, 2] - wanted) < 4 * error[0, 2] + 0.02 * wanted


def test_a_walk_on_two_islands_has_two_unit_eigenvalues():
    distance = np.ones((20, 20)) * 100.0
    distance[:12, :12] = distance[12:, 12:] = 1.0
    np.fill_diagonal(distance, 0)
    value, vector = walk(distance, 0.0)
    assert value[0] == pytest.approx(1) and value[1] == pytest.approx(1) and value[2] < 0.5
    assert np.ptp(vector[:12, 1]) < 1e-6 and abs(vector[0, 1] - vector[12, 1]) > 1


# -- shadows -------------------------------------------------------------------------------------


def shadows(directions, shots, seed):
    """Random-basis outcomes of product states; directions (points, sites, 3) are Bloch vectors."""
    rng = np.random.default_rng(seed)
    points, n, _ = directions.shape
    basis = rng.integers(0, 3, (points, shots, n))
    mean = np.take_along_axis(
        np.broadcast_to(directions[:, None], (points, shots, n, 3)), basis[..., None], -1
    )[..., 0]
    outcome = rng.random((points, shots, n)) < (1 + mean) / 2
    rows = np.stack([basis + 2, outcome], axis=-1).reshape(points * shots, 2 * n)
    return Dataset.from_samples(
        rows, np.repeat(np.arange(points, dtype=float), shots), data_type="shadow"
    )


def test_pauli_means_are_those_of_the_state():
    """Product states: <P_i P_j> = r_i r_j; all within 4.5 of the stated errors."""
    rng = np.random.default_rng(4)
    r = rng.normal(size=(2, 3, 3))
    r /= np.linalg.norm(r, axis=-1, keepdims=True)
    dataset = shadows(r, 20_000, 5)
    i, j = np.triu_indices(9, 1)
    apart = i // 3 != j // 3
    pairs = np.stack([i[apart], j[apart]], axis=1)
    mean, noise = pauli_means(dataset, pairs)
    flat = r.reshape(2, 9)
    wanted = np.concatenate([flat, flat[:, pairs[:, 0]] * flat[:, pairs[:, 1]]], axis=1)
    pull = (mean - wanted) / np.sqrt(noise)
    assert np.abs(pull).max() < 4.5 and 0.8 < pull.std() < 1.2


def test_shadow_pca_finds_rotated_spins_and_nothing_else():
    up, side = np.eye(3)[2], np.eye(3)[0]
    states = np.stack([np.tile(up if p < 8 else side, (4, 1)) for p in range(14)])
    found = run_plugin(shadow_pca, shadows(states, 500, 6))
    assert found["n_phases"].data == 2
    assert found["label"].data.tolist() == [0] * 8 + [1] * 6
    same = run_plugin(shadow_pca, shadows(np.tile(up, (14, 4, 1)), 500, 7))
    assert same["n_phases"].data == 1
