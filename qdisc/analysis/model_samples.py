"""Snapshots drawn from the trained model at every point of the sweep."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np

from qdisc._typing import Key
from qdisc.analysis.latent import LatentTable
from qdisc.analysis.model import Model
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.unique import deduplicate
from qdisc.errors import ConfigError

_BUDGET = 4_000_000  # sites drawn in all: seconds for dense decoders, minutes for transformers


@dataclass(frozen=True, eq=False)
class ModelSweep:
    """Model samples of a whole sweep, stored like a dataset.

    Attributes:
        configurations: Codes or values (V, columns).
        counts: How often each was drawn at each point (points x V); empty points have none.
        n_samples: Samples per point that has data.
    """

    configurations: np.ndarray
    counts: CountMatrix
    n_samples: int


def default_samples(dataset: Dataset) -> int:
    """Samples per point: as precise as the data at most, within a budget of drawn sites."""
    n_sites = dataset.n_sites
    cost = n_sites * max(1, n_sites // 32)  # attention makes late sites dearer
    affordable = _BUDGET // (dataset.n_points * cost)
    return int(max(32, min(1000, 4 * int(dataset.shots.max()), affordable)))


def sample_sweep(
    model: Model, dataset: Dataset, latent: LatentTable, n: int | None, key: Key
) -> ModelSweep:
    """Draw n snapshots at every point: x' from the point's shots, z ~ q(z|x'), x ~ p(x|z).

    This is the model's marginal at theta, q_theta(x) = E_{x'} E_{z|x'} p(x|z). All points share
    the device calls. Shadows are measured in the bases of x'.

    Args:
        model: The trained model.
        dataset: The data that x' are drawn from.
        latent: Its latent table.
        n: Samples per point; None for `default_samples`.
        key: Key of all draws.

    Raises:
        ConfigError: n is not a whole number >= 1.
        PluginError: The model cannot be sampled, or draws what the data cannot contain.
    """
    n = default_samples(dataset) if n is None else n
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ConfigError("n_samples is a whole number >= 1", where="n_samples", value=n)
    key_shot, key_noise, key_draw = jax.random.split(key, 3)
    point = np.repeat(np.flatnonzero(dataset.shots), n)
    row = _drawn_rows(dataset.counts, point, key_shot)
    if model.draws_latents:
        z = model.draw(dataset.configurations[row], key_noise)
    else:
        noise = np.asarray(jax.random.normal(key_noise, (row.size, latent.n_latents), np.float32))
        z = latent.to_model(latent.mu[row] + np.exp(0.5 * latent.logvar[row]) * noise)
    bases = dataset.configurations[row, 0::2] if dataset.data_type == "shadow" else None
    drawn = model.sample(z, key_draw, bases)
    unique = deduplicate(drawn, point, dataset.n_points) if drawn.dtype.kind == "u" else None
    if unique is None:
        shots = np.bincount(point, minlength=dataset.n_points)
        unique = drawn, CountMatrix.one_each(shots)
    configurations, counts = unique
    configurations.flags.writeable = False
    return ModelSweep(configurations, counts, int(n))


def _drawn_rows(counts: CountMatrix, point: np.ndarray, key: Key) -> np.ndarray:
    """Configuration of one shot per entry of `point`, drawn in proportion to the counts."""
    shots = counts.shots()
    shot = np.asarray(
        jax.random.randint(key, point.shape, 0, shots[point].astype(np.int32), np.int32)
    )
    ends = np.cumsum(counts.data, dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(shots, dtype=np.int64)])[point]
    return counts.indices[np.searchsorted(ends, first + shot, side="right")]
