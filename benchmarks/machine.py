"""What this machine is and how fast it multiplies float32 matrices."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np


def describe() -> dict[str, Any]:
    """Processor, cores, memory, versions and load, for the JSON and the README."""
    import jax

    device = jax.devices()[0]
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": round(_memory() / 1e9, 1),
        "device": f"{device.platform}: {device.device_kind}",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "load": [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    }


class Matmul:
    """Square float32 products, by NumPy's BLAS and by XLA; the faster one is the machine's rate."""

    def __init__(self, size: int) -> None:
        import jax

        rng = np.random.default_rng(0)
        self.a = rng.standard_normal((size, size), np.float32)
        self.b = rng.standard_normal((size, size), np.float32)
        self.device = jax.device_put(self.a), jax.device_put(self.b)
        self.product = jax.jit(lambda a, b: a @ b)
        self.flop = 2.0 * size**3
        self.rate()

    def rate(self, repeats: int = 3) -> float:
        """Floating point operations per second, the best of a few products."""
        best = 0.0
        for _ in range(repeats):
            for work in (self._blas, self._xla):
                start = time.perf_counter()
                work()
                best = max(best, self.flop / (time.perf_counter() - start))
        return best

    def _blas(self) -> None:
        np.dot(self.a, self.b)

    def _xla(self) -> None:
        self.product(*self.device).block_until_ready()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return float("nan")
