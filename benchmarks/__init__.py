"""Every hot path as a ratio against a stated naive implementation, measured in one run."""

from __future__ import annotations

NAMES = (
    "startup",
    "loading",
    "total_correlation",
    "train_step",
    "train_repeating",
    "maps",
    "sampling",
    "symbolic",
    "hvae",
    "physics",
)
