"""Random numbers of an analysis from the key it is handed."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np


def rng_of(key: Any, *path: int) -> np.random.Generator:
    """NumPy's generator from a jax key (new or legacy); `path` names an independent substream."""
    words = np.asarray(jax.random.bits(key, (4,), np.uint32))
    return np.random.default_rng(np.random.SeedSequence(words.tolist(), spawn_key=path))
