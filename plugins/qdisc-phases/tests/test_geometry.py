"""Smoothing, embedding, landscape and partition against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from scipy.optimize import check_grad
from sklearn.mixture import GaussianMixture

from qdisc_phases.codebook import cells_of, resampled, shares_of
from qdisc_phases.embedding import coordinates
from qdisc_phases.landscape import edge_distances, landscape, separations
from qdisc_phases.partition import divide, matched
from qdisc_phases.settings import Settings, settings_of
from qdisc_phases.smoothing import _minus_evidence, _squares, fit_smoother


def line(n, occupied=None):
    """n settings on a line, one step apart."""
    theta = np.arange(n, dtype=float)[:, None]
    edges = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    taken = np.ones(n, bool) if occupied is None else occupied
    return Settings(theta, np.ones(1), edges, np.ones(n - 1), taken)


# -- settings ------------------------------------------------------------------------------------


def test_neighbours_on_a_grid_and_over_a_gap():
    axes = np.meshgrid([0.0, 1.0], [0.0, 0.5, 1.0], indexing="ij")
    theta = np.stack(axes, -1).reshape(-1, 2)
    point = np.array([0, 1, 2, 3, 5])  # (1, 0.5) is empty
    data = Dataset.from_points(np.tile([0, 1], (5, 1)), point, theta, data_type="discrete")
    settings = settings_of(data)
    assert settings.step.tolist() == [1.0, 0.5]
    found = {tuple(edge) for edge in settings.edges.tolist()}
    assert found == {(0, 1), (1, 2), (0, 3), (2, 5), (3, 5)}
    length = dict(zip(map(tuple, settings.edges.tolist()), settings.length, strict=True))
    assert length[3, 5] == 2.0 and length[0, 3] == 1.0


def test_scattered_settings_are_connected():
    rng = np.random.default_rng(0)
    theta = np.concatenate([rng.random((20, 2)), np.add(rng.random((20, 2)), [9.0, 0.0])])
    data = Dataset.from_samples(np.tile([0, 1], (40, 1)), theta, data_type="discrete")
    settings = settings_of(data)
    reached, todo = {0}, [0]
    while todo:
        node = todo.pop()
        for a, b in settings.edges.tolist():
            for one, other in ((a, b), (b, a)):
                if one == node and other not in reached:
                    reached.add(other)
                    todo.append(other)
    assert len(reached) == 40


# -- features ------------------------------------------------------------------------------------


def test_shares_count_the_shots():
    rows = np.array([[0, 0], [0, 1], [1, 1], [1, 1], [0, 0], [0, 0]])
    data = Dataset.from_samples(rows, [0.0, 0, 0, 1, 1, 1], data_type="discrete")
    values = data.configurations.sum(axis=1)[:, None].astype(float)
    cells = cells_of([values], data.weights, 3, 0)
    shares = shares_of(cells, data.counts)
    order = np.argsort([values[cells[0] == c, 0].mean() for c in range(3)])
    np.testing.assert_allclose(shares[:, order], [[1 / 3] * 3, [2 / 3, 0, 1 / 3]])
    # with its mirror image, code 0 <-> 1, each snapshot counts half for either cell
    both = shares_of(cells_of([values, 2 - values], data.weights, 3, 0), data.counts)
    np.testing.assert_allclose(np.sort(both[1]), [0, 0.5, 0.5])
    again = resampled(shares, np.array([10**6, 0]), np.random.default_rng(0))
    np.testing.assert_allclose(again[0], shares[0], atol=5e-3)
    assert not again[1].any()


def test_the_evidence_has_its_gradient():
    rng = np.random.default_rng(0)
    theta = rng.random((30, 2)) * 8
    y = np.sin(theta[:, 0]) + 0.1 * rng.normal(size=30)
    arguments = (y, np.full(30, 0.01), _squares(theta, theta))
    for q in (np.array([0.3, 1.2, -0.5, 0.4]), np.array([1.5, 0.1, 0.3, 1.0])):
        error = check_grad(
            lambda q: _minus_evidence(q, *arguments)[0],
            lambda q: _minus_evidence(q, *arguments)[1],
            q,
        )
        scale = np.linalg.norm(_minus_evidence(q, *arguments)[1])
        assert error < 1e-5 * scale


def test_smoothing_takes_noise_away_and_keeps_a_jump():
    n, shots = 60, 400
    theta = np.arange(n, dtype=float)[:, None]
    angle = 0.3 + 0.004 * theta[:, 0] + 0.6 * (theta[:, 0] >= 30)
    truth = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # a unit vector: roots of two shares
    rng = np.random.default_rng(0)
    counts = rng.binomial(shots, truth[:, 0] ** 2)
    noisy = np.sqrt(np.stack([counts, shots - counts], axis=1) / shots)
    settings = line(n)
    smoother = fit_smoother(noisy, np.full(n, shots), theta, weight=1.0)
    drift = fit_smoother(noisy[:30], np.full(30, shots), theta[:30], weight=1.0)
    slow = drift(noisy[:30])
    raw, smooth = edge_distances(noisy[:30], line(30)), edge_distances(slow, line(30))
    assert drift.lengths[0, 0] > 5
    assert raw.mean() > 20 * 0.004**2 and smooth.mean() < 3 * 0.004**2  # exact: 0.004^2
    jump = edge_distances(smoother(noisy), settings)
    assert np.argmax(jump) == 29
    away = np.abs(np.arange(59) - 29) > 3  # a jump is spread over a few steps
    assert jump[~away].max() > 20 * jump[away].max()
    untouched = fit_smoother(noisy, np.full(n, shots), theta, weight=0.0)
    mean = np.average(noisy, axis=0)
    np.testing.assert_allclose(untouched(noisy), (noisy - mean) @ untouched.axes.T, atol=1e-4)


def test_pure_noise_has_no_components():
    rng = np.random.default_rng(1)
    shares = rng.multinomial(500, np.full(8, 1 / 8), size=100) / 500
    smoother = fit_smoother(np.sqrt(shares), np.full(100, 500), np.arange(100.0)[:, None],
                            weight=1.0)  # fmt: skip
    assert len(smoother.axes) <= 1  # the edge of Marchenko and Pastur is sharp to a few per cent


# -- geometry ------------------------------------------------------------------------------------


def test_coordinates_are_resistances():
    """On a line, resistances in series add up."""
    settings, distance = line(6), np.array([1.0, 2.0, 9.0, 2.0, 1.0])
    x = coordinates(distance, settings, 5)
    soft = 0.1 * np.median(distance)
    resistance = np.cumsum([0, *(distance + soft)])
    far = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(
        far / far[0, 5], np.abs(resistance[:, None] - resistance) / resistance[-1], atol=1e-9
    )
    np.testing.assert_allclose(np.mean(x**2) * 5, 1)


def test_separation_is_pass_over_floor():
    settings = line(9)
    height = np.array([1.0, 1, 2, 5, 8, 5, 2, 2, 2])
    label = (np.arange(9) >= 4).astype(int)
    found = separations(height, label, settings, 0.0)
    assert found.pairs.tolist() == [[0, 1]]
    floor = max(np.quantile(height[:4], 0.1), np.quantile(height[4:], 0.1))
    np.testing.assert_allclose(found.ratio, [8 / floor])
    slope = separations(np.arange(1.0, 10), label, settings, 0.0)  # no pass: one side is higher
    assert slope.ratio[0] < 1.05
    noise = separations(1e-9 * np.arange(9), label, settings, 1.0)
    np.testing.assert_allclose(noise.ratio, 1, atol=1e-6)


def test_the_landscape_averages_over_neighbours():
    features = np.array([[0.0], [0.0], [0.0], [3.0], [3.0]])
    distance = edge_distances(features, line(5))
    assert distance.tolist() == [0, 0, 9, 0]
    height = landscape(distance, line(5))  # per setting 0, 0, 4.5, 4.5, 0
    np.testing.assert_allclose(height, [0, 1.5, 3, 3, 2.25])


# -- partition -----------------------------------------------------------------------------------


def test_one_group_has_the_criterion_of_one_gaussian():
    x = np.random.default_rng(0).normal(size=(50, 3)) * [1, 2, 3]
    ours = divide(x, 1, "mixture", 0, np.zeros((0, 2), int)).bic
    theirs = GaussianMixture(1, reg_covar=1e-6).fit(x).bic(x)
    assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("method", ["mixture", "kmeans", "agglomerative"])
def test_planted_groups(method):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 30)
    x = np.array([[0, 0, 0], [5, 0, 0], [0, 5, 0]])[truth] + 0.3 * rng.normal(size=(90, 3))
    edges = line(90).edges
    found = {k: divide(x, k, method, 0, edges) for k in (1, 2, 3, 4)}
    order = matched(truth, found[3].label, 3)
    assert (order[truth] == found[3].label).all()
    np.testing.assert_allclose(found[3].probability[:, order].argmax(axis=1), truth)
    assert min(found, key=lambda k: found[k].bic) == 3
