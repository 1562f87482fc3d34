"""J1-J2 snapshots with the latents of five trained models, and null controls made from them."""

from __future__ import annotations

from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qdisc.analysis.model import Model
from qdisc.analysis.runner import run
from qdisc.config import Selection
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import load
from qdisc.physics.catalogue import find_dataset
from qdisc.plugin import Registry
from threadpoolctl import threadpool_limits

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # threads only stand in each other's way at this size
        yield


class LookUp(nn.Module):
    """A trained encoder as a table: latents of every string of bits (first site: highest bit)."""

    mu: tuple
    logvar: tuple

    def encode(self, batch):
        place = 2 ** jnp.arange(batch.shape[1] - 1, -1, -1)
        index = (batch.astype(jnp.int32) * place).sum(axis=1)
        return jnp.asarray(self.mu)[index], jnp.asarray(self.logvar)[index]

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, jnp.zeros((*batch.shape, 2))


@pytest.fixture(scope="session")
def j1j2():
    """The shipped snapshots of the demo, 21 x 20 settings of (J2, h)."""
    return load(find_dataset("j1j2_3x3").data)


@pytest.fixture(scope="session")
def trained(j1j2):
    """seed -> model of that seed of the demo, for any dataset of nine spins."""
    saved = np.load(DATA / "j1j2_latents.npz")
    index = j1j2.configurations.astype(int) @ (1 << np.arange(8, -1, -1))

    def model(seed, dataset=j1j2):
        tables = []
        for name in ("mu", "logvar"):
            table = np.zeros((512, 2), np.float32)
            table[index] = saved[f"{name}_{seed}"]
            tables.append(tuple(map(tuple, table.tolist())))
        return Model(LookUp(*tables), {"params": {}}, dataset.spec)

    return model


@pytest.fixture(scope="session")
def controls(j1j2):
    """Sweeps that hold one phase, with the configurations of the demo."""
    point, row = j1j2.counts.point_of_entry(), j1j2.counts.indices
    count, theta = j1j2.counts.data, j1j2.theta
    rng = np.random.default_rng(5)
    anywhere = rng.permutation(np.repeat(point, count))
    each = np.ones(anywhere.size, int)
    out = {"shuffled": dataset_of(j1j2, anywhere, np.repeat(row, count), each, theta)}
    out["polarised"] = settings_where(j1j2, theta[:, 1] > 1.45)
    x, y = (np.asarray(axis) for axis in j1j2.thetas)
    drift = np.add.outer(np.linspace(0, 0.5, x.size), np.linspace(0, 0.5, y.size)).reshape(-1, 1, 1)
    spins = j1j2.configurations[None]
    for name, up in (("noise", 0.5 + 0 * drift), ("drifting", 0.1 + 0.8 * drift)):
        p = np.prod(np.where(spins == 1, up, 1 - up), axis=-1)
        counts = rng.multinomial(1000, p / p.sum(axis=1, keepdims=True))
        point, row = np.nonzero(counts)
        out[name] = dataset_of(j1j2, point, row, counts[point, row], theta)
    return out


def dataset_of(like, point, row, count, theta):
    """Snapshots of `like` counted anew."""
    counts = CountMatrix.from_pairs(point, row, count, len(theta), len(like.configurations))
    return Dataset.from_configurations(
        like.configurations, counts, theta, data_type="discrete", theta_names=like.theta_names
    )


def settings_where(like, keep):
    """The settings of a dataset for which `keep` holds."""
    new = np.full(like.n_points, -1)
    new[keep] = np.arange(keep.sum())
    point = new[like.counts.point_of_entry()]
    inside = point >= 0
    return dataset_of(like, point[inside], like.counts.indices[inside], like.counts.data[inside],
                      like.theta[keep])  # fmt: skip


@pytest.fixture(scope="session")
def tools():
    """Functions that make datasets."""

    class Tools:
        of, where = staticmethod(dataset_of), staticmethod(settings_where)

    return Tools


@pytest.fixture(scope="session")
def analyse():
    """(plugins, dataset, model, key, options) -> variables of each plugin, by its name."""

    def go(plugins, dataset, model=None, key=0, **options):
        names = tuple(plugin.spec.name for plugin in plugins)
        outcomes = run(
            dataset, model, key=jax.random.key(key), strict=True,
            registry=Registry([("analysis", plugin) for plugin in plugins]),
            observables=Selection(run=()), analyses=Selection(run=names, options=options),
        )  # fmt: skip
        return {name: outcomes.analyses[name].variables for name in names}

    return go


# -- what exact diagonalisation says ------------------------------------------------------------

RIDGE = (  # h where the exact Fisher information about h is largest, for each J2 of the demo
    1.375, 1.275, 1.175, 1.125, 1.025, 0.925, 0.825, 0.675, 0.575, 0.425, 0.125, 0.375, 0.475,
    0.525, 0.625, 0.675, 0.725, 0.725, 0.775, 0.825, 0.875,
)  # fmt: skip


@pytest.fixture(scope="session")
def ridge():
    """h of the exact ridge for each J2."""
    return RIDGE


@pytest.fixture(scope="session")
def oracle(j1j2):
    """(phase of every setting, whether it is further than one cell from a boundary).

    Polarised above the ridge, else Neel for J2 < 0.75 and striped beyond (PHYSICS: at h = 0 the
    two meet at J2 = 0.75 exactly).
    """
    j2, h = j1j2.theta.T
    ridge = np.repeat(RIDGE, len(j1j2.thetas[1]))
    phase = np.where(h > ridge, 2, np.where(j2 < 0.75, 0, 1))
    clear = np.abs(h - ridge) > 0.1 + 1e-9
    clear &= ~((h < ridge) & (np.abs(j2 - 0.75) <= 0.075 + 1e-9))
    return phase, clear
