"""Convolution over one or two lattice directions, as one matrix product on small lattices.

XLA's convolution kernels cost more than they compute on lattices of a few sites; there the
windows are cut out with static slices and multiplied with the kernel as a matrix. Parameters
and values are those of `flax.linen.Conv`.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

PATCH_LIMIT = 25
"""Lattices with at most this many sites are convolved by slices and one matrix product."""


def padding(size: int, kernel: int, stride: int, periodic: bool) -> tuple[int, int]:
    """Sites added (before, after) so that ceil(size / stride) windows fit.

    Periodic directions centre the window as `flax.linen.Conv(padding="CIRCULAR")` does, open
    ones as "SAME"; both keep the length at stride 1, for even kernels too.
    """
    if periodic:
        return (kernel - 1) // 2, kernel // 2
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Convolution(nn.Module):
    """Linear convolution (B, *lattice, C) -> (B, *ceil(lattice / strides), features).

    Attributes:
        features: Output channels.
        kernel_size: Window length per direction; even lengths keep the lattice as odd ones do.
        strides: Step per direction.
        periodic: Per direction, whether the window wraps round; open directions see zeros.
        dtype: dtype of parameters and result.
    """

    features: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    periodic: tuple[bool, ...]
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Return the convolved lattice."""
        lattice = x.shape[1:-1]
        kernel = self.param(
            "kernel",
            nn.initializers.lecun_normal(),
            (*self.kernel_size, x.shape[-1], self.features),
            self.dtype,
        )
        bias = self.param("bias", nn.initializers.zeros, (self.features,), self.dtype)
        for axis, (size, k, stride, wraps) in enumerate(
            zip(lattice, self.kernel_size, self.strides, self.periodic, strict=True), start=1
        ):
            pads = [(0, 0)] * x.ndim
            pads[axis] = padding(size, k, stride, wraps)
            x = jnp.pad(x, pads, mode="wrap" if wraps else "constant")
        convolve = _by_patches if math.prod(lattice) <= PATCH_LIMIT else _by_xla
        return convolve(x, kernel, self.strides) + bias


def _by_patches(x: jax.Array, kernel: jax.Array, strides: tuple[int, ...]) -> jax.Array:
    window = kernel.shape[:-2]
    out = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], window, strides, strict=True)]
    taps = []
    for tap in itertools.product(*map(range, window)):
        steps = zip(tap, out, strides, strict=True)
        cut = [slice(first, first + (n - 1) * step + 1, step) for first, n, step in steps]
        taps.append(x[(slice(None), *cut)])
    return jnp.concatenate(taps, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def _by_xla(x: jax.Array, kernel: jax.Array, strides: tuple[int, ...]) -> jax.Array:
    layout = ("NHWC", "HWIO", "NHWC") if x.ndim == 4 else ("NWC", "WIO", "NWC")
    return jax.lax.conv_general_dilated(x, kernel, strides, "VALID", dimension_numbers=layout)
