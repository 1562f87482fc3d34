"""Hamiltonians, exact ground states, exact oracles and the catalogue of datasets made from them.

NetKet builds the operators; it is imported inside functions and behind a guard (see
`qdisc.physics.netket`), so that importing this package, or using it, changes nobody's precision.
"""
