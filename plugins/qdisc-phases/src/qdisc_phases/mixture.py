"""Gaussian mixtures: the published interface, computed by scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, TrainingError, nearest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as _Mixture

from qdisc_phases.features import as_features

INIT_PARAMS = ("kmeans", "k-means++", "random", "random_from_data")


class GaussianMixture:
    """Mixture of Gaussians with full covariances, fitted by expectation maximisation.

    p(x) = sum_k w_k N(x; m_k, C_k + reg_covar 1).

    Args:
        n_components: Number of Gaussians K.
        tol: The fit ends when the mean log likelihood (nats per row) gains less than this.
        max_iter: Most iterations of expectation maximisation.
        reg_covar: Added to the diagonal of each covariance, squared units of the features.
        init_params: Where the fit starts: one of `INIT_PARAMS`.

    Attributes:
        weights: w, (K,).
        means: m, (K, features).
        covariances: C, (K, features, features).
        converged: Whether `tol` was reached within `max_iter`.
        n_iter: Iterations of the fit.

    Raises:
        ConfigError: An argument without meaning, an unknown `init_params`.
    """

    def __init__(
        self,
        n_components: int,
        tol: float = 1e-6,
        max_iter: int = 100,
        reg_covar: float = 1e-6,
        init_params: str = "kmeans",
    ) -> None:
        self.n_components = _whole(n_components, "n_components")
        self.max_iter = _whole(max_iter, "max_iter")
        self.tol, self.reg_covar = _positive(tol, "tol"), _positive(reg_covar, "reg_covar")
        if init_params not in INIT_PARAMS:
            raise ConfigError(
                "unknown start of the mixture", where="init_params", value=init_params,
                hint=nearest(str(init_params), INIT_PARAMS),
            )  # fmt: skip
        self.init_params = init_params
        self._mixture: Any = None

    def fit(self, X: Any, key: Any) -> GaussianMixture:
        """Fit from scratch.

        Args:
            X: Features (rows, features); at least `n_components` (and two) rows.
            key: `jax.random.key`, legacy `PRNGKey` or a whole number; equal keys, equal results.

        Returns:
            The mixture itself.

        Raises:
            DataError: X is no table of finite numbers, or has too few rows.
            ConfigError: Not a key.
        """
        table = as_features(X, least=max(2, self.n_components))
        # one draw of the raw stream, which is the same on every platform
        seed = int(generator(key).random() * 2**32)
        mixture = _Mixture(
            self.n_components, covariance_type="full", tol=self.tol, max_iter=self.max_iter,
            reg_covar=self.reg_covar, init_params=self.init_params, random_state=seed,
        )  # fmt: skip
        with warnings.catch_warnings():  # said by `converged`
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._mixture = mixture.fit(table)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Most probable component of each row, int (rows,)."""
        return self._fitted().predict(self._table(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each component given the row, (rows, K), rows summing to 1."""
        return self._fitted().predict_proba(self._table(X))

    def score(self, X: Any) -> float:
        """Mean log likelihood, nats per row."""
        return float(self._fitted().score(self._table(X)))

    def aic(self, X: Any) -> float:
        """Akaike's criterion, -2 log likelihood + 2 parameters; smaller is better."""
        return float(self._fitted().aic(self._table(X)))

    def bic(self, X: Any) -> float:
        """Bayesian criterion, -2 log likelihood + parameters ln(rows); smaller is better."""
        return float(self._fitted().bic(self._table(X)))

    @property
    def weights(self) -> np.ndarray:
        """Share of each component, (K,), sum 1."""
        return self._fitted().weights_

    @property
    def means(self) -> np.ndarray:
        """Centre of each component, (K, features)."""
        return self._fitted().means_

    @property
    def covariances(self) -> np.ndarray:
        """Covariance of each component, (K, features, features)."""
        return self._fitted().covariances_

    @property
    def converged(self) -> bool:
        """Whether the last fit reached `tol`."""
        return bool(self._fitted().converged_)

    @property
    def n_iter(self) -> int:
        """Iterations of the last fit."""
        return int(self._fitted().n_iter_)

    def _fitted(self) -> Any:
        if self._mixture is None:
            raise TrainingError(
                "the mixture is not fitted", where="GaussianMixture", hint="call fit(X, key) first"
            )
        return self._mixture

    def _table(self, X: Any) -> np.ndarray:
        return as_features(X, columns=self._fitted().means_.shape[1])


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"{name} is a whole number of at least 1", where=name, value=value)
    return int(value)


def _positive(value: Any, name: str) -> float:
    if not np.isscalar(value) or not np.isfinite(value) or value < 0:  # type: ignore[arg-type]
        raise ConfigError(f"{name} is a finite number >= 0", where=name, value=value)
    return float(value)  # type: ignore[arg-type]
