"""How probable a trained model finds snapshots that it never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc._typing import Key
from qdisc.analysis.model import Model
from qdisc.dataset.dataset import Dataset
from qdisc.errors import TrainingError

ROWS = 1024  # different snapshots at most, so that an evidence costs no more than some steps


@dataclass(frozen=True)
class HeldOut:
    """Importance-weighted evidence of held-out snapshots.

    Attributes:
        log_evidence: Mean log p(x) per snapshot, nats; a lower bound on average, tighter with more
            samples.
        std_error: Standard error of the mean over snapshots.
        ess: Mean effective number of samples behind one snapshot.
        n_samples: Samples per snapshot.
        n_snapshots: Snapshots that were evaluated.
    """

    log_evidence: float
    std_error: float
    ess: float
    n_samples: int
    n_snapshots: int


def held_out_evidence(model: Model, dataset: Dataset, n_samples: int, key: Key) -> HeldOut | None:
    """Evaluate the model on snapshots kept out of training.

    Every different snapshot is evaluated once and weighed with its counts; of many, 1024 are
    drawn in proportion to them.

    Args:
        model: The trained model.
        dataset: The held-out snapshots.
        n_samples: Samples per snapshot; 0 for none.
        key: Key of rows and samples.

    Returns:
        The evidence, or None where the model cannot tell or no sample is asked for.

    Raises:
        TrainingError: A log probability is not finite.
    """
    if n_samples == 0 or not model.has_evidence:
        return None
    weights = dataset.weights.astype(np.float64)
    used = np.flatnonzero(weights)
    if used.size > ROWS:
        ends = np.cumsum(weights)
        marks = (np.arange(ROWS) + 0.5) * ends[-1] / ROWS
        used, counts = np.unique(np.searchsorted(ends, marks, side="right"), return_counts=True)
        weights = counts.astype(np.float64)
    else:
        weights = weights[used]
    log_p, ess = model.evidence(dataset.configurations[used], key, n_samples)
    if not np.isfinite(log_p).all():
        row = int(used[np.flatnonzero(~np.isfinite(log_p))[0]])
        raise TrainingError(
            "the evidence of a held-out snapshot is not finite", where=f"configuration {row}",
            value=dataset.configurations[row].tolist(),
            hint="train longer, or with smaller steps of the path",
        )  # fmt: skip
    total = weights.sum()
    mean = float(weights @ log_p / total)
    variance = float(weights @ (log_p - mean) ** 2 / total)
    return HeldOut(
        mean, float(np.sqrt(variance / total)), float(weights @ ess / total), n_samples, int(total)
    )
