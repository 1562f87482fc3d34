"""Imperfect readout: channels P(observed | true) of single sites, applied to snapshots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc._typing import ArrayLike, FloatArray, Key
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, DataError


@dataclass(frozen=True)
class Channel:
    """P(observed code | true code) of every site, independent of the other sites.

    Attributes:
        matrix: (true, observed), or (sites, true, observed); rows sum to 1. There may be more
            observed codes than true ones (a lost atom as a third code).
    """

    matrix: FloatArray

    def __post_init__(self) -> None:
        """Refuse what is no conditional distribution."""
        matrix = np.array(self.matrix, dtype=np.float64)
        shaped = matrix.ndim in (2, 3) and matrix.size and matrix.shape[-1] >= matrix.shape[-2]
        if not shaped:
            raise ConfigError(
                "a readout channel has one row per true and one column per observed code",
                where="readout",
                value=matrix.shape,
            )
        bad = (~np.isfinite(matrix) | (matrix < 0)).any(-1) | (abs(matrix.sum(-1) - 1) > 1e-9)
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ConfigError(
                "P(observed | true) is a distribution over observed codes",
                where=f"readout, true code {where[-1]}",
                value=matrix[where].tolist(),
                hint="numbers >= 0 that sum to 1",
            )
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)

    @property
    def n_true(self) -> int:
        """Number of true codes."""
        return self.matrix.shape[-2]

    @property
    def n_observed(self) -> int:
        """Number of observed codes."""
        return self.matrix.shape[-1]

    def then(self, other: Channel) -> Channel:
        """This channel, and then another one."""
        if self.n_observed != other.n_true:
            raise ConfigError(
                "the second channel knows another number of codes", where="readout",
                value=(self.n_observed, other.n_true),
            )  # fmt: skip
        return Channel(self.matrix @ other.matrix)

    def unbiased(self, values: ArrayLike) -> FloatArray:
        """Value of each observed code, so that its average is that of the true codes.

        f solves sum_y C(y | x) f(y) = v(x). The product of f over different sites has the same
        average over measured snapshots as the product of v over true ones, with larger errors:
        for flips with a and b, f = v(0), v(1) stretched by 1 / (1 - a - b).

        Args:
            values: v, one value per true code; (-1, 1) for spins.

        Returns:
            f, (observed,) or (sites, observed), in the units of `values`.

        Raises:
            ConfigError: Not one value per code, or the channel keeps no information.
        """
        v = np.asarray(values, dtype=np.float64)
        if v.shape != (self.n_true,):
            raise ConfigError("one value per true code", where="values", value=v.shape)
        f = np.linalg.pinv(self.matrix) @ v
        back = np.einsum("...xy,...y->...x", self.matrix, f)
        if not np.allclose(back, v, atol=1e-9 * max(1.0, abs(v).max())):
            raise ConfigError(
                "the channel cannot be inverted: two codes are read out alike", where="readout",
                value=self.matrix.tolist(),
            )  # fmt: skip
        return f


def bit_flip(p_0_to_1: ArrayLike, p_1_to_0: ArrayLike) -> Channel:
    """Codes 0 and 1 are mistaken for each other.

    Args:
        p_0_to_1: P(1 | 0), a number or one per site.
        p_1_to_0: P(0 | 1), likewise.
    """
    a, b = np.broadcast_arrays(np.asarray(p_0_to_1, float), np.asarray(p_1_to_0, float))
    return Channel(np.stack([np.stack([1 - a, a], -1), np.stack([b, 1 - b], -1)], -2))


def atom_loss(probability: ArrayLike, lost_as: int = 2) -> Channel:
    """Atoms are lost before the image is taken.

    Args:
        probability: Of the loss of an atom, a number or one per site.
        lost_as: Code of an empty site: 2, a code of its own; or 1, where an empty site and a
            Rydberg atom look alike (dark in the image).
    """
    if lost_as not in (0, 1, 2):
        raise ConfigError("an empty site is read as code 0, 1 or 2", where="lost_as", value=lost_as)
    p = np.asarray(probability, dtype=np.float64)[..., None, None]
    kept, lost = np.eye(2, max(2, lost_as + 1)), np.zeros((2, max(2, lost_as + 1)))
    lost[:, lost_as] = 1
    return Channel((1 - p) * kept + p * lost)


def read_out(codes: ArrayLike, channel: Channel, key: Key | int) -> np.ndarray:
    """Observed codes of true ones, each site on its own.

    Args:
        codes: True codes, (shots, sites).
        channel: P(observed | true).
        key: `jax.random.key`, legacy `PRNGKey`, or a whole number used as seed.

    Returns:
        (shots, sites) uint8.

    Raises:
        DataError: A code that the channel does not know, or another number of sites.
    """
    true = np.asarray(codes)
    if true.ndim != 2 or true.dtype.kind not in "iu":
        raise DataError("codes form whole numbers (shots, sites)", where="codes", value=true.shape)
    if true.size and not (true.min() >= 0 and true.max() < channel.n_true):
        raise DataError(
            "the readout channel does not know this code", where="codes",
            value=int(true.max()), hint=f"codes 0..{channel.n_true - 1}",
        )  # fmt: skip
    n = true.shape[1]
    if channel.matrix.ndim == 3 and len(channel.matrix) != n:
        raise DataError(
            "one readout matrix per site", where="readout",
            value=f"{len(channel.matrix)} matrices, {n} sites",
        )  # fmt: skip
    rows = np.broadcast_to(channel.matrix, (n, channel.n_true, channel.n_observed))
    limits = np.cumsum(rows, axis=-1)[np.arange(n), true]
    limits[..., -1] = 1.0  # sums that fall short of 1 by rounding
    return (generator(key).random(true.shape)[..., None] >= limits).sum(-1).astype(np.uint8)


def with_readout(dataset: Dataset, channel: Channel, key: Key | int) -> Dataset:
    """The dataset as an imperfect detector would have seen it.

    Discrete data, the outcomes of shadows and the discrete half of hybrid data pass the channel,
    every shot on its own; shots stay at their setting.

    Args:
        dataset: True snapshots.
        channel: P(observed | true).
        key: As in `read_out`.

    Raises:
        DataError: Continuous data, or codes that the channel does not know.
    """
    kind = dataset.data_type
    if kind == "continuous" or (kind in ("shadow", "hybrid") and channel.n_observed != 2):
        raise DataError(
            f"this readout channel does not apply to {kind} data", where="readout",
            value=channel.matrix.shape, hint="discrete data, or two codes",
        )  # fmt: skip
    samples = np.array(dataset.samples)
    columns = {"shadow": slice(1, None, 2), "hybrid": slice(dataset.n_sites)}
    at = columns.get(kind, slice(None))
    samples[:, at] = read_out(samples[:, at].astype(np.int64), channel, key)
    states = dataset.local_states
    if states is not None and channel.n_observed > states.size:  # a lost atom has no local value
        extra = states.max() + 1 + np.arange(channel.n_observed - states.size)
        states = np.concatenate([states, extra])
    return Dataset.from_points(
        samples, dataset.point, dataset.theta, data_type=kind, theta_names=dataset.theta_names,
        theta_units=dataset.theta_units, sites=dataset.sites, periodic=dataset.periodic,
        local_states=states if kind != "shadow" else None, name=dataset.name,
        source={**dataset.source, "readout": np.array2string(channel.matrix, precision=6)},
    )  # fmt: skip
