"""What several divisions of the same settings agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_rand_score

from qdisc_phases.partition import matched

ROUNDS = 20  # of the vote; two or three are enough


@dataclass(frozen=True)
class Consensus:
    """The majority's division, and what each member says in its words.

    Attributes:
        label: (n,) phase of each setting, 0 is the largest.
        count: Number of phases K: the one that most members find, the smaller one of two.
        members: (m, n) labels of the members, numbered like `label`; groups that match no phase
            of the consensus are K, K + 1, ...
        order: One array per member: order[g] is the member's group that is g in `members`.
        agreement: (n,) share of the members that say what the consensus says.
        rand: (m,) adjusted Rand index of each member with the consensus.
    """

    label: np.ndarray
    count: int
    members: np.ndarray
    order: list[np.ndarray]
    agreement: np.ndarray
    rand: np.ndarray


def consensus(labels: Sequence[np.ndarray]) -> Consensus:
    """Vote on the phase of each setting.

    Groups have no names, so every member's are matched to those of the consensus such that most
    settings agree (Hungarian algorithm). The vote begins with the member that is most like the
    others among those with K phases, and goes on until it no longer changes; a tie goes to the
    phase that the setting has already.

    Args:
        labels: For each member (n,), numbered from 0 without gaps.
    """
    counts = np.array([int(label.max(initial=0)) + 1 for label in labels])
    count = int(np.bincount(counts).argmax())
    most = int(counts.max())
    able = np.flatnonzero(counts == count)
    alike = [np.mean([adjusted_rand_score(labels[m], other) for other in labels]) for m in able]
    label = labels[able[int(np.argmax(alike))]]
    members, order = _aligned(labels, label, most)
    for _ in range(ROUNDS):
        votes = (members[:, :, None] == np.arange(count)).sum(axis=0) + 0.5 * np.eye(most)[label][
            :, :count
        ]
        new = votes.argmax(axis=1)
        if np.array_equal(new, label):
            break
        label = new
        members, order = _aligned(labels, label, most)
    rank = _rank(label, count, most)
    label, members = rank[label], rank[members]
    order = [one[np.argsort(rank)] for one in order]
    return Consensus(
        label, count, members, order, (members == label).mean(axis=0),
        np.array([adjusted_rand_score(label, one) for one in labels]),
    )  # fmt: skip


def _aligned(
    labels: Sequence[np.ndarray], label: np.ndarray, most: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    order = [matched(label, one, most) for one in labels]
    members = [np.argsort(o)[one] for o, one in zip(order, labels, strict=True)]
    return np.stack(members), order


def _rank(label: np.ndarray, count: int, most: int) -> np.ndarray:
    """New number of each group: phases by size, the others keep theirs behind them."""
    size = np.bincount(label, minlength=count)
    rank = np.arange(most)
    rank[np.argsort(-size, kind="stable")] = np.arange(count)
    return rank
