"""Transition lines of the catalogue's models: exact ones, and published formulas.

All are for infinite systems unless the name of an argument says otherwise; on a lattice of a few
sites the maximum of the Fisher information (`qdisc.physics.oracles.ridge`) lies elsewhere, which
is what a model of snapshots can be compared with. Each line says whether it is exact.
"""

from __future__ import annotations

import numpy as np

from qdisc._typing import ArrayLike, FloatArray
from qdisc.errors import ConfigError
from qdisc.physics.phi4 import critical_mass as phi4_critical_mass

__all__ = [
    "annni_disorder_line",
    "annni_ferromagnet",
    "annni_floating_antiphase",
    "annni_floating_paramagnet",
    "cluster_ising_field",
    "cluster_ising_self_dual",
    "falicov_kimball_strong_coupling",
    "j1j2_classical",
    "paramagnet_antiferromagnet",
    "phi4_critical_mass",
    "tfim",
    "xxz_anisotropies",
    "xxz_gap_closing",
    "xxz_saturation",
]


def tfim(J: float = 1.0) -> float:
    """Critical field |h| = |J| of the transverse-field Ising chain; exact (Pfeuty 1970)."""
    return abs(J)


def annni_ferromagnet(kappa: ArrayLike) -> FloatArray:
    """H / J between ferromagnet and paramagnet, 0 <= kappa <= 1/2.

    h = ((1 - k) / k) [1 - sqrt((1 - 3 k + 4 k^2) / (1 - k))]: second-order perturbation theory,
    exact at k = 0 (h = 1) and k = 1/2 (h = 0). Source: Suzuki, Inoue, Chakrabarti, Quantum Ising
    Phases and Transitions, Springer 2013, chapter 4.
    """
    k = _within(kappa, 0.0, 0.5)
    safe = np.where(k > 0, k, 0.25)
    line = (1 - safe) / safe * (1 - np.sqrt((1 - 3 * safe + 4 * safe**2) / (1 - safe)))
    return np.where(k > 0, line, 1.0)


def annni_disorder_line(kappa: ArrayLike) -> FloatArray:
    """H / J = 1 / (4 kappa) - kappa, 0 < kappa <= 1/2: exact, and no transition.

    On it the ring's ground state is a product of few terms with E = -N / (4 kappa); beyond it the
    correlations of the paramagnet oscillate. Source: Peschel, Emery, Z. Phys. B 43, 241 (1981).
    """
    k = _within(kappa, 1e-12, 0.5)
    return 1 / (4 * k) - k


def annni_floating_paramagnet(kappa: ArrayLike) -> FloatArray:
    """H / J between paramagnet and floating phase, 1/2 <= kappa <= 3/2 (Kosterlitz-Thouless).

    h = 1.05 sqrt((k - 1/2) (k - 1/10)): a fit to numerical results. Source: Beccaria, Campostrini,
    Feo, Phys. Rev. B 73, 052402 (2006).
    """
    k = _within(kappa, 0.5, 1.5)
    return 1.05 * np.sqrt((k - 0.5) * (k - 0.1))


def annni_floating_antiphase(kappa: ArrayLike) -> FloatArray:
    """H / J = 1.05 (kappa - 1/2) between floating phase and antiphase, 1/2 <= kappa <= 3/2.

    A fit to numerical results (commensurate-incommensurate); same source as
    `annni_floating_paramagnet`.
    """
    return 1.05 * (_within(kappa, 0.5, 1.5) - 0.5)


def j1j2_classical(size: int | None = None) -> float:
    """J2 / J1 where Neel and striped states exchange at h = 0; exact.

    The open L x L square has E_Neel = -2 L (L - 1) J1 + 2 (L - 1)^2 J2 and E_striped =
    -2 (L - 1)^2 J2: J2 / J1 = L / (2 L - 2), 3/4 for L = 3, 1/2 for the infinite lattice.

    Args:
        size: L of the open square; None for the infinite lattice.
    """
    return 0.5 if size is None else size / (2 * size - 2)


def xxz_anisotropies() -> tuple[float, float]:
    """Delta = -1 (ferromagnet, first order) and 1 (Neel order, Kosterlitz-Thouless), h = 0; exact.

    Source: Yang, Yang, Phys. Rev. 150, 321 and 327 (1966).
    """
    return -1.0, 1.0


def xxz_saturation(delta: ArrayLike) -> FloatArray:
    """H / J = 1 + Delta beyond which all spins are polarised, Delta >= -1; exact."""
    return 1 + _within(delta, -1.0, np.inf)


def xxz_gap_closing(delta: ArrayLike) -> FloatArray:
    """H / J where Neel order gives way to the gapless phase, Delta >= 1; exact.

    h = sinh(eta) sum_{n = -inf}^{inf} (-1)^n / cosh(n eta), Delta = cosh(eta): the gap of a pair
    of spinons. Source: des Cloizeaux, Gaudin, J. Math. Phys. 7, 1384 (1966).
    """
    eta = np.maximum(np.arccosh(_within(delta, 1.0, np.inf)), 0.02)[..., None]  # below: h < 1e-200
    # the series where its terms decay, else its Poisson sum, whose terms decay the faster
    n, m = np.arange(1, 40), np.arange(8) + 0.5
    direct = 1 + 2 * np.sum((-1.0) ** n / np.cosh(np.minimum(n * eta, 700)), axis=-1)
    dual = np.sum(2 * np.pi / eta / np.cosh(np.minimum(np.pi**2 * m / eta, 700)), axis=-1)
    eta = eta[..., 0]
    return np.sinh(eta) * np.where(eta > 1.5, direct, dual)


def cluster_ising_field() -> float:
    """h1 / K = 1 between the cluster phase and the paramagnet at h2 = 0; exact.

    A duality turns the chain into two transverse-field Ising chains.
    """
    return 1.0


def cluster_ising_self_dual() -> tuple[float, float]:
    """h2 / K = -1 and 1 at h1 = 0; exact.

    With T^z = X_i X_{i+1} and T^x T^x T^x T^x for the cluster terms the chain is a four-spin
    Ising chain in a transverse field, which is self-dual there.
    """
    return -1.0, 1.0


def paramagnet_antiferromagnet(h2: ArrayLike) -> FloatArray:
    """h1 = 2 |h2| between antiferromagnet (h2 < 0) and paramagnet along x without cluster term.

    Exact: both are product states there.
    """
    return 2 * np.abs(_within(h2, -np.inf, 0.0))


def falicov_kimball_strong_coupling(U: ArrayLike, t: float = 1.0) -> FloatArray:
    """T_c = 1.135 t^2 / U of the checkerboard order for U >> t.

    Two neighbours of different occupation gain t^2 / U: an antiferromagnetic Ising model with
    J = t^2 / (2 U), and T_c = 2 J / ln(1 + sqrt 2) = 2.269 J on the square lattice (Onsager 1944).
    """
    return 2 / np.log(1 + np.sqrt(2)) * t**2 / (2 * _within(U, 1e-12, np.inf))


def _within(values: ArrayLike, low: float, high: float) -> FloatArray:
    out = np.asarray(values, dtype=np.float64)
    if not ((out >= low) & (out <= high)).all():
        raise ConfigError(
            f"this line is known between {low:g} and {high:g}", where="coupling", value=out.tolist()
        )
    return out
