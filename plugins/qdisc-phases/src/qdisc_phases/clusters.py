"""Analysis `clusters`: phases as groups of settings whose latents are distributed alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, DataSpec, Provides, Variable
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from qdisc_phases.codebook import cells_of, n_cells, resampled, shares_of
from qdisc_phases.embedding import coordinates
from qdisc_phases.keys import rng_of
from qdisc_phases.labels import by_size, label_variable, probability_variable
from qdisc_phases.landscape import edge_distances, landscape, separations
from qdisc_phases.partition import Method, Partition, divide, matched
from qdisc_phases.settings import Settings, settings_of
from qdisc_phases.smoothing import Smoother, fit_smoother
from qdisc_phases.snapshots import Symmetrise, is_symmetric, mirrored

ACTIVE = 0.05  # nats of KL above which a latent says something about a snapshot
PIECE = 1 << 18  # snapshots that are encoded at once


class ClustersConfig(Config):
    """Options of `clusters`.

    Attributes:
        method: How settings are divided: `mixture` (Gaussians of one covariance), `kmeans`, or
            `agglomerative` (Ward's criterion, only neighbouring settings merge).
        n_phases: Number of phases; unset: the largest one that passes all three criteria.
        max_phases: Most phases to try.
        smoothness: Weight of smoothness over theta: the shot noise of the features times this is
            smoothed away. 0 leaves each setting on its own, above 1 is smoother than the noise
            asks for.
        symmetrise: Whether a snapshot and its mirror image count as the same: `always`, `never`,
            or `auto`, yes unless the odd part of the data follows theta as in a field.
        cells: Cells that the latent space is divided into; unset: one per 16 shots of a typical
            setting, 4 to 64.
        bootstraps: Bootstrap replicates of the shots.
        stability: Least mean adjusted Rand index between the labels and those of a replicate.
        separation: Least steepness of the flattest border over that of the phases beside it, by
            at least one standard error; a crossover has 1.
    """

    table: ClassVar[str] = "clusters"
    method: Method = "mixture"
    n_phases: int | None = None
    max_phases: int = 6
    smoothness: float = 1.0
    symmetrise: Symmetrise = "auto"
    cells: int | None = None
    bootstraps: int = 12
    stability: float = 0.8
    separation: float = 1.2

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        checks = (
            ("n_phases", self.n_phases is None or self.n_phases >= 1, "at least 1 phase"),
            ("max_phases", self.max_phases >= 1, "at least 1 phase"),
            ("smoothness", 0 <= self.smoothness < float("inf"), "a finite weight >= 0"),
            ("cells", self.cells is None or self.cells >= 2, "at least 2 cells"),
            ("bootstraps", self.bootstraps >= 2, "at least 2 replicates"),
        )
        for name, ok, wanted in checks:
            if not ok:
                raise ConfigError("the value has no meaning", where=f"analyses.{self.table}.{name}",
                                  value=getattr(self, name), hint=wanted)  # fmt: skip


@dataclass(frozen=True)
class _Geometry:
    """One replicate: how far apart settings are, and where that puts them."""

    height: np.ndarray
    x: np.ndarray


@dataclass(frozen=True)
class _Scores:
    """One number per K = 1, 2, ..."""

    partitions: list[Partition]
    bic: np.ndarray
    stability: np.ndarray
    separation: np.ndarray
    error: np.ndarray
    accepted: np.ndarray


class Clusters:
    """Number of phases, and the phase of every setting, from the distribution of the latents."""

    spec = AnalysisSpec(
        name="clusters",
        summary="Phases as clusters of settings by the distribution of their latents.",
        needs=("dataset", "latent", "model"),
        default=True,
        provides=(
            Provides("label", ("theta",), "int32", long_name="phase, 0 is the largest"),
            Provides("probability", ("theta", "cluster"), long_name="probability of each phase"),
            Provides("entropy", ("theta",), units="nat", long_name="entropy of the probabilities"),
            Provides("steepness", ("theta",),
                     long_name="squared Hellinger distance of the latents per step"),
            Provides("n_phases", (), "int32", long_name="number of phases"),
            Provides("n_clusters", ("n_clusters",), "int32", long_name="number of phases tried"),
            Provides("bic", ("n_clusters",), "float64",
                     long_name="Bayesian criterion, smaller is better"),
            Provides("stability", ("n_clusters",),
                     long_name="mean adjusted Rand index of the bootstrap"),
            Provides("separation", ("n_clusters",),
                     long_name="steepness of the flattest border over that of its phases"),
            Provides("separation_error", ("n_clusters",),
                     long_name="standard error of the separation"),
            Provides("accepted", ("n_clusters",), "uint8", long_name="whether all criteria hold"),
        ),
    )  # fmt: skip
    Config = ClustersConfig

    def applies(self, data_spec: DataSpec) -> str:
        """Phases need a sweep."""
        few = data_spec.n_points < 3
        return f"needs a sweep of 3 settings, the data have {data_spec.n_points}" if few else ""

    def run(self, ctx: Any, config: ClustersConfig, *, key: Any) -> Mapping[str, Variable]:
        """Measure, divide, judge."""
        # threads only stand in each other's way at these sizes
        with threadpool_limits(1):
            return find_clusters(ctx, config, key)


def find_clusters(ctx: Any, config: ClustersConfig, key: Any) -> dict[str, Variable]:
    """All outputs of `clusters` for a context with dataset, latent and model."""
    dataset, settings = ctx.dataset, settings_of(ctx.dataset)
    seed = int(rng_of(key).integers(2**31))
    shares = latent_shares(ctx, settings, config, seed)
    measured = np.flatnonzero(settings.occupied)
    shots = np.asarray(dataset.shots)
    smoother = fit_smoother(np.sqrt(shares[measured]), shots[measured], settings.scaled[measured],
                            weight=config.smoothness)  # fmt: skip
    most = max(1, min(config.n_phases or config.max_phases, measured.size // 2))

    def geometry(table: np.ndarray) -> _Geometry:
        smooth = np.full((len(table), max(1, len(smoother.axes))), np.nan)
        smooth[measured] = _smooth(smoother, np.sqrt(table[measured]))
        distance = edge_distances(smooth, settings)
        x = coordinates(distance * settings.length, settings, max(1, most - 1))
        return _Geometry(landscape(distance, settings), x[measured])

    rng = np.random.default_rng(seed)
    whole = geometry(shares)
    replicates = [geometry(resampled(shares, shots, rng)) for _ in range(config.bootstraps)]
    resolution = 1 / (4 * float(np.median(shots[measured])))
    flat = not len(smoother.axes)  # nothing above shot noise
    ks = range(1, 2 if flat else most + 1)
    scores = _score(whole, replicates, ks, settings, config, resolution, seed)
    count = min(config.n_phases or int(ks[np.flatnonzero(scores.accepted)[-1]]), len(ks))
    return _variables(dataset, settings, whole, replicates, scores, count, config, seed)


def _smooth(smoother: Smoother, features: np.ndarray) -> np.ndarray:
    return smoother(features) if len(smoother.axes) else np.zeros((len(features), 1))


def latent_shares(ctx: Any, settings: Settings, config: ClustersConfig, seed: int) -> np.ndarray:
    """Shares of the cells of latent space at each setting, (points, cells)."""
    dataset, latent = ctx.dataset, ctx.latent
    active = np.flatnonzero(latent.rate > ACTIVE)
    if not active.size:
        return np.ones((dataset.n_points, 1))
    values = [latent.mu[:, active]]
    if is_symmetric(dataset, settings, config.symmetrise):
        rows = dataset.configurations  # in slices: they may stay in their file
        other = np.concatenate([
            ctx.model.encode(mirrored(dataset, rows[start : start + PIECE]))[0]
            for start in range(0, len(rows), PIECE)
        ])  # fmt: skip
        values.append(latent.from_model(other)[:, active])
    count = config.cells or n_cells(np.asarray(dataset.shots))
    return shares_of(cells_of(values, dataset.weights, count, seed), dataset.counts)


def _score(
    whole: _Geometry, replicates: list[_Geometry], ks: range, settings: Settings,
    config: ClustersConfig, resolution: float, seed: int,
) -> _Scores:  # fmt: skip
    place = np.cumsum(settings.occupied) - 1
    edges = place[settings.edges]
    out = _Scores([], *(np.full(len(ks), np.nan) for _ in range(4)), np.zeros(len(ks), np.uint8))
    for n, k in enumerate(ks):
        found = divide(whole.x, k, config.method, seed, edges)
        found = Partition(*by_size(found.label, found.probability), found.bic)
        out.partitions.append(found)
        out.bic[n] = found.bic
        if k == 1:
            out.stability[n], out.accepted[n] = 1.0, 1
            continue
        again = [divide(r.x, k, config.method, seed + m, edges, 2).label
                 for m, r in enumerate(replicates)]  # fmt: skip
        out.stability[n] = np.mean([adjusted_rand_score(found.label, other) for other in again])
        if np.unique(found.label).size < k:
            continue  # a group came out empty
        label = np.full(settings.n_points, -1)
        label[settings.occupied] = found.label
        ratio = separations(whole.height, label, settings, resolution).ratio
        spread = np.log([separations(r.height, label, settings, resolution).ratio
                         for r in replicates]).std(axis=0, ddof=1)  # fmt: skip
        weakest = int(np.argmin(ratio))
        out.separation[n] = ratio[weakest]
        out.error[n] = ratio[weakest] * spread[weakest]
        out.accepted[n] = (
            found.bic < out.bic[0]
            and out.stability[n] >= config.stability
            and out.separation[n] - out.error[n] >= config.separation
        )
    return out


def _variables(
    dataset: Any, settings: Settings, whole: _Geometry, replicates: list[_Geometry],
    scores: _Scores, count: int, config: ClustersConfig, seed: int,
) -> dict[str, Variable]:  # fmt: skip
    best = scores.partitions[count - 1]
    place = np.cumsum(settings.occupied) - 1
    votes = [best.probability]
    for m, replicate in enumerate(replicates):
        other = divide(replicate.x, count, config.method, seed + m, place[settings.edges], 2)
        votes.append(other.probability[:, matched(best.label, other.label, count)])
    probability = np.full((settings.n_points, count), np.nan)
    probability[settings.occupied] = np.mean(votes, axis=0)
    safe = np.maximum(probability, np.finfo(np.float32).tiny)
    entropy = np.maximum(-(probability * np.log(safe)).sum(axis=1), 0.0)
    label = np.full(settings.n_points, -1)
    label[settings.occupied] = best.label
    dims = dataset.theta_dims

    def over_theta(values: np.ndarray, units: str = "1") -> Variable:
        return Variable(dataset.to_theta(values).astype(np.float32), dims, units)

    def over_k(values: np.ndarray, dtype: type = np.float32) -> Variable:
        return Variable(values.astype(dtype), ("n_clusters",))

    return {
        "label": label_variable(dataset, label, count, _finding(scores, best.label, count, config)),
        "probability": probability_variable(dataset, probability, "cluster"),
        "entropy": over_theta(entropy, "nat"),
        "steepness": over_theta(whole.height),
        "n_phases": Variable(np.int32(count), ()),
        "n_clusters": over_k(np.arange(1, len(scores.bic) + 1), np.int32),
        "bic": over_k(scores.bic, np.float64),
        "stability": over_k(scores.stability),
        "separation": over_k(scores.separation),
        "separation_error": over_k(scores.error),
        "accepted": over_k(scores.accepted, np.uint8),
    }


def _finding(scores: _Scores, label: np.ndarray, count: int, config: ClustersConfig) -> list[str]:
    """What the numbers say, in words."""
    if count == 1:
        lines = ["one phase: no border in the latents stands out"]
    else:
        sizes = np.bincount(label, minlength=count)
        n = count - 1
        lines = [
            f"{count} phases of {', '.join(map(str, sizes))} settings; "
            f"bootstrap labels agree to {scores.stability[n]:.2f} (adjusted Rand index)",
            f"weakest border {scores.separation[n]:.2f} +- {scores.error[n]:.2f} times as steep "
            "as its phases (a crossover: 1)",
        ]
    if config.n_phases is not None:
        lines.append(f"{count} phases were asked for (analyses.clusters.n_phases)")
    elif count < len(scores.bic):
        n = count
        reasons = []
        if not scores.separation[n] - scores.error[n] >= config.separation:
            reasons.append(f"a border is only {scores.separation[n]:.2f} times as steep")
        if not scores.stability[n] >= config.stability:
            reasons.append(f"bootstrap labels agree to {scores.stability[n]:.2f} only")
        if not scores.bic[n] < scores.bic[0]:
            reasons.append("BIC prefers one")
        lines.append(f"not {count + 1}: {', '.join(reasons)}")
    return lines


clusters = Clusters()
