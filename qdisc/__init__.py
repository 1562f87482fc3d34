"""Discover phases of matter from raw measurement snapshots."""

__version__ = "0.1.0"
