"""Where a training starts: the module in its dtype, initial parameters, shapes that must fit."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.dataset.dataset import Dataset
from qdisc.errors import TrainingError
from qdisc.train.program import TrainState


def with_dtype(module: Any, dtype: Any) -> Any:
    """Clone a flax module, and the modules it holds, with another `dtype` field."""
    changes: dict[str, Any] = {}
    for entry in dataclasses.fields(module):
        if entry.name in ("parent", "name"):
            continue
        value = getattr(module, entry.name)
        if isinstance(value, nn.Module):
            changes[entry.name] = with_dtype(value, dtype)
        elif entry.name == "dtype":
            changes["dtype"] = dtype
    return module.clone(**changes) if changes else module


def init_state(module: Any, dataset: Dataset, optimizer: Any, key: jax.Array) -> TrainState:
    """Initialise parameters and optimiser from one example row of the dataset."""
    sample = jnp.asarray(dataset.configurations[:1])
    params = _initial(_ByValue(module), key, sample)
    return TrainState(params, optimizer.init(params), jnp.zeros((), jnp.int32))


class _ByValue:
    """A module as a static argument: equal ones share a compilation, where they can be compared."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def __hash__(self) -> int:
        try:
            return hash(self.module)
        except TypeError:  # a field is an array
            return id(self.module)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _ByValue) or hash(self) != hash(other):
            return False
        return self.module is other.module or self.module == other.module


# Compiled as a whole: a fraction of the time of some hundred small calls.
@partial(jax.jit, static_argnums=0)
def _initial(module: _ByValue, key: jax.Array, sample: jax.Array) -> Any:
    return module.module.init(key, sample, jax.random.fold_in(key, 1))["params"]


def latent_dim(module: Any, params: Any, dataset: Dataset) -> int:
    """Number of latents, from the shapes alone; also checks that the model fits the data."""
    sample = jax.ShapeDtypeStruct((2, dataset.input_size), dataset.configurations.dtype)
    key = jax.random.key(0)
    mean, logvar, z, cp = jax.eval_shape(
        lambda p, x: module.apply({"params": p}, x, key), params, sample
    )
    n, d = dataset.n_sites, dataset.local_dimension
    wanted = {
        "discrete": [(2, n, d)],
        "shadow": [(2, n, 2)],
        "continuous": [(2, n, 2)],
        "hybrid": [(2, n, d), (2, n, 2)],
    }[dataset.data_type]
    seen = [part.shape for part in (cp if isinstance(cp, tuple | list) else [cp])]
    if seen != wanted or not mean.shape == logvar.shape == z.shape:
        raise TrainingError(
            f"the model's output does not fit {dataset.data_type} data with {n} sites",
            where=type(module).__name__,
            value=f"cp {seen}, mean {mean.shape}, logvar {logvar.shape}, z {z.shape}",
            hint=f"cp of shape {wanted}: check the decoder's data_type and local_dimension",
        )
    return mean.shape[1]
