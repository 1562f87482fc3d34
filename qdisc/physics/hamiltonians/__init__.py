"""The spin models of the catalogue: NetKet operators, and families along a sweep.

Z = sigma^z = +-1, S = sigma / 2, n = (1 + Z) / 2; code 1 is Z = +1 (n = 1). Sites, states and
codes follow the conventions of `qdisc.dataset.sampling`. Every bond counts once.
"""

from qdisc.physics.family import Family
from qdisc.physics.hamiltonians.cluster_ising import cluster_ising, cluster_ising_family
from qdisc.physics.hamiltonians.ising import (
    annni,
    annni_family,
    long_range_family,
    long_range_ising,
    tfim_family,
    transverse_field_ising,
)
from qdisc.physics.hamiltonians.j1j2 import j1j2, j1j2_family
from qdisc.physics.hamiltonians.rydberg import rydberg, rydberg_family
from qdisc.physics.hamiltonians.xxz import xxz, xxz_family

__all__ = [
    "Family",
    "annni",
    "annni_family",
    "cluster_ising",
    "cluster_ising_family",
    "j1j2",
    "j1j2_family",
    "long_range_family",
    "long_range_ising",
    "rydberg",
    "rydberg_family",
    "tfim_family",
    "transverse_field_ising",
    "xxz",
    "xxz_family",
]
