"""Shapes and dtypes of every call into the package are checked while its tests run."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import install_import_hook

install_import_hook("qdisc.objectives", "beartype.beartype")


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def numeric_gradient():
    """Central differences of a scalar function of one array."""

    def gradient(function, x, step=1e-5):
        x = np.asarray(x, np.float64)
        result = np.zeros_like(x)
        for index in np.ndindex(x.shape):
            shift = np.zeros_like(x)
            shift[index] = step
            high, low = function(jnp.asarray(x + shift)), function(jnp.asarray(x - shift))
            result[index] = (float(high) - float(low)) / (2 * step)
        return result

    return gradient
