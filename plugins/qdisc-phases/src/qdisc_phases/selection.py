"""How many components: information criteria over K, and the silhouette of a labelling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, DataError
from sklearn.metrics import silhouette_score

from qdisc_phases.features import as_features
from qdisc_phases.mixture import GaussianMixture


def select_n_components(
    X: Any,
    ks: Iterable[int],
    n_init: int = 5,
    max_iter: int = 100,
    covariant_reg: float = 1e-6,
    init_params: str = "kmeans",
    random_seed: int = 0,
) -> dict[int, dict[str, Any]]:
    """Fit a mixture for each number of components and score it.

    Args:
        X: Features (rows, features).
        ks: Numbers of components to try.
        n_init: Fits per K from different starts; the most likely one is kept.
        max_iter: Most iterations per fit.
        covariant_reg: Added to the diagonal of each covariance.
        init_params: As in `GaussianMixture`.
        random_seed: Fixes every start; the starts of one K do not depend on the other K.

    Returns:
        {K: {"model": GaussianMixture, "metrics": {"bic", "aic", "avg_log_likelihood"}}}; the
        log likelihood in nats per row.

    Raises:
        DataError: As `GaussianMixture.fit`.
        ConfigError: No K, or an argument without meaning.
    """
    table = as_features(X)
    wanted = list(ks)
    if not wanted or isinstance(n_init, bool) or n_init < 1:
        raise ConfigError("at least one K and one start", where="ks, n_init",
                          value=(wanted, n_init))  # fmt: skip
    out: dict[int, dict[str, Any]] = {}
    for k in wanted:
        starts = generator(random_seed, int(k)).random(n_init)
        fits = [
            GaussianMixture(k, max_iter=max_iter, reg_covar=covariant_reg, init_params=init_params)
            .fit(table, int(start * 2**32))
            for start in starts
        ]  # fmt: skip
        best = max(fits, key=lambda fit: fit.score(table))
        metrics = {
            "bic": best.bic(table),
            "aic": best.aic(table),
            "avg_log_likelihood": best.score(table),
        }
        out[int(k)] = {"model": best, "metrics": metrics}
    return out


def silhouette(X: Any, labels: Any) -> float:
    """Mean silhouette (b - a) / max(a, b) of all rows, in -1..1.

    a is the mean distance of a row to its own cluster, b to the nearest other one (Rousseeuw,
    J. Comput. Appl. Math. 20, 53, 1987). Where it is undefined, because there is one cluster only
    or every row is a cluster of its own, it is 0, as that paper has it for a lone row.

    Raises:
        DataError: X is no table of finite numbers, or there is not one label per row.
    """
    table = as_features(X)
    groups = np.asarray(labels).reshape(-1)
    if groups.size != table.shape[0]:
        raise DataError("one label per row", where="labels",
                        value=f"{groups.size} labels, {table.shape[0]} rows")  # fmt: skip
    clusters = np.unique(groups).size
    if clusters < 2 or clusters == groups.size:
        return 0.0
    return float(silhouette_score(table, groups))
