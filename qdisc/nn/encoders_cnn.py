"""Convolutional encoders: a ring of sites, and sites placed on a two-dimensional lattice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from qdisc.errors import ConfigError, DataError
from qdisc.nn import checks
from qdisc.nn.convolution import Convolution
from qdisc.nn.inputs import encoder_features

SNAKE_3X3 = ((0, 1, 2), (5, 4, 3), (6, 7, 8))


class GaussianHead(nn.Module):
    """Two dense layers from a flat representation to mean and log variance."""

    latent_dim: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, h: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return mean and logvar, (B, latent_dim) each."""
        dense = {"dtype": self.dtype, "param_dtype": self.dtype}
        mean = nn.Dense(self.latent_dim, name="mean", **dense)(h)
        return mean, nn.Dense(self.latent_dim, name="logvar", **dense)(h)


class EncoderCNNcirc1D(nn.Module):
    """Encoder for a ring of sites: circular convolutions, one dense layer, mean and logvar.

    The convolutions keep the length for odd and even kernels alike; a stride s leaves
    ceil(length / s) positions per layer.

    Attributes:
        latent_dim: Number of latent variables L.
        num_conv_layers: Convolutions, each followed by a ReLU.
        kernel_size: Sites a window spans.
        strides: Step of the window.
        conv_features: Channels of each convolution.
        dense_features: Width of the dense layer.
        data_type: discrete, continuous, hybrid or shadow; None takes every column as one
            channel 2x - 1, whatever it means.
        local_dimension: Number of codes (more than two enter one-hot).
        location: Mean of each continuous site, () for 0.
        scale: Standard deviation of each continuous site, () for 1.
        dtype: dtype of parameters and results, whatever jax_enable_x64 says.

    Raises:
        DataError: The batch is not (B, columns), or its columns do not pair into sites.
        ConfigError: A size below 1, or location / scale of the wrong length.
    """

    latent_dim: int
    num_conv_layers: int = 2
    kernel_size: int = 3
    strides: int = 1
    conv_features: int = 16
    dense_features: int = 64
    _: KW_ONLY
    data_type: str | None = None
    local_dimension: int = 2
    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Encode a batch (B, columns) into mean and logvar, (B, latent_dim) each."""
        kernel, strides = _sizes(self.kernel_size, 1), _sizes(self.strides, 1)
        _check_sizes(self, kernel, strides)
        h = encoder_features(self, x)
        checks.check_known_sites(h.shape[1], self._known_sites(), type(self).__name__)
        for layer in range(self.num_conv_layers):
            h = Convolution(
                self.conv_features, kernel, strides, (True,), self.dtype, name=f"conv_{layer}"
            )(h)
            h = nn.relu(h)
        return _finish(self, h)

    def _known_sites(self) -> int | None:
        # the parameters remember the number of positions behind the strides, not of sites
        shape = checks.parameter_shape(self, "dense", "kernel")
        total = int(np.prod(_sizes(self.strides, 1))) ** self.num_conv_layers
        return None if shape is None or total > 1 else shape[0] // self.conv_features


class EncoderCNN2D(nn.Module):
    """Encoder for a two-dimensional lattice: convolutions, one dense layer, mean and logvar.

    Attributes:
        latent_dim: Number of latent variables L.
        num_conv_layers: Convolutions, each followed by a ReLU.
        kernel_size: Window (rows, columns).
        strides: Step of the window (rows, columns).
        conv_features: Channels of each convolution.
        dense_features: Width of the dense layer.
        lattice_topology: Site index at each place (rows, columns), every site once; the
            default is a 3x3 lattice numbered along a snake.
        periodic: Whether the lattice closes on itself, per direction; open edges see zeros.
        data_type: discrete, continuous, hybrid or shadow; None takes every column as one
            channel 2x - 1, whatever it means.
        local_dimension: Number of codes (more than two enter one-hot).
        location: Mean of each continuous site, () for 0.
        scale: Standard deviation of each continuous site, () for 1.
        dtype: dtype of parameters and results, whatever jax_enable_x64 says.

    Raises:
        ConfigError: The topology is no rectangle holding each site once; a size below 1.
        DataError: The batch has another number of sites than the topology.
    """

    latent_dim: int
    num_conv_layers: int = 2
    kernel_size: Sequence[int] = (2, 2)
    strides: Sequence[int] = (1, 1)
    conv_features: int = 16
    dense_features: int = 64
    lattice_topology: Any = SNAKE_3X3
    _: KW_ONLY
    periodic: Sequence[bool] = (False, False)
    data_type: str | None = None
    local_dimension: int = 2
    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    dtype: Any = jnp.float32

    def __post_init__(self) -> None:
        # a tuple of tuples can be compared and hashed, which jit needs of a static module
        object.__setattr__(self, "lattice_topology", _topology(self.lattice_topology))
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Encode a batch (B, columns) into mean and logvar, (B, latent_dim) each."""
        kernel, strides = _sizes(self.kernel_size, 2), _sizes(self.strides, 2)
        _check_sizes(self, kernel, strides)
        h = encoder_features(self, x)
        h = place_on_lattice(h, self.lattice_topology, type(self).__name__)
        periodic = tuple(bool(wraps) for wraps in self.periodic)
        for layer in range(self.num_conv_layers):
            h = Convolution(
                self.conv_features, kernel, strides, periodic, self.dtype, name=f"conv_{layer}"
            )(h)
            h = nn.relu(h)
        return _finish(self, h)


