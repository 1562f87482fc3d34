"""A run on samples that stay in their file is the run on those in memory."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import write_dataset
from qdisc.errors import ConfigError
from qdisc.pipeline import run
from qdisc.results.validate import validate

RECIPE = """
[data]
path = "data.h5"
stream = {stream}
[model]
name = "factor"
[train]
epochs = 2
batch_size = 30
learning_rate = 0.01
gamma = 0.0
validation_fraction = 0.2
evidence_samples = 4
[observables]
run = ["magnetisation", "two_point"]
[analyses]
run = ["latent_map", "reconstruction", "clusters"]
[analyses.reconstruction]
n_samples = 4
"""


def numbers(group):
    return {
        f"{name}/{key}": variable.data
        for name, part in group.groups.items()
        for key, variable in part.variables.items()
    }


def test_every_number_is_that_of_a_run_in_memory(lab, tmp_path):
    """Training, evidence, maps, observables, clusters: one pass over slices each."""
    rng = np.random.default_rng(1)
    theta = np.linspace(0, 1, 4)
    rows = rng.normal(theta[:, None, None], 1, (4, 60, 4))
    write_dataset(Dataset(rows, [theta], "continuous"), tmp_path / "data.h5")
    trees = []
    for stream in ("true", "false"):
        recipe = tmp_path / f"{stream}.toml"
        recipe.write_text(RECIPE.format(stream=stream), encoding="utf-8")
        result = run(recipe, tmp_path / f"{stream}.h5", registry=lab.registry())
        assert result.exit_code == 0, [result.status(name) for name in result.analyses]
        assert [f for f in validate(result.path) if f.severity == "ERROR"] == []
        trees.append(result.tree())
    assert "stream = true" in trees[0].groups["dataset"].attrs["config"]
    assert trees[0].groups["dataset"].attrs["sha256"] == trees[1].groups["dataset"].attrs["sha256"]
    for name in ("training", "dataset"):
        mine, theirs = (tree.groups[name].variables for tree in trees)
        for key in theirs:
            assert np.array_equal(mine[key].data, theirs[key].data, equal_nan=True), key
    for name in ("analyses", "observables"):
        mine, theirs = (numbers(tree.groups[name]) for tree in trees)
        assert mine.keys() == theirs.keys() and mine
        for key in theirs:
            assert np.allclose(mine[key], theirs[key], 1e-5, 1e-6, equal_nan=True), key
    for key in ("log_evidence", "evidence_ess"):
        mine, theirs = (tree.groups["training"].attrs[key] for tree in trees)
        assert mine == pytest.approx(theirs, rel=1e-6)


def test_a_word_that_is_none_is_refused(tmp_path):
    write_dataset(Dataset(np.zeros((1, 4, 2)), [[0.0]], "continuous"), tmp_path / "data.h5")
    with pytest.raises(ConfigError, match=r"data \(qdisc_hdf5\).stream"):
        run(tmp_path / "data.h5", overrides={"data.stream": "yes"})
    with pytest.raises(ConfigError, match="at least 1 MB"):
        run(tmp_path / "data.h5", overrides={"data.buffer_mb": 0})
