"""Fault 9 of the published library, its wave functions: NaN gave bit 0, a wrong N was accepted."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset import sampling, shadows
from qdisc.errors import DataError


def refused(generator, psi, n, message):
    try:
        generator(psi, 5, n, 0)
    except DataError as error:
        assert message in str(error)
    else:
        raise AssertionError(f"{generator.__name__} accepted a bad wave function")


def check_nan():
    for generator in (sampling.sample_spin_configurations, shadows.get_classical_shadow):
        refused(generator, np.full(4, np.nan), 2, "4 of 4 amplitudes are NaN or infinite")
        refused(generator, np.array([1, 0, np.inf, 0]), 2, "amplitude 2")


def check_length():
    for generator in (sampling.sample_spin_configurations, shadows.get_classical_shadow):
        refused(generator, np.ones(8), 2, "a state of 2 spins has 2**2 = 4 amplitudes")
        refused(generator, np.ones(4), 3, "a state of 3 spins has 2**3 = 8 amplitudes")


def test_bad_wave_functions_are_refused():
    check_nan()
    check_length()


@pytest.mark.parametrize("check", [check_nan, check_length])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_checks_see_the_fault(monkeypatch, check):
    def unchecked(psi, N):
        return np.nan_to_num(np.asarray(psi, dtype=complex))[: 1 << N]

    for module in (sampling, shadows):
        monkeypatch.setattr(module, "state_vector", unchecked)
    with pytest.raises((AssertionError, IndexError)):
        check()
