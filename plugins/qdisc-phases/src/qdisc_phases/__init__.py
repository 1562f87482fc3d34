"""Phases from latent features: Gaussian mixtures, and how many components the data support."""

from __future__ import annotations

from qdisc_phases.mixture import INIT_PARAMS, GaussianMixture
from qdisc_phases.selection import select_n_components, silhouette

__all__ = ["INIT_PARAMS", "GaussianMixture", "select_n_components", "silhouette"]
