"""Labels and probabilities over theta as variables of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qdisc.plugin import Variable


def by_size(label: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number groups from the largest to the smallest; ties by their first row."""
    count = probability.shape[1]
    size = np.bincount(label, minlength=count)
    first = [int(np.argmax(label == g)) if size[g] else label.size for g in range(count)]
    order = np.lexsort((first, -size))
    rank = np.empty(count, int)
    rank[order] = np.arange(count)
    return rank[label], probability[:, order]


def label_variable(
    dataset: Any, label: np.ndarray, count: int, finding: Sequence[str] = ()
) -> Variable:
    """Label of each setting, -1 where there are no snapshots.

    Args:
        dataset: The data.
        label: (points,).
        count: Number of labels.
        finding: Lines for the summary of the run.
    """
    attrs: dict[str, object] = {
        "flag_values": np.arange(count, dtype=np.int32),
        "flag_meanings": " ".join(f"phase_{n}" for n in range(count)),
    }
    if finding:
        attrs["finding"] = "\n".join(finding)
    return Variable(dataset.to_theta(label).astype(np.int32), dataset.theta_dims, attrs=attrs)


def probability_variable(dataset: Any, probability: np.ndarray, dim: str) -> Variable:
    """Probability of each label at each setting; NaN where there are no snapshots."""
    values = dataset.to_theta(probability).astype(np.float32)
    return Variable(values, (*dataset.theta_dims, dim))
