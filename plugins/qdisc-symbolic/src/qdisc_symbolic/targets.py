"""Which settings a formula should tell from which: from phases, explicit labels, or a region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from qdisc.config import Config
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError, nearest

PLACES = 24  # more pairs of phases than this and only "one against the rest" is looked at


class TargetConfig(Config):
    """What formulas are searched for.

    Attributes:
        labels: Phase of every setting in the order of `Dataset.theta`, -1 leaves a setting out;
            unset: `label` of the analysis clusters.
        region: Instead of labels, {theta name: [lowest, highest]}: settings inside all of these
            bounds against all others.
        inside: Phases that the formula should score high; unset: every phase against the rest, and
            every pair of phases.
        outside: Phases to tell them from; unset: all others.
        certainty: Least membership probability of a setting whose phase clusters found. Beside a
            boundary labels are often wrong, and a formula that is right would be scored down for
            it: settings below are neither learnt from nor scored. 0 leaves none out.
    """

    labels: list[int] | None = None
    region: dict[str, tuple[float, float]] | None = None
    inside: list[int] | None = None
    outside: list[int] | None = None
    certainty: float = 0.9


@dataclass(frozen=True)
class Target:
    """Two groups of settings.

    Attributes:
        name: Such as "1|0": phase 1 against phase 0, or "1|rest".
        inside: (points,) mask.
        outside: (points,) mask.
    """

    name: str
    inside: np.ndarray
    outside: np.ndarray


def targets_of(ctx: Any, config: TargetConfig, where: str) -> tuple[list[Target], list[str]]:
    """All targets of a run, and what there is to say about its settings.

    Args:
        ctx: Context with `dataset` and, where it ran, the analysis clusters.
        config: What to search for.
        where: Name of the analysis, for messages.

    Raises:
        ConfigError: No phases, labels that do not fit, or phases that do not exist.
        DataError: A single phase: there is nothing to tell apart.
    """
    label = _labels(ctx, config, where)
    label = np.where(np.asarray(ctx.dataset.shots) > 0, label, -1)
    label, words = _certain(ctx, config, label)
    known = np.unique(label[label >= 0]).tolist()
    if len(known) < 2:
        raise DataError(
            "a formula needs two phases to tell apart", where=where, value=f"phases {known}",
            hint="set labels, region or another clustering",
        )  # fmt: skip
    if config.inside is None:
        if config.outside is not None:
            raise ConfigError("outside needs inside", where=f"analyses.{where}.outside",
                              value=config.outside)  # fmt: skip
        chosen = [([k], [m for m in known if m != k]) for k in known] if len(known) > 2 else []
        pairs = list(combinations(known, 2))
        chosen += [([b], [a]) for a, b in pairs] if len(pairs) <= PLACES else []
    else:
        outside = config.outside
        rest = [k for k in known if k not in config.inside] if outside is None else outside
        chosen = [(config.inside, rest)]
    for group in chosen:
        for side in group:
            if not side or not set(side) <= set(known):
                raise ConfigError("no such phase", where=f"analyses.{where}.inside", value=side,
                                  hint=f"known: {known}")  # fmt: skip
        if set(group[0]) & set(group[1]):
            raise ConfigError("a phase is inside and outside", where=f"analyses.{where}.outside",
                              value=group[1])  # fmt: skip
    return [Target(_name(a, b, known), np.isin(label, a), np.isin(label, b))
            for a, b in chosen], words  # fmt: skip


def _name(inside: list[int], outside: list[int], known: list[int]) -> str:
    whole = len(known) > 2 and len(inside) + len(outside) == len(known)
    left = "+".join(map(str, inside))
    return f"{left}|" + ("rest" if whole else "+".join(map(str, outside)))


def _labels(ctx: Any, config: TargetConfig, where: str) -> np.ndarray:
    dataset: Dataset = ctx.dataset
    if config.labels is not None and config.region is not None:
        raise ConfigError("labels or a region, not both", where=f"analyses.{where}.region",
                          value=dict(config.region))  # fmt: skip
    if config.labels is not None:
        label = np.asarray(config.labels)
        if label.shape != (dataset.n_points,):
            raise ConfigError(
                "one label per setting", where=f"analyses.{where}.labels",
                value=f"{label.size} labels", hint=f"{dataset.n_points} settings",
            )  # fmt: skip
        return label
    if config.region is not None:
        return _within(dataset, config.region, where).astype(int)
    if "clusters" in ctx.analyses:
        return np.asarray(ctx.analyses["clusters"]["label"].data).reshape(-1)
    raise ConfigError(
        "there are no phases to tell apart", where=f"analyses.{where}", value=None,
        hint="run clusters too (plugin qdisc-phases), or set labels or region",
    )  # fmt: skip


def _certain(ctx: Any, config: TargetConfig, label: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Labels of clusters without those of uncertain settings; a phase keeps at least one."""
    own = config.labels is not None or config.region is not None
    found = {} if own or "clusters" not in ctx.analyses else ctx.analyses["clusters"]
    if "probability" not in found:
        return label, []
    table = np.asarray(found["probability"].data).reshape(label.size, -1)
    sure = table.max(axis=1)  # NaN without snapshots
    out = np.where(sure >= config.certainty, label, -1)
    for phase in np.setdiff1d(label[label >= 0], out):
        mine = label == phase
        out[mine & (sure == sure[mine].max())] = phase
    lost = int(((label >= 0) & (out < 0)).sum())
    if not lost:
        return out, []
    words = f"{lost} of {(label >= 0).sum()} settings are left out: their phase is uncertain"
    return out, [f"{words} (probability below {config.certainty:g})"]


def _within(dataset: Dataset, region: Mapping[str, Any], where: str) -> np.ndarray:
    inside = np.ones(dataset.n_points, dtype=bool)
    for name, (low, high) in region.items():
        if name not in dataset.theta_names:
            raise ConfigError("no such theta", where=f"analyses.{where}.region", value=name,
                              hint=nearest(name, dataset.theta_names))  # fmt: skip
        values = dataset.theta[:, dataset.theta_names.index(name)]
        inside &= (values >= low) & (values <= high)
    return inside
