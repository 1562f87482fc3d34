"""Fault 4 of the published library: sites reversed, signs flipped, differently per generator."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset import sampling, shadows
from qdisc.dataset.sampling import sample_spin_configurations
from qdisc.dataset.shadows import get_classical_shadow
from qdisc.physics.netket import load

SIGNS = (-1, 1, 1)


def state():
    psi = np.zeros(8)
    psi[0b100] = 1.0  # first site most significant, bit 1 is sigma_z = -1
    return psi


def check():
    snapshot = sample_spin_configurations(state(), 1, 3, 0)[0]
    np.testing.assert_array_equal(2 * snapshot - 1, SIGNS)
    np.testing.assert_array_equal(snapshot, (0, 1, 1))
    shadow = get_classical_shadow(state(), 1, 3, 0, "Z")[0]
    np.testing.assert_array_equal(shadow[1::2], (0, 1, 1))
    np.testing.assert_array_equal(shadow[0::2], 4)


def test_column_i_is_site_i_and_code_1_is_plus_1_in_both_generators():
    check()


def test_the_state_is_the_one_netket_means():
    nk = load()
    np.testing.assert_array_equal(nk.hilbert.Spin(0.5, 3).all_states()[0b100], SIGNS)


def test_the_check_sees_reversed_sites(monkeypatch):
    right = sampling.index_to_codes
    monkeypatch.setattr(sampling, "index_to_codes", lambda index, N: right(index, N)[:, ::-1])
    with pytest.raises(AssertionError):
        check()


def test_the_check_sees_flipped_signs(monkeypatch):
    right = sampling.index_to_codes
    monkeypatch.setattr(sampling, "index_to_codes", lambda index, N: 1 - right(index, N))
    with pytest.raises(AssertionError):
        check()


def test_the_check_sees_the_published_snapshots(monkeypatch):
    """Both at once: (0, 0, 1)."""
    right = sampling.index_to_codes
    monkeypatch.setattr(sampling, "index_to_codes", lambda index, N: 1 - right(index, N)[:, ::-1])
    np.testing.assert_array_equal(sample_spin_configurations(state(), 1, 3, 0)[0], (0, 0, 1))
    with pytest.raises(AssertionError):
        check()


def test_the_check_sees_a_flipped_shadow(monkeypatch):
    right = shadows._measure

    def flipped(states, group, rows, basis, uniforms, bits, site=0):
        right(states, group, rows, basis, uniforms, bits, site)
        bits[:] = 1 - bits

    monkeypatch.setattr(shadows, "_measure", flipped)
    with pytest.raises(AssertionError):
        check()
