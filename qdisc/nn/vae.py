"""The variational autoencoder: an encoder, a latent draw, an autoregressive decoder."""

from __future__ import annotations

from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.errors import ConfigError
from qdisc.nn.sampling import sample_cached, sample_from_conditionals


class VAEmodel(nn.Module):
    """q(z|x) = N(mean, exp(logvar)) and an autoregressive p(x|z).

    Attributes:
        encoder: x (B, columns) -> mean, logvar (B, L) each.
        decoder: (z, x) -> log conditional probabilities (B, N, local_dimension), continuous
            (B, N, 2) = mean, logvar, hybrid both; strictly causal in the sites.

    Raises:
        ConfigError: Encoder and decoder disagree on data type or local dimension.
        DataError: The batch does not fit them.
    """

    encoder: nn.Module
    decoder: nn.Module
    keys_per_row = True  # `sample` takes one key per row; not a field, there is no annotation

    def __call__(self, batch: jax.Array, key: jax.Array) -> tuple[Any, Any, Any, Any]:
        """Encode, draw z = mean + exp(logvar / 2) noise, decode.

        Args:
            batch: Samples (B, columns).
            key: Key of the noise.

        Returns:
            mean (B, L), logvar (B, L), z (B, L), and what `decode` returns.
        """
        mean, logvar = self.encode(batch)
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        z = mean + jnp.exp(0.5 * logvar) * noise
        return mean, logvar, z, self.decode(z, batch)

    def encode(self, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log variance of q(z|x), (B, L) each."""
        _check_pair(self.encoder, self.decoder)
        return self.encoder(batch)  # type: ignore[operator]

    def decode(self, z: jax.Array, batch: jax.Array) -> Any:
        """Log conditional probabilities of `batch` given z (B, L)."""
        return self.decoder((z, batch))  # type: ignore[operator]

    def sample(self, z: jax.Array, key: jax.Array, bases: Any = None) -> jax.Array:
        """Draw one snapshot per latent vector.

        Incremental where the decoder has caches (`start`, `step`, ...). Another decoder is
        sampled with one pass per site if it says how many sites it has (`n_sites()`).

        Args:
            z: Latent vectors (B, L).
            key: Key of the draw, or one key per row: then no row depends on the others.
            bases: Shadows only: bases (B, N), 2, 3, 4 for X, Y, Z.

        Returns:
            Snapshots (B, columns): int32 codes, or floats where continuous columns occur.

        Raises:
            DataError: Shadows without bases, bases for other data, or a wrong shape.
            ConfigError: The decoder knows no number of sites.
        """
        decoder, variables = self.decoder.unbind()
        z = jnp.asarray(z)
        if callable(getattr(decoder, "start", None)) and callable(getattr(decoder, "step", None)):
            return sample_cached(decoder, variables, z, key, bases)
        if not hasattr(decoder, "n_sites"):
            raise ConfigError(
                "this decoder cannot be sampled: it does not say how many sites it has",
                where=type(decoder).__name__,
                hint="use qdisc.nn.sampling.sample_from_conditionals, or give it n_sites()",
            )
        return sample_from_conditionals(
            lambda z, x: decoder.apply(variables, (z, x)),
            z,
            key,
            data_type=decoder.data_type,
            n_sites=cast("int", decoder.apply(variables, method="n_sites")),
            bases=bases,
        )


def _check_pair(encoder: Any, decoder: Any) -> None:
    for field in ("data_type", "local_dimension"):
        ours, theirs = getattr(encoder, field, None), getattr(decoder, field, None)
        coded = getattr(decoder, "data_type", "") != "continuous"
        if field == "local_dimension" and (not coded or getattr(encoder, "data_type", 0) is None):
            continue
        if ours is not None and theirs is not None and ours != theirs:
            raise ConfigError(
                f"encoder and decoder disagree on {field}",
                where=f"VAEmodel({type(encoder).__name__}, {type(decoder).__name__})",
                value={"encoder": ours, "decoder": theirs},
                hint=f"give both the same {field}",
            )
