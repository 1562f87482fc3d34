"""Arrays that know their axes: what can be stored, what not."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.errors import PluginError
from qdisc.plugin import Variable


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("bool", "uint8"), ("float16", "float32"), ("float32", "float32"), ("float64", "float64"),
        ("int8", "int8"), ("uint64", "uint64"),
    ],
)  # fmt: skip
def test_dtypes(given, stored):
    assert Variable(np.ones(3, given), ("site",)).data.dtype == stored


@pytest.mark.parametrize("data", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_what_is_not_a_number(data):
    with pytest.raises(PluginError, match="whole or real numbers") as caught:
        Variable(data, ("site",))
    assert str(data.dtype) in str(caught.value) and "(re, im)" in str(caught.value)


@pytest.mark.parametrize("dims", [(), ("a",), ("a", "b", "c")])
def test_one_name_per_axis(dims):
    with pytest.raises(PluginError, match="one dimension name per axis") as caught:
        Variable(np.ones((2, 3)), dims)
    assert "(2, 3)" in str(caught.value)


def test_names_differ():
    with pytest.raises(PluginError, match="must differ"):
        Variable(np.ones((2, 2)), ("site", "site"))


def test_scalars_lists_and_attributes():
    scalar = Variable(3.0, ())
    assert scalar.shape == () and scalar.units == "1"
    listed = Variable([1, 2], ["term"], attrs={"flag_meanings": "a b"})
    assert listed.dims == ("term",) and listed.shape == (2,)
    with pytest.raises(TypeError):
        listed.attrs["x"] = 1
