"""Boundaries and basins: the exact ridge of the demo, and no phases where there is one."""

from __future__ import annotations

import os

import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import load
from qdisc.errors import ConfigError
from qdisc.physics.catalogue import find_dataset
from qdisc.testing import check_plugin, tiny_datasets, tiny_model
from sklearn.metrics import adjusted_rand_score

from qdisc_phases import link
from qdisc_phases.basins import BasinsConfig, basins
from qdisc_phases.boundaries import BoundariesConfig, boundaries
from qdisc_phases.clusters import clusters

FULL = os.environ.get("QDISC_FULL") == "1"
KEYS = range(5) if FULL else (0,)
# largest Fisher information of the exact snapshots of 12 open sites, between 0.80 and 0.85 (the
# transition of the infinite chain is at 1)
TFIM_RIDGE = 0.825
SMALLEST = {"boundaries": {"replicates": 2, "steps": 5, "width": 4}}
TINY = {"boundaries": {"replicates": 4, "steps": 60, "width": 16}}


@pytest.fixture(scope="module", params=KEYS)
def demo(request, j1j2, trained, analyse):
    plugins = [boundaries, basins, clusters]
    quick = {} if FULL else {"clusters": {"bootstraps": 2, "max_phases": 3}}
    return analyse(plugins, j1j2, trained(request.param), request.param, **quick)


def test_the_ridge_is_within_one_cell_of_the_exact_one(demo, j1j2, ridge):
    found = demo["boundaries"]
    along_h = found["ridge_axis"].data == 1
    at, height = found["ridge"].data[along_h], found["ridge_fisher"].data[along_h]
    for j2, exact in zip(j1j2.thetas[0], ridge, strict=True):
        here = np.flatnonzero(np.isclose(at[:, 0], j2))
        if abs(j2 - 0.75) < 0.01:
            continue  # the transition at h = 0: along h there is no crossing
        top = here[np.argmax(height[here])]
        assert abs(at[top, 1] - exact) <= 0.1, (j2, at[top], exact)
    first_order = (found["ridge_axis"].data == 0) & (found["ridge"].data[:, 1] < 0.25)
    np.testing.assert_allclose(found["ridge"].data[first_order, 0], 0.75, atol=0.075)
    assert (found["ridge_error"].data[along_h] < 0.2).all()


def test_three_basins(demo, oracle):
    found = demo["basins"]
    phase, clear = oracle
    label = found["label"].data.reshape(-1)
    assert found["n_phases"].data == 3
    assert adjusted_rand_score(phase[clear], label[clear]) >= 0.9
    depth, error = found["depth"].data, found["depth_error"].data
    assert depth[1] - error[1] > 2 and depth[2] < 1.5
    assert found["stability"].data > 0.7
    assert found["agreement"].data > 0.75
    assert "confirms clusters, which finds 3" in found["label"].attrs["finding"]
    np.testing.assert_allclose(found["probability"].data.sum(axis=-1), 1, atol=1e-5)


def test_latents_keep_a_part(demo):
    """Data processing: latents know no more than the snapshots."""
    kept, found = demo["boundaries"]["kept"].data, demo["boundaries"]
    assert kept.max() < 1.1 and kept.min() > 0.1 and 0.6 < np.median(kept) < 0.95
    assert (found["fisher_latent"].data <= 1.1 * found["fisher"].data + 0.01).all()
    assert "the latents keep" in found["distance"].attrs["finding"]


@pytest.mark.parametrize("name", ["shuffled", "polarised", "noise", "drifting"])
def test_null_controls_are_one_phase(name, controls, analyse):
    options = {} if FULL else {"boundaries": {"replicates": 4, "steps": 100}}
    found = analyse([boundaries, basins], controls[name], **options)
    assert found["basins"]["n_phases"].data == 1, found["basins"]["depth"].data
    assert not found["basins"]["label"].data.any()
    if name in ("shuffled", "noise"):
        assert "no ridge is believed" in found["boundaries"]["distance"].attrs["finding"]
        assert "nothing beyond noise" in found["boundaries"]["distance"].attrs["finding"]
        assert "ridge" not in found["boundaries"]


def test_one_coupling(analyse):
    """TFIM chain of 12 spins against the exact Fisher information of its snapshots."""
    data = load(find_dataset("tfim_12").data)
    options = {} if FULL else {"boundaries": {"replicates": 3, "steps": 120}}
    found = analyse([boundaries, basins], data, **options)
    at = found["boundaries"]["ridge"].data[:, 0]
    step = float(found["boundaries"]["step"].data[0])
    assert at.size == 1 and abs(at[0] - TFIM_RIDGE) <= step
    assert found["basins"]["n_phases"].data == 2
    (border,) = np.flatnonzero(np.diff(found["basins"]["label"].data))
    assert abs(data.thetas[0][border : border + 2].mean() - TFIM_RIDGE) <= step


