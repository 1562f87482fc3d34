"""Analysis `comparison`: one table of what every method says about the phases.

Methods that label settings are compared by the adjusted Rand index of their labels. Methods that
give an indicator over theta are compared with every labelling by how far, in grid cells, the
largest value on a line lies from the nearest change of label on that line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc._typing import Key
from qdisc.plugin import AnalysisSpec, Config, Provides, Variable
from sklearn.metrics import adjusted_rand_score

from qdisc_baselines.confusion import lines_of

LABELS = ("clusters", "basins", "pca", "diffusion_map", "shadow_pca")
INDICATORS = {
    "boundaries": "fisher", "generative_fisher": "fisher", "confusion": "confusion",
    "intrinsic_dimension": "dimension",
}  # fmt: skip
SIGMAS = 3.0  # a maximum counts when it rises above the line's median by this many errors


class ComparisonConfig(Config):
    """No options."""


class Comparison:
    """Number of phases, agreement of labels, and distance of indicators from their borders."""

    spec = AnalysisSpec(
        name="comparison",
        summary="One table: the phases of the model's latents beside those of simpler methods.",
        needs=("dataset",),
        optional_needs=(
            *(f"analysis:{name}/label" for name in LABELS),
            *(f"analysis:{name}/{word}" for name, word in INDICATORS.items()),
            *(f"analysis:{name}/{word}_error" for name, word in INDICATORS.items()),
        ),
        provides=(
            Provides("n_methods", (), "int32", long_name="number of methods that are compared"),
            Provides("labelling", ("labelling",), "int32", optional=True,
                     long_name="method that labels"),
            Provides("n_phases", ("labelling",), "int32", optional=True,
                     long_name="number of phases"),
            Provides("agreement", ("labelling", "other_labelling"), optional=True,
                     long_name="adjusted Rand index of the labels of two methods"),
            Provides("indicator", ("indicator",), "int32", optional=True,
                     long_name="method with an indicator"),
            Provides("offset", ("indicator", "labelling"), optional=True,
                     long_name="mean distance of the indicator's maximum from the nearest "
                     "border of the labels on its line, in settings"),
            Provides("lines", ("indicator", "labelling"), "int32", optional=True,
                     long_name="lines of the sweep with a border and a clear maximum"),
        ),
    )  # fmt: skip
    Config = ComparisonConfig

    def run(self, ctx: Any, config: ComparisonConfig, *, key: Key) -> Mapping[str, Variable]:
        """Compare whatever there is."""
        dataset = ctx.dataset
        points = dataset.n_points
        labels = {n: ctx.analyses[n]["label"].data.reshape(points)
                  for n in LABELS if n in ctx.analyses and "label" in ctx.analyses[n]}  # fmt: skip
        maps = {n: _indicator(dataset, ctx.analyses[n], word) for n, word in INDICATORS.items()
                if n in ctx.analyses and word in ctx.analyses[n]}  # fmt: skip
        lines = lines_of(dataset)
        found = [[offset(values, errors, label, lines) for label in labels.values()]
                 for values, errors in maps.values()]  # fmt: skip
        pairs = np.array(found, float).reshape(len(maps), len(labels), 2)
        agreement = np.array([[_rand(a, b) for b in labels.values()] for a in labels.values()])
        counts = [int(label.max()) + 1 for label in labels.values()]
        words = {"finding": table(list(labels), counts, agreement, list(maps), pairs)}
        out = {"n_methods": Variable(np.int32(len(labels) + len(maps)), (), attrs=words)}
        if maps:
            out["indicator"] = _named(tuple(INDICATORS), maps, "indicator")
        if labels:
            square = ("labelling", "other_labelling")
            out["labelling"] = _named(LABELS, labels, "labelling")
            out["n_phases"] = Variable(np.array(counts, np.int32), square[:1])
            out["agreement"] = Variable(agreement.astype(np.float32), square)
        if labels and maps:
            dims = ("indicator", "labelling")
            out["offset"] = Variable(pairs[..., 0].astype(np.float32), dims)
            out["lines"] = Variable(pairs[..., 1].astype(np.int32), dims)
        return out


def _indicator(dataset: Any, found: Any, word: str) -> tuple[np.ndarray, np.ndarray]:
    """Values and errors (points, axes); a map without axes counts for each, as its slope."""
    values = np.asarray(found[word].data, float).reshape(dataset.n_points, -1)
    error = found[f"{word}_error"].data if f"{word}_error" in found else np.zeros_like(values)
    errors = np.asarray(error, float).reshape(values.shape)
    axes = len(dataset.theta_names)
    if values.shape[1] == axes and found[word].dims[-1] not in dataset.theta_dims:
        return values, errors
    # what changes fastest, not what is largest, marks a border of a map without a direction
    slopes, doubt = np.full((dataset.n_points, axes), np.nan), np.zeros((dataset.n_points, axes))
    for axis, line in lines_of(dataset):
        if line.size >= 3:
            slopes[line[1:-1], axis] = np.abs(values[line[2:], 0] - values[line[:-2], 0])
            doubt[line[1:-1], axis] = np.hypot(errors[line[2:], 0], errors[line[:-2], 0])
    return slopes, doubt


def offset(
    values: np.ndarray, errors: np.ndarray, label: np.ndarray, lines: list[tuple[int, np.ndarray]]
) -> tuple[float, int]:
    """Mean distance of the indicator's maximum on a line from the nearest change of label.

    Args:
        values: (points, axes).
        errors: (points, axes).
        label: (points,).
        lines: Axis and settings of each line.

    Returns:
        The mean in settings (a border lies halfway between two), NaN without a line that has both;
        and the number of lines.
    """
    found = []
    for axis, line in lines:
        height, own = values[line, axis], label[line]
        known = np.isfinite(height)
        borders = np.flatnonzero((own[1:] != own[:-1]) & (own[1:] >= 0) & (own[:-1] >= 0)) + 0.5
        if known.sum() < 3 or not borders.size:
            continue
        top = int(np.nanargmax(height))
        doubt = errors[line, axis][top]
        if height[top] - np.median(height[known]) > SIGMAS * (doubt if np.isfinite(doubt) else 0):
            found.append(np.abs(borders - top).min())
    return (float(np.mean(found)), len(found)) if found else (np.nan, 0)


def _rand(a: np.ndarray, b: np.ndarray) -> float:
    both = (a >= 0) & (b >= 0)
    return float(adjusted_rand_score(a[both], b[both])) if both.any() else np.nan


def _named(names: tuple[str, ...], present: Mapping[str, Any], dim: str) -> Variable:
    attrs = {"flag_values": np.arange(len(names), dtype=np.int32), "flag_meanings": " ".join(names)}
    index = np.array([names.index(name) for name in present], np.int32)
    return Variable(index, (dim,), attrs=attrs)


def table(
    labels: list[str], counts: list[int], agreement: np.ndarray, maps: list[str], pairs: np.ndarray
) -> str:
    """The comparison with the first labelling, the model's if it is there, a line per method."""
    if not labels:
        return "no method with labels has run"
    out = [f"{'method':<20}{'phases':>6}   agreement with {labels[0]}"]
    for row, (name, count) in enumerate(zip(labels, counts, strict=True)):
        out.append(f"{name:<20}{count:>6}   {agreement[row, 0]:.2f}")
    for name, (cells, lines) in zip(maps, pairs[:, 0], strict=True):
        words = f"{cells:.1f} settings from its border" if lines else "no clear maximum"
        out.append(f"{name:<20}{'-':>6}   {words}")
    return "\n".join(out)


comparison = Comparison()
