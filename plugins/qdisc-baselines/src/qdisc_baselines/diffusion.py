"""Analysis `diffusion_map`: settings as places of a random walk between alike distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc._typing import Key
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, DataSpec, Provides, Variable
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from qdisc_baselines.features import columns
from qdisc_baselines.mixtures import (
    Labels,
    check_counts,
    label_variable,
    ordered,
    over_theta,
    sizes,
)


class DiffusionConfig(Config):
    """Options of `diffusion_map`.

    Attributes:
        coordinates: Diffusion coordinates that are mapped.
        n_phases: Number of phases; unset: where the gap of the eigenvalues is largest.
        max_phases: Most phases to consider.
        configurations: Most different snapshots in the kernel; of more, this many are drawn.
        width: Width of the snapshot kernel, in root-mean-square distances between snapshots. A
            narrow kernel asks whether snapshots are the same, a wide one compares their means.
        near: Share of the pairs of settings that lie within one step of the walk.
    """

    coordinates: int = 4
    n_phases: int | None = None
    max_phases: int = 8
    configurations: int = 3000
    width: float = 0.3
    near: float = 1 / 3

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        counted = ("coordinates", "n_phases", "max_phases", "configurations")
        check_counts("diffusion_map", self, *counted)
        for name, ok, hint in (
            ("width", self.width > 0, "a positive number"),
            ("near", 0 < self.near < 1, "a share between 0 and 1"),
        ):
            if not ok:
                raise ConfigError(
                    "the value has no meaning", where=f"analyses.diffusion_map.{name}",
                    value=getattr(self, name), hint=hint,
                )  # fmt: skip


class DiffusionMap:
    """Kernel means of the snapshots, a random walk between settings, its slowest coordinates."""

    spec = AnalysisSpec(
        name="diffusion_map",
        summary="Diffusion map of the settings, phases by the gap of its eigenvalues.",
        citation="J. F. Rodriguez-Nieva and M. S. Scheurer, Nat. Phys. 15, 790 (2019)",
        needs=("dataset",),
        provides=(
            Provides("label", ("theta",), "int32", long_name="phase, 0 is the largest"),
            Provides("n_phases", (), "int32", long_name="number of phases"),
            Provides("coordinate", ("theta", "diffusion_coordinate"),
                     long_name="diffusion coordinate"),
            Provides("eigenvalue", ("diffusion_eigenvalue",), "float64",
                     long_name="eigenvalue of the random walk, the first is 1"),
        ),
    )  # fmt: skip
    Config = DiffusionConfig

    def applies(self, data_spec: DataSpec) -> str:
        """A walk needs places."""
        few = data_spec.n_points < 3
        return f"needs a sweep of 3 settings, the data have {data_spec.n_points}" if few else ""

    def run(self, ctx: Any, config: DiffusionConfig, *, key: Key) -> Mapping[str, Variable]:
        """Distances between distributions, the walk, its eigenvectors."""
        dataset, rng = ctx.dataset, generator(key)
        with threadpool_limits(1):
            return _run(dataset, config, rng)


def _run(dataset: Any, config: DiffusionConfig, rng: np.random.Generator) -> dict[str, Variable]:
    rows, counts = drawn_counts(dataset, config.configurations, rng)
    shots = counts.sum(axis=1)
    there = shots >= 2
    distance, noise = kernel_distances(columns(dataset, rows), counts[there], config.width)
    n = int(there.sum())
    eigenvalue, vectors = walk(distance, noise, config.near)
    most = min(max(config.max_phases, config.n_phases or 1), n - 1)
    gaps = eigenvalue[:most] - eigenvalue[1 : most + 1]
    count = int(np.argmax(gaps)) + 1 if config.n_phases is None else min(config.n_phases, n - 1)
    label = np.full(dataset.n_points, -1)
    coordinates = np.full((dataset.n_points, config.coordinates), np.nan)
    have = min(config.coordinates, n - 1)
    coordinates[np.flatnonzero(there), :have] = (eigenvalue * vectors)[:, 1 : have + 1]
    if count == 1:
        label[there] = 0
    else:
        seed = int(rng.integers(2**31))
        found = KMeans(count, n_init=10, random_state=seed).fit_predict(vectors[:, 1:count])
        label[there] = ordered(found)
    labels = Labels(label, count, gaps)
    shown = np.zeros(config.max_phases + 1)
    shown[: min(shown.size, n)] = eigenvalue[: shown.size]
    words = f"{sizes(labels)}; largest gap of the eigenvalues {gaps.max():.2f}"
    return {
        "label": label_variable(dataset, labels, words),
        "n_phases": Variable(np.int32(count), ()),
        "coordinate": over_theta(dataset, coordinates, "diffusion_coordinate"),
        "eigenvalue": Variable(shown, ("diffusion_eigenvalue",)),
    }


def drawn_counts(
    dataset: Any, most: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Configurations (n, columns) and dense counts (points, n), of at most `most` of them.

    When there are more, equally many shots are drawn from every setting.
    """
    counts = dataset.counts
    if counts.n_configurations > most:
        each = max(2, most // max(1, dataset.n_points))
        entries, drawn = [], []
        for p in range(dataset.n_points):
            own = np.arange(counts.indptr[p], counts.indptr[p + 1])
            total = int(counts.data[own].sum()) if own.size else 0
            if total:
                took = rng.multivariate_hypergeometric(counts.data[own], min(each, total))
                entries.append(own[took > 0])
                drawn.append(took[took > 0])
        entry, count = np.concatenate(entries), np.concatenate(drawn)
    else:
        entry, count = np.arange(counts.data.size), counts.data
    used, column = np.unique(counts.indices[entry], return_inverse=True)
    dense = np.zeros((dataset.n_points, used.size))
    np.add.at(dense, (counts.point_of_entry()[entry], column.reshape(-1)), count)
    return dataset.configurations[used], dense


def kernel_distances(x: np.ndarray, counts: np.ndarray, width: float) -> tuple[np.ndarray, float]:
    """Squared distances between kernel means, unbiased, and their shot noise.

    k(x, y) = exp(-|x - y|^2 / (2 width^2 m)), m the mean of |x - y|^2 over the data. The squared
    maximum mean discrepancy of settings a and b is <k>_aa + <k>_bb - 2 <k>_ab; a shot is never
    compared with itself (Gretton et al., J. Mach. Learn. Res. 13, 723, 2012).

    Args:
        x: (n, F) numbers of the configurations.
        counts: (P, n) shots, at least 2 in each row.
        width: Width of the kernel.

    Returns:
        (P, P), which may be slightly negative, and the standard error of a typical entry between
        equal distributions.
    """
    square = cdist(x, x, "sqeuclidean")
    weight = counts.sum(axis=0) / counts.sum()
    mean = float(weight @ square @ weight)
    kernel = np.exp(-square / (2 * width**2 * mean if mean > 0 else 1.0))
    shots = counts.sum(axis=1)
    share = counts / shots[:, None]
    between = share @ kernel @ share.T
    own = np.diag(between)
    own = (shots * own - 1) / (shots - 1)
    distance = own[:, None] + own[None, :] - 2 * between
    np.fill_diagonal(distance, 0.0)
    # variance of the centred kernel under the pooled distribution: that of the null hypothesis
    row = kernel @ weight
    centred = kernel - row[:, None] - row[None, :] + weight @ row
    spread = float(np.sqrt(max(weight @ centred**2 @ weight, 0.0)))
    return distance, 2 * spread / float(np.median(shots))


def walk(distance: np.ndarray, noise: float, near: float = 1 / 3) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (P,) and right eigenvectors (P, P) of a random walk between settings.

    Steps have probability ~ exp(-distance / scale), with the density taken out (alpha = 1, Coifman
    and Lafon, Appl. Comput. Harmon. Anal. 21, 5, 2006). The scale is the quantile `near` of all
    distances, and never below 4 times the noise.
    """
    pairs = distance[np.triu_indices(len(distance), 1)]
    scale = max(float(np.quantile(pairs, near)), 4 * noise, 1e-12)
    weight = np.exp(-np.maximum(distance, 0.0) / scale)
    density = weight.sum(axis=1)
    weight = weight / np.outer(density, density)
    root = np.sqrt(weight.sum(axis=1))
    value, vector = np.linalg.eigh(weight / np.outer(root, root))
    value, vector = value[::-1], vector[:, ::-1] / root[:, None]
    vector = vector / np.sqrt((vector**2).mean(axis=0))
    largest = np.abs(vector).argmax(axis=0)
    return value, vector * np.sign(vector[largest, np.arange(len(value))])


diffusion_map = DiffusionMap()
