"""The posterior of every configuration, most informative latent first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc.dataset.counts import CountMatrix
from qdisc.errors import TrainingError


@dataclass(frozen=True, eq=False)
class LatentTable:
    """Posterior q(z|x) = N(mu, exp(logvar)) of every configuration of a dataset.

    Columns are ordered by information: mean KL over the snapshots, largest first. A model numbers
    its latents differently; `to_model` gives its order back.

    Attributes:
        mu: Means (U, L).
        logvar: Logarithms of the variances (U, L).
        kl: KL( q(z|x) || N(0, 1) ) per configuration and latent (U, L), nats.
        order: Latent of the model that each column shows (L,).
        counts: How often each configuration was seen at each point (points x U).
    """

    mu: np.ndarray
    logvar: np.ndarray
    kl: np.ndarray
    order: np.ndarray
    counts: CountMatrix | None = None

    def __post_init__(self) -> None:
        for array in (self.mu, self.logvar, self.kl, self.order):
            array.flags.writeable = False

    @property
    def n_latents(self) -> int:
        """Number of latents L."""
        return self.mu.shape[1]

    @property
    def raw_order(self) -> np.ndarray:
        """Column in which each latent of the model is shown (L,), the inverse of `order`."""
        return np.argsort(self.order)

    @property
    def weights(self) -> np.ndarray:
        """Snapshots per configuration (U,); ones when no counts are known."""
        return np.ones(self.mu.shape[0]) if self.counts is None else self.counts.weights()

    @property
    def rate(self) -> np.ndarray:
        """Mean KL over all snapshots per latent (L,), nats."""
        if self.counts is None:
            return self.kl.mean(axis=0, dtype=np.float64)
        return self.counts.mean(self.kl)

    def to_model(self, z: np.ndarray) -> np.ndarray:
        """Latent vectors (..., L) in the order of this table -> in the model's own order."""
        return np.asarray(z)[..., self.raw_order]

    def from_model(self, z: np.ndarray) -> np.ndarray:
        """Latent vectors (..., L) in the model's order -> in the order of this table."""
        return np.asarray(z)[..., self.order]

    @classmethod
    def ordered(
        cls, mu: np.ndarray, logvar: np.ndarray, kl: np.ndarray, counts: CountMatrix
    ) -> LatentTable:
        """Build from arrays in the model's order.

        Raises:
            TrainingError: A mean or variance is not finite.
        """
        for name, array in (("mean", mu), ("logvar", logvar), ("kl", kl)):
            if not np.isfinite(array).all():
                row, column = np.argwhere(~np.isfinite(array))[0]
                raise TrainingError(
                    "the encoder gives numbers that are not finite",
                    where=f"{name} of configuration {row}, latent {column}",
                    value=float(array[row, column]),
                    hint="train again with a smaller learning rate",
                )
        order = np.argsort(-counts.mean(kl), kind="stable")
        if (order != np.arange(order.size)).any():
            mu, logvar, kl = mu[:, order], logvar[:, order], kl[:, order]
        return cls(mu, logvar, kl, order, counts)
