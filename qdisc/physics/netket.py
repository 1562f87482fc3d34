"""Import NetKet without letting it change jax.

Importing NetKet switches jax to 64 bit and installs a device mesh for the whole process: the same
seed would then give other random numbers depending on who imported what. Here both are put back.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType

_DEFAULTS = {
    "NETKET_ENABLE_X64": "0",
    "NETKET_SHARDING": "0",
    "NETKET_NO_TIPS": "1",
}


def load() -> ModuleType:
    """Return the `netket` module; jax's precision and mesh are afterwards what they were before.

    An import the user made earlier is left alone, and so are settings of NetKet that the
    environment names explicitly, except that they do not reach jax either.
    """
    if "netket" in sys.modules:
        import netket

        return netket

    import jax

    # jax adds its settings to this class while it starts, unseen by its annotations
    x64 = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    mesh = jax.sharding.get_mesh()
    unset = [name for name in _DEFAULTS if name not in os.environ]
    os.environ.update({name: _DEFAULTS[name] for name in unset})
    try:
        import netket
    finally:
        for name in unset:  # a child process the user starts should find their environment
            del os.environ[name]
        jax.config.update("jax_enable_x64", x64)
        if jax.sharding.get_mesh() != mesh:
            jax.sharding.set_mesh(mesh)
    return netket


@contextlib.contextmanager
def double_precision() -> Iterator[ModuleType]:
    """Work with NetKet in float64 inside the block, whatever the process uses outside."""
    import jax

    netket = load()
    with jax.enable_x64(True):
        yield netket
