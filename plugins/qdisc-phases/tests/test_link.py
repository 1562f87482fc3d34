"""The link, what latents keep, ridges and basins: closed forms and planted landscapes."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from scipy.integrate import quad
from scipy.stats import norm

from qdisc_phases.descent import Sizes
from qdisc_phases.kept import latent_fisher, log_densities
from qdisc_phases.link import fit_link
from qdisc_phases.ridge import find_ridge
from qdisc_phases.settings import settings_of
from qdisc_phases.snapshots import table_of
from qdisc_phases.watershed import grown, merges

SPINS = 4
QUICK = Sizes(components=3, width=16, steps=80)


def product_state(p, shots, seed=0):
    """Snapshots of SPINS independent spins, each up with probability p at its setting."""
    up = np.random.default_rng(seed).random((len(p), shots, SPINS)) < p[:, None, None]
    return up.reshape(-1, SPINS).astype(np.uint8), np.repeat(np.arange(len(p)), shots)


@pytest.fixture(scope="module")
def linked():
    theta = np.linspace(0, 2, 21)[:, None]
    p = 0.2 + 0.3 * theta[:, 0]
    rows, point = product_state(p, 8000)
    data = Dataset.from_points(rows, point, theta, data_type="discrete")
    link = fit_link(table_of(data, False), theta, replicates=3, key=jax.random.key(0), sizes=QUICK)
    return link, theta, p


def test_fisher_information_of_independent_spins(linked):
    """F = N p'^2 / (p (1 - p))."""
    link, theta, p = linked
    exact = SPINS * 0.3**2 / (p * (1 - p))
    found = link.fisher(theta)
    assert found.shape == (3, 21, 1)
    np.testing.assert_allclose(found.mean(axis=0)[2:-2, 0], exact[2:-2], rtol=0.2)
    assert np.median(np.abs(found.mean(axis=0)[:, 0] / exact - 1)) < 0.1


def test_hellinger_distances_of_independent_spins(linked):
    """sum (sqrt p - sqrt p')^2 = 2 - 2 (sqrt(p p') + sqrt((1-p)(1-p')))^N."""
    link, theta, p = linked
    edges = np.array([[5, 15], [2, 18]])
    a, b = p[edges].T
    exact = 2 - 2 * (np.sqrt(a * b) + np.sqrt((1 - a) * (1 - b))) ** SPINS
    np.testing.assert_allclose(link.distances(theta, edges).mean(axis=0), exact, rtol=0.05)


def test_information_of_independent_spins(linked):
    """I(x; theta) is that of the number of spins up; a link knows at most that."""
    link, _, p = linked
    ups = np.arange(SPINS + 1)
    choose = np.array([1, 4, 6, 4, 1])
    table = choose * p[:, None] ** ups * (1 - p[:, None]) ** (SPINS - ups)
    exact = (table * np.log(table / table.mean(axis=0))).sum(axis=1).mean()
    assert link.information.mean() == pytest.approx(exact, abs=0.02)


def test_scores_are_derivatives(linked):
    link, theta, _ = linked
    step = 1e-3
    p, score = link.curve(0, theta[5:6])
    above, below = (link.curve(0, theta[5:6] + d)[0] for d in (step, -step))
    np.testing.assert_allclose(score[0, 0], (np.log(above) - np.log(below))[0] / (2 * step),
                               atol=5e-3)  # fmt: skip
    np.testing.assert_allclose((p * score[:, 0]).sum(axis=1), 0, atol=1e-5)


# -- what latents keep ---------------------------------------------------------------------------


def kept_of(mean, sd):
    p, score = np.array([[0.3, 0.7]]), np.array([[[1 / 0.3, -1 / 0.7]]])  # theta is p(x = 0)
    posterior = (mean[:, None], np.full((2, 1), 2 * np.log(sd)))
    log_q, total = log_densities([posterior], np.array([0.5, 0.5]), np.random.default_rng(0), 20000)
    return float(latent_fisher(p, score, log_q, total)[0, 0])


def test_latents_that_tell_everything_and_nothing():
    exact = 1 / (0.3 * 0.7)
    assert kept_of(np.array([-1.0, 1.0]), 0.01) == pytest.approx(exact, rel=0.02)
    assert kept_of(np.array([0.5, 0.5]), 1.0) == pytest.approx(0, abs=1e-6)


def test_latents_with_noise():
    """F_z = int (q_0 - q_1)^2 / (0.3 q_0 + 0.7 q_1) dz."""
    a, b = norm(-1, 1), norm(1, 1)
    exact = quad(lambda z: (a.pdf(z) - b.pdf(z)) ** 2 / (0.3 * a.pdf(z) + 0.7 * b.pdf(z)), -9, 9)[0]
    assert kept_of(np.array([-1.0, 1.0]), 1.0) == pytest.approx(exact, rel=0.02)


# -- ridges --------------------------------------------------------------------------------------


def planted(theta, rng):
    """Three replicates of a bump whose top runs through sum(theta) = 1.3."""
    top = 1.3 + rng.normal(scale=0.01, size=3)
    height = 1 + 20 * np.exp(-(((theta.sum(axis=1) - top[:, None]) / 0.3) ** 2))
    return np.repeat(height[..., None], theta.shape[1], axis=2)


@pytest.mark.parametrize("k, scattered", [(1, False), (1, True), (2, False), (2, True), (3, False),
                                          (3, True)])  # fmt: skip
def test_ridges_in_every_dimension(k, scattered):
    rng = np.random.default_rng(3)
    sides = {1: 30, 2: 14, 3: 8}[k]
    if scattered:
        theta = rng.random((sides**k, k)) * (2 if k == 1 else 1.2)
    else:
        axes = [np.linspace(0, 2 if k == 1 else 1.2, sides)] * k
        theta = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, k)
    data = Dataset.from_samples(np.tile([0, 1], (len(theta), 1)), theta, data_type="discrete")
    assert data.is_grid is (k == 1 or not scattered)
    settings = settings_of(data)
    found = find_ridge(lambda t: planted(t, np.random.default_rng(0)), settings, data,
                       prominence=1.5, least=np.zeros(k))  # fmt: skip
    assert set(found.axis.tolist()) == set(range(k))
    np.testing.assert_allclose(found.theta.sum(axis=1), 1.3, atol=0.03)
    assert (found.error < 0.05).all() and (found.prominence >= 1.5).all()
    none = find_ridge(lambda t: np.ones((3, len(t), k)), settings, data,
                      prominence=1.5, least=np.zeros(k))  # fmt: skip
    assert not none.axis.size and none.theta.shape == (0, k)


# -- basins --------------------------------------------------------------------------------------


def test_depths_are_passes_over_floors():
    height = np.array([1.0, 4, 2, 3, 2.5, 8, 0.5])
    edges = np.stack([np.arange(6), np.arange(1, 7)], axis=1)
    found = merges(height, edges)
    assert found.lowest == 6
    assert found.floor.tolist() == [0, 2, 4]
    np.testing.assert_allclose(found.depth, np.log([8 / 1, 4 / 2, 3 / 2.5]))
    assert found.floors(3).tolist() == [6, 0, 2]


def test_basins_are_cut_at_the_longest_edge():
    edges = np.stack([np.arange(6), np.arange(1, 7)], axis=1)
    length = np.array([1.0, 2, 9, 3, 8, 1])
    assert grown(np.array([0, 6]), edges, length, 7).tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert grown(np.array([0, 3, 6]), edges, length, 7).tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert grown(np.array([4]), edges, length, 7).tolist() == [0] * 7
