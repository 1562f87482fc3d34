"""Dataset files: exact round trips, plain h5py on either side, and errors that say where."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

import h5py
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.errors import DataError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.h5"


def _plain(path, **changes):
    """A file as a colleague writes it with h5py alone: only what is required."""
    members = {
        "samples": [[0, 1, 0], [1, 1, 0], [0, 1, 1]],
        "point": [0, 1, 1],
        "theta": [[0.0], [0.5]],
        "attrs": {"qdisc_type": "dataset", "qdisc_schema": "1.0", "data_type": "discrete"},
        "theta_attrs": {},
    }
    attrs = members["attrs"] | changes.pop("attrs", {})
    members |= changes
    with h5py.File(path, "w") as file:
        for name, value in members.items():
            if not name.endswith("attrs") and value is not None:
                file[name] = value
        file.attrs.update({k: v for k, v in attrs.items() if v is not None})
        if "theta" in file:
            file["theta"].attrs.update(members["theta_attrs"])
    return path


def _refused(path, match, *seen) -> None:
    with pytest.raises(DataError, match=match) as caught:
        read_dataset(path)
    text = str(caught.value)
    assert str(path) in text and "where:" in text
    for part in seen:
        assert part in text, text


def test_round_trip(small, path, same):
    assert write_dataset(small, path) == path
    again = read_dataset(path)
    same(again, small)
    assert again.name == "small" and again.source == {"path": "data.h5"}


def test_equal_datasets_give_equal_bytes(make, tmp_path):
    for kind in ("discrete", "continuous"):
        a, b = (write_dataset(make(kind, 2, "ragged"), tmp_path / f"{kind}{i}.h5") for i in "ab")
        assert a.read_bytes() == b.read_bytes()


def test_the_layout_read_with_plain_h5py(odd_site, path):
    write_dataset(odd_site, path)
    with h5py.File(path) as file:
        assert dict(file.attrs, local_states=0) == {
            "qdisc_type": "dataset", "qdisc_schema": "1.0", "data_type": "discrete",
            "local_states": 0, "local_dimension": 2,
        }  # fmt: skip
        np.testing.assert_array_equal(file.attrs["local_states"], [-1.0, 1.0])
        np.testing.assert_array_equal(file["configurations"][()], [[0, 1, 0, 0]])
        assert file["configurations"].dtype == np.uint8
        counts = [file["counts"][name][()].tolist() for name in ("data", "indices", "indptr")]
        assert counts == [[20, 20], [0, 0], [0, 1, 2]]
        np.testing.assert_array_equal(file["theta"][()], [[0.0], [1.0]])
        assert list(file["theta"].attrs["names"]) == ["p1"]
        assert list(file["theta"].attrs["units"]) == ["1"]


def test_non_repeating_samples_read_with_plain_h5py(make, path):
    ds = make("continuous", 2, "ragged")
    write_dataset(ds, path)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["samples"][()], ds.samples)
        np.testing.assert_array_equal(file["theta"][()][file["point"][()]], ds.theta[ds.point])
        assert list(file["theta"].attrs["names"]) == ["J", "h"]
        assert list(file["theta"].attrs["units"]) == ["meV", "T"]
        assert file["samples"].dtype == np.float32 and file["sites"].shape == (5, 1)
        assert file.attrs["periodic"].tolist() == [1] and file.attrs["periodic"].dtype == np.uint8


def test_only_gzip_and_shuffle(path):
    data = np.random.default_rng(0).normal(size=(2, 500, 8))
    write_dataset(Dataset(data, [[0.0, 1.0]], "continuous"), path)
    with h5py.File(path) as file:
        samples = file["samples"]
        assert (samples.compression, samples.compression_opts, samples.shuffle) == ("gzip", 4, True)
        assert samples.scaleoffset is None and file["theta"].dtype == np.float64
        kinds = {file[name].dtype.kind for name in ("samples", "point", "theta")}
    assert kinds <= set("iuf")


def test_written_with_plain_h5py(path):
    ds = read_dataset(_plain(path))
    assert ds.data_type == "discrete" and ds.theta_names == ("p1",) and ds.shots.tolist() == [1, 2]
    np.testing.assert_array_equal(ds.samples[0], [0, 1, 0])
    np.testing.assert_allclose(ds.average(ds.configurations), [[0, 1, 0], [0.5, 1, 0.5]])
    assert ds.local_states.tolist() == [-1, 1] and ds.sites is None and ds.periodic is None


def test_written_with_the_other_layout(path):
    _plain(path, samples=None, point=None, configurations=[[0, 1, 0], [1, 1, 2]])
    with h5py.File(path, "a") as file:
        file["counts/data"], file["counts/indices"] = [2, 1, 4], [0, 1, 0]
        file["counts/indptr"] = [0, 2, 3]
    ds = read_dataset(path)
    assert ds.shots.tolist() == [3, 4] and ds.local_dimension == 3
    np.testing.assert_allclose(ds.average(ds.configurations)[0], [1 / 3, 1, 2 / 3])


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "float64", ">f8", "bool"])
def test_samples_of_any_dtype(path, dtype):
    ds = read_dataset(_plain(path, samples=np.array([[0, 1, 0], [1, 1, 0], [0, 1, 1]], dtype)))
    assert ds.configurations.dtype == np.uint8
    assert sorted(ds.samples.tolist()) == [[0, 1, 0], [0, 1, 1], [1, 1, 0]]


def test_attributes_as_bytes_lists_or_absent(path):
    attrs = {
        "qdisc_type": np.bytes_("dataset"), "qdisc_schema": None, "name": b"lab",
        "data_type": np.array([b"discrete"]), "local_states": [5, 7], "periodic": True,
        "local_dimension": np.array([2.0]),
    }  # fmt: skip
    theta = {"names": np.array([b"h"]), "units": "T"}
    ds = read_dataset(_plain(path, attrs=attrs, theta_attrs=theta, sites=[[0, 0], [0, 1], [1, 1]]))
    assert (ds.name, ds.theta_names, ds.theta_units) == ("lab", ("h",), ("T",))
    assert ds.local_states.tolist() == [5, 7] and ds.periodic == (True, True)
    assert read_dataset(_plain(path, attrs={"qdisc_type": None})).n_snapshots == 3


def test_one_axis_as_a_plain_list(path):
    assert read_dataset(_plain(path, theta=[0.0, 0.5])).theta.tolist() == [[0.0], [0.5]]


def test_extra_members_are_nobody_s_business(path):
    assert read_dataset(_plain(path, notes="taken on Monday", energy=[1.0])).n_snapshots == 3


def test_a_result_is_not_a_dataset(path):
    _plain(path, attrs={"qdisc_type": "result"})
    _refused(path, "this is a result file, a dataset is wanted", "@qdisc_type", "open_result")


def test_schema_versions(path):
    with pytest.warns(UserWarning, match=r"schema 1\.7 is newer than 1\.0"):
        assert read_dataset(_plain(path, attrs={"qdisc_schema": "1.7"})).n_snapshots == 3
    _refused(
        _plain(path, attrs={"qdisc_schema": "2.0"}), "dataset schema 2.0",
        "install a qdisc that reads schema 2",
    )  # fmt: skip
    _refused(_plain(path, attrs={"qdisc_schema": "one"}), "major.minor", "'one'")
    assert read_dataset(_plain(path, attrs={"qdisc_schema": 1.0})).n_snapshots == 3


@pytest.mark.parametrize("name", ["samples", "point", "theta"])
def test_missing_members(path, name):
    _refused(_plain(path, **{name: None}), f"no /{name}", f"add /{name}", "holds ")


def test_missing_counts(path):
    _plain(path, samples=None, point=None, configurations=[[0, 1, 0]])
    _refused(path, "no /counts", "data, indices, indptr")
    with h5py.File(path, "a") as file:
        file["counts/data"] = [1]
    _refused(path, "no /counts/indices", "holds data")


@pytest.mark.parametrize(
    ("changes", "match", "seen"),
    [
        ({"point": [0, 2, 1]}, "row of theta", ["point[1]", "value: 2", "0..1"]),
        ({"point": [0, -1, 1]}, "row of theta", ["point[1]", "value: -1"]),
        ({"point": [0, 1]}, "point holds", ["shape (2,)", "shape (3,)"]),
        ({"theta": np.zeros((2, 1))}, "same theta", ["rows 0 and 1"]),
        ({"theta": [[0.0], [np.nan]]}, "finite", ["theta[1, 0]"]),
        ({"theta_attrs": {"names": ["a", "b"]}}, "name of its own", ["theta_names"]),
        ({"theta_attrs": {"names": [1, 2]}}, "text", ["/theta"]),
        ({"theta_attrs": {"units": ["a", "b"]}}, "unit", ["theta_units"]),
        ({"samples": [[1, -1, 1]] * 3}, "codes 0..d-1", ["/samples[0, 1]", "(samples + 1) // 2"]),
        ({"samples": [[0, 1.5, 1]] * 3}, "whole codes", ["/samples[0, 1]", "1.5"]),
        ({"samples": [0, 1, 1]}, "axes", ["/samples", "(3,)"]),
        ({"samples": np.zeros((0, 3)), "point": np.zeros(0, int)}, "empty", ["shape (0, 3)"]),
        ({"samples": "0101"}, "numbers", ["/samples"]),
        ({"attrs": {"data_type": None}}, "what its samples are", ["data_type", "continuous"]),
        ({"attrs": {"data_type": "discreet"}}, "unknown data_type", ["'discrete'"]),
        ({"attrs": {"data_type": 3}}, "a word", ["3"]),
        ({"attrs": {"local_states": [1.0, 1.0]}}, "local_states", ["[1.0, 1.0]"]),
        ({"attrs": {"local_states": ["a", "b"]}}, "local_states", ["numbers"]),
        ({"attrs": {"local_dimension": 1}}, "local_dimension", ["value: 1"]),
        ({"configurations": [[0, 1, 0]]}, "only one of them", ["/samples and /configurations"]),
        ({"sites": [[0.0, 0.0]]}, "position per site", ["(1, 2)"]),
        (
            {"attrs": {"periodic": [1, 0, 1]}},
            "one flag per direction",
            ["1 flags"],
        ),
    ],
)
def test_wrong_content(path, changes, match, seen):
    _refused(_plain(path, **changes), match, *seen)


@pytest.mark.parametrize(
    ("data", "indices", "indptr", "seen"),
    [
        ([1, 0], [0, 1], [0, 1, 2], ["/counts/data[1]", "value: 0", "at least 1"]),
        ([1, -4], [0, 1], [0, 1, 2], ["/counts/data[1]", "value: -4"]),
        ([1, 1], [0, 9], [0, 1, 2], ["/counts/indices[1]", "value: 9", "0..1"]),
        ([1, 1], [0, 1], [0, 3, 2], ["/counts/indptr[2]", "decreases"]),
        ([1, 1], [0, 1], [0, 1, 1, 2], ["3 wanted", "theta"]),
        ([[1, 1]], [0, 1], [0, 1, 2], ["/counts/data", "axes"]),
    ],
)
def test_wrong_counts(path, data, indices, indptr, seen):
    _plain(path, samples=None, point=None, configurations=[[0, 1, 0], [1, 1, 1]])
    with h5py.File(path, "a") as file:
        file["counts/data"], file["counts/indices"] = data, indices
        file["counts/indptr"] = indptr
    _refused(path, None, *seen)


def test_an_existing_file_is_kept(odd_site, path):
    path.write_text("precious")
    with pytest.raises(DataError, match="the file exists") as caught:
        write_dataset(odd_site, path)
    assert "overwrite=True" in str(caught.value) and path.read_text() == "precious"
    write_dataset(odd_site, path, overwrite=True)
    assert read_dataset(path).n_snapshots == 40


def test_a_failure_leaves_the_old_file_and_no_litter(odd_site, path, tmp_path, monkeypatch):
    path.write_text("precious")
    monkeypatch.setattr("qdisc.dataset.hdf5._theta", lambda *_: (_ for _ in ()).throw(OSError(28)))
    with pytest.raises(DataError, match="could not be written") as caught:
        write_dataset(odd_site, path, overwrite=True)
    assert "disk full" in str(caught.value)
    assert path.read_text() == "precious" and list(tmp_path.iterdir()) == [path]


def test_places_where_nothing_can_be_written(odd_site, tmp_path):
    with pytest.raises(DataError, match="folder does not exist"):
        write_dataset(odd_site, tmp_path / "no" / "x.h5")
    with pytest.raises(DataError, match="a folder, not a file"):
        write_dataset(odd_site, tmp_path, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="folder does not exist"):
        write_dataset(odd_site, tmp_path / "file" / "x.h5")


def test_an_unwritable_folder(odd_site, tmp_path, monkeypatch):
    def denied(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", denied)
    with pytest.raises(DataError, match="nothing can be written") as caught:
        write_dataset(odd_site, tmp_path / "x.h5")
    assert "Permission denied" in str(caught.value)


def test_the_file_is_readable_by_others(odd_site, path, tmp_path):
    write_dataset(odd_site, path)
    other = tmp_path / "plain"
    other.write_text("")
    assert path.stat().st_mode == other.stat().st_mode


def test_large_samples_are_never_expanded_at_once(tmp_path):
    """1.6 MB of codes stored as 12.8 MB of float64, with pieces of 1 MB: the peak is the codes."""
    path = tmp_path / "large.h5"
    rows = np.random.default_rng(0).integers(0, 2, (50_000, 32)).astype(np.float64)
    _plain(path, samples=None, point=np.zeros(50_000, np.int64), theta=[[0.0]])
    with h5py.File(path, "a") as file:
        file.create_dataset("samples", data=rows, chunks=(1000, 32), compression="gzip")
    from qdisc.dataset import hdf5_read

    def pieces(dataset, **options):
        from qdisc.dataset.safe_read import row_chunks

        return row_chunks(dataset, nbytes=1 << 20, **options)

    original = hdf5_read.row_chunks
    hdf5_read.row_chunks = pieces
    try:
        with h5py.File(path) as file:
            tracemalloc.start()
            out = hdf5_read._rows(
                file["samples"], path,
                {"data_type": "discrete", "local_states": None, "local_dimension": 0},
            )  # fmt: skip
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    finally:
        hdf5_read.row_chunks = original
    np.testing.assert_array_equal(out, rows)
    assert peak < out.nbytes + 5 * (1 << 20), f"{peak / 2**20:.1f} MiB"


def test_codes_above_255_that_come_late(path):
    samples = np.zeros((300_000, 1), np.int64)
    samples[-1] = 700
    _plain(path, samples=samples.repeat(40, axis=1), point=np.zeros(300_000, int), theta=[[0.0]])
    ds = read_dataset(path)
    assert ds.local_dimension == 701 and ds.configurations.max() == 700


def test_reading_starts_no_jax(odd_site, path):
    write_dataset(odd_site, path)
    code = (
        "import sys, json; from qdisc.dataset.hdf5 import read_dataset;"
        f"ds = read_dataset({str(path)!r});"
        "print(json.dumps([ds.n_snapshots, 'jax' in sys.modules, 'pickle' in ds.source]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == [40, False, False]
