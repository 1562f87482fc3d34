"""Causal transformer decoder that reads the latent variables by cross-attention."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.errors import ConfigError
from qdisc.nn import checks, heads, sites
from qdisc.nn.attention import Block, sinusoids
from qdisc.nn.inputs import check_latent_dim, decoder_input
from qdisc.nn.masked import even_runs, lookup
from qdisc.nn.products import TokenDense


class LatentTokens(nn.Module):
    """Memory (B, L + 1, d_model): token k is z_k times a learned direction plus an embedding.

    Each latent is a token of its own, so that queries and keys can tell latents apart: with one
    vector repeated, attention would be uniform and their gradients exactly zero. The last token
    holds no latent; a site that needs none can look there (with one latent, attention would
    otherwise have nothing to choose between).
    """

    d_model: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Turn z (B, L) into tokens."""
        count, normal = z.shape[1], nn.initializers.normal(1.0)
        direction = self.param("direction", normal, (count, self.d_model), self.dtype)
        embedding = self.param("embedding", normal, (count + 1, self.d_model), self.dtype)
        tokens = z[:, :, None] * direction
        return jnp.pad(tokens, ((0, 0), (0, 1), (0, 0))) + embedding


class SiteBias(nn.Module):
    """A learned number per site and output, added to what all sites share."""

    features: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Add to x (B, N, features)."""
        shape = (x.shape[1], self.features)
        return x + self.param("bias", nn.initializers.zeros, shape, self.dtype)

    def bias(self) -> jax.Array:
        """The numbers (N, features)."""
        return self.variables["params"]["bias"]


class Transformer_decoder(nn.Module):
    """Autoregressive decoder p(x|z) = prod_i p(x_i | x_<i, z) of causal pre-norm blocks.

    Token i is a linear map of the features of site i-1 (a learned start at i = 0), plus a
    sinusoidal position, plus for shadows an embedding of the basis of site i. Blocks attend to
    tokens <= i and to the latent tokens. Hybrid sites are interleaved (f_0, d_0, f_1, ...): the
    head of d_i is given f_i.

    Attributes:
        num_heads: Attention heads; must divide d_model.
        d_model: Width of a token; odd widths work.
        num_layers: Blocks.
        data_type: discrete, continuous, hybrid or shadow.
        local_dimension: Number of codes.
        location: Mean of each continuous site over the data, () for 0.
        scale: Standard deviation of each continuous site, () for 1.
        variance_floor: Smallest variance of a standardised value.
        dtype: dtype of parameters and results, whatever jax_enable_x64 says.

    Raises:
        ConfigError: Unknown data type, a size below 1, heads that do not divide d_model.
        DataError: Shapes of z or x that do not fit each other or the parameters.
    """

    num_heads: int = 4
    d_model: int = 32
    num_layers: int = 3
    data_type: str = "discrete"
    local_dimension: int = 2
    _: KW_ONLY
    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    variance_floor: float = heads.VARIANCE_FLOOR
    dtype: Any = jnp.float32

    def setup(self) -> None:
        """Create the layers that the data type needs."""
        name, width, dtype = type(self).__name__, self.d_model, self.dtype
        checks.check_codes(self.data_type, self.local_dimension, name)
        checks.check_heads(width, self.num_heads, name)
        checks.check_positive(name, num_layers=self.num_layers)
        checks.check_dtype(dtype, name)
        dense = {"dtype": dtype, "param_dtype": dtype}
        small = nn.initializers.normal(1.0)
        self.embed = TokenDense(width, **dense)
        self.first = self.param("first", small, (width,), dtype)
        self.memory = LatentTokens(width, dtype)
        self.blocks = [Block(self.num_heads, width, True, dtype) for _ in range(self.num_layers)]
        self.norm = nn.LayerNorm(**dense)
        if self.data_type == "shadow":
            self.basis = self.param("basis", small, (sites.N_BASES, width), dtype)
        if self.data_type in checks.CODED:
            self.code_dense = TokenDense(self.local_dimension, **dense)
            self.code_bias = SiteBias(self.local_dimension, dtype)
        if self.data_type in checks.VALUED:
            self.value_dense = TokenDense(2, **dense)
            self.value_bias = SiteBias(2, dtype)
        if self.data_type == "hybrid":
            self.own_code = self.param("own_code", small, (self.local_dimension, width), dtype)
            self.value_hidden = TokenDense(width, **dense)

    def __call__(self, zx: tuple[jax.Array, jax.Array]) -> Any:
        """Conditional distributions of every site of `x` given `z`.

        Args:
            zx: Latent vectors (B, L) and a batch (B, columns).

        Returns:
            Log probabilities (B, N, local_dimension); continuous data (B, N, 2) = mean, logvar
            in original units; hybrid data both; shadows over outcomes, (B, N, 2).
        """
        z, x = zx
        z, batch, features = decoder_input(self, z, x, self._known_sites(), self._known_latents())
        rows, n = features.shape[:2]
        first = jnp.broadcast_to(self.first, (rows, 1, self.d_model))
        h = jnp.concatenate([first, self.embed(features)[:, :-1]], axis=1)
        if batch.bases is not None:
            h = h + lookup(self.basis, batch.bases)
        h = h + jnp.asarray(sinusoids(n, self.d_model), dtype=self.dtype)
        memory = self.memory(z)
        causal = jnp.tril(jnp.ones((n, n), dtype=bool))
        for block in self.blocks:
            h = block(h, memory, causal)
        h = self.norm(h)
        codes = values = None
        if self.data_type in checks.CODED:
            codes = heads.log_probabilities(self.code_bias(self.code_dense(h)))
        if self.data_type in checks.VALUED:
            if self.data_type == "hybrid":
                h = self._with_code(h, batch.codes)
            values = self._gaussian(self.value_bias(self.value_dense(h)))
        if self.data_type == "hybrid":
            return codes, values
        return codes if values is None else values

    def n_sites(self) -> int:
        """Number of sites the parameters were made for."""
        known = self._known_sites()
        if known is None:
            raise ConfigError("the decoder has no parameters yet", hint="call init first")
        return known

    def runs(self) -> list[tuple[int, int]]:
        """Runs of sites that are drawn together: keys behind the run are not looked at."""
        n = self.n_sites()
        return even_runs(n, min(max(n // 16, 1), 4))

    def start(self, z: jax.Array) -> Any:
        """Keys and values of the latent tokens, and none of sites."""
        check_latent_dim(z.shape, self._known_latents(), type(self).__name__)
        memory = self.memory(z)
        shape = (z.shape[0], self.num_heads, 0, self.d_model // self.num_heads)
        empty = jnp.zeros(shape, self.dtype)
        return {
            "memory": [block.memory_cache(memory) for block in self.blocks],
            "blocks": [(empty, empty)] * self.num_layers,
        }

    def enter(self, known: Any, features: jax.Array, begin: int, end: int) -> tuple[Any, Any]:
        """Begin the sites begin..end-1: make room for their keys and values."""
        position = jnp.asarray(sinusoids(self.n_sites(), self.d_model), dtype=self.dtype)
        room = ((0, 0), (0, 0), (0, end - begin), (0, 0))
        caches = [(jnp.pad(k, room), jnp.pad(v, room)) for k, v in known["blocks"]]
        context = jnp.zeros((features.shape[0], self.d_model), self.dtype)
        fixed = {"memory": known["memory"], "position": position}
        return fixed, {"blocks": caches, "context": context}

    def leave(self, known: Any, cache: Any) -> Any:
        """Keys and values of all sites drawn so far."""
        return {**known, "blocks": cache["blocks"]}

    def step(self, fixed: Any, cache: Any, site: jax.Array, past: jax.Array, basis: Any) -> Any:
        """Pass the token at `site` through the blocks, given the features of the site before."""
        h = jnp.where(site == 0, self.first, self.embed(past))
        if basis is not None:
            h = h + lookup(self.basis, basis)
        h = (h + fixed["position"][site])[:, None]
        caches = []
        for block, own, memory in zip(self.blocks, cache["blocks"], fixed["memory"], strict=True):
            h, own = block.step(h, own, memory, site)
            caches.append(own)
        return {"blocks": caches, "context": self.norm(h)[:, 0]}

    def code_at(self, fixed: Any, cache: Any, site: jax.Array) -> jax.Array:
        """Log probabilities (B, d) of the code at `site`."""
        logits = self.code_dense(cache["context"]) + self.code_bias.bias()[site]
        return heads.log_probabilities(logits)

    def value_at(self, fixed: Any, cache: Any, site: jax.Array, code: Any) -> tuple[Any, jax.Array]:
        """Mean and logvar (B, 2) at `site`, given the code drawn there (hybrid data)."""
        h = cache["context"]
        if code is not None:
            h = self._with_code(h, code)
        raw = self.value_dense(h) + self.value_bias.bias()[site]
        return cache, self._gaussian(raw, site)

    def _with_code(self, h: jax.Array, codes: Any) -> jax.Array:
        return nn.gelu(self.value_hidden(h) + lookup(self.own_code, codes))

    def _gaussian(self, raw: jax.Array, site: Any = slice(None)) -> jax.Array:
        return heads.mean_and_logvar(raw, self.location, self.scale, self.variance_floor, site)

    def _known_sites(self) -> int | None:
        head = "value_bias" if self.data_type == "continuous" else "code_bias"
        shape = checks.parameter_shape(self, head, "bias")
        return None if shape is None else shape[0]

    def _known_latents(self) -> int | None:
        shape = checks.parameter_shape(self, "memory", "direction")
        return None if shape is None else shape[0]
