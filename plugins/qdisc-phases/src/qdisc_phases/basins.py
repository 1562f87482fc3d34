"""Analysis `basins`: phases as basins of the landscape of change, parted by its ridges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, DataSpec, Provides, Variable
from sklearn.metrics import adjusted_rand_score

from qdisc_phases.labels import by_size, label_variable, probability_variable
from qdisc_phases.landscape import node_means
from qdisc_phases.partition import matched
from qdisc_phases.settings import Settings, settings_of
from qdisc_phases.watershed import Merges, grown, merges

LISTED = 6  # depths that are kept


class BasinsConfig(Config):
    """Options of `basins`.

    Attributes:
        n_phases: Number of phases; unset: as many as basins are deep enough.
        depth: Least height of the pass out of a basin over its floor, by at least one standard
            error over the bootstrap; a crossover has 1.
    """

    n_phases: int | None = None
    depth: float = 2.0

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        checks = (
            ("n_phases", self.n_phases is None or self.n_phases >= 1, "at least 1 phase"),
            ("depth", self.depth >= 1, "a ratio, at least 1"),
        )
        for name, ok, wanted in checks:
            if not ok:
                raise ConfigError("the value has no meaning", where=f"analyses.basins.{name}",
                                  value=getattr(self, name), hint=wanted)  # fmt: skip


@dataclass(frozen=True)
class _Land:
    """Settings with snapshots, numbered anew, and the distances between them."""

    settings: Settings
    index: np.ndarray
    edges: np.ndarray
    resolution: float

    def merges(self, distance: np.ndarray) -> Merges:
        height = node_means(distance, self.settings)[self.index]
        return merges(height + self.resolution, self.edges)

    def label(self, distance: np.ndarray, found: Merges, count: int) -> np.ndarray:
        steep = distance / self.settings.length**2
        return grown(found.floors(count), self.edges, steep, self.index.size)


class Basins:
    """Number of phases, and the phase of every setting, from the landscape of `boundaries`."""

    spec = AnalysisSpec(
        name="basins",
        summary="Phases as basins between the ridges of change of the snapshots.",
        citation="Cousty et al., IEEE Trans. Pattern Anal. Mach. Intell. 31, 1362 (2009)",
        needs=(
            "dataset", "analysis:boundaries/edge_distance", "analysis:boundaries/information",
            "analysis:boundaries/information_error",
        ),
        optional_needs=("analysis:clusters/label",),
        default=True,
        provides=(
            Provides("label", ("theta",), "int32", long_name="phase, 0 is the largest"),
            Provides("probability", ("theta", "basin"),
                     long_name="share of bootstrap replicates for each phase"),
            Provides("n_phases", (), "int32", long_name="number of phases"),
            Provides("depth", ("basin_merge",),
                     long_name="pass over floor of each basin but the lowest"),
            Provides("depth_error", ("basin_merge",), long_name="standard error of the depth"),
            Provides("stability", (), long_name="mean adjusted Rand index of the bootstrap"),
            Provides("agreement", (), optional=True,
                     long_name="adjusted Rand index with the labels of clusters"),
        ),
    )  # fmt: skip
    Config = BasinsConfig

    def applies(self, data_spec: DataSpec) -> str:
        """Basins need a sweep."""
        few = data_spec.n_points < 3
        return f"needs a sweep of 3 settings, the data have {data_spec.n_points}" if few else ""

    def run(self, ctx: Any, config: BasinsConfig, *, key: Any) -> Mapping[str, Variable]:
        """Flood, count, grow; no random numbers."""
        del key
        dataset, settings = ctx.dataset, settings_of(ctx.dataset)
        distance = ctx.analyses["boundaries"]["edge_distance"].data.astype(np.float64)
        index = np.flatnonzero(settings.occupied)
        place = np.cumsum(settings.occupied) - 1
        resolution = 1 / (4 * float(np.median(np.asarray(dataset.shots)[index])))
        land = _Land(settings, index, place[settings.edges], resolution)
        other = None
        if "clusters" in ctx.analyses:
            other = ctx.analyses["clusters"]["label"].data
        told = ctx.analyses["boundaries"]["information"].data
        doubt = ctx.analyses["boundaries"]["information_error"].data
        return _judge(dataset, land, distance, config, other, bool(told > 2 * doubt))


def _judge(
    dataset: Any, land: _Land, distance: np.ndarray, config: BasinsConfig, other: Any, tells: bool
) -> dict[str, Variable]:
    whole, each = land.merges(distance.mean(axis=0)), [land.merges(one) for one in distance]
    depth = _padded(whole.depth)
    error = np.std([_padded(one.depth) for one in each], axis=0, ddof=1)
    deep = depth - error > np.log(config.depth)
    count = 1 + int(np.argmin(deep)) if not deep.all() else 1 + deep.size
    if not tells:  # a landscape of noise
        count = 1
    if config.n_phases is not None:
        count = min(config.n_phases, 1 + whole.floor.size)
    label = land.label(distance.mean(axis=0), whole, count)
    votes = []
    for one, found in zip(distance, each, strict=True):
        again = land.label(one, found, min(count, 1 + found.floor.size))
        votes.append(np.eye(count)[np.argsort(matched(label, again, count))[again]])
    agreed = [adjusted_rand_score(label, vote.argmax(axis=1)) for vote in votes]
    label, probability = by_size(label, np.mean(votes, axis=0))
    stability = float(np.mean(agreed))
    over = np.full(land.settings.n_points, -1)
    over[land.index] = label
    shares = np.full((land.settings.n_points, count), np.nan)
    shares[land.index] = probability
    lines = _finding(label, count, np.exp(depth), np.exp(depth) * error, stability, config)
    out = {
        "probability": probability_variable(dataset, shares, "basin"),
        "n_phases": Variable(np.int32(count), ()),
        "depth": Variable(np.exp(depth).astype(np.float32), ("basin_merge",)),
        "depth_error": Variable((np.exp(depth) * error).astype(np.float32), ("basin_merge",)),
        "stability": Variable(np.float32(stability), ()),
    }
    if other is not None:
        theirs = np.asarray(other).reshape(-1)[land.index]
        agreement = float(adjusted_rand_score(theirs, label))
        out["agreement"] = Variable(np.float32(agreement), ())
        same = int(theirs.max()) + 1
        words = "confirms" if same == count else "contradicts"
        lines.append(f"{words} clusters, which finds {same}; labels agree to {agreement:.2f} "
                     "(adjusted Rand index)")  # fmt: skip
    return {"label": label_variable(dataset, over, count, lines), **out}


def _padded(depth: np.ndarray) -> np.ndarray:
    """The deepest ones, (LISTED,); 0 where there are fewer."""
    return np.concatenate([depth, np.zeros(LISTED)])[:LISTED]


def _finding(
    label: np.ndarray, count: int, depth: np.ndarray, error: np.ndarray, stability: float,
    config: BasinsConfig,
) -> list[str]:  # fmt: skip
    if count == 1:
        lines = ["one phase: no basin is parted from the others"]
    else:
        sizes = np.bincount(label, minlength=count)
        passes = ", ".join(f"{d:.2f} +- {e:.2f}" for d, e in zip(depth, error, strict=True)
                           if d > 1)  # fmt: skip
        lines = [
            f"{count} phases of {', '.join(map(str, sizes))} settings; "
            f"bootstrap labels agree to {stability:.2f} (adjusted Rand index)",
            f"passes over floors, deepest first: {passes}; {count - 1} of them count",
        ]
    if config.n_phases is not None:
        lines.append(f"{count} phases were asked for (analyses.basins.n_phases)")
    elif count == 1 and depth[0] > 1:
        lines.append(f"the deepest pass is {depth[0]:.2f} +- {error[0]:.2f} times its floor")
    return lines


basins = Basins()