def place_on_lattice(
    features: jax.Array, topology: tuple[tuple[int, ...], ...], where: str
) -> jax.Array:
    """Site features (B, N, C) at their places (B, rows, columns, C).

    Raises:
        DataError: N is not the number of places.
    """
    places = np.asarray(topology)
    if features.shape[1] != places.size:
        raise DataError(
            f"the batch has {features.shape[1]} sites, the lattice topology {places.size}",
            where=where,
            value=f"(samples, {features.shape[1]})",
            hint="pass lattice_topology, the (rows, columns) array of site indices of your "
            "lattice, and data_type for hybrid or shadow data",
        )
    placed = features[:, places.reshape(-1)]
    return placed.reshape(features.shape[0], *places.shape, features.shape[2])


def _finish(encoder: Any, h: jax.Array) -> tuple[jax.Array, jax.Array]:
    dense = nn.Dense(
        encoder.dense_features, dtype=encoder.dtype, param_dtype=encoder.dtype, name="dense"
    )
    h = nn.relu(dense(h.reshape(h.shape[0], -1)))
    return GaussianHead(encoder.latent_dim, encoder.dtype, name="latent")(h)


def _check_sizes(encoder: Any, kernel: tuple[int, ...], strides: tuple[int, ...]) -> None:
    checks.check_positive(
        type(encoder).__name__,
        latent_dim=encoder.latent_dim,
        num_conv_layers=encoder.num_conv_layers,
        conv_features=encoder.conv_features,
        dense_features=encoder.dense_features,
        kernel_size=min(kernel),
        strides=min(strides),
    )


def _sizes(value: Any, directions: int) -> tuple[int, ...]:
    sizes = tuple(int(v) for v in np.asarray(value).reshape(-1).tolist())
    if len(sizes) == 1:
        sizes = sizes * directions
    if len(sizes) != directions:
        raise ConfigError(
            f"kernel_size and strides have {directions} entries here", value=tuple(sizes)
        )
    return sizes


def _topology(value: Any) -> tuple[tuple[int, ...], ...]:
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0)
    full = array.ndim == 2 and np.issubdtype(array.dtype, np.integer)
    if not full or not np.array_equal(np.sort(array, axis=None), np.arange(array.size)):
        raise ConfigError(
            "a lattice topology is a rectangle that holds each site index 0..N-1 once",
            where="EncoderCNN2D.lattice_topology",
            value=value,
            hint="np.arange(16).reshape(4, 4) for sites numbered row by row",
        )
    rows: Any = array.tolist()
    return tuple(tuple(row) for row in rows)
