"""Dense autoregressive decoder: masked layers between sites, exact and cheap to sample."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, NamedTuple

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
        return even_runs(n, min(max(n // 4, 1), 8))

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
        # heads that read the last hidden layer; hybrid values have one more layer in between
        first = {"continuous": ("value_head",), "hybrid": ("code_head", "value_hidden")}
        reading = first.get(self.data_type, ("code_head",))
        layers = {f"hidden_{i}": layer for i, layer in enumerate(self.hidden)}
        inputs = dict(zip(layers, [features, *known["hidden"]], strict=False))
        for name in reading:
            layers[name], inputs[name] = getattr(self, name), known["hidden"][-1]
        if self.data_type == "hybrid":
            layers["value_head"], inputs["value_head"] = self.value_head, known["value"]
        fixed: dict[str, Any] = {"begin": begin}
        for name, layer in layers.items():
            before, among, bias = layer.columns(begin, end)
            h = inputs[name]
            sent = h.reshape(rows, h.shape[1] * h.shape[2]) @ before
            fixed[name] = Pull(sent.reshape(rows, size, layer.features) + bias, among)
        for i, latent in enumerate(self.latent):
            pull = fixed[f"hidden_{i}"]
            shift = known["z"] @ latent.columns(begin, end)
            fixed[f"hidden_{i}"] = pull._replace(sent=pull.sent + shift.reshape(pull.sent.shape))
        if self.data_type == "hybrid":
            fixed["own_code"] = self.own_code.table()[begin:end]
        if self.data_type == "shadow":
            fixed["basis"] = self.basis.table()[begin:end]
        empty = jnp.zeros((rows, size * self.features), self.dtype)
        cache: dict[str, Any] = {"past": jnp.zeros((rows, size * features.shape[2]), self.dtype)}
        cache["hidden"] = [empty] * self.num_layers
        if self.data_type == "hybrid":
            cache["value"] = empty
        for name in reading:
            cache[name] = jnp.zeros((rows, layers[name].features), self.dtype)
        return fixed, cache

    def leave(self, known: Any, cache: Any) -> Any:
        """Add the finished sites of a run to what is known."""

        def longer(old: jax.Array, new: jax.Array) -> jax.Array:
            new = new.reshape(new.shape[0], -1, self.features)
            return jnp.concatenate([old, new], axis=1)

        out = {**known, "hidden": list(map(longer, known["hidden"], cache["hidden"]))}
        if "value" in cache:
            out["value"] = longer(known["value"], cache["value"])
        return out

    def step(self, fixed: Any, cache: Any, site: jax.Array, past: jax.Array, basis: Any) -> Any:
        """Fill the hidden layers at `site`, given the features of the site before."""
        place = site - fixed["begin"]
        # at the first place the site before belongs to the run before; what is written here is
        # then hidden by the mask, and overwritten at the next place
        filled = {**cache, "past": _put(cache["past"], past, jnp.maximum(place - 1, 0))}
        # each cache is written, then read: the loop then updates it in place
        pre = fixed["hidden_0"](filled["past"], place)
        if basis is not None:
            pre = pre + lookup(fixed["basis"][place], basis)
        filled["hidden"] = [_put(cache["hidden"][0], nn.selu(pre), place)]
        for i in range(1, self.num_layers):
            h = nn.selu(fixed[f"hidden_{i}"](filled["hidden"][-1], place))
            filled["hidden"].append(_put(cache["hidden"][i], h, place))
        for name in ("code_head", "value_hidden", "value_head"):
            if name in cache:
                filled[name] = fixed[name](filled["hidden"][-1], place)
        return filled

    def code_at(self, fixed: Any, cache: Any, site: jax.Array) -> jax.Array:
        """Log probabilities (B, d) of the code at `site`."""
        return heads.log_probabilities(cache["code_head"])

    def value_at(self, fixed: Any, cache: Any, site: jax.Array, code: Any) -> tuple[Any, jax.Array]:
        """Mean and logvar (B, 2) at `site`, given the code drawn there (hybrid data)."""
        if code is None:
            return cache, self._gaussian(cache["value_head"], site)
        place = site - fixed["begin"]
        h = nn.selu(cache["value_hidden"] + lookup(fixed["own_code"][place], code))
        value = _put(cache["value"], h, place)
        raw = fixed["value_head"](value, place)
        return {**cache, "value": value}, self._gaussian(raw, site)

    def _gaussian(self, raw: jax.Array, site: Any = slice(None)) -> jax.Array:
        return heads.mean_and_logvar(raw, self.location, self.scale, self.variance_floor, site)

    def _known_sites(self) -> int | None:
        shape = checks.parameter_shape(self, "hidden_0", "bias")
        return None if shape is None else shape[0]

    def _known_latents(self) -> int | None:
        shape = checks.parameter_shape(self, "latent_0", "kernel")
        return None if shape is None else shape[0]


class Pull(NamedTuple):
    """One layer's inputs to the sites of a run, when they are drawn one by one.

    Attributes:
        sent: From the sites before the run, the latent variables and the bias (B, run, F).
        among: Kernels from all sites of the run, per output site (run, run C, F).
    """

    sent: jax.Array
    among: jax.Array

    def __call__(self, h: jax.Array, place: jax.Array) -> jax.Array:
        """Pre-activations (B, F) at `place` from a cache (B, run C) that is filled up to it."""
        return h @ self.among[place] + self.sent[:, place]


def _put(cache: jax.Array, value: jax.Array, place: jax.Array) -> jax.Array:
    return jax.lax.dynamic_update_slice_in_dim(cache, value, place * value.shape[1], axis=1)
