"""A decoder whose sites are read out with known errors.

Site i is measured as y_i with probability C_i(y_i | x_i), whatever happens at other sites. Then

    p(y | z) = prod_i p(y_i | y_<i, z),
    p(y_i | y_<i, z) = sum_a C_i(y_i | a) p(x_i = a | y_<i, z)

holds exactly, for every p(x | z): y_i depends on nothing but x_i. So the network inside stands for
p(x_i | y_<i, z), the true code of a site given what was *measured* at the sites before, and the
likelihood of the measured snapshots is exact; no distribution of true snapshots is excluded, and
none that the channel cannot produce is left.

What it does not stand for is p(x_i | x_<i, z). True snapshots can therefore not be drawn by feeding
true codes back into the network, and `channel(prod_i network(x_i | x_<i, z))` is another
distribution than the one that is trained. Exact are: the distribution of measured snapshots, and
of the true code of one site given any measured ones before it (so also its mean). Averages of
products of true values follow from measured snapshots, `qdisc.dataset.readout.Channel.unbiased`.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np


class Misread(nn.Module):
    """p(y | z) of measured snapshots; see the text above.

    Attributes:
        decoder: (z, y) -> log p(x_i | y_<i, z), (B, N, codes); hybrid data a pair.
        channel: P(observed | true) as nested tuples (sites, true, observed); one site stands for
            all.
    """

    decoder: Any
    channel: tuple[tuple[tuple[float, ...], ...], ...]

    def __call__(self, zx: tuple[jax.Array, jax.Array]) -> Any:
        """Log conditional probabilities of every measured code, in the decoder's shapes."""
        cp = self.decoder(zx)
        if self.data_type == "hybrid":
            return self._observed(cp[0], slice(None)), cp[1]
        return self._observed(cp, slice(None))

    def true_conditionals(self, zx: tuple[jax.Array, jax.Array]) -> Any:
        """Log p(x_i | y_<i, z): the true code of each site, given measured ones before it."""
        return self.decoder(zx)

    @property
    def data_type(self) -> str:
        """That of the decoder."""
        return self.decoder.data_type

    @property
    def local_dimension(self) -> int:
        """That of the decoder."""
        return self.decoder.local_dimension

    @property
    def dtype(self) -> Any:
        """That of the decoder."""
        return self.decoder.dtype

    @property
    def location(self) -> tuple[float, ...]:
        """That of the decoder."""
        return self.decoder.location

    @property
    def scale(self) -> tuple[float, ...]:
        """That of the decoder."""
        return self.decoder.scale

    def _observed(self, log_p: jax.Array, site: Any) -> jax.Array:
        """From log p of true codes (..., true) to log p of observed ones (..., observed)."""
        with np.errstate(divide="ignore"):
            log_channel = jnp.asarray(np.log(self.channel), log_p.dtype)
        if len(self.channel) > 1:
            log_channel = log_channel[site]
        elif not isinstance(site, slice):
            log_channel = log_channel[0]
        return jax.nn.logsumexp(log_p[..., :, None] + log_channel, axis=-2)


class MisreadSites(Misread):
    """The same around a decoder that is sampled site by site (`qdisc.nn.sampling`)."""

    def code_at(self, fixed: Any, cache: Any, site: jax.Array) -> jax.Array:
        """Log probabilities (B, d) of the measured code at `site`."""
        return self._observed(self.decoder.code_at(fixed, cache, site), site)

    def n_sites(self) -> int:
        """Number of sites."""
        return self.decoder.n_sites()

    def runs(self) -> Any:
        """Runs of sites."""
        return self.decoder.runs()

    def start(self, z: jax.Array) -> Any:
        """Before the first site."""
        return self.decoder.start(z)

    def enter(self, known: Any, features: jax.Array, begin: int, end: int) -> Any:
        """Begin a run."""
        return self.decoder.enter(known, features, begin, end)

    def step(self, fixed: Any, cache: Any, site: jax.Array, past: jax.Array, basis: Any) -> Any:
        """One site further."""
        return self.decoder.step(fixed, cache, site, past, basis)

    def value_at(self, fixed: Any, cache: Any, site: jax.Array, code: Any) -> Any:
        """Mean and logvar at `site`: values are not misread."""
        return self.decoder.value_at(fixed, cache, site, code)

    def leave(self, known: Any, cache: Any) -> Any:
        """End a run."""
        return self.decoder.leave(known, cache)


def misread(decoder: Any, channel: np.ndarray) -> Misread:
    """A decoder behind a readout channel.

    Args:
        decoder: As in `VAEmodel`.
        channel: P(observed | true), (sites, codes, codes) or (codes, codes) for all sites.
    """
    matrix = np.asarray(channel, dtype=np.float64)
    matrix = matrix[None] if matrix.ndim == 2 else matrix
    around = MisreadSites if callable(getattr(decoder, "step", None)) else Misread
    return around(decoder, tuple(tuple(map(tuple, site)) for site in matrix.tolist()))
