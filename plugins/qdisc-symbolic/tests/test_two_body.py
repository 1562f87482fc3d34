"""The analysis: what it needs, what it stores, what it says."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from qdisc.analysis.runner import run
from qdisc.config import Selection
from qdisc.errors import ConfigError, DataError
from qdisc.plugin import AnalysisSpec, Config, Provides, Registry, Variable
from qdisc.testing import check_plugin

from qdisc_symbolic.two_body import TwoBodyConfig, two_body


def analyse(plugins, dataset, **options):
    """(plugins, options of two_body) -> its variables."""
    registry = Registry([("analysis", plugin) for plugin in plugins])
    names = tuple(plugin.spec.name for plugin in plugins)
    chosen = Selection(run=names, options={"two_body": options})
    outcomes = run(dataset, key=jax.random.key(0), registry=registry, strict=True,
                   observables=Selection(run=()), analyses=chosen)  # fmt: skip
    return outcomes.analyses["two_body"].variables


class Clusters:
    """Phases as the analysis clusters gives them."""

    spec = AnalysisSpec(
        name="clusters",
        summary="Known phases.",
        needs=("dataset",),
        provides=(
            Provides("label", ("theta",), "int32", long_name="phase"),
            Provides("probability", ("theta", "phase"), optional=True, long_name="of each phase"),
        ),
    )
    Config = Config

    def __init__(self, label, probability=None):
        self.label, self.probability = label, probability

    def run(self, ctx, config, *, key):
        label = ctx.dataset.to_theta(self.label).astype(np.int32)
        out = {"label": Variable(label, ctx.dataset.theta_dims)}
        if self.probability is not None:
            table = ctx.dataset.to_theta(self.probability).astype(np.float32)
            out["probability"] = Variable(table, (*ctx.dataset.theta_dims, "phase"))
        return out


def test_the_contract():
    why = {"runs[discrete_scattered]": "all of its settings lie inside the region"}
    check_plugin(two_body, why, config=TwoBodyConfig(region={"g": (0.4, 1.0)}, points=2, folds=2))


def test_phases_of_clusters_give_every_phase_and_every_pair(j1j2, phases):
    found = analyse([Clusters(phases), two_body], j1j2, points=3, folds=2)
    value = found["value"]
    names = ["0|rest", "1|rest", "2|rest", "1|0", "2|0", "2|1"]
    assert value.attrs["panels"].split() == names and value.shape == (21, 20, 6)
    lines = value.attrs["finding"].splitlines()
    assert lines[3].startswith("1|0: 8 of 8 (1,1) all +; held-out AUC 1.000, random coefficients ")
    assert lines[3].endswith("nearly any formula tells these apart")
    assert "nearly any" not in lines[0] and lines[0].startswith("0|rest: ")
    assert (found["auc"].data >= 0.99).all() and found["converged"].data.all()
    x = 2.0 * j1j2.configurations - 1
    i, j = found["pair"].data.T
    f = (x[:, i] * x[:, j]) @ found["alpha"].data[3]
    np.testing.assert_allclose(value.data[..., 3].reshape(-1), j1j2.average(f), atol=1e-5)
    for n, k in enumerate(found["chosen"].data):
        np.testing.assert_array_equal(found["alpha"].data[n], found["path_alpha"].data[n, k])
        assert found["path_auc"].data[n, k] == found["auc"].data[n]
    assert len(value.attrs["sympy"].splitlines()) == len(value.attrs["latex"].splitlines()) == 6
    by_class = value.attrs["latex_by_displacement"].splitlines()[3]
    assert by_class.endswith(r"\,\sum_{(1,1)} s_i s_j")


def test_labels_of_ones_own(j1j2, phases):
    label = np.where(phases == 2, -1, phases).tolist()
    found = analyse([two_body], j1j2, labels=label, points=2, folds=2)
    assert found["value"].attrs["panels"] == "1|0" and found["auc"].data >= 0.99
    again = analyse([two_body], j1j2, labels=phases.tolist(), inside=[1], outside=[0], points=2,
                    folds=2)  # fmt: skip
    np.testing.assert_array_equal(found["alpha"].data, again["alpha"].data)


def test_settings_of_uncertain_phase_are_left_out(j1j2, phases):
    """Wrong labels that clusters doubts cost nothing; the same labels, believed, cost score."""
    order, options = np.where(phases > 0, 1, 0), {"points": 3, "folds": 2}
    wrong = np.random.default_rng(0).choice(order.size, 40, replace=False)
    label = order.copy()
    label[wrong] = 1 - label[wrong]
    probability = np.eye(2)[label]
    probability[wrong] = [0.4, 0.6]
    doubted = analyse([Clusters(label, probability), two_body], j1j2, **options)
    sure = np.where(np.isin(np.arange(order.size), wrong), -1, order).tolist()
    right = analyse([two_body], j1j2, labels=sure, **options)
    np.testing.assert_array_equal(doubted["alpha"].data, right["alpha"].data)
    assert doubted["auc"].data > 0.99
    told = doubted["value"].attrs["finding"].splitlines()[-1]
    assert told.startswith("40 of 420 settings are left out: their phase is uncertain")
    believed = analyse([Clusters(label, probability), two_body], j1j2, certainty=0.0, **options)
    assert believed["auc"].data < 0.95
    assert "left out" not in believed["value"].attrs["finding"]


def test_a_phase_keeps_its_surest_settings(j1j2, phases):
    order = np.where(phases > 0, 1, 0)
    probability = np.eye(2)[order] * 0.98 + 0.01
    probability[order == 1] = [0.3, 0.7]
    found = analyse([Clusters(order, probability), two_body], j1j2, points=2, folds=2)
    assert found["auc"].data > 0.99 and "left out" not in found["value"].attrs["finding"]


def test_refusals(j1j2, phases):
    with pytest.raises(ConfigError, match="no phases to tell apart"):
        analyse([two_body], j1j2)
    with pytest.raises(DataError, match="needs two phases"):
        analyse([Clusters(0 * phases), two_body], j1j2)
    with pytest.raises(ConfigError, match=r"no such phase(.|\n)*known: \[0, 1, 2\]"):
        analyse([Clusters(phases), two_body], j1j2, inside=[7])
    with pytest.raises(ConfigError, match="inside and outside"):
        analyse([Clusters(phases), two_body], j1j2, inside=[1], outside=[1, 0])
    with pytest.raises(ConfigError, match="outside needs inside"):
        analyse([Clusters(phases), two_body], j1j2, outside=[1])
    with pytest.raises(ConfigError, match="one label per setting"):
        analyse([two_body], j1j2, labels=[0, 1])
    with pytest.raises(ConfigError, match="labels or a region"):
        analyse([two_body], j1j2, labels=[0, 1], region={"h": (0, 1)})
    with pytest.raises(ConfigError, match=r"no such theta(.|\n)*J2"):
        analyse([two_body], j1j2, region={"J": (0, 1)})
    with pytest.raises(ConfigError, match="needs the trained model"):
        analyse([Clusters(phases), two_body], j1j2, objective="SR2")
    with pytest.raises(ConfigError, match=r"no meaning(.|\n)*folds"):
        TwoBodyConfig(folds=1)
