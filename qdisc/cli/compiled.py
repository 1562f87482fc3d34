"""Compiled programs are kept between runs of the command line, in the user's cache folder.

Through the environment, which JAX reads when it starts: whoever has set a folder, or switched the
cache off (JAX_ENABLE_COMPILATION_CACHE=0), keeps their choice, and processes started from here
follow it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SETTINGS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def keep_compiled() -> None:
    """Choose the folder, once, before JAX is imported."""
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_folder()))
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def _folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "qdisc" / "jax"
