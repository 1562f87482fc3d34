"""A tiny recipe, and a sweep of it that ran: two points, and one whose data are missing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.soak import RECIPE
from qdisc.cli.main import main
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import write_dataset

THREE = """
recipe = "recipe.toml"
[zip]
seed = [0, 1, 2]
data.path = ["line.h5", "line.h5", "later.h5"]
"""


def make(folder, epochs=3):
    """Recipe and data."""
    theta = np.linspace(0.1, 0.9, 5)
    drawn = np.random.default_rng(0).random((5, 40, 4)) < theta[:, None, None]
    write_dataset(Dataset(drawn.astype(np.uint8), [theta], "discrete"), folder / "line.h5")
    (folder / "recipe.toml").write_text(RECIPE.format(epochs=epochs))
    return folder


def write(folder, text, name="sweep.toml"):
    """A sweep file."""
    (folder / name).write_text(text)
    return folder / name


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """The sweep, its folder, and the exit code of `qdisc sweep --jobs 2`."""
    folder = make(tmp_path_factory.mktemp("sweep"))
    path = write(folder, THREE)
    code = main(["sweep", str(path), "-o", str(folder / "out"), "--jobs", "2"])
    return SimpleNamespace(folder=folder, path=path, out=folder / "out", code=code)


@pytest.fixture(scope="session")
def lab():
    return SimpleNamespace(make=make, write=write)
