from __future__ import annotations

import warnings

import h5py
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.errors import ResultError
from qdisc.results.reader import open_result_file
from qdisc.results.schema import Group
from qdisc.results.writer import write_result


@pytest.fixture
def result(path):
    return open_result_file(path)


def test_opening_reads_little_and_keeps_nothing_open(result, path):
    assert result.attrs["title"] == "golden result of schema 1.0"
    with h5py.File(path, "r+"):  # HDF5 refuses this while somebody else has the file open
        pass
    assert repr(result).endswith("analyses=broken, latent_map, phases)")


def test_groups_and_variables(result):
    view = result.group("/analyses/latent_map")
    assert view.variables == ("bin", "histogram", "kl", "mu")  # linked axes are not repeated
    assert view.attrs["axes"] == ["theta_J", "theta_h", "latent"]
    mu = result.variable("/analyses/latent_map/mu")
    assert (mu.dims, mu.units) == (("theta_J", "theta_h", "latent"), "1")
    assert mu.long_name == "mean of the latent" and mu.data.dtype == np.float32
    assert result.variable("/analyses/latent_map/theta_J").data.tolist() == [0.5, 1.5]
    assert result.has("/analyses/latent_map/mu") and not result.has("/analyses/none")
    assert result.group("/").groups == (
        "analyses", "dataset", "model", "observables", "provenance", "training",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "place", "hint"),
    [
        ("variable", "/analyses/latent_map/mv", "did you mean 'mu'"),
        ("group", "/analyses/latentmap", "did you mean 'latent_map'"),
        ("group", "/analyses/latent_map/mu", "not a group"),
        ("variable", "/analyses", "not a variable"),
        ("variable", "/theta_h/deeper", "nothing of this name"),
    ],
)
def test_names_that_are_not_there(result, call, place, hint):
    with pytest.raises(ResultError, match=f"(?s){place}.*{hint}|{hint}.*{place}"):
        getattr(result, call)(place)


def test_the_sweep_of_a_grid(result):
    assert result.theta_names == ("J", "h") and result.theta_dims == ("theta_J", "theta_h")
    assert result.theta("h").data.tolist() == result.theta("theta_h").data.tolist() == [-1, 0, 2]
    assert result.points().tolist() == [[j, h] for j in (0.5, 1.5) for h in (-1.0, 0.0, 2.0)]


def test_the_sweep_of_scattered_points(tmp_path, golden):
    path = write_result(tmp_path / "s.h5", golden.golden_tree(scattered=True))
    result = open_result_file(path)
    assert result.theta_dims == ("point",)
    assert np.array_equal(result.points(), golden.golden_dataset(scattered=True).theta)
    assert result.variable("/analyses/latent_map/mu").dims == ("point", "latent")


@pytest.mark.parametrize("axes", [1, 3])
def test_sweeps_of_one_and_three_settings(tmp_path, golden, axes):
    shape = (3,) if axes == 1 else (3, 2, 1)
    rng = np.random.default_rng(0)
    dataset = Dataset(rng.integers(0, 2, (*shape, 5, 4)), [np.arange(n) for n in shape], "discrete")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = golden.golden_tree(dataset=dataset) if np.prod(shape) == 6 else None
        if tree is None:
            from qdisc.results import build

            base = golden.golden_tree()
            tree = Group(
                base.attrs, build.theta_variables(dataset),
                {**base.groups, "dataset": build.dataset_group(dataset), "analyses": Group(
                    {"qdisc_type": "analyses", "NX_class": "NXcollection"}),
                 "observables": Group({"qdisc_type": "observables"})},
            )  # fmt: skip
    result = open_result_file(write_result(tmp_path / "r.h5", tree))
    assert np.array_equal(result.points(), dataset.theta)
    assert result.examples().shape == (*shape, 8, 4)


def test_findings_and_their_status(result):
    assert result.observables == ("magnetisation",)
    assert result.analyses == ("broken", "latent_map", "phases")
    assert [result.status(n) for n in ("broken", "phases", "magnetisation")] == [
        "failed", "ok", "ok",
    ]  # fmt: skip
    assert "π is not rational" in result.group("/provenance/tracebacks").attrs["broken"]
    with pytest.raises(ResultError, match="did you mean 'phases'"):
        result.status("phase")


def test_the_model_can_be_built_again(result, golden):
    params = result.params()
    assert set(params) == {"encoder", "decoder"}
    assert np.array_equal(params["encoder"]["Dense_0"]["kernel"], golden.ramp(4, 3))
    assert set(params["encoder"]["Dense_0"]) == {"kernel", "bias"}
    assert result.data_spec == golden.golden_dataset().spec
    assert (result.config_toml, result.seed) == ("seed = 7\n", 7)


def test_a_long_recipe_comes_back_whole(tmp_path, tree):
    recipe = "".join(f"key_{i} = 'π'\n" for i in range(20_000))
    provenance = tree.groups["provenance"]
    provenance = Group({**provenance.attrs, "config.toml": recipe}, groups=provenance.groups)
    path = write_result(tmp_path / "r.h5", tree.with_group("/provenance", provenance))
    assert open_result_file(path).config_toml == recipe


def test_a_file_that_was_replaced_is_inspected_again(result, path, tree):
    write_result(path, Group({**tree.attrs, "title": "new"}, tree.variables, tree.groups))
    with h5py.File(path, "r+") as file:
        file["soft"] = h5py.SoftLink("/dataset")
    with pytest.raises(ResultError, match="soft link"):
        result.group("/dataset")


def _change(path, **attrs):
    with h5py.File(path, "r+") as file:
        for name, value in attrs.items():
            if value is None:
                del file.attrs[name]
            else:
                file.attrs[name] = value


def test_a_newer_minor_schema_opens_with_a_warning(path):
    _change(path, qdisc_schema="1.7")
    with pytest.warns(UserWarning, match=r"schema 1\.7 is newer than 1\.0"):
        assert open_result_file(path).seed == 7


def test_a_newer_major_schema_is_refused_with_the_version(path):
    _change(path, qdisc_schema="2.0")
    with pytest.raises(ResultError, match=r"(?s)schema 2\.0.*newer.*reads schema 2\.x"):
        open_result_file(path)


@pytest.mark.parametrize("version", [None, "1", "one.two", "1.0.0", 1.0, "1.-1", "9" * 30 + ".0"])
def test_a_schema_version_must_be_one(path, version):
    _change(path, qdisc_schema=version)
    with pytest.raises(ResultError, match="schema version is missing or not"):
        open_result_file(path)


def test_a_dataset_in_place_of_a_result(path):
    _change(path, qdisc_type="dataset")
    with pytest.raises(ResultError, match=r"(?s)is a dataset, not a result.*qdisc run result\.h5"):
        open_result_file(path)


def test_other_files(tmp_path):
    with pytest.raises(ResultError, match="no such file"):
        open_result_file(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello, this is text")
    with pytest.raises(ResultError, match="not an HDF5 file"):
        open_result_file(tmp_path / "text.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 3
    with pytest.raises(ResultError, match="not a qdisc result"):
        open_result_file(tmp_path / "foreign.h5")


def test_hard_links_cannot_make_a_tree_endless(path):
    with h5py.File(path, "r+") as file:
        for depth in range(30):
            group = file.require_group("/deep" + "/a" * depth)
            child = group.create_group("a")
            group["b"] = child
    with pytest.raises(ResultError, match="linked twice"):
        open_result_file(path).tree()
    with h5py.File(path, "r+") as file:
        del file["deep"]
        file["loop"] = file["/"]
    with pytest.raises(ResultError, match="linked twice"):
        open_result_file(path).tree()
