"""Labels from a few numbers per setting: Gaussian mixtures, their number by BIC."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdisc.errors import ConfigError
from qdisc.plugin import Variable
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

STARTS = 5


@dataclass(frozen=True)
class Labels:
    """A labelling of the settings.

    Attributes:
        label: (points,) from the largest group to the smallest; -1 without snapshots.
        count: Number of groups.
        bic: (K,) of K = 1, 2, ... groups.
    """

    label: np.ndarray
    count: int
    bic: np.ndarray


def mixture_labels(features: np.ndarray, most: int, seed: int, wanted: int | None = None) -> Labels:
    """Divide settings by a Gaussian mixture with the number of components of the least BIC.

    Args:
        features: (points, F); rows with NaN have no snapshots. F = 0: nothing tells settings
            apart, and there is one group.
        most: Most components.
        seed: Fixes the starts.
        wanted: Number of components, if it is not left to BIC.
    """
    there = np.isfinite(features).all(axis=1)
    label = np.where(there, 0, -1)
    x = features[there]
    if not x.shape[1]:
        return Labels(label, 1, np.zeros(1))
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found = []
    for k in range(1, max(1, min(max(most, wanted or 1), len(x) // (x.shape[1] + 2))) + 1):
        model = GaussianMixture(k, n_init=STARTS if k > 1 else 1, reg_covar=1e-4, random_state=seed)
        with warnings.catch_warnings():  # a fit that still moves is judged like any other
            warnings.simplefilter("ignore", ConvergenceWarning)
            found.append((model.fit(x).bic(x), model.predict(x)))
    bic = np.array([score for score, _ in found])
    best = int(np.argmin(bic)) if wanted is None else min(wanted, len(found)) - 1
    label[there] = ordered(found[best][1])
    return Labels(label, int(label.max()) + 1, bic)


def ordered(label: np.ndarray) -> np.ndarray:
    """Number groups 0, 1, ... from the largest to the smallest; ties by their first setting."""
    names, first, group, size = np.unique(
        label, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(names.size, int)
    rank[np.lexsort((first, -size))] = np.arange(names.size)
    return rank[group]


def label_variable(dataset: Any, labels: Labels, finding: str) -> Variable:
    """Label of each setting, -1 where there are no snapshots."""
    attrs: dict[str, object] = {
        "flag_values": np.arange(labels.count, dtype=np.int32),
        "flag_meanings": " ".join(f"phase_{n}" for n in range(labels.count)),
        "finding": finding,
    }
    return Variable(dataset.to_theta(labels.label).astype(np.int32), dataset.theta_dims,
                    attrs=attrs)  # fmt: skip


def sizes(labels: Labels) -> str:
    """Number and sizes of the groups, in words."""
    if labels.count == 1:
        return "one phase"
    each = np.bincount(labels.label[labels.label >= 0], minlength=labels.count)
    return f"{labels.count} phases of {', '.join(map(str, each))} settings"


def check_counts(analysis: str, config: Any, *names: str) -> None:
    """Refuse options that count something and are below 1.

    Raises:
        ConfigError: One is; it is named.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ConfigError("the value has no meaning", where=f"analyses.{analysis}.{name}",
                              value=value, hint="at least 1")  # fmt: skip


def over_theta(dataset: Any, values: np.ndarray, *dims: str, units: str = "1") -> Variable:
    """A map (points, ...) as float32 over the axes of the sweep."""
    data = dataset.to_theta(values).astype(np.float32)
    return Variable(data, (*dataset.theta_dims, *dims), units)
