from __future__ import annotations

import numpy as np
import pytest

from qdisc.config import Config
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results import build
from qdisc.results.text import config_text, shorten


class Options(Config):
    k: int = 3
    init: str | None = None
    names: tuple[str, ...] = ("a",)


def test_configurations_become_toml_without_the_unset_keys():
    assert config_text(Options()) == 'k = 3\nnames = [\n    "a",\n]\n'
    assert config_text({"a": {"b": None, "c": 1.5}, "l": [None, 1]}).splitlines()[-2:] == [
        "[a]",
        "c = 1.5",
    ]
    assert config_text("seed = 1\n") == "seed = 1\n" and config_text(None) == ""


def test_a_long_text_keeps_both_ends():
    text = shorten("a" * 600 + "b" * 600, 1000)
    assert text == "a" * 500 + "\n... 200 characters left out ...\n" + "b" * 500
    assert shorten("short") == "short"


def test_a_grid_has_one_scale_per_axis(golden):
    theta = build.theta_variables(golden.golden_dataset())
    assert theta["theta_J"].dims == ("theta_J",) and theta["theta_J"].data.tolist() == [0.5, 1.5]
    assert theta["theta_h"].units == "MHz" and theta["theta_h"].data.dtype == np.float64


def test_scattered_points_have_one_dimension(golden):
    theta = build.theta_variables(golden.golden_dataset(scattered=True))
    assert set(theta) == {"point", "theta_J", "theta_h"}
    assert theta["theta_h"].dims == ("point",)
    assert theta["theta_h"].data.tolist() == [-1.0, 0.0, 2.0, -1.0, 0.25, 2.0]


def test_dataset_group_counts_and_shows_snapshots(golden):
    dataset = golden.golden_dataset()
    group = build.dataset_group(dataset, rng_seed=3)
    assert group.variables["n_snapshots"].data.tolist() == [[10, 10, 15], [10, 10, 0]]
    examples = group.variables["examples"]
    assert examples.dims == ("theta_J", "theta_h", "example", "column")
    assert examples.shape == (2, 3, 8, 4)
    for point, rows in enumerate(examples.data.reshape(6, 8, 4)[:5]):
        there = dataset.samples[dataset.point == point]
        seen, times = np.unique(rows, axis=0, return_counts=True)
        for row, count in zip(seen, times, strict=True):  # drawn without replacement
            assert count <= (there == row).all(axis=1).sum()
    assert (examples.data[1, 2] == 255).all() and examples.attrs["missing_value"].tolist() == [255]
    same = build.dataset_group(dataset, rng_seed=3).variables["examples"].data
    other = build.dataset_group(dataset, rng_seed=4).variables["examples"].data
    assert np.array_equal(same, examples.data) and not np.array_equal(other, examples.data)
    assert group.attrs["sha256"] == dataset.sha256 and group.attrs["kind"] == "discrete"
    assert group.attrs["loader"] == "none" and group.attrs["local_states"].tolist() == [-1, 1]


def test_few_snapshots_are_repeated():
    dataset = Dataset.from_samples([[0.5, 1.5], [2.5, 3.5]], [0.0, 1.0], data_type="continuous")
    examples = build.dataset_group(dataset, n_examples=3).variables["examples"].data
    assert examples.dtype == np.float32
    assert examples.tolist() == [[[0.5, 1.5]] * 3, [[2.5, 3.5]] * 3]


def test_all_snapshots_can_be_put_together_again(golden):
    dataset = golden.golden_dataset()
    group = build.dataset_group(dataset, with_snapshots=True)
    get = {name: v.data for name, v in group.variables.items()}
    samples = get["configurations"][np.repeat(get["count_configuration"], get["count"])]
    assert np.array_equal(samples, dataset.samples)
    assert np.array_equal(np.repeat(get["count_point"], get["count"]), dataset.point)
    assert "configurations" not in build.dataset_group(dataset).variables


def test_parameters_share_few_dimensions(golden):
    params = {"a/kernel": np.zeros((3, 3)), "a/bias": np.zeros(3), "b": np.zeros(())}
    group = build.model_group("m", "1", None, "elbo", params, golden.golden_dataset().spec)
    inner = group.groups["params"].groups["a"].variables
    assert inner["kernel"].dims == ("axis0_3", "axis1_3") and inner["bias"].dims == ("axis0_3",)
    assert group.attrs["n_parameters"] == 13
    with pytest.raises(ResultError, match="a variable and a group have one name"):
        build.model_group(
            "m", "1", None, "elbo", {"a": np.zeros(1), "a/b": np.zeros(1)},
            golden.golden_dataset().spec,
        )  # fmt: skip


def test_terms_are_a_table_whose_columns_have_names():
    terms = {"reconstruction": np.array([3.0, 2.0]), "kl": np.array([0.0, 0.5])}
    group = build.training_group(
        np.array([3.0, 2.5]), terms, np.zeros((2, 1)), np.zeros((2, 1)), "finished", None,
        validation_loss=np.array([4.0, 3.0]),
    )  # fmt: skip
    assert group.variables["terms"].data.tolist() == [[3.0, 0.0], [2.0, 0.5]]
    assert group.variables["term"].attrs["flag_meanings"] == "reconstruction kl"
    assert group.variables["epoch"].data.tolist() == [1, 2]
    assert group.variables["validation_loss"].data.tolist() == [4.0, 3.0]
    assert "seed" not in group.attrs


def test_a_group_shows_its_first_map_unless_told_otherwise():
    variables = {
        "k": Variable(np.arange(2), ("k",)),
        "score": Variable(np.float64(1), ()),
        "map": Variable(np.zeros(3), ("theta_h",)),
        "other": Variable(np.zeros(3), ("theta_h",)),
    }
    assert build.analysis_group("a", variables=variables).attrs["signal"] == "map"
    chosen = build.analysis_group("a", variables=variables, signal="other")
    assert chosen.attrs["signal"] == "other"
    assert "signal" not in build.analysis_group("a", status="failed", message="no").attrs


def test_an_unknown_status_is_refused():
    with pytest.raises(ResultError, match="unknown status"):
        build.analysis_group("a", status="done")
    with pytest.raises(ResultError, match="unknown status"):
        build.observable_group("a", ("theta_h",), status="done")


def test_an_observable_holds_what_it_was_given():
    group = build.observable_group(
        "zz", ("theta_h",), np.zeros((2, 3)), model_value=np.ones((2, 3)), dims=("distance",),
        units="nat", coordinates={"distance": Variable(np.array([1.0, 2.0, 4.0]), ("distance",))},
    )  # fmt: skip
    assert set(group.variables) == {"value", "model_value", "distance"}
    assert group.variables["value"].dims == ("theta_h", "distance")
    assert group.variables["value"].units == "nat"


def test_the_root_leads_viewers_to_the_latent_map(golden):
    root = golden.golden_tree()
    assert root.attrs["default"] == "analyses"
    assert root.groups["analyses"].attrs["default"] == "latent_map"
    bare = build.result_group(
        title="t", theta={}, dataset=root.groups["dataset"], provenance=root.groups["provenance"]
    )
    assert bare.attrs["default"] == "dataset"
    assert set(bare.groups) == {"dataset", "observables", "analyses", "provenance"}
