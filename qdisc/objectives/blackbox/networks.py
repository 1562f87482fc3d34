"""What a black-box loss asks of the two networks: abstract bases, pure below, stateful above.

A subclass writes three pure functions of its `weights` (any tree of arrays). The base adds the
stateful face: calling a network with data sets `params_`, and `sample` and `log_prob` use it.
Data and latents are lists of arrays with the rows first, latents with the samples second; discrete,
continuous or both, in whatever further shape: only log densities must be (rows, n_samples).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import jax

from qdisc.errors import ConfigError


class _Network:
    def __init__(self, weights: Any) -> None:
        self.weights = weights
        self.params_: Any = None

    def _ready(self) -> Any:
        if self.params_ is None:
            raise ConfigError(
                "the network has seen no data yet", where=type(self).__name__,
                hint="call it first: network(data)",
            )  # fmt: skip
        return self.params_


class InferenceNetwork(_Network, ABC):
    """q(z|x).

    Args:
        weights: What is trained, a tree of arrays.

    Attributes:
        params_: Parameters of q for the data of the last call.
    """

    @abstractmethod
    def forward(self, weights: Any, data: list) -> Any:
        """Parameters of q(z|x) for each row, logits for instance."""

    @abstractmethod
    def draw(self, params: Any, key: jax.Array, n_samples: int) -> list:
        """Latents z ~ q, a list of arrays (rows, n_samples, ...)."""

    @abstractmethod
    def log_density(self, params: Any, latents: list) -> jax.Array:
        """Log q(z|x), (rows, n_samples)."""

    def __call__(self, data: list) -> InferenceNetwork:
        """Set `params_` for these data; returns itself."""
        self.params_ = self.forward(self.weights, data)
        return self

    def sample(self, key: jax.Array, n_samples: int = 1) -> list:
        """`draw` for the data of the last call."""
        return self.draw(self._ready(), key, n_samples)

    def log_prob(self, latents: list) -> jax.Array:
        """`log_density` for the data of the last call."""
        return self.log_density(self._ready(), latents)


class GenerativeModel(_Network, ABC):
    """p(x, z).

    Args:
        weights: What is trained, a tree of arrays.

    Attributes:
        params_: Parameters of p for the data and latents of the last call.
    """

    @abstractmethod
    def forward(self, weights: Any, data: list, latents: list) -> Any:
        """Parameters of p(z) and p(x|z)."""

    @abstractmethod
    def log_density(self, params: Any, data: list, latents: list) -> jax.Array:
        """Joint log p(x, z), (rows, n_samples)."""

    def draw(self, weights: Any, key: jax.Array, n_rows: int) -> tuple[list, list]:
        """Dreams (x, z) ~ p: data (n_rows, ...) and latents (n_rows, 1, ...); for sleep alone."""
        raise ConfigError(
            "this model cannot dream", where=type(self).__name__, hint="write its method draw"
        )

    def __call__(self, data: list, latents: list) -> GenerativeModel:
        """Set `params_` for these data and latents; returns itself."""
        self.params_ = self.forward(self.weights, data, latents)
        return self

    def sample(self, key: jax.Array, n_rows: int = 1) -> tuple[list, list]:
        """`draw` with the present weights."""
        return self.draw(self.weights, key, n_rows)

    def log_prob(self, data: list, latents: list) -> jax.Array:
        """`log_density` with the parameters of the last call."""
        return self.log_density(self._ready(), data, latents)
