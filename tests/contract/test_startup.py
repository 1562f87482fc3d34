"""Starting is quick, because nothing heavy is imported before it is needed."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import pytest

HEAVY = ("jax", "jaxlib", "flax", "optax", "h5py", "matplotlib", "netket", "scipy", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "list"]])
def test_the_command_line_answers_in_half_a_second(arguments):
    command = [sys.executable, "-m", "qdisc", *arguments]
    best = float("inf")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # on a busy machine the wall clock measures its other users; what the command itself
        # needs is its processor time
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, wall, used)
    assert best < 0.5, f"qdisc {' '.join(arguments)} took {best:.2f} s"


@pytest.mark.parametrize(
    "module", ["qdisc", "qdisc.cli.main", "qdisc.plugin", "qdisc.config", "qdisc.errors"]
)
def test_importing_starts_nothing_heavy(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
