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
from qdisc.nn.masked import LatentToSites, MaskedDense, SiteEmbedding, even_runs, lookup


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

    def runs(self) -> list[tuple[int, int]]:
        """Runs of sites that are drawn together, see `enter`."""
        n = self.n_sites()
        return even_runs(n, min(max(n // 8, 1), 8))

    def start(self, z: jax.Array) -> Any:
        """What is known of the sites drawn so far: nothing, and z."""
        check_latent_dim(z.shape, self._known_latents(), type(self).__name__)
        empty = jnp.zeros((z.shape[0], 0, self.features), self.dtype)
        return {"z": z, "hidden": [empty] * self.num_layers, "value": empty}

    def enter(self, known: Any, features: jax.Array, begin: int, end: int) -> tuple[Any, Any]:
        """Begin the sites begin..end-1: what earlier sites send them, in one product per layer.

        Args:
            known: From `start` or `leave`.
            features: Features (B, begin, C) of the sites drawn so far.
            begin: First site.
            end: Site after the last.

        Returns:
            What stays fixed for these sites, and their empty caches.
        """
        rows, size = features.shape[0], end - begin

        def sent(layer: MaskedDense, h: jax.Array) -> tuple[jax.Array, jax.Array]:
            before, among, bias = layer.columns(begin, end)
            pre = h.reshape(rows, h.shape[1] * h.shape[2]) @ before
            return pre.reshape(rows, size, layer.features) + bias, among

        inputs = [features, *known["hidden"]]
        fixed: dict[str, Any] = {"begin": begin, "hidden": []}
        for masked, latent, h in zip(self.hidden, self.latent, inputs, strict=False):
            pre, among = sent(masked, h)
            kernel = latent.columns(begin, end)
            fixed["hidden"].append((pre + (known["z"] @ kernel).reshape(pre.shape), among))
        last = known["hidden"][-1]
        if self.data_type in checks.CODED:
            fixed["code_head"] = sent(self.code_head, last)
        if self.data_type == "hybrid":
            fixed["value_hidden"], last = sent(self.value_hidden, last), known["value"]
            fixed["own_code"] = self.own_code.table()[begin:end]
        if self.data_type in checks.VALUED:
            fixed["value_head"] = sent(self.value_head, last)
        if self.data_type == "shadow":
            fixed["basis"] = self.basis.table()[begin:end]
        empty = jnp.zeros((rows, size, self.features), self.dtype)
        cache: dict[str, Any] = {"past": jnp.zeros((rows, size, features.shape[2]), self.dtype)}
        cache["hidden"] = [empty] * self.num_layers
        if self.data_type == "hybrid":
            cache["value"] = empty
        return fixed, cache

    def leave(self, known: Any, cache: Any) -> Any:
        """Add the finished sites of a block to what is known."""
        both = zip(known["hidden"], cache["hidden"], strict=True)
        out = {**known, "hidden": [jnp.concatenate(pair, axis=1) for pair in both]}
        if "value" in cache:
            out["value"] = jnp.concatenate([known["value"], cache["value"]], axis=1)
        return out

    def step(self, fixed: Any, cache: Any, site: jax.Array, past: jax.Array, basis: Any) -> Any:
        """Fill the hidden layers at `site`, given the features of the site before."""
        place = site - fixed["begin"]
        # at the first place the site before belongs to the block before; what is written here
        # is then hidden by the mask, and overwritten at the next place
        h = cache["past"].at[:, jnp.maximum(place - 1, 0)].set(past)
        filled = {**cache, "past": h, "hidden": []}
        for index, weights in enumerate(fixed["hidden"]):
            pre = _at_place(h, weights, place)
            if index == 0 and basis is not None:
                pre = pre + lookup(fixed["basis"][place], basis)
            h = cache["hidden"][index].at[:, place].set(nn.selu(pre))
            filled["hidden"].append(h)
        return filled

    def code_at(self, fixed: Any, cache: Any, site: jax.Array) -> jax.Array:
        """Log probabilities (B, d) of the code at `site`."""
        place = site - fixed["begin"]
        return heads.log_probabilities(_at_place(cache["hidden"][-1], fixed["code_head"], place))

    def value_at(self, fixed: Any, cache: Any, site: jax.Array, code: Any) -> tuple[Any, jax.Array]:
        """Mean and logvar (B, 2) at `site`, given the code drawn there (hybrid data)."""
        h, place = cache["hidden"][-1], site - fixed["begin"]
        if code is not None:
            pre = _at_place(h, fixed["value_hidden"], place)
            pre = pre + lookup(fixed["own_code"][place], code)
            h = cache["value"].at[:, place].set(nn.selu(pre))
            cache = {**cache, "value": h}
        return cache, self._gaussian(_at_place(h, fixed["value_head"], place), site)

    def _gaussian(self, raw: jax.Array, site: Any = slice(None)) -> jax.Array:
        return heads.mean_and_logvar(raw, self.location, self.scale, self.variance_floor, site)

    def _known_sites(self) -> int | None:
        shape = checks.parameter_shape(self, "hidden_0", "bias")
        return None if shape is None else shape[0]

    def _known_latents(self) -> int | None:
        shape = checks.parameter_shape(self, "latent_0", "kernel")
        return None if shape is None else shape[0]


def _at_place(h: jax.Array, weights: tuple[jax.Array, jax.Array], place: jax.Array) -> jax.Array:
    sent, among = weights
    return h.reshape(h.shape[0], -1) @ among[place] + sent[:, place]
