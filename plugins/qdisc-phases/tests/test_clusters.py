"""Clusters: three phases of the demo for every seed, and one where there is one."""

from __future__ import annotations

import os

import numpy as np
import pytest
from qdisc.dataset.load import load
from qdisc.errors import ConfigError
from qdisc.physics.catalogue import find_dataset
from qdisc.testing import check_plugin
from qdisc.testing.toy import tiny_model
from sklearn.metrics import adjusted_rand_score

from qdisc_phases.clusters import ClustersConfig, clusters

SEEDS = range(5) if os.environ.get("QDISC_FULL") == "1" else (3,)
QUICK = {"bootstraps": 6, "max_phases": 4}


@pytest.mark.parametrize("seed", SEEDS)
def test_three_phases_with_default_settings(seed, j1j2, trained, analyse, oracle):
    found = analyse([clusters], j1j2, trained(seed), seed)["clusters"]
    label = found["label"].data.reshape(-1)
    phase, clear = oracle
    assert found["n_phases"].data == 3
    assert adjusted_rand_score(phase[clear], label[clear]) >= 0.9
    assert found["stability"].data[2] > 0.9
    assert found["accepted"].data.tolist() == [1, 1, 1, 0, 0, 0]
    # K = 4 cuts the polarised phase where nothing happens
    assert found["separation"].data[2] > 1.3 > 1.1 > found["separation"].data[3]
    finding = found["label"].attrs["finding"]
    assert finding.startswith("3 phases of ") and "not 4: a border is only" in finding


@pytest.mark.parametrize("method", ["kmeans", "agglomerative"])
def test_other_methods_agree(method, j1j2, trained, analyse, oracle):
    options = {"method": method, "n_phases": 3, "bootstraps": 2}
    found = analyse([clusters], j1j2, trained(0), clusters=options)["clusters"]
    phase, clear = oracle
    assert adjusted_rand_score(phase[clear], found["label"].data.reshape(-1)[clear]) >= 0.9


@pytest.mark.parametrize("name", ["shuffled", "polarised", "noise", "drifting"])
def test_null_controls_are_one_phase(name, controls, trained, analyse):
    data = controls[name]
    found = analyse([clusters], data, trained(0, data), clusters=QUICK)["clusters"]
    assert found["n_phases"].data == 1, found["separation"].data
    assert not found["label"].data.any()
    assert found["label"].attrs["finding"].startswith("one phase")


def test_signs_that_are_accidents_change_nothing(j1j2, trained, analyse, oracle, tools):
    """Each setting of a Monte Carlo run sits in one sign of the order, at random."""
    point, row = j1j2.counts.point_of_entry(), j1j2.counts.indices
    bits = j1j2.configurations.astype(int) @ (1 << np.arange(8, -1, -1))
    where = np.full(512, -1)
    where[bits] = np.arange(bits.size)
    up = j1j2.configurations[:, [0, 2, 4, 6, 8]].astype(int).sum(axis=1) * 2 > 5  # one Neel sector
    sign = np.random.default_rng(1).integers(0, 2, j1j2.n_points).astype(bool)
    flip = up[row] != sign[point]
    broken = tools.of(j1j2, point, np.where(flip, where[511 - bits[row]], row),
                      j1j2.counts.data, j1j2.theta)  # fmt: skip
    found = analyse([clusters], broken, trained(0, broken), clusters=QUICK)["clusters"]
    phase, clear = oracle
    assert found["n_phases"].data == 3
    assert adjusted_rand_score(phase[clear], found["label"].data.reshape(-1)[clear]) >= 0.9


def test_scattered_settings(j1j2, trained, analyse, oracle, tools):
    keep = np.random.default_rng(2).random(j1j2.n_points) < 0.6
    data = tools.where(j1j2, keep)
    assert not data.is_grid
    found = analyse([clusters], data, trained(0, data), clusters=QUICK)["clusters"]
    phase, clear = (values[keep] for values in oracle)
    assert found["n_phases"].data == 3
    assert adjusted_rand_score(phase[clear], found["label"].data[clear]) >= 0.9


def test_one_coupling(analyse):
    """TFIM chain of 12 spins; the latent is the magnetisation."""
    data = load(find_dataset("tfim_12").data)
    found = analyse([clusters], data, tiny_model(data), clusters=QUICK)["clusters"]
    label, h = found["label"].data, data.thetas[0]
    assert found["n_phases"].data == 2
    (step,) = np.flatnonzero(np.diff(label))
    # the magnetisation turns below the critical field 1 of the infinite chain
    assert 0.7 <= h[step] <= 0.95, h[step]
    probability = found["probability"].data
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-5)
    entropy = found["entropy"].data
    assert entropy[step - 2 : step + 4].max() > 0.2 and entropy[[0, -1]].max() < 1e-3


def test_empty_settings_have_no_label(j1j2, trained, analyse, tools):
    data = tools.where(j1j2, j1j2.theta[:, 0] < 0.5)
    point = data.counts.point_of_entry()
    gone = point != 30
    holes = tools.of(data, point[gone], data.counts.indices[gone], data.counts.data[gone],
                     data.theta)  # fmt: skip
    found = analyse([clusters], holes, trained(0, holes), clusters=QUICK)["clusters"]
    label = found["label"].data.reshape(-1)
    assert label[30] == -1 and (np.delete(label, 30) >= 0).all()
    assert np.isnan(found["entropy"].data.reshape(-1)[30])
    assert found["n_phases"].data == 2  # Neel and polarised


def test_a_number_that_is_asked_for_is_given(j1j2, trained, analyse):
    options = {"n_phases": 2, "bootstraps": 2}
    found = analyse([clusters], j1j2, trained(0), clusters=options)["clusters"]
    assert found["n_phases"].data == 2 and found["label"].data.max() == 1
    assert "2 phases were asked for" in found["label"].attrs["finding"]


def test_conformance():
    check_plugin(clusters, config=ClustersConfig(bootstraps=2, max_phases=2))


@pytest.mark.parametrize("key, value", [("n_phases", 0), ("smoothness", -1.0), ("bootstraps", 1)])
def test_options_without_meaning(key, value):
    with pytest.raises(ConfigError, match=f"analyses.clusters.{key}"):
        ClustersConfig(**{key: value})
