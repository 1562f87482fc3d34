"""The phi^4 field: exact identities and limits that the Monte Carlo must meet."""

from __future__ import annotations

import os

import numpy as np
import pytest

from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError
from qdisc.physics.phi4 import action_slope, critical_mass, snapshots


def moments(phi, mu2, lam):
    """Mean and error of m^2 and of the mean over sites of phi dS/dphi."""
    shots = len(phi)
    m2 = phi.mean(axis=(1, 2)) ** 2
    sd = (phi * action_slope(phi, mu2, lam)).mean(axis=(1, 2))
    return [(v.mean(), v.std() / np.sqrt(shots)) for v in (m2, sd)]


@pytest.mark.parametrize(("mu2", "lam"), [(-1.3, 1.0), (-2.0, 1.0), (-0.4, 0.5)])
def test_schwinger_dyson(mu2, lam):
    """<phi_x dS/dphi_x> = 1 for every coupling, also at the transition and in the ordered phase."""
    phi = snapshots(8, mu2, lam, 250, generator(1))
    (_, (mean, error)) = moments(phi, mu2, lam)
    assert abs(mean - 1) < 4 * error
    # neighbours: <phi_x dS/dphi_y> = 0
    other = (np.roll(phi, 1, 1) * action_slope(phi, mu2, lam)).mean(axis=(1, 2))
    assert abs(other.mean()) < 4 * other.std() / np.sqrt(len(phi))


@pytest.mark.slow
@pytest.mark.skipif("QDISC_FULL" not in os.environ, reason="two minutes; QDISC_FULL=1 runs it")
def test_schwinger_dyson_with_many_snapshots():
    """The same identities to a third of a percent, from 10^5 snapshots."""
    phi = snapshots(4, -1.3, 1.0, 100_000, generator(1))
    (_, (mean, error)) = moments(phi, -1.3, 1.0)
    assert error < 0.002
    assert abs(mean - 1) < 4 * error
    other = (np.roll(phi, 1, 1) * action_slope(phi, -1.3, 1.0)).mean(axis=(1, 2))
    assert abs(other.mean()) < 4 * other.std() / np.sqrt(len(phi))


def test_a_nearly_free_field_has_the_free_propagator():
    """lambda -> 0: <|phi_k|^2> = 1 / (4 sin^2(k1/2) + 4 sin^2(k2/2) + mu2)."""
    size, mu2, shots = 4, 0.8, 1500
    phi = snapshots(size, mu2, 1e-6, shots, generator(2), rounds=60)
    power = np.abs(np.fft.fft2(phi)) ** 2 / size**2
    k = 4 * np.sin(np.pi * np.arange(size) / size) ** 2
    expected = 1 / (np.add.outer(k, k) + mu2)
    error = power.std(axis=0) / np.sqrt(shots)
    assert np.all(np.abs(power.mean(axis=0) - expected) < 4 * error)


def test_strong_confinement_decouples_the_sites():
    """mu2 = 0, lambda -> infinity: <phi^4> lambda = 1, <phi^2> sqrt(lambda) = known ratio."""
    from scipy.special import gamma

    lam = 1e8
    phi = snapshots(4, 0.0, lam, 1000, generator(3), rounds=60)
    ratio = 2 * gamma(0.75) / gamma(0.25)  # of int phi^2 exp(-phi^4 / 4) to int exp(-phi^4 / 4)
    square = (phi**2 * np.sqrt(lam)).mean(axis=(1, 2))
    assert abs(square.mean() - ratio) < 4 * square.std() / np.sqrt(1000) + 1e-3


def test_both_signs_are_equally_likely_deep_in_the_ordered_phase():
    phi = snapshots(8, -3.0, 1.0, 400, generator(4), rounds=60)
    up = (phi.mean(axis=(1, 2)) > 0).mean()
    assert abs(up - 0.5) < 4 * 0.5 / 20
    # classical minimum phi^2 = -mu2 / lambda, lowered by fluctuations
    assert 2.2 < (phi.mean(axis=(1, 2)) ** 2).mean() < 3.0


def test_shots_forget_their_start():
    """Twice the rounds give the same moments at the transition of the 8 x 8 lattice."""
    few, many = (snapshots(8, -1.4, 1.0, 250, generator(5, n), n) for n in (100, 200))
    for a, b in zip(moments(few, -1.4, 1.0), moments(many, -1.4, 1.0), strict=True):
        assert abs(a[0] - b[0]) < 4 * np.hypot(a[1], b[1])


def test_order_sets_in_where_it_should():
    """At lambda = 1 the Binder cumulant of 8 x 8 sites rises from 0 to 2/3."""
    cumulant = {}
    for mu2 in (-0.6, -1.27, -2.2):
        m = snapshots(8, mu2, 1.0, 300, generator(6), rounds=60).mean(axis=(1, 2))
        cumulant[mu2] = 1 - (m**4).mean() / (3 * (m**2).mean() ** 2)
    assert cumulant[-0.6] < 0.25 < 0.45 < cumulant[-1.27] < 0.63 < 0.65 < cumulant[-2.2]
    assert -1.32 < critical_mass(1.0) < -1.22


def test_the_tadpole_of_the_critical_line_is_the_lattice_integral():
    k = 4 * np.sin(np.pi * (np.arange(2000) + 0.5) / 2000) ** 2
    mass = 0.5 / 11.11
    integral = np.mean(1 / (k[:, None] + k[None] + mass))
    assert critical_mass(0.5) == pytest.approx(mass - 1.5 * integral, abs=1e-6)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="even side"):
        snapshots(5, 0.0, 1.0, 3, generator(0))
    with pytest.raises(ConfigError, match="bounded below"):
        snapshots(4, 0.0, 0.0, 3, generator(0))
    with pytest.raises(ConfigError, match="lambda is positive"):
        critical_mass(-1.0)
