"""The networks of `qdisc.nn` written down plainly: full masked matrices, no caches, any dtype.

They take the parameters of the flax modules, turned by `plain` into the naive layout (one full
square matrix per masked layer, one layer norm per branch), and compute the same numbers.
`folded` takes gradients in the naive layout back, for comparison.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.nn.attention import sinusoids
from qdisc.nn.masked import strips

BRANCHES = ("query", "key", "value")


def plain(params: Any, dtype: Any = np.float64) -> Any:
    """Parameters in the naive layout."""
    if not isinstance(params, dict):
        return np.asarray(params, dtype)
    out = {}
    for name, value in params.items():
        if isinstance(value, dict) and "kernel_0" in value:
            out[name] = _square(value, dtype)
        elif name == "self_norm":
            out[name] = {branch: plain(value, dtype) for branch in BRANCHES}
        else:
            out[name] = plain(value, dtype)
    return out


def folded(gradient: Any, params: Any) -> Any:
    """A gradient in the naive layout as a tree like `params`."""
    if not isinstance(params, dict):
        return np.asarray(gradient, np.float64)
    out = {}
    for name, value in params.items():
        part = gradient[name]
        if isinstance(value, dict) and "kernel_0" in value:
            n = value["bias"].shape[0]
            square, runs = np.asarray(part["kernel"]), strips(n)
            height, width = square.shape[0] // n, square.shape[1] // n
            out[name] = {"bias": np.asarray(part["bias"])}
            for i, (begin, end) in enumerate(runs):
                cut = square[: end * height, begin * width : end * width]
                out[name][f"kernel_{i}"] = cut
        elif name == "self_norm":
            leaves = [part[branch] for branch in BRANCHES]
            out[name] = jax.tree.map(lambda *g: np.sum([np.asarray(x) for x in g], 0), *leaves)
        else:
            out[name] = folded(part, value)
    return out


def _square(layer: dict[str, Any], dtype: Any) -> dict[str, np.ndarray]:
    bias = np.asarray(layer["bias"], dtype)
    n, width = bias.shape
    height = layer["kernel_0"].shape[0] // strips(n)[0][1]
    kernel = np.zeros((n * height, n * width), dtype)
    for i, (begin, end) in enumerate(strips(n)):
        kernel[: end * height, begin * width : end * width] = layer[f"kernel_{i}"]
    return {"kernel": kernel, "bias": bias}


def features(x: Any, data_type: str, dtype: Any) -> tuple[Any, Any, Any, Any]:
    """What the networks see (B, N, C), and codes, values, bases of a batch."""
    x = jnp.asarray(x)
    if data_type == "discrete":
        return (2 * x.astype(dtype) - 1)[..., None], x.astype(jnp.int32), None, None
    if data_type == "hybrid":
        n = x.shape[1] // 2
        codes, values = x[:, :n].astype(jnp.int32), x[:, n:].astype(dtype)
        return jnp.stack([2 * codes.astype(dtype) - 1, values], -1), codes, values, None
    bases, codes = x[:, 0::2].astype(jnp.int32) - 2, x[:, 1::2].astype(jnp.int32)
    sign = (2 * codes.astype(dtype) - 1)[..., None]
    return sign * jax.nn.one_hot(bases, 3, dtype=dtype), codes, None, bases


# -- dense autoregressive network ------------------------------------------------------------


def masked_dense(p: Any, h: Any, exclusive: bool) -> Any:
    """h (B, N, C) -> (B, N, F) with one full matrix, multiplied with its full mask."""
    batch, n, channels = h.shape
    width = p["bias"].shape[1]
    mask = np.triu(np.ones((n, n), p["kernel"].dtype), 1 if exclusive else 0)
    mask = jnp.asarray(mask).repeat(channels, 0).repeat(width, 1)
    out = h.reshape(batch, -1) @ (p["kernel"] * mask)
    return out.reshape(batch, n, width) + p["bias"]


def arnn(p: Any, z: Any, x: Any) -> Any:
    """Log probabilities of the dense autoregressive decoder, discrete data."""
    h = features(x, "discrete", z.dtype)[0]
    n = h.shape[1]
    for layer in range(sum(name.startswith("hidden_") for name in p)):
        latent = (z @ p[f"latent_{layer}"]["kernel"]).reshape(z.shape[0], n, -1)
        h = jax.nn.selu(masked_dense(p[f"hidden_{layer}"], h, layer == 0) + latent)
    return jax.nn.log_softmax(masked_dense(p["code_head"], h, False))


def cnn(p: Any, x: Any, topology: np.ndarray | None) -> tuple[Any, Any]:
    """Convolutional encoder: open 2-D lattice, or a ring when there is no topology."""
    h = features(x, "discrete", p["dense"]["kernel"].dtype)[0]
    layers = sum(name.startswith("conv_") for name in p)
    if topology is not None:
        h = h[:, topology.reshape(-1)].reshape(h.shape[0], *topology.shape, 1)
    for layer in range(layers):
        kernel, bias = p[f"conv_{layer}"]["kernel"], p[f"conv_{layer}"]["bias"]
        if topology is None:
            left = (kernel.shape[0] - 1) // 2
            h = jnp.pad(h, ((0, 0), (left, kernel.shape[0] - 1 - left), (0, 0)), mode="wrap")
            h = jax.lax.conv_general_dilated(
                h, kernel, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
            )
        else:
            h = jax.lax.conv_general_dilated(
                h, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
        h = jax.nn.relu(h + bias)
    h = jax.nn.relu(dense(p["dense"], h.reshape(h.shape[0], -1)))
    return dense(p["latent"]["mean"], h), dense(p["latent"]["logvar"], h)


# -- transformer -----------------------------------------------------------------------------


def dense(p: Any, x: Any) -> Any:
    out = x @ p["kernel"]
    return out + p["bias"] if "bias" in p else out


def norm(p: Any, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-6) * p["scale"] + p["bias"]


def attention(p: Any, q: Any, k: Any, v: Any, heads: int, mask: Any) -> Any:
    """Plain attention: scores of all pairs, the mask added to them."""

    def split(x: Any) -> Any:
        return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    q, k, v = split(dense(p["query"], q)), split(dense(p["key"], k)), split(dense(p["value"], v))
    score = q @ k.transpose(0, 1, 3, 2) / q.shape[-1] ** 0.5
    if mask is not None:
        score = score + jnp.where(mask, 0.0, -1e30).astype(score.dtype)
    mixed = jax.nn.softmax(score, -1) @ v
    return dense(p["out"], mixed.transpose(0, 2, 1, 3).reshape(q.shape[0], q.shape[2], -1))


def block(p: Any, x: Any, heads: int, memory: Any = None, mask: Any = None) -> Any:
    """Pre-norm block with a layer norm of its own for each branch."""
    branches = [norm(p["self_norm"][branch], x) for branch in BRANCHES]
    x = x + attention(p["self_attention"], *branches, heads, mask)
    if memory is not None:
        q = norm(p["cross_norm"], x)
        x = x + attention(p["cross_attention"], q, memory, memory, heads, None)
    return x + dense(p["narrow"], jax.nn.gelu(dense(p["wide"], norm(p["wide_norm"], x))))


def transformer_encoder(p: Any, x: Any, data_type: str, heads: int) -> tuple[Any, Any]:
    h = dense(p["embed"], features(x, data_type, p["embed"]["kernel"].dtype)[0])
    h = h + jnp.asarray(sinusoids(*h.shape[1:]), dtype=h.dtype)
    for layer in range(sum(name.startswith("block_") for name in p)):
        h = block(p[f"block_{layer}"], h, heads)
    h = norm(p["norm"], h).reshape(h.shape[0], -1)
    return dense(p["latent"]["mean"], h), dense(p["latent"]["logvar"], h)


def transformer_decoder(p: Any, z: Any, x: Any, data_type: str, heads: int) -> Any:
    """Log probabilities of the codes, and for hybrid data mean and logvar of the values."""
    shown, codes, _, bases = features(x, data_type, z.dtype)
    rows, n = shown.shape[:2]
    width = p["first"].shape[0]
    first = jnp.broadcast_to(p["first"], (rows, 1, width))
    h = jnp.concatenate([first, dense(p["embed"], shown)[:, :-1]], 1)
    if bases is not None:
        h = h + jnp.asarray(p["basis"])[bases]
    h = h + jnp.asarray(sinusoids(n, width), dtype=h.dtype)
    tokens = z[:, :, None] * p["memory"]["direction"]
    tokens = jnp.concatenate([tokens, jnp.zeros_like(tokens[:, :1])], 1)
    memory = tokens + p["memory"]["embedding"]
    mask = np.tril(np.ones((n, n), bool))
    for layer in range(sum(name.startswith("blocks_") for name in p)):
        h = block(p[f"blocks_{layer}"], h, heads, memory, mask)
    h = norm(p["norm"], h)
    log_p = jax.nn.log_softmax(dense(p["code_dense"], h) + p["code_bias"]["bias"])
    if data_type != "hybrid":
        return log_p
    h = jax.nn.gelu(dense(p["value_hidden"], h) + jnp.asarray(p["own_code"])[codes])
    raw = dense(p["value_dense"], h) + p["value_bias"]["bias"]
    return log_p, jnp.stack([raw[..., 0], jnp.log(1e-4 + jax.nn.softplus(raw[..., 1]))], -1)
