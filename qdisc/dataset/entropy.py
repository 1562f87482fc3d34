"""How many nats a snapshot holds: what a reconstruction loss must be read beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc.dataset.dataset import Dataset


@dataclass(frozen=True)
class Entropies:
    """Plug-in entropies of a dataset, in nats per snapshot.

    Attributes:
        x: H(x) of all snapshots together.
        x_given_theta: H(x|theta), the mean over settings weighted by their shots.
    """

    x: float
    x_given_theta: float


def plug_in_entropies(dataset: Dataset) -> Entropies | None:
    """Entropies of the observed frequencies, H = -sum f ln f; None unless snapshots repeat.

    The plug-in estimate is too small when there are few shots per configuration (by about
    (observed configurations - 1) / (2 shots), Miller 1955), so H(x|theta) is a lower estimate.
    Where snapshots do not repeat it would only be the logarithm of their number.
    """
    if not dataset.deduplicated or dataset.data_type not in ("discrete", "shadow"):
        return None
    counts = dataset.counts
    total = dataset.n_snapshots
    weights = dataset.weights[dataset.weights > 0] / total
    shots = dataset.shots[counts.point_of_entry()]
    share = counts.data / total
    conditional = -np.sum(share * np.log(counts.data / shots))
    return Entropies(float(-np.sum(weights * np.log(weights))), float(conditional))
