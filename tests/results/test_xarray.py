"""netCDF-4 readers open the file; our own conversion says the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from qdisc.errors import ResultError
from qdisc.results.reader import open_result_file
from qdisc.results.writer import write_result

xarray = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")


@pytest.mark.parametrize("scattered", [False, True])
def test_xarray_opens_the_file_as_netcdf(tmp_path, golden, scattered):
    tree = golden.golden_tree(scattered)
    path = write_result(tmp_path / "r.h5", tree)
    with xarray.open_datatree(path, engine="h5netcdf") as opened:
        opened.load()
        dims = ("point",) if scattered else ("theta_J", "theta_h")
        mu = opened["analyses/latent_map/mu"]
        assert mu.dims == (*dims, "latent")
        wanted = tree.groups["analyses"].groups["latent_map"].variables["mu"].data
        assert np.array_equal(mu.values, wanted, equal_nan=True)
        assert opened["training/terms"].dims == ("epoch", "term")
        assert opened["theta_h"].attrs["units"] == "MHz"
        assert opened["theta_h"].dims == (("point",) if scattered else ("theta_h",))
        if not scattered:
            assert float(mu.sel(theta_J=1.5, theta_h=0.0, latent=0)) == 1.0
        ours = open_result_file(path).to_xarray()
        for group in opened.subtree:
            for name, variable in group.dataset.data_vars.items():
                if name.startswith("theta_") or name == "examples":
                    continue  # coordinates in ours; masked by their missing_value in theirs
                mine = ours[f"{group.path}/{name}"]
                assert mine.dims == variable.dims, name
                assert np.array_equal(mine.values, variable.values, equal_nan=True), name


def test_h5netcdf_sees_the_dimensions_of_ncdump(path):
    import h5netcdf

    with h5netcdf.File(path, "r") as file:
        sizes = {name: len(dim) for name, dim in file.dimensions.items()}
        assert sizes == {
            "theta_J": 2, "theta_h": 3, "latent": 2, "site": 4, "epoch": 4, "term": 3,
        }  # fmt: skip
        histogram = file["analyses/latent_map/histogram"]
        assert histogram.dimensions == ("theta_J", "theta_h", "latent", "bin")
        assert histogram.shape == (2, 3, 2, 6)


def test_our_tree_has_coordinates(tmp_path, golden):
    path = write_result(tmp_path / "r.h5", golden.golden_tree(scattered=True))
    ours = open_result_file(path).to_xarray()
    assert set(ours.coords) >= {"point", "theta_J", "theta_h", "latent"}
    assert ours["analyses/latent_map"].coords["bin"].values[0] == -2.5
    assert ours.attrs["title"] == "golden result of schema 1.0"


def test_without_xarray_the_error_says_what_to_install(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ResultError, match=r"(?s)needs xarray.*qdisc\[xarray\]"):
        open_result_file(path).to_xarray()
