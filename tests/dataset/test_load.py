"""load(): one loader may claim a file; everything else is an error that lists the choices."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import write_dataset
from qdisc.dataset.load import load, load_with
from qdisc.dataset.loaders.npz import save_npz
from qdisc.errors import DataError, PluginError
from qdisc.plugin import Config, LoaderSpec, Registry

ODD = [[0, 1, 0, 0]]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "strings.txt"
    path.write_text("snapshot 0100\n")  # no installed loader takes this for its own
    return path


def _loader(name, guess=lambda path: True, load=None):
    """A loader plugin for words and bit strings, as a colleague writes one."""

    class TextLoader:
        spec = LoaderSpec(name=name, summary="bit strings, one per line")

        class Config(Config):
            theta: float = 0.0

        def guess(self, path):
            return guess(path)

        def load(self, path, config):
            if load is not None:
                return load(path, config)
            return Dataset.from_counts([{path.read_text().split()[-1]: 1}], [config.theta])

    return ("loader", TextLoader)


@pytest.mark.parametrize("write", [write_dataset, save_npz])
def test_the_built_in_loaders_are_found(odd_site, tmp_path, write, same):
    path = write(odd_site, tmp_path / "data.bin")  # the content decides, not the name
    ds = load(path)
    same(ds, odd_site)
    np.testing.assert_array_equal(ds.samples[:1], ODD)
    assert ds.source == {
        "loader": "qdisc_hdf5" if write is write_dataset else "npz",
        "path": "data.bin",  # never the folder
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def test_a_plugin_is_found_by_content(text):
    ds = load_with(Registry(extra=[_loader("strings")]), text, config={"theta": 2.5})
    assert ds.samples.tolist() == ODD and ds.theta.tolist() == [[2.5]]
    assert ds.source["loader"] == "strings"


def test_nobody_reads_it(text):
    with pytest.raises(DataError, match="no installed loader") as caught:
        load(text)
    message = str(caught.value)
    assert str(text) in message and "loader=..." in message
    assert "npz reads NumPy archives" in message and "qdisc_hdf5 reads qdisc dataset" in message


def test_several_read_it(text):
    registry = Registry(extra=[_loader("one"), _loader("two")])
    with pytest.raises(DataError, match="several loaders") as caught:
        load_with(registry, text)
    assert "one, two" in str(caught.value) and "loader='one'" in str(caught.value)
    assert load_with(registry, text, "two").source["loader"] == "two"


def _raise(error):
    def function(*_):
        raise error

    return function


def test_a_loader_that_fails_is_named(text):
    cause = KeyError("shots")
    registry = Registry(extra=[_loader("broken", load=_raise(cause))])
    with pytest.raises(DataError, match="the loader 'broken' failed: KeyError") as caught:
        load_with(registry, text)
    assert caught.value.__cause__ is cause and str(text) in str(caught.value)


def test_a_loader_s_own_error_gets_the_file(text):
    error = DataError("no atoms", where="shot 3", value=0, hint="rearrange")
    with pytest.raises(DataError, match="no atoms") as caught:
        load_with(Registry(extra=[_loader("atoms", load=_raise(error))]), text)
    assert f"where: {text}: shot 3\n  value: 0\n  try:   rearrange" in str(caught.value)


def test_a_loader_returns_a_dataset(text):
    registry = Registry(extra=[_loader("lists", load=lambda path, config: [1, 2])])
    with pytest.raises(PluginError, match="returns a Dataset") as caught:
        load_with(registry, text)
    assert "loader lists" in str(caught.value) and "'list'" in str(caught.value)


def test_a_guess_that_fails_hides_nobody(text):
    bad = _loader("bad", guess=_raise(ZeroDivisionError("oops")))
    assert load_with(Registry(extra=[bad, _loader("good")]), text).source["loader"] == "good"
    with pytest.raises(DataError, match="no installed loader") as caught:
        load_with(Registry(extra=[bad]), text)
    assert "bad failed to look at it: ZeroDivisionError: oops" in str(caught.value)


def test_a_damaged_file_of_a_known_kind_says_so(odd_site, tmp_path):
    path = write_dataset(odd_site, tmp_path / "data.h5")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match="truncated"):
        load(path)


def test_unknown_loader_and_option(text, odd_site, tmp_path):
    with pytest.raises(PluginError, match="no loader plugin") as caught:
        load(text, loader="nqz")
    assert "did you mean 'npz'?" in str(caught.value)


@pytest.mark.parametrize("loader", [None, "npz", "qdisc_hdf5"])
def test_files_that_are_none(tmp_path, loader):
    empty, folder = tmp_path / "empty.h5", tmp_path / "nothing"
    empty.write_bytes(b"")
    folder.mkdir()
    for path, match in (
        (folder, "a folder"), (tmp_path / "no.h5", "no such file"), (empty, "empty"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=match) as caught:
            load(path, loader=loader)
        assert str(path) in str(caught.value)


def test_a_named_loader_explains_itself(text):
    with pytest.raises(DataError, match="not an HDF5 file"):
        load(text, loader="qdisc_hdf5")
    with pytest.raises(DataError, match="not a NumPy archive"):
        load(text, loader="npz")
