"""The built-in models through the whole chain, at their smallest."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.pipeline import discover
from qdisc.results.validate import validate


@pytest.mark.parametrize(
    ("kind", "name"), [("discrete", "cnn1d_arnn"), ("shadow", "transformer")]
)  # fmt: skip
def test_a_built_in_model(lab, kind, name):
    data = lab.line(kind, n=3)
    sizes = lab.transformer if name == "transformer" else lab.cnn
    result = discover(data, **{**lab.train, **lab.few, **sizes, "train.epochs": 1})
    assert [f for f in validate(result.path) if f.severity == "ERROR"] == []
    assert result.exit_code == 0
    assert result.group("/model").attrs["plugin"] == name  # chosen from the data
    for analysis in ("latent_map", "reconstruction"):
        assert result.status(analysis) == "ok"
    model = result.model()
    mean, _ = model.encode(data.configurations)
    order = result.variable("/analyses/latent_map/order").data
    kept = result.variable("/analyses/latent_map/mu").data
    assert np.array_equal(data.to_theta(data.moments(mean[:, order])[0]).astype(kept.dtype), kept)


def test_double_precision_is_stored_and_rebuilt_in_single(lab):
    data = lab.line("continuous", n=3)
    changes = {**lab.train, **lab.few, **lab.cnn, "train.epochs": 1, "train.dtype": "float64"}
    result = discover(
        data,
        **changes,
        **{"model.dtype": "float64", "observables.run": [], "analyses.run": ["latent_map"]},
    )
    assert [f for f in validate(result.path) if f.severity == "ERROR"] == []
    assert result.exit_code == 0
    assert {leaf.dtype for part in result.params().values() for leaf in leaves(part)} == {
        np.dtype(np.float32)
    }
    assert 'dtype = "float64"' in result.config_toml
    mean, _ = result.model().encode(data.configurations)
    assert mean.dtype == np.float32
    order = result.variable("/analyses/latent_map/order").data
    kept = result.variable("/analyses/latent_map/mu").data
    assert np.array_equal(data.to_theta(data.moments(mean[:, order])[0]).astype(kept.dtype), kept)


def leaves(tree):
    import jax

    return jax.tree.leaves(tree)
