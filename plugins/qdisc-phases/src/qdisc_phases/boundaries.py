"""Analysis `boundaries`: where the distribution of the snapshots changes fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, DataSpec, Provides, Variable
from threadpoolctl import threadpool_limits

from qdisc_phases.descent import DRAWN, FULL, Sizes
from qdisc_phases.kept import latent_fisher, log_densities
from qdisc_phases.keys import rng_of
from qdisc_phases.landscape import node_means
from qdisc_phases.link import Link, fit_link
from qdisc_phases.ridge import Ridge, find_ridge
from qdisc_phases.settings import Settings, settings_of
from qdisc_phases.snapshots import Symmetrise, Table, is_symmetric, mirrored, table_of

LATENT_REPLICATES = 4  # links that the information kept by the latents is averaged over


class BoundariesConfig(Config):
    """Options of `boundaries`.

    Attributes:
        replicates: Bootstrap replicates of the shots; a link is fitted to each.
        prominence: Least Fisher information on a ridge over that of the higher of the two passes
            that lead away from it, along the axis.
        symmetrise: Whether a snapshot and its mirror image count as the same: `always`, `never`,
            or `auto`, yes unless the odd part of the data follows theta as in a field.
        components: Statistics s(x) of the exponential family.
        width: Units of the hidden layers; unset: 32, and 64 where snapshots do not repeat.
        steps: Steps of the fit; unset: 300 of L-BFGS, and 800 of Adam where snapshots do not
            repeat.
    """

    replicates: int = 8
    prominence: float = 1.5
    symmetrise: Symmetrise = "auto"
    components: int = 8
    width: int | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        checks = (
            ("replicates", self.replicates >= 2, "at least 2 replicates"),
            ("prominence", self.prominence >= 1, "a ratio, at least 1"),
            ("components", self.components >= 1, "at least 1"),
            ("width", self.width is None or self.width >= 1, "at least 1"),
            ("steps", self.steps is None or self.steps >= 1, "at least 1"),
        )
        for name, ok, wanted in checks:
            if not ok:
                raise ConfigError("the value has no meaning", where=f"analyses.boundaries.{name}",
                                  value=getattr(self, name), hint=wanted)  # fmt: skip


class Boundaries:
    """Classical Fisher information of the snapshots about each coupling, and its ridges."""

    spec = AnalysisSpec(
        name="boundaries",
        summary="Boundaries: where the distribution of the snapshots changes fastest.",
        citation="Arnold, Lode et al., arXiv:2311.10710 (Fisher information of indicators)",
        needs=("dataset",),
        optional_needs=("model",),
        default=True,
        provides=(
            Provides("distance", ("theta",),
                     long_name="Hellinger distance of the snapshots per step"),
            Provides("distance_error", ("theta",), long_name="standard error of the distance"),
            Provides("kept", ("theta",), optional=True,
                     long_name="share of the Fisher information that the latents keep"),
            Provides("on_ridge", ("theta",), "int32", long_name="coupling whose ridge runs here"),
            Provides("coupling", ("coupling",), "int32", long_name="axis of theta"),
            Provides("step", ("coupling",), "float64", long_name="typical step of each coupling"),
            Provides("fisher", ("theta", "coupling"),
                     long_name="Fisher information of one snapshot, per squared unit of theta"),
            Provides("fisher_error", ("theta", "coupling"),
                     long_name="standard error of the Fisher information"),
            Provides("fisher_latent", ("theta", "coupling"), optional=True,
                     long_name="Fisher information of the latents of one snapshot"),
            Provides("ridge", ("boundary_crest", "coupling"), "float64", optional=True,
                     long_name="points of the ridges"),
            Provides("ridge_axis", ("boundary_crest",), "int32", optional=True,
                     long_name="coupling along which this is a maximum"),
            Provides("ridge_error", ("boundary_crest",), "float64", optional=True,
                     long_name="standard error along that coupling"),
            Provides("ridge_fisher", ("boundary_crest",), "float64", optional=True,
                     long_name="Fisher information about that coupling"),
            Provides("ridge_prominence", ("boundary_crest",), "float64", optional=True,
                     long_name="over the higher of the two passes"),
            Provides("information", (), "float64", units="nat",
                     long_name="what a held-out snapshot tells about theta, at least"),
            Provides("information_error", (), "float64", units="nat",
                     long_name="its standard deviation over replicates"),
            Provides("edge", ("boundary_edge", "boundary_end"), "int32",
                     long_name="neighbouring settings, in the order of theta"),
            Provides("edge_distance", ("boundary_replicate", "boundary_edge"),
                     long_name="squared Hellinger distance over each edge"),
        ),
    )  # fmt: skip
    Config = BoundariesConfig

    def applies(self, data_spec: DataSpec) -> str:
        """Boundaries need a sweep."""
        few = data_spec.n_points < 3
        return f"needs a sweep of 3 settings, the data have {data_spec.n_points}" if few else ""

    def run(self, ctx: Any, config: BoundariesConfig, *, key: Any) -> Mapping[str, Variable]:
        """Fit the links, and look at them from above."""
        with threadpool_limits(1):
            return _run(ctx, config, key)


def _run(ctx: Any, config: BoundariesConfig, key: Any) -> dict[str, Variable]:
    dataset, settings = ctx.dataset, settings_of(ctx.dataset)
    symmetric = is_symmetric(dataset, settings, config.symmetrise)
    table = table_of(dataset, symmetric)
    key_fit, key_latent = jax.random.split(key)
    link = fit_link(
        table, settings.theta, replicates=config.replicates, key=key_fit,
        sizes=_sizes(config, len(table.rows)),
    )  # fmt: skip
    fisher = link.fisher(settings.theta)
    distance = link.distances(settings.theta, settings.edges)
    # what the shots of one setting cannot see is no ridge
    resolution = 1 / (4 * float(np.median(dataset.shots[settings.occupied])))
    ridge = find_ridge(link.fisher, settings, dataset, prominence=config.prominence,
                       least=4 * resolution / settings.step**2)  # fmt: skip
    if not _tells(link):  # it has learnt noise
        ridge = ridge.none()
    latent = None
    if ctx.model is not None:
        latent = _latent(ctx.model, dataset, settings, table, link, config, key_latent)
    return _variables(dataset, settings, link, fisher, distance, ridge, latent)


def _tells(link: Link) -> bool:
    """Whether held-out snapshots tell anything about the setting."""
    return bool(link.information.mean() > 2 * link.information.std(ddof=1))


def _sizes(config: BoundariesConfig, rows: int) -> Sizes:
    usual = Sizes() if rows <= FULL else DRAWN
    return usual._replace(
        components=config.components, width=config.width or usual.width,
        steps=config.steps or usual.steps,
    )  # fmt: skip


def _latent(
    model: Any, dataset: Any, settings: Settings, table: Table, link: Link,
    config: BoundariesConfig, key: Any,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Fisher information of the latents and of the snapshots, (points, k) each.

    Where snapshots repeat, the sums over them are complete. Elsewhere every snapshot has latents
    of its own and would be known by them: there, a second link says what can be learned from the
    latents.
    """
    images = [table.samples]
    if table.mirror is not None:
        images.append(mirrored(dataset, table.samples))
    posteriors = [model.encode(image) for image in images]
    if dataset.deduplicated and link.rows.size == len(table.rows):
        rng, pairs = rng_of(key), []
        log_q, total = log_densities(posteriors, np.exp(link.log_weight), rng)
        for r in range(min(link.replicates, LATENT_REPLICATES)):
            p, score = link.curve(r, settings.theta)
            whole = (p[:, None] * score**2).sum(axis=-1)
            pairs.append((latent_fisher(p, score, log_q, total), whole))
        return tuple(np.mean(pairs, axis=0))
    key_draw, key_fit = jax.random.split(key)
    noise = rng_of(key_draw).normal(size=posteriors[0][0].shape)
    drawn = [np.float32(mean + np.exp(0.5 * logvar) * noise) for mean, logvar in posteriors]
    seen = table._replace(rows=drawn[0], mirror=drawn[1] if len(drawn) > 1 else None)
    other = fit_link(
        seen, settings.theta, replicates=min(link.replicates, LATENT_REPLICATES), key=key_fit,
        sizes=_sizes(config, len(table.rows)),
    )  # fmt: skip
    return other.fisher(settings.theta).mean(axis=0), link.fisher(settings.theta).mean(axis=0)


