"""Sparse regression on pooled correlators: what two bodies cannot say."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from qdisc.analysis.runner import run
from qdisc.config import Selection
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError, TrainingError
from qdisc.plugin import Registry
from qdisc.testing import check_plugin

from qdisc_symbolic import CorrelatorSearch, SymbolicRegression
from qdisc_symbolic.correlators import CorrelatorsConfig, correlators

PLAQUETTE = "(0,1)(1,0)(1,1)"


@pytest.fixture(scope="module")
def gauge():
    """Ten settings of free spins, ten of exp(0.8 sum of plaquettes) on an open 3 x 3 lattice."""
    rng = np.random.default_rng(0)
    codes = (np.arange(512)[:, None] >> np.arange(9)) & 1
    s = 2.0 * codes.reshape(-1, 3, 3) - 1
    energy = (s[:, 1:, 1:] * s[:, 1:, :-1] * s[:, :-1, 1:] * s[:, :-1, :-1]).sum(axis=(1, 2))
    p = np.exp(0.8 * energy)
    laws = [np.full(512, 1 / 512), p / p.sum()]
    data = [codes[rng.choice(512, 400, p=law)] for law in laws for _ in range(10)]
    sites = [(i, j) for i in range(3) for j in range(3)]
    return Dataset(np.array(data), [np.arange(20.0)], "discrete", sites=sites)


def test_a_four_body_order_is_found_where_two_bodies_fail(gauge):
    """Log odds of the two laws: 0.8 per plaquette, that is 3.2 times their mean, minus ln cosh."""
    search = CorrelatorSearch(gauge, np.arange(10, 20))
    path = search.l1_path(0, points=9, folds=3)
    assert [search.orbits[k].label for k in np.flatnonzero(search.fit.alpha)] == [PLAQUETTE]
    assert path.converged and search.evaluation.auc == 1.0
    assert search.evaluation.baseline.auc < 0.9
    two = SymbolicRegression(gauge, np.arange(10, 20), "SR1")
    assert two.l1_path(0, points=5, folds=3).cv_auc.max() < 0.9
    last = path.alpha[-1] / search._scale
    place = next(k for k, orbit in enumerate(search.orbits) if orbit.label == PLAQUETTE)
    assert last[place] == pytest.approx(3.2, rel=0.15)
    assert np.isclose(search.compute_prediction()[10:].mean(), search.fit.constant
                      + search.fit.alpha[place] * np.tanh(0.8), atol=0.02)  # fmt: skip


def test_one_number_orders_both_phases_of_j1j2(j1j2, phases, demo):
    """The product of the four spins of a plaquette is +1 in the Neel and in the striped phase."""
    inside = phases > 0
    search = CorrelatorSearch(j1j2, inside, mu_cluster=demo["rate"][0])
    path = search.l1_path(0, points=5, folds=3)
    assert [search.orbits[k].label for k in np.flatnonzero(search.fit.alpha)] == [PLAQUETTE]
    assert path.converged and search.evaluation.auc >= 0.995 > 0.75 > search.evaluation.baseline.auc
    classify = CorrelatorSearch(j1j2, inside)
    classify.l1_path(0, points=4, folds=2)
    ranked = [classify.orbits[k].label for k in classify.ranking()[:3]]
    assert ranked[0] == PLAQUETTE and {"(2,0)", "(0,2)"} == set(ranked[1:])
    assert classify.evaluation.auc >= 0.995


def test_the_contract():
    why = {
        "runs[discrete_scattered]": "all of its settings lie inside the region",
        "runs[ragged_grid]": "six shots on one side of the region, none of which is held out",
    }
    config = CorrelatorsConfig(region={"g": (0.4, 1.0)}, bodies=2, points=2, folds=2)
    check_plugin(correlators, why, config=config)


def test_the_analysis_stores_what_was_found(gauge):
    options = {"labels": np.repeat([0, 1], 10).tolist(), "points": 3, "folds": 2}
    found = run(
        gauge, key=jax.random.key(0), registry=Registry([("analysis", correlators)]), strict=True,
        observables=Selection(run=()),
        analyses=Selection(run=("correlators",), options={"correlators": options}),
    ).analyses["correlators"].variables  # fmt: skip
    labels = found["coefficient"].attrs["orbits"].splitlines()
    used = np.flatnonzero(found["coefficient"].data[0])
    assert [labels[k] for k in used] == [PLAQUETTE]
    assert found["members"].data[used] == 4 and found["bodies"].data[used] == 4
    assert found["auc"].data == 1 and found["converged"].data.all()
    finding = found["value"].attrs["finding"]
    assert finding.startswith("1|0: +") and f"<{PLAQUETTE}>; held-out AUC 1.000" in finding
    assert found["value"].attrs["sympy"].count("*s_") == 16


def test_refusals(gauge):
    with pytest.raises(TrainingError, match="no coefficients yet"):
        CorrelatorSearch(gauge, np.arange(10)).formula()
    with pytest.raises(DataError, match="nothing to tell the cluster from"):
        CorrelatorSearch(gauge, np.arange(20))
    with pytest.raises(ConfigError, match=r"no meaning(.|\n)*bodies"):
        CorrelatorsConfig(bodies=5)
