"""What a plugin may say about itself."""

from __future__ import annotations

import dataclasses

import pytest

from qdisc.errors import PluginError
from qdisc.plugin import AnalysisSpec, LoaderSpec, ModelSpec, ObservableSpec, Provides, Spec

EVERY = (Spec, LoaderSpec, ModelSpec, ObservableSpec, AnalysisSpec)


@pytest.mark.parametrize("spec", EVERY)
def test_defaults_and_frozen(spec):
    made = spec(name="clusters_2", summary="groups settings")
    assert made.contract == "1.0" and made.theta_dims is None
    assert made.data_kinds == ("discrete", "continuous", "hybrid", "shadow")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "other"
    with pytest.raises(TypeError):
        spec("clusters", "positional")


@pytest.mark.parametrize("name", ["", "Clusters", "2d", "a-b", "a b", "a\n", "ä", "_a", None, 3])
def test_names(name):
    with pytest.raises(PluginError, match="starts with a letter") as caught:
        ModelSpec(name=name, summary="")
    assert repr(name) in str(caught.value)


def test_data_kinds():
    with pytest.raises(PluginError, match="unknown data kind") as caught:
        ObservableSpec(name="parity", summary="", data_kinds=("discrete", "spins"))
    text = str(caught.value)
    assert "plugin parity" in text and "['spins']" in text and "hybrid" in text


def test_provides():
    provides = Provides("mu", ("theta", "latent"))
    assert (provides.dtype, provides.units) == ("float32", "1")
    spec = AnalysisSpec(name="a", summary="", needs=("latent",), provides=(provides,))
    assert not spec.default and spec.provides[0].dims == ("theta", "latent")
