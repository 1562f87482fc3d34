"""Snapshots from the files that physicists already have: one loader per format.

The loaders are found by qdisc itself. For objects that are still alive in a session there are
functions, which import no vendor's package: `from_qiskit`, `from_cirq`, `from_pulser`,
`from_pennylane`, `from_netket`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "from_cirq": "cirq",
    "from_netket": "netket",
    "from_pennylane": "pennylane",
    "from_pulser": "pulser",
    "from_qiskit": "qiskit",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"qdisc_formats.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'qdisc_formats' has no attribute {name!r}")
