"""A trained model as analyses see it: NumPy in, NumPy out, compiled once, any number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc._typing import Key
from qdisc.analysis.chunks import default_chunk, gathered, in_chunks, row_keys
from qdisc.dataset.stored_rows import StoredRows
from qdisc.errors import DataError, PluginError
from qdisc.nn.evidence import module_evidence
from qdisc.nn.sampling import sample_from_conditionals
from qdisc.plugin.dataspec import DataSpec


class Model:
    """A flax module with its variables.

    Work is cut into chunks of one static shape. Random numbers belong to rows (the key is folded
    with the row's number), so that no result depends on the chunk size. Latent vectors are in the
    model's own order; see `LatentTable.to_model`.

    Args:
        module: `apply(variables, batch, key) -> (mean, logvar, z, cp)`; optional methods encode,
            decode, sample, label_probs, log_weights. A module around another one (its field `vae`)
            may say what maps show (`posterior`), where the decoder is asked (`centre`), and how
            latents are drawn (`draw`), where that is not q(z|x).
        variables: {"params": ...}.
        data_spec: The data it was made for.
        chunk: Rows per device call; chosen from the number of sites when left out.
    """

    def __init__(
        self, module: Any, variables: Any, data_spec: DataSpec, *, chunk: int | None = None
    ) -> None:
        self.module, self.data_spec = module, data_spec
        self._inner = getattr(module, "vae", module)
        self.variables = jax.tree.map(jnp.asarray, variables)
        self.chunk = int(chunk or default_chunk(data_spec.n_sites))
        self.name = type(module).__name__

    # -- what it can do ------------------------------------------------------------------

    @property
    def can_decode(self) -> bool:
        """Whether conditional probabilities at a given z can be asked for."""
        return self._has("decode")

    @property
    def can_sample(self) -> bool:
        """Whether snapshots can be drawn at a given z."""
        return self._has("sample") or self.can_decode

    @property
    def has_evidence(self) -> bool:
        """Whether log p(x) can be estimated."""
        return self._has("log_weights") or (self._has("encode") and self.can_decode)

    @property
    def draws_latents(self) -> bool:
        """Whether latents are drawn by the module, and not from the Gaussian of the maps."""
        return self._has("draw")

    def _has(self, method: str) -> bool:
        # a module around another one can only do what that one can
        who = self._inner if method in ("sample", "label_probs") else self.module
        return callable(getattr(who, method, None))

    # -- compiled once -------------------------------------------------------------------

    def _call(self, variables: Any, *args: Any, method: str | None = None) -> Any:
        return self.module.apply(variables, *args, **({"method": method} if method else {}))

    @cached_property
    def _encode(self) -> Any:
        for method in ("posterior", "encode"):
            if self._has(method):
                return jax.jit(lambda v, x, m=method: tuple(self._call(v, x, method=m))[:2])
        # mean and logvar do not depend on the noise, so any key will do
        return jax.jit(lambda v, x: tuple(self._call(v, x, jax.random.key(0)))[:2])

    @cached_property
    def _decode(self) -> Any:
        return jax.jit(lambda v, z, x: self._call(v, z, x, method="decode"))

    @cached_property
    def _centre(self) -> Any:
        return jax.jit(lambda v, x: self._call(v, x, method="centre"))

    @cached_property
    def _draw(self) -> Any:
        return jax.jit(
            lambda v, key, start, x: self._call(
                v, x, row_keys(key, start, x.shape[0]), method="draw"
            )
        )

    def _evidence(self, n_samples: int) -> Any:
        def evidence(v: Any, key: Key, start: jax.Array, x: jax.Array) -> Any:
            keys = row_keys(key, start, x.shape[0])
            return module_evidence(self.module, v, x, keys, n_samples, self.data_spec.data_type)

        return jax.jit(evidence)

    @cached_property
    def _label_probs(self) -> Any:
        return jax.jit(lambda v, x: self._call(v, x, method="label_probs"))

    @cached_property
    def _apply(self) -> Any:
        return jax.jit(lambda v, key, start, x: self._by_row(self._call, v, key, start, x))

    @cached_property
    def _sample(self) -> Any:
        own = self._has_own_sampler()
        draw = self._own_sampler if own else self._slow_sampler
        if not own or getattr(self.module, "keys_per_row", False):
            return jax.jit(
                lambda v, key, start, z, *rest: draw(v, z, row_keys(key, start, z.shape[0]), *rest)
            )
        return jax.jit(lambda v, key, start, *rows: self._by_row(draw, v, key, start, *rows))

    @staticmethod
    def _by_row(function: Any, variables: Any, key: Key, start: jax.Array, *rows: Any) -> Any:
        keys = row_keys(key, start, rows[0].shape[0])

        def one(key: Key, *row: Any) -> Any:
            first, *rest = (value[None] for value in row)
            return jax.tree.map(lambda a: a[0], function(variables, first, key, *rest))

        return jax.vmap(one)(keys, *rows)

    def _own_sampler(self, variables: Any, z: jax.Array, key: Key, *bases: Any) -> jax.Array:
        return self._call(variables, z, key, *bases, method="sample")

    def _slow_sampler(self, variables: Any, z: jax.Array, key: Key, *bases: Any) -> jax.Array:
        return sample_from_conditionals(
            lambda z, x: self._call(variables, z, x, method="decode"),
            z,
            key,
            data_type=self.data_spec.data_type,
            n_sites=self.data_spec.n_sites,
            bases=bases[0] if bases else None,
        )

    def _has_own_sampler(self) -> bool:
        # VAEmodel always has `sample`, but a foreign decoder may not say how many sites it has
        decoder = getattr(self._inner, "decoder", None)
        knows_sites = decoder is None or hasattr(decoder, "n_sites") or hasattr(decoder, "step")
        return self._has("sample") and (knows_sites or not self.can_decode)

    # -- NumPy in, NumPy out -------------------------------------------------------------

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and log variance of q(z|x) as maps show it, (n, L) each, of samples x."""
        return gathered(self._blocks(self._encode, self._rows(x)))

    def centre(self, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Where the decoder is asked about samples x: their mean, or what the module says."""
        if not self._has("centre"):
            return mean
        return gathered(self._blocks(self._centre, self._rows(x)))

    def draw(self, x: np.ndarray, key: Key) -> np.ndarray:
        """One latent vector (n, L) per sample, by a module with a way of its own."""
        return gathered(self._blocks(self._draw, self._rows(x), key=key))

    def evidence(self, x: np.ndarray, key: Key, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Importance-weighted log p(x) (n,), nats, and effective sample size (n,).

        Args:
            x: Samples (n, columns).
            key: Row i uses fold_in(key, i).
            n_samples: Samples per row.

        """
        if not self.has_evidence:
            raise self._cannot("log_weights(batch, key, n_samples)")
        return gathered(self._blocks(self._evidence(n_samples), self._rows(x), key=key))

    def decode(self, z: np.ndarray, x: np.ndarray) -> Any:
        """Log conditional probabilities of samples x (n, columns) at latent vectors z (n, L).

        Returns:
            (n, sites, local_dimension); continuous (n, sites, 2) = mean, logvar; hybrid both.
        """
        return gathered(self.decode_blocks(z, x))

    def decode_blocks(self, z: np.ndarray, x: np.ndarray) -> Iterator[tuple[slice, Any]]:
        """As `decode`, piece after piece, for what is reduced at once: (rows, output)."""
        if not self.can_decode:
            raise self._cannot("decode(z, batch)")
        x, z = self._rows(x), self._latents(z)
        if z.shape[0] != x.shape[0]:
            raise DataError(
                "one latent vector per sample is wanted", where=self.name,
                value=f"{z.shape[0]} latent vectors, {x.shape[0]} samples",
            )  # fmt: skip
        return self._blocks(self._decode, z, x)

    def apply(self, x: np.ndarray, key: Key) -> tuple[Any, Any, Any, Any]:
        """(mean, logvar, z, cp) of samples x (n, columns), with noise of its own per row."""
        return gathered(self.apply_blocks(x, key))

    def apply_blocks(self, x: np.ndarray, key: Key) -> Iterator[tuple[slice, Any]]:
        """As `apply`, piece after piece."""
        return self._blocks(self._apply, self._rows(x), key=key)

    def sample(self, z: np.ndarray, key: Key, bases: np.ndarray | None = None) -> np.ndarray:
        """Draw one snapshot per latent vector.

        Args:
            z: Latent vectors (n, L) in the model's order.
            key: Row i uses fold_in(key, i).
            bases: Shadows only: (n, sites), 2, 3, 4 for X, Y, Z.

        Returns:
            Codes or values (n, columns), in the dtype a dataset stores.

        Raises:
            PluginError: The model has neither `sample` nor `decode`, or draws nonsense.
        """
        if not self.can_sample:
            raise self._cannot("sample(z, key) or decode(z, batch)")
        rows = (self._latents(z),) if bases is None else (self._latents(z), np.asarray(bases))
        out = []
        for _, piece in self._blocks(self._sample, *rows, key=key):
            out.append(self._stored(piece))
        return np.concatenate(out)

    def label_probs(self, x: np.ndarray) -> np.ndarray | None:
        """Probabilities (n, K) of a model's discrete latent, None when it has none."""
        if not self._has("label_probs"):
            return None
        return gathered(self._blocks(self._label_probs, self._rows(x)))

    # -- helpers -------------------------------------------------------------------------

    def _blocks(
        self, function: Any, *rows: np.ndarray, key: Key | None = None
    ) -> Iterator[tuple[slice, Any]]:
        if key is None:
            return in_chunks(lambda _, *p: function(self.variables, *p), self.chunk, rows)
        return in_chunks(
            lambda start, *p: function(self.variables, key, start, *p), self.chunk, rows
        )

    def _rows(self, x: Any) -> Any:
        x = x if isinstance(x, StoredRows) else np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.data_spec.n_columns:
            raise DataError(
                "samples do not fit the model", where=self.name, value=f"shape {x.shape}",
                hint=f"it was made for {self.data_spec.n_columns} columns: (n, columns)",
            )  # fmt: skip
        return x.astype(self._dtype, copy=False)

    def _latents(self, z: np.ndarray) -> np.ndarray:
        z = np.asarray(z)
        if z.ndim != 2:
            raise DataError("latent vectors form a table (n, latents)", where=self.name,
                            value=f"shape {z.shape}")  # fmt: skip
        return z if z.dtype == np.float64 else z.astype(np.float32)

    @property
    def _dtype(self) -> Any:
        if self.data_spec.data_type in ("continuous", "hybrid"):
            return np.float32
        return np.uint8 if self.data_spec.local_dimension <= 256 else np.uint16

    def _stored(self, drawn: np.ndarray) -> np.ndarray:
        spec = self.data_spec
        codes = drawn
        if spec.data_type == "hybrid":
            codes = drawn[:, : spec.n_sites]
        elif spec.data_type == "shadow":
            codes = drawn[:, 1::2]
        bad = ~np.isfinite(drawn)
        if not bad.any() and spec.data_type != "continuous":
            bad = (codes < 0) | (codes >= spec.local_dimension)
            drawn_bad = codes[bad][:1]
        else:
            drawn_bad = drawn[bad][:1]
        if drawn.shape[1] != spec.n_columns or bad.any():
            raise PluginError(
                "the model draws snapshots that the data cannot contain", where=self.name,
                value=drawn_bad.tolist() if bad.any() else f"{drawn.shape[1]} columns",
                hint=f"{spec.n_columns} columns, codes below {spec.local_dimension}",
            )  # fmt: skip
        return drawn.astype(self._dtype)

    def _cannot(self, method: str) -> PluginError:
        return PluginError(
            f"the model has no method {method}", where=self.name, hint="add it to the module"
        )
