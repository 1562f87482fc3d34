"""Starting is quick, because nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

HEAVY = ("jax", "jaxlib", "flax", "optax", "h5py", "matplotlib", "netket", "scipy", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "list"]])
def test_the_command_line_answers_in_half_a_second(arguments):
    command = [sys.executable, "-m", "qdisc", *arguments]
    best = float("inf")
    for _ in range(8):  # the best of several: the machine may be busy
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
        if best < 0.5:
            return
    pytest.fail(f"qdisc {' '.join(arguments)} took {best:.2f} s")


@pytest.mark.parametrize(
    "module", ["qdisc", "qdisc.cli.main", "qdisc.plugin", "qdisc.config", "qdisc.errors"]
)
def test_importing_starts_nothing_heavy(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
