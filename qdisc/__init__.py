"""Discover phases of matter from raw measurement snapshots.

The names below are loaded when they are first used: `import qdisc` starts no jax.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Dataset": "qdisc.dataset.dataset",
    "Result": "qdisc.pipeline",
    "discover": "qdisc.pipeline",
    "load": "qdisc.dataset.load",
    "open_result": "qdisc.pipeline",
    "run": "qdisc.pipeline",
}
__all__ = ["Dataset", "Result", "__version__", "discover", "load", "open_result", "run"]

if TYPE_CHECKING:
    from qdisc.dataset.dataset import Dataset as Dataset
    from qdisc.dataset.load import load as load
    from qdisc.pipeline import Result as Result
    from qdisc.pipeline import discover as discover
    from qdisc.pipeline import open_result as open_result
    from qdisc.pipeline import run as run


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'qdisc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
