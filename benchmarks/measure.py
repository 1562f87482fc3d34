"""Timing in turns, agreement of results, and peak memory of a process of its own."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Limit:
    """A number beside the ratio that must stay below (or above) a bound."""

    name: str
    value: float
    bound: float
    unit: str = ""
    above: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.above else self.value < self.bound


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        path: The hot path and its size.
        baseline: What the naive implementation does.
        naive: Seconds of each repeat of the naive implementation, multiplied up if it was cut.
        ours: Seconds of each repeat of qdisc.
        target: Ratio to reach, None where there is none.
        deviation: Largest relative difference between the two results.
        tolerance: What the deviation may be.
        limits: Other numbers with bounds.
        note: What a reader must know, above all what was multiplied.
        toy: Run at toy size, where no target applies.
    """

    path: str
    baseline: str
    naive: Sequence[float]
    ours: Sequence[float]
    target: float | None = None
    deviation: float = 0.0
    tolerance: float = 0.0
    limits: tuple[Limit, ...] = ()
    note: str = ""
    toy: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """Naive over ours, repeat by repeat: both saw about the same load of the machine."""
        return [a / b for a, b in zip(self.naive, self.ours, strict=False)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios) if self.ratios else float("nan")

    @property
    def met(self) -> bool | None:
        if self.toy or (self.target is None and not self.limits):
            return None
        reached = self.target is None or self.ratio >= self.target
        return reached and all(limit.met for limit in self.limits)


def in_turns(repeats: int, *work: Callable[[], Any]) -> list[list[float]]:
    """Seconds of every function, run naive, ours, naive, ours, ... after one unmeasured round."""
    for function in work:
        function()
    return in_turns_warm(repeats, *work)


def in_turns_warm(repeats: int, *work: Callable[[], Any]) -> list[list[float]]:
    """As `in_turns`, for functions that have run already."""
    seconds: list[list[float]] = [[] for _ in work]
    gc.collect()
    for _ in range(repeats):
        for times, function in zip(seconds, work, strict=True):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    return seconds


def deviation(result: Any, reference: Any) -> float:
    """Largest |result - reference| over corresponding arrays, relative to the array's largest."""
    import jax

    pairs = zip(jax.tree.leaves(result), jax.tree.leaves(reference), strict=True)
    worst = 0.0
    for a, b in pairs:
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert a.shape == b.shape, f"shapes differ: {a.shape} and {b.shape}"
        scale = max(np.abs(b).max(initial=0.0), 1e-6)
        worst = max(worst, float(np.abs(a - b).max(initial=0.0) / scale))
    return worst


def check(path: str, found: float, tolerance: float) -> float:
    """Refuse to time two things that compute different numbers."""
    if not found <= tolerance:
        raise AssertionError(
            f"{path}: naive and fast results differ by {found:.2e}, allowed are {tolerance:.0e}"
        )
    return found


def peak_bytes() -> int:
    """Peak resident memory of this process since it was executed (Linux)."""
    return _status("VmHWM")


def resident_bytes() -> int:
    """Resident memory of this process now (Linux)."""
    return _status("VmRSS")


def _status(name: str) -> int:
    # getrusage would hand down the peak of the parent process
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def compiles_quickly() -> bool:
    """Whether the compiler was told to do half its work, as at toy size."""
    import jax

    return bool(jax.config.read("jax_disable_most_optimizations"))


def in_child(function: str, *arguments: Any) -> dict[str, Any]:
    """Call `module:function(*arguments)` in a fresh process.

    Returns:
        The function's dict, with `peak`: peak resident bytes of that process.
    """
    module, name = function.split(":")
    code = (
        "import importlib, json, sys\n"
        "from benchmarks import measure\n"
        f"f = getattr(importlib.import_module({module!r}), {name!r})\n"
        "out = f(*json.loads(sys.argv[1])) or {}\n"
        "out['peak'] = measure.peak_bytes()\n"
        "print('\\n' + json.dumps(out))\n"
    )
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"} if compiles_quickly() else {}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **quick}
    )
    if done.returncode:
        raise RuntimeError(f"{function} failed in its own process:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
