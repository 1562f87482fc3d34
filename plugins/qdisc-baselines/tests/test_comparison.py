"""The table that sets every method beside every other."""

from __future__ import annotations

import jax
import numpy as np
from qdisc.analysis.runner import run
from qdisc.config import Selection
from qdisc.plugin import AnalysisSpec, Config, Provides, Registry, Variable

from qdisc_baselines.comparison import comparison, offset
from qdisc_baselines.confusion import confusion
from qdisc_baselines.diffusion import diffusion_map
from qdisc_baselines.fisher import generative_fisher
from qdisc_baselines.pca import pca


class Truth:
    """In place of the model's own clusters: the planted labels."""

    spec = AnalysisSpec(name="clusters", summary="planted", needs=("dataset",),
                        provides=(Provides("label", ("theta",), "int32"),))  # fmt: skip

    class Config(Config):
        pass

    def run(self, ctx, config, *, key):
        data = ctx.dataset
        label = data.to_theta((data.theta[:, 0] > 4.5).astype(np.int32))
        return {"label": Variable(label, data.theta_dims)}


PLUGINS = (Truth(), pca, diffusion_map, generative_fisher, confusion, comparison)


def test_all_methods_in_one_table(planted):
    names = tuple(plugin.spec.name for plugin in PLUGINS)
    outcomes = run(
        planted, None, key=jax.random.key(0), strict=True, observables=Selection(run=()),
        analyses=Selection(run=names), registry=Registry([("analysis", p) for p in PLUGINS]),
    )  # fmt: skip
    found = outcomes.analyses["comparison"].variables
    methods = found["labelling"].attrs["flag_meanings"].split()
    assert [methods[i] for i in found["labelling"].data] == ["clusters", "pca", "diffusion_map"]
    assert found["n_phases"].data.tolist() == [2, 2, 2]
    np.testing.assert_array_equal(found["agreement"].data, np.ones((3, 3)))
    # the border is between settings 4 and 5: a maximum at either is half a setting away
    np.testing.assert_allclose(found["offset"].data, 0.5)
    assert (found["lines"].data == 7).all()
    text = found["n_methods"].attrs["finding"]
    assert [line.split() for line in text.splitlines()[:3]] == [
        ["method", "phases", "agreement", "with", "clusters"],
        ["clusters", "2", "1.00"], ["pca", "2", "1.00"],
    ]  # fmt: skip
    assert "confusion                -   0.5 settings from its border" in text
    assert found["n_methods"].data == 5


def test_offset_by_hand():
    label = np.array([0, 0, 0, 1, 1, 1])
    lines = [(0, np.arange(6))]
    errors = np.full((6, 1), 0.01)
    peak = np.array([0, 0, 0, 0, 1.0, 0])[:, None]
    assert offset(peak, errors, label, lines) == (1.5, 1)
    assert offset(peak, errors, np.zeros(6, int), lines)[1] == 0
    assert offset(peak * 0, errors, label, lines)[1] == 0  # no clear maximum
    assert offset(np.full((6, 1), np.nan), errors, label, lines)[1] == 0