def _variables(
    dataset: Any, settings: Settings, link: Link, fisher: np.ndarray, distance: np.ndarray,
    ridge: Ridge, latent: tuple[np.ndarray, np.ndarray] | None,
) -> dict[str, Variable]:  # fmt: skip
    dims, empty = dataset.theta_dims, ~settings.occupied

    def over_theta(values: np.ndarray, *more: str, **attrs: object) -> Variable:
        kept = np.where(empty.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values)
        return Variable(dataset.to_theta(kept).astype(np.float32), (*dims, *more), attrs=attrs)

    height = np.sqrt([node_means(one, settings) for one in distance])
    names = dataset.theta_names
    axis = {"flag_values": np.arange(len(names), dtype=np.int32), "flag_meanings": _words(names)}
    flags = {"flag_values": np.arange(len(names) + 1, dtype=np.int32),
             "flag_meanings": _words(("no", *names))}  # fmt: skip
    kept = None if latent is None or not _tells(link) else _kept(latent, settings)
    out = {
        "distance": over_theta(
            height.mean(axis=0), finding="\n".join(_finding(dataset, settings, link, ridge, kept))
        ),
        "distance_error": over_theta(height.std(axis=0, ddof=1)),
        "on_ridge": Variable(
            dataset.to_theta(_on_ridge(ridge, settings)).astype(np.int32), dims, attrs=flags
        ),
        "coupling": Variable(np.arange(len(names), dtype=np.int32), ("coupling",), attrs=axis),
        "step": Variable(settings.step, ("coupling",)),
        "fisher": over_theta(fisher.mean(axis=0), "coupling"),
        "fisher_error": over_theta(fisher.std(axis=0, ddof=1), "coupling"),
        "information": Variable(np.float64(link.information.mean()), (), "nat"),
        "information_error": Variable(np.float64(link.information.std(ddof=1)), (), "nat"),
        "edge": Variable(settings.edges.astype(np.int32), ("boundary_edge", "boundary_end")),
        "edge_distance": Variable(
            distance.astype(np.float32), ("boundary_replicate", "boundary_edge")
        ),
    }
    if kept is not None:
        out["kept"] = over_theta(kept)
    if latent is not None:
        out["fisher_latent"] = over_theta(latent[0], "coupling")
    if ridge.axis.size:
        out["ridge"] = Variable(ridge.theta, ("boundary_crest", "coupling"))
        out["ridge_axis"] = Variable(ridge.axis, ("boundary_crest",), attrs=axis)
        out["ridge_error"] = Variable(ridge.error, ("boundary_crest",))
        out["ridge_fisher"] = Variable(ridge.height, ("boundary_crest",))
        out["ridge_prominence"] = Variable(ridge.prominence, ("boundary_crest",))
    return out


