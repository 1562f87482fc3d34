"""The bytes of a result, looked at with h5py alone."""

from __future__ import annotations

import time

import h5py
import numpy as np
import pytest

from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results.schema import DTYPES, Group
from qdisc.results.store import file_image


def _objects(file):
    found = {"/": file}
    file.visititems(lambda name, node: found.update({f"/{name}": node}))
    return found


def test_every_rule_of_the_format_holds(path):
    with h5py.File(path) as file:
        for name, node in _objects(file).items():
            for key, value in node.attrs.items():
                assert not isinstance(value, str) or len(value.encode()) < 60_000, (name, key)
            if isinstance(node, h5py.Group):
                assert isinstance(node.attrs["qdisc_type"], str), name
                continue
            assert node.dtype.name in DTYPES, name
            assert h5py.check_string_dtype(node.dtype) is None
            assert node.attrs["units"] and node.attrs["long_name"]
            assert len(node.attrs["dims"]) == node.ndim
            assert node.compression in (None, "gzip") and not node.fletcher32
            assert not node.scaleoffset
            for dim, axis in zip(node.attrs["dims"], node.dims, strict=True):
                if not node.is_scale:
                    assert [scale.name.rpartition("/")[2] for scale in axis.values()] == [dim]


def test_plain_h5py_reads_the_values(path):
    with h5py.File(path) as file:
        assert file.attrs["qdisc_type"] == "result" and file.attrs["qdisc_schema"] == "1.0"
        mu = file["analyses/latent_map/mu"]
        assert list(mu.attrs["dims"]) == ["theta_J", "theta_h", "latent"]
        assert mu[0, 1, 1] == 3 / 8 and np.isnan(mu[1, 2]).all()
        assert file["theta_h"][()].tolist() == [-1.0, 0.0, 2.0]
        assert file["theta_h"].attrs["units"] == "MHz"
        assert file["analyses/phases/label"].attrs["flag_meanings"] == "para ferro"
        assert file["model/params/encoder/Dense_0/kernel"].dtype == np.float32


def test_viewers_find_the_axes_beside_the_signal(path):
    with h5py.File(path) as file:
        group = file["analyses/latent_map"]
        assert group.attrs["NX_class"] == "NXdata" and group.attrs["signal"] == "mu"
        assert list(group.attrs["axes"]) == ["theta_J", "theta_h", "latent"]
        for name in group.attrs["axes"]:
            assert group[name] == file[name]  # the same object, not a copy


def test_equal_trees_give_equal_bytes(golden):
    first = file_image(golden.golden_tree())
    time.sleep(1.1)  # a stored time would show
    assert file_image(golden.golden_tree()) == first


def test_large_arrays_are_compressed_and_small_ones_are_not():
    big = Variable(np.zeros((100, 100)), ("a", "b"))
    image = file_image(Group(variables={"big": big, "small": Variable(np.zeros(3), ("c",))}))
    assert len(image) < 30_000
    with h5py.File(_disk(image), "r") as file:
        assert (file["big"].compression, file["big"].shuffle) == ("gzip", True)
        assert file["small"].compression is None


def _disk(image):
    import io

    return io.BytesIO(image)


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "float16", ">f8", ">i4"])
def test_number_formats(dtype):
    data = np.array([0, 1, 1]).astype(dtype)
    image = file_image(Group(variables={"x": Variable(data, ("k",))}))
    with h5py.File(_disk(image), "r") as file:
        stored = file["x"]
        wanted = {"bool": "uint8", "float16": "float32", ">f8": "float64", ">i4": "int32"}
        assert stored.dtype == wanted.get(dtype, dtype)
        assert h5py.check_enum_dtype(stored.dtype) is None
        assert stored[()].tolist() == [0, 1, 1]


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (3, 0)])
def test_scalars_and_empty_arrays(shape):
    dims = tuple("abc"[: len(shape)])
    image = file_image(Group(variables={"x": Variable(np.ones(shape), dims)}))
    with h5py.File(_disk(image), "r") as file:
        assert file["x"].shape == shape and len(file["x"].attrs["dims"]) == len(shape)


@pytest.mark.skipif(np.longdouble(0).itemsize == 8, reason="long double is float64 here")
def test_a_format_that_others_cannot_read_is_refused():
    with pytest.raises(ResultError, match=r"(?s)cannot be stored.*/x.*float64"):
        file_image(Group(variables={"x": Variable(np.zeros(2, np.longdouble), ("k",))}))


def test_an_attribute_given_twice_is_refused():
    with pytest.raises(ResultError, match="given twice"):
        file_image(Group(variables={"x": Variable(np.zeros(2), ("k",), attrs={"units": "m"})}))
