"""Tiny datasets of every kind on every kind of sweep."""

from __future__ import annotations

import numpy as np

from qdisc.dataset.dataset import Dataset

SQUARE = ((0, 0), (0, 1), (1, 0), (1, 1))
SHOTS = 12
_LAYOUTS = ("grid", "line", "scattered")
_KINDS = ("discrete", "continuous", "hybrid", "shadow")


def tiny_datasets(seed: int = 0) -> dict[str, Dataset]:
    """Datasets by name, `<kind>_<layout>`: each data type on a 2 x 3 grid, a line, and scattered.

    Grids hold four sites on a square, the others three on a chain. `levels_line` has three codes
    per site, `ragged_grid` settings with different shots and one with none.

    Args:
        seed: Fixes all numbers.
    """
    out = {}
    for k, kind in enumerate(_KINDS):
        for i, layout in enumerate(_LAYOUTS):
            rng = np.random.default_rng([seed, k, i])
            theta = _theta(layout, rng)
            sites = 4 if layout == "grid" else 3
            rows = np.concatenate([_rows(kind, sites, s, rng) for s in _strength(theta)])
            out[f"{kind}_{layout}"] = Dataset.from_samples(
                rows, np.repeat(theta, SHOTS, axis=0), data_type=kind, name=f"{kind}_{layout}",
                theta_names=("g", "h")[: theta.shape[1]], sites=SQUARE if sites == 4 else None,
            )  # fmt: skip
    rng = np.random.default_rng([seed, 9])
    theta = np.repeat(_theta("line", rng), SHOTS, axis=0)
    codes = np.concatenate([rng.integers(0, 3, (theta.shape[0] - 1, 3)), [[0, 1, 2]]])
    out["levels_line"] = Dataset.from_samples(
        codes, theta, data_type="discrete", theta_names=("g",), name="levels_line",
        local_states=(-1.0, 0.0, 1.0),
    )  # fmt: skip
    theta, shots = _theta("grid", rng), np.array([5, 1, 0, 8, 3, 12])
    point = np.repeat(np.arange(6), shots)
    rows = np.concatenate(
        [_rows("discrete", 4, s, rng)[:n] for s, n in zip(_strength(theta), shots, strict=True)]
    )
    out["ragged_grid"] = Dataset.from_points(
        rows, point, theta, data_type="discrete", theta_names=("g", "h"), sites=SQUARE,
        name="ragged_grid",
    )  # fmt: skip
    return out


def _theta(layout: str, rng: np.random.Generator) -> np.ndarray:
    if layout == "grid":
        axes = np.meshgrid([0.0, 1.0], [0.0, 0.5, 1.0], indexing="ij")
        return np.stack(axes, -1).reshape(-1, 2)
    if layout == "line":
        return np.linspace(0.0, 1.0, 5)[:, None]
    return rng.random((5, 2))


def _strength(theta: np.ndarray) -> np.ndarray:
    return 0.15 + 0.7 * theta.mean(axis=1)


def _rows(kind: str, n: int, strength: float, rng: np.random.Generator) -> np.ndarray:
    """One setting's snapshots: codes are 1, and values larger, more often at larger theta."""
    codes = (rng.random((SHOTS, n)) < strength).astype(np.int64)
    if kind == "discrete":
        return codes
    values = rng.normal(strength, 0.4, (SHOTS, n))
    if kind == "continuous":
        return values
    if kind == "hybrid":
        return np.concatenate([codes, values], axis=1)
    bases = rng.integers(2, 5, (SHOTS, n))
    return np.stack([bases, codes], axis=-1).reshape(SHOTS, 2 * n)
