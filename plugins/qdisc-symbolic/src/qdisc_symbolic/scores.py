"""How well one number tells two classes apart, or follows another number. Ties count one half."""

from __future__ import annotations

from typing import Any

import numpy as np
from qdisc.errors import DataError
from scipy.stats import rankdata


def auc(scores: Any, labels: Any, weights: Any = None) -> float:
    """Area under the ROC curve: P(s_in > s_out) + P(s_in = s_out) / 2 (Mann-Whitney).

    Args:
        scores: One number per row, (rows,).
        labels: True (or 1) for rows of the class that should score higher, (rows,).
        weights: How often each row was seen, (rows,); once when left out.

    Returns:
        0..1; 1/2 when all scores are equal.

    Raises:
        DataError: Scores that are not finite, shapes that differ, or one class without weight.
    """
    s, y, w = _rows(scores, labels, weights)
    _, place = np.unique(s, return_inverse=True)
    inside = np.bincount(place, w * y)
    outside = np.bincount(place, w * ~y)
    below = np.cumsum(outside) - outside  # weight of the other class that scores strictly less
    return float(inside @ (below + outside / 2) / (inside.sum() * outside.sum()))


def spearman(a: Any, b: Any) -> float:
    """Rank correlation of two lists; equal values share their mean rank.

    Returns:
        -1..1, or NaN when one list is constant: it then has no ranking to compare.

    Raises:
        DataError: Not two lists of the same length of at least two finite numbers.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or a.size < 2:
        raise DataError("two lists of the same length, at least two values each",
                        where="spearman", value=f"shapes {a.shape} and {b.shape}")  # fmt: skip
    _finite(a, "a")
    _finite(b, "b")
    ranks_a, ranks_b = rankdata(a) - (a.size + 1) / 2, rankdata(b) - (b.size + 1) / 2
    size = np.sqrt((ranks_a @ ranks_a) * (ranks_b @ ranks_b))
    return float(ranks_a @ ranks_b / size) if size > 0 else float("nan")


def balanced_accuracy(
    scores: Any, labels: Any, threshold: float = 0.0, weights: Any = None
) -> float:
    """Mean over both classes of the share on the right side of a threshold.

    Rows exactly at the threshold count one half. Arguments and errors as in `auc`.
    """
    s, y, w = _rows(scores, labels, weights)
    above = (s > threshold) + 0.5 * (s == threshold)
    right_in = (w * y) @ above / (w * y).sum()
    right_out = (w * ~y) @ (1 - above) / (w * ~y).sum()
    return float((right_in + right_out) / 2)


def best_threshold(scores: Any, labels: Any, weights: Any = None) -> float:
    """Threshold, halfway between two neighbouring scores, with the best balanced accuracy."""
    s, y, w = _rows(scores, labels, weights)
    values, place = np.unique(s, return_inverse=True)
    inside, outside = np.bincount(place, w * y), np.bincount(place, w * ~y)
    # a cut behind value k leaves the first k + 1 values below
    gain = np.cumsum(outside) / outside.sum() - np.cumsum(inside) / inside.sum()
    k = int(np.argmax(gain[:-1])) if values.size > 1 else 0
    return float(values[k : k + 2].mean())


def _rows(scores: Any, labels: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
    w = np.ones(s.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if s.ndim != 1 or s.shape != y.shape or s.shape != w.shape:
        raise DataError("one label, and one weight, per score", where="scores",
                        value=f"shapes {s.shape}, {y.shape}, {w.shape}")  # fmt: skip
    _finite(s, "scores")
    seen = w > 0
    s, y, w = s[seen], y[seen], w[seen]
    if not y.any() or y.all():
        raise DataError(
            "a score needs rows of both classes", where="labels",
            value=f"{int(y.sum())} inside, {int((~y).sum())} outside",
        )  # fmt: skip
    return s, y, w


def _finite(values: np.ndarray, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError("a score is not finite", where=f"{name}[{bad[0]}]",
                        value=float(values[bad[0]]))  # fmt: skip
