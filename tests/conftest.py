"""What jax compiled once is kept in `.jax_cache`: most of the tests' time is compilation."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".jax_cache"

# through the environment, so that importing this starts no jax and subprocesses share the cache
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
