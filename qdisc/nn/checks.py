"""Checks of static shapes and fields, made while tracing: they cost nothing at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc._typing import DATA_TYPES
from qdisc.errors import ConfigError, DataError, nearest

DOUBLED = ("hybrid", "shadow")  # two columns per site
CODED = ("discrete", "hybrid", "shadow")
VALUED = ("continuous", "hybrid")


def check_data_type(data_type: str, where: str) -> None:
    """Raise ConfigError unless `data_type` is one of the four kinds."""
    if data_type not in DATA_TYPES:
        raise ConfigError(
            "unknown data type",
            where=f"{where}.data_type",
            value=data_type,
            hint=nearest(str(data_type), DATA_TYPES),
        )


def check_codes(data_type: str, local_dimension: int, where: str) -> None:
    """Raise ConfigError unless the local dimension suits the data type."""
    check_data_type(data_type, where)
    if data_type == "shadow" and local_dimension != 2:
        raise ConfigError(
            "shadows have two outcomes",
            where=f"{where}.local_dimension",
            value=local_dimension,
            hint="local_dimension=2",
        )
    if data_type in CODED and local_dimension < 2:
        raise ConfigError(
            "a site needs at least two local states",
            where=f"{where}.local_dimension",
            value=local_dimension,
            hint="local_dimension is the number of codes, 2 for spins",
        )


def check_positive(where: str, **sizes: int) -> None:
    """Raise ConfigError unless every named size is at least 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(
                "a size is at least 1", where=f"{where}.{name}", value=size, hint=f"{name}=1"
            )


def check_heads(d_model: int, num_heads: int, where: str) -> None:
    """Raise ConfigError unless the heads share `d_model` evenly."""
    check_positive(where, d_model=d_model, num_heads=num_heads)
    if d_model % num_heads:
        raise ConfigError(
            "the attention heads cannot share d_model evenly",
            where=f"{where}.d_model",
            value={"d_model": d_model, "num_heads": num_heads},
            hint=f"d_model={(d_model // num_heads + 1) * num_heads}, a multiple of num_heads",
        )


def check_dtype(dtype: Any, where: str) -> Any:
    """Return the numpy dtype; ConfigError unless it is one that jax can compute in here."""
    try:
        dtype = jnp.dtype(dtype)
    except TypeError:
        raise ConfigError("unknown dtype", where=f"{where}.dtype", value=dtype) from None
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ConfigError("a floating dtype is wanted", where=f"{where}.dtype", value=str(dtype))
    if dtype == jnp.float64 and not jax.config.read("jax_enable_x64"):
        raise ConfigError(
            "float64 was asked for, but jax computes in 32 bit",
            where=f"{where}.dtype",
            value=str(dtype),
            hint="jax.config.update('jax_enable_x64', True) before anything else",
        )
    return dtype


def check_standardisation(
    location: Sequence[float], scale: Sequence[float], n_sites: int, where: str
) -> None:
    """Raise ConfigError unless location and scale are both empty or one number per site."""
    for name, values in (("location", location), ("scale", scale)):
        if len(values) not in (0, n_sites):
            raise ConfigError(
                f"{name} needs one number per continuous site",
                where=f"{where}.{name}",
                value=f"{len(values)} numbers for {n_sites} sites",
            )
    if any(not value > 0 for value in scale):
        raise ConfigError("a scale is positive", where=f"{where}.scale", value=tuple(scale))


def n_sites_of(shape: Sequence[int], data_type: str, where: str) -> int:
    """Number of sites N of a batch of shape (B, columns).

    Raises:
        DataError: Not two axes, no column, or an odd number of columns where sites have two.
    """
    if len(shape) != 2 or shape[1] < 1:
        raise DataError(
            "a batch has two axes, (samples, columns)",
            where=where,
            value=tuple(shape),
            hint="reshape to (n, columns); a single sample is x[None]",
        )
    if data_type not in DOUBLED:
        return shape[1]
    if shape[1] % 2:
        raise DataError(
            f"{data_type} data have two columns per site, so an even number",
            where=where,
            value=tuple(shape),
        )
    return shape[1] // 2


def check_known_sites(n_sites: int, known: int | None, where: str) -> None:
    """Raise DataError when parameters made for `known` sites meet another number."""
    if known is not None and known != n_sites:
        raise DataError(
            f"the parameters were made for {known} sites, the batch has {n_sites}",
            where=where,
            value=n_sites,
            hint="initialise the model on data of this size",
        )


def parameter_shape(module: nn.Module, *path: str) -> tuple[int, ...] | None:
    """Shape of a stored parameter of `module`, or None before initialisation."""
    node: Any = module.variables.get("params", {})
    for part in path:
        if part not in node:
            return None
        node = node[part]
    return tuple(node.shape)
