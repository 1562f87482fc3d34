"""Dense autoregressive decoder: masked layers between sites, exact and cheap to sample."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.errors import ConfigError
from qdisc.nn import checks, heads, sites
from qdisc.nn.inputs import check_latent_dim, decoder_input
from qdisc.nn.masked import LatentToSites, MaskedDense, SiteEmbedding, lookup


class ARNNDense(nn.Module):
    """Autoregressive decoder p(x|z) = prod_i p(x_i | x_<i, z) of masked dense layers.

    h^1_i = selu(b_i + sum_{j<i} W_ij x_j + A_i z [+ E_i(basis of site i)]),
    h^l_i = selu(b_i + sum_{j<=i} W_ij h^{l-1}_j + A_i z), then per data type:

    - discrete: log softmax of a masked layer with one output per code;
    - continuous: mean and logvar, see `heads.mean_and_logvar`;
    - hybrid: p(f_i | f_<i, d_<i, z) then p(d_i | f_<=i, d_<i, z), sites interleaved
      (f_0, d_0, f_1, ...); d_i sees f_i through one further masked layer;
    - shadow: the outcome alone, given its own basis and earlier bases and outcomes.

    Attributes:
        num_layers: Hidden layers.
        features: Hidden features per site.
        local_dimension: Number of codes.
        data_type: discrete, continuous, hybrid or shadow.
        location: Mean of each continuous site over the data, () for 0.
        scale: Standard deviation of each continuous site, () for 1.
        variance_floor: Smallest variance of a standardised value.
        dtype: dtype of parameters and results, whatever jax_enable_x64 says.

    Raises:
        ConfigError: Unknown data type, a size below 1, location / scale of the wrong length.
        DataError: Shapes of z or x that do not fit each other or the parameters.
    """

    num_layers: int = 3
    features: int = 36
    local_dimension: int = 2
    data_type: str = "discrete"
    _: KW_ONLY
    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    variance_floor: float = heads.VARIANCE_FLOOR
    dtype: Any = jnp.float32

    def setup(self) -> None:
        """Create the layers that the data type needs."""
        name, dtype = type(self).__name__, self.dtype
        checks.check_codes(self.data_type, self.local_dimension, name)
        checks.check_positive(name, num_layers=self.num_layers, features=self.features)
        checks.check_dtype(dtype, name)
        wide = self.features
        self.hidden = [MaskedDense(wide, i == 0, dtype) for i in range(self.num_layers)]
        self.latent = [LatentToSites(wide, dtype) for _ in range(self.num_layers)]
        if self.data_type == "shadow":
            self.basis = SiteEmbedding(sites.N_BASES, wide, dtype)
        if self.data_type in checks.CODED:
            self.code_head = MaskedDense(self.local_dimension, False, dtype)
        if self.data_type in checks.VALUED:
            self.value_head = MaskedDense(2, False, dtype)
        if self.data_type == "hybrid":
            self.own_code = SiteEmbedding(self.local_dimension, wide, dtype)
            self.value_hidden = MaskedDense(wide, False, dtype)

    def __call__(self, zx: tuple[jax.Array, jax.Array]) -> Any:
        """Conditional distributions of every site of `x` given `z`.

        Args:
            zx: Latent vectors (B, L) and a batch (B, columns).

        Returns:
            Log probabilities (B, N, local_dimension); continuous data (B, N, 2) = mean, logvar
            in original units; hybrid data both; shadows over outcomes, (B, N, 2).
        """
        z, x = zx
        z, batch, h = decoder_input(self, z, x, self._known_sites(), self._known_latents())
        n = h.shape[1]
        for index, (masked, latent) in enumerate(zip(self.hidden, self.latent, strict=True)):
            h = masked(h) + latent(z, n)
            if index == 0 and batch.bases is not None:  # shadows
                h = h + self.basis(batch.bases)
            h = nn.selu(h)
        codes = values = None
        if self.data_type in checks.CODED:
            codes = heads.log_probabilities(self.code_head(h))
        if self.data_type in checks.VALUED:
            if batch.codes is not None:  # hybrid data have both
                h = nn.selu(self.value_hidden(h) + self.own_code(batch.codes))
            values = self._gaussian(self.value_head(h))
        if self.data_type == "hybrid":
            return codes, values
        return codes if values is None else values

    def n_sites(self) -> int:
        """Number of sites the parameters were made for."""
        known = self._known_sites()
        if known is None:
            raise ConfigError("the decoder has no parameters yet", hint="call init first")
        return known

    def start(self, z: jax.Array) -> tuple[Any, Any]:
        """What stays fixed while sampling, and empty caches."""
        n = self.n_sites()
        check_latent_dim(z.shape, self._known_latents(), type(self).__name__)
        fixed: dict[str, Any] = {"hidden": [m.weights() for m in self.hidden]}
        fixed["latent"] = [latent(z, n) for latent in self.latent]
        empty = jnp.zeros((z.shape[0], n, self.features), self.dtype)
        channels = sites.n_features(self.data_type, self.local_dimension)
        cache: dict[str, Any] = {"past": jnp.zeros((z.shape[0], n, channels), self.dtype)}
        cache["hidden"] = [empty] * self.num_layers
        for name in ("code_head", "value_head", "value_hidden"):
            if hasattr(self, name):
                fixed[name] = getattr(self, name).weights()
        if self.data_type == "shadow":
            fixed["basis"] = self.basis.table()
        if self.data_type == "hybrid":
            fixed["own_code"] = self.own_code.table()
            cache["value"] = empty
        return fixed, cache

    def step(self, fixed: Any, cache: Any, site: jax.Array, past: jax.Array, basis: Any) -> Any:
        """Fill the hidden layers at `site`, given the features of the site before."""
        h = cache["past"].at[:, jnp.maximum(site - 1, 0)].set(past)
        filled = {**cache, "past": h, "hidden": []}
        for index, weights in enumerate(fixed["hidden"]):
            pre = _at_site(h, weights, site) + fixed["latent"][index][:, site]
            if index == 0 and basis is not None:
                pre = pre + lookup(fixed["basis"][site], basis)
            h = cache["hidden"][index].at[:, site].set(nn.selu(pre))
            filled["hidden"].append(h)
        return filled

    def code_at(self, fixed: Any, cache: Any, site: jax.Array) -> jax.Array:
        """Log probabilities (B, d) of the code at `site`."""
        return heads.log_probabilities(_at_site(cache["hidden"][-1], fixed["code_head"], site))

    def value_at(self, fixed: Any, cache: Any, site: jax.Array, code: Any) -> tuple[Any, jax.Array]:
        """Mean and logvar (B, 2) at `site`, given the code drawn there (hybrid data)."""
        h = cache["hidden"][-1]
        if code is not None:
            pre = _at_site(h, fixed["value_hidden"], site) + lookup(fixed["own_code"][site], code)
            h = cache["value"].at[:, site].set(nn.selu(pre))
            cache = {**cache, "value": h}
        return cache, self._gaussian(_at_site(h, fixed["value_head"], site), site)

    def _gaussian(self, raw: jax.Array, site: Any = slice(None)) -> jax.Array:
        return heads.mean_and_logvar(raw, self.location, self.scale, self.variance_floor, site)

    def _known_sites(self) -> int | None:
        shape = checks.parameter_shape(self, "hidden_0", "bias")
        return None if shape is None else shape[0]

    def _known_latents(self) -> int | None:
        shape = checks.parameter_shape(self, "latent_0", "kernel")
        return None if shape is None else shape[0]


def _at_site(h: jax.Array, weights: tuple[jax.Array, jax.Array], site: jax.Array) -> jax.Array:
    kernel, bias = weights
    return h.reshape(h.shape[0], -1) @ kernel[site] + bias[site]
