"""Lines against limits, against each other, and against exact diagonalisation."""

from __future__ import annotations

import os

import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.physics import critical_lines as lines
from qdisc.physics.expectations import expectations, fidelity_susceptibility
from qdisc.physics.ground_states import energies, grid, ground_states, snapshot_distribution
from qdisc.physics.hamiltonians import (
    cluster_ising_family,
    j1j2_family,
    tfim_family,
    xxz_family,
)
from qdisc.physics.oracles import ridge


def test_annni_lines_meet_where_they_should():
    np.testing.assert_allclose(lines.annni_ferromagnet([0.0, 0.5]), [1, 0], atol=1e-12)
    assert lines.annni_ferromagnet(1e-6) == pytest.approx(1, abs=1e-5)
    assert lines.annni_disorder_line(0.5) == 0
    assert lines.annni_floating_paramagnet(0.5) == 0 == lines.annni_floating_antiphase(0.5)
    k = np.linspace(0.55, 1.4, 9)
    assert np.all(lines.annni_floating_paramagnet(k) > lines.annni_floating_antiphase(k))
    assert np.all(lines.annni_disorder_line(k / 3) > lines.annni_ferromagnet(k / 3))
    with pytest.raises(ConfigError, match=r"known between 0 and 0.5"):
        lines.annni_ferromagnet(0.6)


@pytest.mark.parametrize("size", [3, 4])
def test_classical_states_exchange_where_the_j1j2_line_says(size):
    j2 = lines.j1j2_classical(size)
    e = energies(j1j2_family(size), [[j2 - 0.01, 0.0], [j2, 0.0], [j2 + 0.01, 0.0]])
    neel, striped = -2 * size * (size - 1) + 2 * (size - 1) ** 2 * j2, -2 * (size - 1) ** 2 * j2
    assert e[1] == pytest.approx(neel, abs=1e-9) == pytest.approx(striped, abs=1e-9)
    step = 0.02 * (size - 1) ** 2
    assert e[[0, 2]] == pytest.approx([neel - step, striped - step])
    assert lines.j1j2_classical() == 0.5


def test_xxz_lines():
    assert lines.xxz_gap_closing(1.0) == pytest.approx(0, abs=1e-12)
    n, eta = np.arange(1, 400), np.arccosh(2.3)
    series = 1 + 2 * np.sum((-1.0) ** n / np.cosh(np.minimum(n * eta, 700)))
    assert lines.xxz_gap_closing(2.3) == pytest.approx(np.sinh(eta) * series, rel=1e-12)
    assert lines.xxz_gap_closing(30.0) == pytest.approx(30 - 2, abs=0.1)  # Ising limit
    # the energy of one magnon on a ring is exact: saturation at J (1 + Delta)
    ring = xxz_family(8, pbc=True)
    h = float(lines.xxz_saturation(0.5))
    below, above = ground_states(ring, [[0.5, h - 1e-3], [0.5, h + 1e-3]])
    assert above.probabilities[0] == pytest.approx(1)
    assert below.probabilities[0] == pytest.approx(0, abs=1e-9)


def test_the_transverse_field_chain_peaks_below_its_critical_field():
    """Pseudo-critical fields of short open chains lie below h = J and move towards it."""
    h = np.arange(0.3, 1.5, 0.02)
    seen = [float(ridge(snapshot_distribution(tfim_family(n), h), h)) for n in (6, 8, 10)]
    assert seen == sorted(seen)
    assert seen[-1] < lines.tfim()


def test_the_antiferromagnet_gives_way_at_twice_the_coupling():
    """Without cluster term all terms commute: + - + - + - + below h1 = 2 |h2|, all + above."""
    family = cluster_ising_family(7, K=0.0)
    h1 = float(lines.paramagnet_antiferromagnet(-0.7))
    strings = ["".join("X" if i == site else "I" for i in range(7)) for site in range(7)]
    below, above = ground_states(family, [[h1 - 0.05, -0.7], [h1 + 0.05, -0.7]])
    assert expectations(below.states, strings) == pytest.approx([1, -1, 1, -1, 1, -1, 1])
    assert expectations(above.states, strings) == pytest.approx([1] * 7)
    assert lines.cluster_ising_field() == 1.0


def fidelity_peak(n, h1, h2):
    spaces = ground_states(cluster_ising_family(n), grid([[h1], h2]))
    middle, chi = fidelity_susceptibility(spaces, h2)
    return middle[np.argmax(chi)]


# h1: (SPT - paramagnet, SPT - antiferromagnet) for 15 sites, as published with steps of the grid
PUBLISHED = {0.05: (0.99, -1.05), 0.3: (0.59, -1.05), 0.6: (0.33, -1.05), 0.9: (0.15, -1.15),
             1.2: (-0.05, -1.25)}  # fmt: skip


@pytest.mark.parametrize("h1", [0.05, 0.6])
def test_cluster_ising_boundaries_on_eleven_sites(h1):
    """Eleven sites are within 0.1 (paramagnet) and 0.25 (antiferromagnet) of fifteen."""
    paramagnet, antiferromagnet = PUBLISHED[h1]
    near = np.arange(-0.3, 0.31, 0.04)
    assert abs(fidelity_peak(11, h1, paramagnet + near) - paramagnet) < 0.1
    assert abs(fidelity_peak(11, h1, np.arange(-1.5, -0.55, 0.1)) - antiferromagnet) < 0.25


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("QDISC_FULL") != "1", reason="QDISC_FULL=1: minutes")
@pytest.mark.parametrize("h1", PUBLISHED)
def test_cluster_ising_boundaries_on_fifteen_sites(h1):
    """Within one step of the published peaks."""
    paramagnet, antiferromagnet = PUBLISHED[h1]
    assert abs(fidelity_peak(15, h1, np.arange(-0.31, 1.3, 0.04)) - paramagnet) < 0.041
    assert abs(fidelity_peak(15, h1, np.arange(-1.6, -0.55, 0.1)) - antiferromagnet) < 0.101


def test_the_self_dual_point_without_field():
    """h1 = 0: the gap to the next level is smallest near h2 = +-1 (first order)."""
    assert lines.cluster_ising_self_dual() == (-1.0, 1.0)
    h2 = np.arange(0.7, 1.31, 0.05)
    assert fidelity_peak(11, 0.02, h2) == pytest.approx(1.0, abs=0.11)