def sharp(theta, scattered):
    """Spins that turn up where the couplings add up to 1.5, on a sweep of any dimension."""
    k = theta.shape[1]
    up = 0.1 + 0.8 / (1 + np.exp(-12 * (theta.sum(axis=1) - 1.5)))
    rng = np.random.default_rng(0)
    bits = (rng.random((len(theta), 100, 3)) < up[:, None, None]).astype(np.uint8)
    data = Dataset.from_points(
        bits.reshape(-1, 3), np.repeat(np.arange(len(theta)), 100), theta, data_type="discrete"
    )
    assert data.is_grid is not scattered and len(data.theta_names) == k
    return data


@pytest.mark.parametrize("k, scattered", [(2, True), (3, False)])
def test_scattered_and_three_dimensional_sweeps(k, scattered, analyse):
    if scattered:
        theta = np.random.default_rng(1).random((150, k)) * 1.5
    else:
        axes = [np.linspace(0, 1, 6)] * k
        theta = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, k)
    data = sharp(theta, scattered)
    found = analyse([boundaries, basins], data, **TINY)
    step = found["boundaries"]["step"].data
    away = np.abs(found["boundaries"]["ridge"].data.sum(axis=1) - 1.5)
    assert np.median(away) < step.min() / 2 and away.max() < 2 * step.max()
    label = found["basins"]["label"].data.reshape(-1)
    total = theta.sum(axis=1)
    assert found["basins"]["n_phases"].data == 2
    clear = np.abs(total - 1.5) > step.max()
    assert adjusted_rand_score(total[clear] > 1.5, label[clear]) > 0.9


def test_empty_settings_have_no_label(analyse):
    theta = np.linspace(0, 3, 16)[:, None]
    whole = sharp(theta, False)
    point = whole.counts.point_of_entry()
    keep = point != 4
    rows = whole.configurations[whole.counts.indices[keep]]
    data = Dataset.from_points(
        np.repeat(rows, whole.counts.data[keep], axis=0),
        np.repeat(point[keep], whole.counts.data[keep]), theta, data_type="discrete",
    )  # fmt: skip
    found = analyse([boundaries, basins], data, **TINY)
    assert found["basins"]["label"].data[4] == -1 and np.isnan(
        found["boundaries"]["distance"].data[4]
    )
    assert np.isfinite(np.delete(found["boundaries"]["distance"].data, 4)).all()
    assert found["basins"]["n_phases"].data == 2


def test_a_handful_of_shots_is_one_phase(analyse):
    """One shot per setting: a bootstrap replicate that draws none of them takes all."""
    rng = np.random.default_rng(0)
    drawn = [link._resampled(np.ones(2, int), rng) for _ in range(50)]
    assert all(inside.sum() > 0 for inside, _ in drawn)
    assert any(not outside.any() for _, outside in drawn)
    theta = np.arange(3.0)[:, None]
    data = Dataset.from_points(
        np.eye(3, dtype=np.uint8), np.arange(3), theta, data_type="discrete"
    )  # fmt: skip
    options = {"replicates": 2, "steps": 3, "width": 4}
    found = analyse([boundaries, basins, clusters], data, tiny_model(data), boundaries=options)
    assert np.isfinite(found["boundaries"]["fisher"].data).all()
    assert found["basins"]["n_phases"].data == found["clusters"]["n_phases"].data == 1
    # what held-out shots do not confirm is no ridge, and no share of it is kept
    assert found["boundaries"]["information"].data <= 0
    assert not {"ridge", "kept"} & set(found["boundaries"])
    assert not found["boundaries"]["on_ridge"].data.any()


@pytest.mark.parametrize("name", ["shadow_line", "hybrid_scattered"])
def test_every_kind_of_data(name, analyse):
    """Snapshots that do not repeat: what latents keep is learned by a second link."""
    data = tiny_datasets()[name]
    found = analyse([boundaries, basins], data, tiny_model(data), **SMALLEST)
    shape = (*data.theta_shape, len(data.theta_names))
    for variable in ("fisher", "fisher_error", "fisher_latent"):
        values = found["boundaries"][variable].data
        assert values.shape == shape and np.isfinite(values).all() and (values >= 0).all()
    again = analyse([boundaries, basins], data, tiny_model(data), **SMALLEST)
    for variable, value in found["boundaries"].items():
        np.testing.assert_array_equal(value.data, again["boundaries"][variable].data)


@pytest.mark.slow
@pytest.mark.skipif(not FULL, reason="minutes of compilation: QDISC_FULL=1")
def test_conformance():
    check_plugin(boundaries, config=BoundariesConfig(**SMALLEST["boundaries"]))


@pytest.mark.parametrize("config, key, value", [
    (BoundariesConfig, "replicates", 1), (BoundariesConfig, "prominence", 0.5),
    (BasinsConfig, "n_phases", 0), (BasinsConfig, "depth", 0.0),
])  # fmt: skip
def test_options_without_meaning(config, key, value):
    with pytest.raises(ConfigError, match=f"analyses.*{key}"):
        config(**{key: value})
