"""Start-up: nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Limit, Row, in_turns

EAGER = "import numpy, scipy.sparse, jax, flax, optax, h5py, msgspec, rich, matplotlib.pyplot"


def _python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def rows(small: bool) -> Iterator[Row]:
    """Two rows; the time of an empty interpreter is part of both numbers."""
    repeats = 1 if small else 7
    baseline = "everything qdisc uses (without NetKet) imported at the start"
    eager, empty, plain = in_turns(
        repeats,
        lambda: _python("-c", EAGER),
        lambda: _python("-c", "pass"),
        lambda: _python("-c", "import qdisc"),
    )
    bare = f"an empty interpreter takes {1e3 * min(empty):.0f} ms of it"
    yield Row("import qdisc", baseline, eager, plain, toy=small, note=bare,
              limits=(Limit("best s", min(plain), 0.15, " s"),))  # fmt: skip
    eager, command = in_turns(
        repeats, lambda: _python("-c", EAGER), lambda: _python("-m", "qdisc", "--help")
    )
    yield Row("qdisc --help", baseline, eager, command, toy=small, note=bare,
              limits=(Limit("best s", min(command), 0.5, " s"),))  # fmt: skip
