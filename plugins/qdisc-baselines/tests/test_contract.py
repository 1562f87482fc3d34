"""Every analysis keeps the contract, on tiny data of every kind."""

from __future__ import annotations

import pytest

from qdisc_baselines.comparison import comparison
from qdisc_baselines.confusion import confusion
from qdisc_baselines.diffusion import diffusion_map
from qdisc_baselines.dimension import intrinsic_dimension
from qdisc_baselines.fisher import generative_fisher
from qdisc_baselines.pca import pca
from qdisc_baselines.shadow_pca import shadow_pca

ALL = (comparison, confusion, diffusion_map, intrinsic_dimension, generative_fisher, pca,
       shadow_pca)  # fmt: skip


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.spec.name)
def test_contract(plugin):
    from qdisc.testing import check_plugin

    check_plugin(plugin)


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.spec.name)
def test_no_baseline_runs_unasked(plugin):
    assert not plugin.spec.default
    assert "model" not in plugin.spec.needs and "latent" not in plugin.spec.needs