def _words(names: tuple[str, ...]) -> str:
    return " ".join("_".join(name.split()) or "_" for name in names)


def _kept(latent: tuple[np.ndarray, np.ndarray], settings: Settings) -> np.ndarray:
    """Ratio of the traces, in steps; the whole sweep's one where nothing changes."""
    mine, whole = ((part * settings.step**2).sum(axis=1) for part in latent)
    return np.clip(mine / np.maximum(whole, 1e-3 * whole.max(initial=1e-30)), 0, None)


def _on_ridge(ridge: Ridge, settings: Settings) -> np.ndarray:
    """0, or 1 + the axis of the highest ridge (in steps) whose point is nearest to a setting."""
    out = np.zeros(settings.n_points, int)
    order = np.argsort(ridge.height * settings.step[ridge.axis] ** 2)
    where = np.flatnonzero(settings.occupied)
    for n in order:
        away = ((settings.scaled[where] - ridge.theta[n] / settings.step) ** 2).sum(axis=1)
        out[where[np.argmin(away)]] = ridge.axis[n] + 1
    return out


def _finding(
    dataset: Any, settings: Settings, link: Link, ridge: Ridge, kept: np.ndarray | None
) -> list[str]:
    told, doubt = link.information.mean(), link.information.std(ddof=1)
    lines = [f"a snapshot tells {told:.3f} +- {doubt:.3f} nat about the setting"]
    if not _tells(link):
        lines[0] += ": nothing beyond noise"
        return [*lines, "no ridge is believed"]
    for axis, name in enumerate(dataset.theta_names):
        mine = np.flatnonzero(ridge.axis == axis)
        if not mine.size:
            continue
        at, error = ridge.theta[mine, axis], ridge.error[mine]
        if len(dataset.theta_names) == 1:
            places = ", ".join(f"{a:.3g} +- {e:.1g}" for a, e in zip(at, error, strict=True))
            lines.append(f"ridge in {name} at {places}")
        else:
            steps = np.median(error) / settings.step[axis]
            lines.append(f"ridge along {name}: {mine.size} points, {at.min():.3g} .. "
                         f"{at.max():.3g}, error {steps:.2g} steps")  # fmt: skip
    if not ridge.axis.size:
        lines.append("no ridge stands out")
    if kept is not None:
        inside = kept[settings.occupied]
        lines.append(f"the latents keep {np.median(inside):.0%} of the Fisher information "
                     f"(median; least {inside.min():.0%})")  # fmt: skip
    return lines


boundaries = Boundaries()
