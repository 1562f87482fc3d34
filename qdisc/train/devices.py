"""Training on many devices: the rows of a step are shared out, the parameters are everywhere.

    order, rows of a step     P("data")    each device encodes and decodes its part
    parameters, optimiser     P()          the same on all
    tables, rates, keys       P()          the same on all
    loss, gradient                         means over all rows: XLA puts the sums across devices in

It is one program over one mesh (`jax.sharding.Mesh`); the compiler derives every communication from
these annotations. Batches that the devices do not divide are filled up with rows of weight zero.
Several processes (`jax.distributed`) are one program on the devices of all: each runs the same
steps, takes the same decisions, and the first one writes the files. Random numbers belong to rows,
not to devices, so the loss curve is that of one device, to the rounding of sums in another order.
"""

from __future__ import annotations

import os
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from qdisc.errors import ConfigError

AXIS = "data"


def data_mesh(devices: int | Literal["all"]) -> Mesh | None:
    """The mesh that a training runs on; None for one device.

    Args:
        devices: How many, or all there are (of all processes together).

    Raises:
        ConfigError: There are not so many, or some of several processes would be left out.
    """
    there = jax.devices()
    n = len(there) if devices == "all" else devices
    if n > len(there):
        raise ConfigError(
            "there are not so many devices", where="train.devices", value=n,
            hint=f'"all", or a number up to {len(there)}',
        )  # fmt: skip
    if jax.process_count() > 1 and n != len(there):
        raise ConfigError(
            "several processes train on all of their devices together", where="train.devices",
            value=n, hint='train.devices = "all"',
        )  # fmt: skip
    return None if n == 1 else Mesh(np.array(there[:n]), (AXIS,))


def join() -> None:
    """Join the other processes of a SLURM step (`srun`) with more than one task; else nothing.

    To be called before anything else is asked of JAX. Other launchers call
    `jax.distributed.initialize` themselves.
    """
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1 and "SLURM_JOB_ID" in os.environ:
        jax.distributed.initialize()


def leads() -> bool:
    """Whether this process is the one that writes files."""
    return jax.process_index() == 0


def wait(what: str) -> None:
    """Until every process has come to this place; nothing to wait for when there is one."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)


def agreed(words: str | None) -> str:
    """What interrupts, if anything interrupts any of the processes; they ask at the same steps."""
    if jax.process_count() == 1:
        return words or ""
    from jax.experimental import multihost_utils

    flags = multihost_utils.process_allgather(np.array(bool(words)))
    return words or ("SIGTERM" if flags.any() else "")


def replicated(mesh: Mesh | None, tree: Any) -> Any:
    """Arrays on every device of the mesh; as they are on the one device without a mesh."""
    if mesh is None:
        return tree
    everywhere = NamedSharding(mesh, PartitionSpec())

    def put(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and leaf.sharding == everywhere:
            return leaf
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            words = np.asarray(jax.random.key_data(leaf))
            return jax.random.wrap_key_data(put(words), impl=jax.random.key_impl(leaf))
        host = np.asarray(leaf)
        return jax.make_array_from_callback(host.shape, everywhere, lambda part: host[part])

    return jax.tree.map(put, tree)


def filled(rows: int, mesh: Mesh | None) -> int:
    """Rows of a step, filled up to a multiple of the devices."""
    return rows if mesh is None else -(-rows // mesh.size) * mesh.size


def shared_out(rows: jax.Array, mesh: Mesh | None) -> jax.Array:
    """Inside a compiled step: an array whose first axis is divided among the devices."""
    if mesh is None:
        return rows
    part = PartitionSpec(AXIS, *(None,) * (rows.ndim - 1))
    return jax.lax.with_sharding_constraint(rows, NamedSharding(mesh, part))
