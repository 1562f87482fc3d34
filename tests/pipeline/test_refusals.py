"""What cannot work is refused before anything is trained or written."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import qdisc.pipeline.chain as chain_module
from qdisc.dataset.hdf5 import write_dataset
from qdisc.errors import ConfigError, DataError, PluginError, ResultError
from qdisc.pipeline import discover, open_result, run


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    """Training would be too late to find out."""

    def refuse(*args, **options):
        raise AssertionError("training began")

    monkeypatch.setattr(chain_module, "fit", refuse)


def refused(lab, error, match, tmp_path, overrides=None, **options):
    out = tmp_path / "out.h5"
    with pytest.raises(error, match=match) as caught:
        discover(
            options.pop("data", None) or lab.line(), 0, options.pop("out", out),
            registry=lab.registry(), **options, **(overrides or {}),
        )  # fmt: skip
    assert not out.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "match", "hint"),
    [
        ("train.epoch", 3, "unknown key 'epoch'", "did you mean 'epochs'?"),
        ("model.latent_dims", 3, "unknown key 'latent_dims'", "did you mean 'latent_dim'?"),
        ("trian.epochs", 3, "unknown table or key 'trian'", "did you mean 'train'?"),
        ("train.epochs", "many", "wrong type", "train.epochs"),
        ("train.epochs", -1, "train.epochs has no meaning", "zero or more"),
        ("train.beta", float("nan"), "train.beta has no meaning", "finite"),
        ("train.optimizer", "adem", "wrong type", "adem"),
        ("model.objective", "elbow", "unknown objective 'elbow'", "did you mean 'elbo'?"),
        ("model.objective", 3, "unknown objective 3", "elbo"),
        ("model.hvae.steps", 3, "objective that is not chosen", 'model.objective = "hvae"'),
        ("model.hvae", 3, "is a table", "model.hvae"),
        ("model.name", 7, "the name of a model is wanted", "7"),
        ("analyses.latent_mop.bins", 3, "latent_mop", "latent_map"),
        ("analyses.run", ["latent_mop"], "latent_mop", "latent_map"),
        ("analyses.reconstruction.n_sample", 3, "unknown key 'n_sample'", "n_samples"),
        ("observables.run", ["magnetization"], "magnetization", "magnetisation"),
        ("analyses.run", "latent_map", "a list of names is wanted", "analyses.run"),
        ("seed", -1, "whole number >= 0", "seed"),
        ("data.path", "other.h5", "discover takes its data from the Dataset", "qdisc.run"),
        ("train.patience", 3, "early stopping needs snapshots", "validation_fraction"),
    ],
)  # fmt: skip
def test_what_is_not_understood(lab, tmp_path, key, value, match, hint):
    if key == "seed":
        with pytest.raises(ConfigError, match=match):
            discover(lab.line(), value, tmp_path / "out.h5")
        return
    error = (ConfigError, PluginError)
    said = refused(lab, error, match, tmp_path, {key: value})
    assert hint in said
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_model(lab, tmp_path):
    said = refused(lab, PluginError, "no model plugin is called", tmp_path, {"model.name": "facto"})
    assert "did you mean 'factor'?" in said


def test_a_model_for_other_data(lab, tmp_path):
    changes = {"model.name": "cnn2d_arnn"}
    said = refused(lab, ConfigError, "sites|lattice|understand", tmp_path, changes)
    assert "where" in said


def test_a_seed_that_no_file_can_hold(lab, tmp_path):
    with pytest.raises(ConfigError, match="64 bit integer"):
        discover(lab.line(), 2**63, tmp_path / "out.h5")


def test_two_precisions_at_once(lab, tmp_path):
    changes = {"model.name": "cnn1d_arnn", "model.dtype": "float64"}
    said = refused(lab, ConfigError, "the training decides", tmp_path, changes)
    assert 'train.dtype = "float64"' in said


def test_what_is_no_dataset(tmp_path):
    with pytest.raises(ConfigError, match="discover takes a Dataset"):
        discover(np.zeros((2, 3)), 0, tmp_path / "out.h5")


def test_places_that_cannot_be_written(lab, tmp_path):
    missing = tmp_path / "no" / "out.h5"
    said = refused(lab, ResultError, "output folder does not exist", tmp_path, out=missing)
    assert "mkdir -p" in said
    assert not missing.parent.exists()
    refused(lab, ResultError, "a folder, a file is wanted", tmp_path, out=tmp_path)


def test_the_old_result_survives_a_refusal(lab, tmp_path):
    out = tmp_path / "out.h5"
    out.write_bytes(b"precious")
    with pytest.raises(ConfigError):
        discover(lab.line(), 0, out, **{"train.epoch": 3})
    assert out.read_bytes() == b"precious"


# -- files ----------------------------------------------------------------------------------------


def test_files_that_are_no_data(lab, tmp_path):
    for name, content, match in [
        ("none.h5", None, "there is no such file"),
        ("empty.h5", b"", "the file is empty"),
        ("noise.h5", b"\x00\x01\x02" * 100, "no installed loader recognises"),
        ("none.toml", None, "the recipe cannot be read"),
        ("bad.toml", b"[train\nepochs=", "the recipe is not TOML"),
        ("empty.toml", b"", "the recipe names no data"),
        ("other.toml", b'[data]\npath = "gone.h5"', "there is no such file"),
        ("loader.toml", b'[data]\npath = "gone.h5"\nlouder = 1', "there is no such file"),
    ]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises((DataError, ConfigError), match=match) as caught:
            run(tmp_path / name, tmp_path / "out.h5")
        assert name in str(caught.value) or "gone.h5" in str(caught.value) or name == "empty.toml"
        assert not (tmp_path / "out.h5").exists()


def test_a_result_is_no_data(tmp_path):
    path = tmp_path / "result.h5"
    with h5py.File(path, "w") as file:
        file.attrs["qdisc_type"] = "result"
    with pytest.raises(DataError, match="result") as caught:
        run(path, tmp_path / "out.h5")
    assert "result.h5" in str(caught.value)
    assert not (tmp_path / "out.h5").exists()


def test_a_dataset_is_no_result(lab, tmp_path):
    write_dataset(lab.line(), tmp_path / "data.h5")
    with pytest.raises(ResultError, match="a dataset, not a result"):
        open_result(tmp_path / "data.h5")


def test_data_with_nan(tmp_path):
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file.attrs["qdisc_type"] = "dataset"
        file.attrs["qdisc_schema"] = "1.0"
        file.attrs["data_type"] = "continuous"
        samples = np.zeros((6, 3))
        samples[4, 1] = np.nan
        file["samples"], file["point"] = samples, np.zeros(6, int)
        file["theta"] = np.zeros((1, 1))
    with pytest.raises(DataError, match="finite") as caught:
        run(path, tmp_path / "out.h5")
    assert "[4, 1]" in str(caught.value)
    assert "data.h5" in str(caught.value)
    assert not (tmp_path / "out.h5").exists()


def test_an_unknown_loader_or_option(lab, tmp_path):
    write_dataset(lab.line(), tmp_path / "data.h5")
    with pytest.raises(PluginError, match="no loader plugin is called 'qdisc_hdf'"):
        run(tmp_path / "data.h5", tmp_path / "out.h5", loader="qdisc_hdf")
    with pytest.raises(ConfigError, match="unknown key 'dada_type'"):
        run(tmp_path / "data.h5", tmp_path / "out.h5", overrides={"data.dada_type": "discrete"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.h5"]
