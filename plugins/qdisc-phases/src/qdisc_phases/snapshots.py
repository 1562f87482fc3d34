"""Snapshots as numbers for a small network, and whether they should be looked at up to a flip.

In a degenerate phase the sign of the order is an accident: exact ground states carry both signs,
a Monte Carlo run or an experiment one of them, at random from setting to setting. What is said
about a phase must then be the same for a snapshot and its mirror image: spins and outcomes
reversed, occupations exchanged with holes, values reflected at their mean.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from qdisc_phases.settings import Settings

Symmetrise = Literal["auto", "always", "never"]
SMOOTH = (
    0.8  # correlation between neighbours above which a sign follows theta: a field, no accident
)
CHUNK = 1 << 22  # numbers at a time


class Table(NamedTuple):
    """Counted rows of features.

    Attributes:
        samples: (R, columns) the snapshots as they are stored.
        rows: (R, features) as `columns` shows them to a network.
        mirror: The rows' mirror images, when the two count as the same; else None.
        row: (entries,) row of each entry of the counts.
        point: (entries,) its setting.
        count: (entries,) snapshots.
    """

    samples: np.ndarray
    rows: np.ndarray
    mirror: np.ndarray | None
    row: np.ndarray
    point: np.ndarray
    count: np.ndarray


def columns(dataset: Any, rows: np.ndarray) -> np.ndarray:
    """Configurations (n, columns) as float32 (n, features) of order one.

    Two codes become -1 and +1, more codes one column each; a shadow's site three columns, the
    outcome in that of its basis and zero elsewhere; values are standardised.
    """
    kind, n = dataset.data_type, dataset.n_sites
    if kind == "shadow":
        basis, outcome = rows[:, 0::2], rows[:, 1::2].astype(np.float32)
        return ((basis[..., None] == np.arange(2, 5)) * (2 * outcome - 1)[..., None]).reshape(
            len(rows), -1
        ).astype(np.float32)  # fmt: skip
    parts = []
    if kind != "continuous":
        codes, d = rows[:, :n].astype(np.int64), dataset.local_dimension
        spins = 2 * codes - 1 if d == 2 else np.sqrt(d) * (codes[..., None] == np.arange(d))
        parts.append(spins.reshape(len(rows), -1))
    if kind != "discrete":
        location, scale = np.asarray(dataset.spec.location), np.asarray(dataset.spec.scale)
        parts.append((rows[:, -n:] - location) / scale)
    return np.concatenate(parts, axis=1).astype(np.float32)


def mirrored(dataset: Any, rows: np.ndarray) -> np.ndarray:
    """The mirror images of configurations."""
    kind, n = dataset.data_type, dataset.n_sites
    out = rows.copy()
    if kind == "shadow":
        out[:, 1::2] = 1 - rows[:, 1::2]
        return out
    if kind != "continuous":
        out[:, :n] = dataset.local_dimension - 1 - rows[:, :n]
    if kind != "discrete":
        out[:, -n:] = 2 * np.asarray(dataset.spec.location, rows.dtype) - rows[:, -n:]
    return out


def table_of(dataset: Any, symmetric: bool) -> Table:
    """The counted snapshots of a dataset as a link is fitted to them.

    Args:
        dataset: The data.
        symmetric: Whether a snapshot and its mirror image count as the same; of repeating
            configurations only one of the two is then kept.
    """
    rows, counts = dataset.configurations, dataset.counts
    point, row = counts.point_of_entry(), counts.indices
    if not symmetric:
        return Table(rows, columns(dataset, rows), None, row, point, counts.data)
    if dataset.deduplicated and rows.dtype.kind == "u":
        other = mirrored(dataset, rows)
        differ = rows != other
        first = np.argmax(differ, axis=1)
        lines = np.arange(len(rows))
        larger = rows[lines, first] > other[lines, first]
        rows, merged = np.unique(
            np.where(larger[:, None], other, rows), axis=0, return_inverse=True
        )
        row = merged.reshape(-1)[row]
    mirror = columns(dataset, mirrored(dataset, rows))
    return Table(rows, columns(dataset, rows), mirror, row, point, counts.data)


def is_symmetric(dataset: Any, settings: Settings, wanted: Symmetrise = "auto") -> bool:
    """Whether snapshots and their mirror images count as the same.

    "auto": yes, unless the odd part of the mean snapshot follows theta. With m the mean over a
    setting's shots of (f(x) - f(mirrored x)) / 2, f = `columns`, freed from shot noise, that is
    sum over neighbours m_i . m_j / sum (|m_i|^2 + |m_j|^2) / 2 > 0.8. The ratio is near 1 in a
    field or when mirroring means nothing for the data, near 0 when the sign is an accident; when
    there is no odd part beyond noise, symmetrising only averages noise away.
    """
    if wanted != "auto":
        return wanted == "always"
    sums, squares = _odd_sums(dataset)
    shots = np.maximum(dataset.shots, 1).astype(np.float64)
    mean = sums / shots[:, None]
    spread = np.maximum(squares / shots - (mean**2).sum(1), 0.0)
    noise = spread / np.maximum(shots - 1, 1)
    size = (mean**2).sum(1) - noise  # unbiased: E |mean|^2 = |m|^2 + spread / shots
    a, b = settings.edges.T
    degree = np.bincount(settings.edges.ravel(), minlength=settings.n_points) / 2
    total = float(degree @ size)
    # a square of normal numbers scatters by sqrt(2) times its mean; fewer independent ones less
    doubt = float(np.sqrt(2 * ((degree * noise) ** 2).sum()))
    if total <= 3 * doubt:
        return True
    return bool((mean[a] * mean[b]).sum() / total <= SMOOTH)


def _odd_sums(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    """Sums over the shots of each setting of the odd part, and of its square."""
    rows, counts = dataset.configurations, dataset.counts
    matrix = csr_array(
        (counts.data.astype(np.float64), counts.indices, counts.indptr),
        shape=(counts.n_points, counts.n_configurations),
    ).tocsc()
    width = columns(dataset, rows[:1]).shape[1]
    sums, squares = np.zeros((counts.n_points, width)), np.zeros(counts.n_points)
    chunk = max(1, CHUNK // width)
    for start in range(0, len(rows), chunk):
        piece = rows[start : start + chunk]
        odd = 0.5 * (columns(dataset, piece) - columns(dataset, mirrored(dataset, piece)))
        part = matrix[:, start : start + len(piece)]
        sums += part @ odd
        squares += part @ (odd.astype(np.float64) ** 2).sum(axis=1)
    return sums, squares
