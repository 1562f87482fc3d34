"""What is chosen when nothing is said: models of bearable size, trainings of bearable length."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig, parse_recipe
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.pipeline.defaults import default_model, default_training
from qdisc.pipeline.recipe import as_tables, resolve
from qdisc.plugin.registry import Registry

REGISTRY = Registry()
SQUARES = {9: 3, 16: 4, 36: 6, 400: 20}


def some(lab, kind, n, lattice=False, local_dimension=2, shots=3):
    sites = None
    if lattice:
        side = range(SQUARES[n])
        sites = [(float(x), float(y)) for y in side for x in side]
    dimension = local_dimension if kind == "discrete" else 0
    rows = lab.rows(kind, (2, shots), n)
    return Dataset(rows, [[0.0, 1.0]], kind, local_dimension=dimension, sites=sites)


def parameters(module, dataset):
    x = jax.ShapeDtypeStruct((1, dataset.input_size), dataset.configurations.dtype)
    key = jax.random.key(0)
    shapes = jax.eval_shape(lambda x: module.init(key, jnp.asarray(x), key), x)["params"]
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize("n", [1, 2, 9, 36, 37, 400])
@pytest.mark.parametrize("kind", ["discrete", "continuous", "hybrid", "shadow"])
def test_no_default_model_has_more_than_5_million_parameters(lab, kind, n):
    for lattice in (False, True) if n in SQUARES else (False,):
        data = some(lab, kind, n, lattice)
        assert 50 < parameters(resolve(parse_recipe({}), data, REGISTRY).module, data) < 5_000_000


@pytest.mark.parametrize("dimension", [3, 12])
def test_nor_with_more_states_per_site(lab, dimension):
    data = some(lab, "discrete", 36, local_dimension=dimension)
    assert parameters(resolve(parse_recipe({}), data, REGISTRY).module, data) < 5_000_000


def test_the_model_follows_from_the_data(lab):
    assert default_model(some(lab, "discrete", 9).spec) == "cnn1d_arnn"
    assert default_model(some(lab, "discrete", 9, lattice=True).spec) == "cnn2d_arnn"
    assert default_model(some(lab, "continuous", 9).spec) == "cnn1d_arnn"
    assert default_model(some(lab, "discrete", 37).spec) == "transformer"
    assert default_model(some(lab, "shadow", 4).spec) == "transformer"
    assert default_model(some(lab, "hybrid", 4).spec) == "transformer"


def counted(points, shots, n):
    """A large sweep without large arrays: 64 strings, many times each."""
    rng = np.random.default_rng(0)
    codes = np.unique(rng.integers(0, 2, (64, n)), axis=0)
    data = np.full((points, len(codes)), shots // len(codes))
    where, row = np.nonzero(data)
    counts = CountMatrix.from_pairs(where, row, data[where, row], points, len(codes))
    theta = np.arange(float(points))[:, None]
    return Dataset.from_configurations(codes, counts, theta, data_type="discrete")


@pytest.mark.parametrize(
    "data",
    [lambda lab: counted(500, 512, 12), lambda lab: counted(100, 64, 150),
     lambda lab: some(lab, "discrete", 4), lambda lab: some(lab, "continuous", 60, shots=500),
     lambda lab: some(lab, "hybrid", 400), lambda lab: some(lab, "shadow", 9, shots=5000)],
)  # fmt: skip
def test_default_trainings_make_sense(lab, data):
    data = data(lab)
    chosen = default_training(data, default_model(data.spec))
    config = TrainConfig(**chosen)
    steps = config.epochs * -(-data.n_snapshots // config.batch_size)
    assert 1 <= config.batch_size <= min(data.n_snapshots, 5000)
    assert 2 <= config.epochs <= 1000
    assert 2 <= steps <= 10_000
    assert config.dtype == "float32"
    assert config.alpha is None


def test_total_correlation_has_weight_only_where_it_is_exact(lab):
    """Steps over all configurations measure it; batches of snapshots that do not repeat do not."""
    repeating, single = counted(500, 512, 12), some(lab, "continuous", 60, shots=500)
    assert default_training(repeating, "cnn1d_arnn")["gamma"] == 5
    assert default_training(single, "cnn1d_arnn")["gamma"] == 0


def test_what_is_said_wins_over_the_defaults(lab):
    recipe = parse_recipe({"train": {"epochs": 7, "beta": 0.9}, "model": {"latent_dim": 3}})
    settings = resolve(recipe, some(lab, "discrete", 4), REGISTRY)
    assert settings.train.epochs == 7
    assert settings.train.beta == 0.9
    assert settings.model_config.latent_dim == 3
    assert settings.objective == "elbo"
    tables = as_tables(recipe, settings, {"path": "a.h5"})
    again = resolve(parse_recipe(tables), some(lab, "discrete", 4), REGISTRY)
    assert again.train == settings.train
    assert again.model_config == settings.model_config
    assert as_tables(parse_recipe(tables), again, {"path": "a.h5"}) == tables
