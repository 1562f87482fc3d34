"""The published face: `VAEmodel`, `VAETrainer`, `HVAE` and the losses under their published names.

`HVAE` is loaded when it is first used, as the rest of the package is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["HVAE"]

if TYPE_CHECKING:
    from qdisc.nn.hvae import HVAE as HVAE


def __getattr__(name: str) -> Any:
    if name == "HVAE":
        from qdisc.nn.hvae import HVAE

        return HVAE
    raise AttributeError(f"module 'qdisc.vae' has no attribute {name!r}")
