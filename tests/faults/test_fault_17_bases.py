"""Fault 17 of the published library, its bases: unknown strings failed with messages about jax."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.shadows import get_classical_shadow
from qdisc.errors import ConfigError


@pytest.mark.parametrize("bases", ["W", "xz", "ZX", ""])
def test_unknown_bases_are_named_with_the_known_ones(bases):
    with pytest.raises(ConfigError) as caught:
        get_classical_shadow(np.ones(4), 5, 2, 0, bases)
    assert "unknown measurement bases" in str(caught.value)
    assert repr(bases) in str(caught.value)
    assert "one of X, Y, Z, XY, XZ, YZ, XYZ" in str(caught.value)
