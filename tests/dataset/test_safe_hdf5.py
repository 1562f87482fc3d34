"""A stranger's HDF5 file: nothing outside it is read, nothing is allocated that is not stored."""

from __future__ import annotations

import resource
import zlib

import h5py
import numpy as np
import pytest

from qdisc.dataset.safe_hdf5 import Limits, safe_open
from qdisc.dataset.safe_read import read_array, read_attribute, row_chunks
from qdisc.errors import DataError, ResultError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stranger.h5"


def _refused(path, match, **options) -> str:
    with pytest.raises(DataError, match=match) as caught, safe_open(path, **options):
        pass
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_plain_files_open(path):
    with h5py.File(path, "w") as file:
        file["a/b/x"] = np.arange(6).reshape(2, 3)
        file["a/b"].attrs["words"] = ["é", "z"]
        file["a/b/circle"] = file["/"]  # a hard link back to the root
        file["note"] = "text"
    with safe_open(path) as file:
        np.testing.assert_array_equal(read_array(file["a/b/x"]), [[0, 1, 2], [3, 4, 5]])
        assert read_attribute(file["a/b"], "words") == ("é", "z")
    assert "variable-length strings" in _refused(path, "refused", allow_strings=False)


def test_dimension_scales_are_welcome(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3.0)
        file["x"].make_scale("x")
        file["y"] = np.arange(3.0)
        file["y"].dims[0].attach_scale(file["x"])
    with safe_open(path) as file:
        assert sorted(file) == ["x", "y"]


def test_links_out_of_the_file(path, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.arange(3)
    with h5py.File(path, "w") as file:
        file["fine"] = 1
        file["deep/er/x"] = h5py.ExternalLink(str(secret), "/x")
    text = _refused(path, "link to another file")
    assert "/deep/er/x" in text and "secret.h5" in text


def test_a_name_that_is_not_text(path):
    with h5py.File(path, "w") as file:
        file.create_group("a").create_group(b"\xff\xfe")
    assert "/a/b'\\xff\\xfe'" in _refused(path, "cannot be read")


def test_a_link_in_the_middle_of_a_path(path):
    with h5py.File(path, "w") as file:
        file["real/x"] = 1
        file["alias"] = h5py.SoftLink("/real")
    assert "/alias" in _refused(path, "soft link")


def test_external_storage(path, tmp_path):
    with h5py.File(path, "w") as file:
        raw = (str(tmp_path / "raw.bin"), 0, h5py.h5f.UNLIMITED)
        file.create_dataset("samples", (4,), "u1", external=[raw])
    assert "raw.bin" in _refused(path, "external storage")


def test_virtual_datasets(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.arange(4)
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "x", shape=(4,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("samples", layout)
    assert "/samples" in _refused(path, "virtual dataset")


@pytest.mark.parametrize("kind", ["object", "region", "nested"])
def test_references(path, kind):
    with h5py.File(path, "w") as file:
        if kind == "object":
            file.create_dataset("r", data=file.ref, dtype=h5py.ref_dtype)
        elif kind == "region":
            file.create_dataset("r", (2,), dtype=h5py.regionref_dtype)
        else:
            file.create_dataset("r", (2,), dtype=np.dtype([("a", "i4"), ("b", h5py.ref_dtype)]))
    assert "/r" in _refused(path, "references")


def test_reference_in_an_attribute(path):
    with h5py.File(path, "w") as file:
        file.create_group("g").attrs["where"] = file.ref
    assert "/g@where" in _refused(path, "attribute of references")


def test_ragged_arrays(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("v", (3,), dtype=h5py.vlen_dtype("i4"))
    _refused(path, "variable-length arrays")


def test_filters(path):
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "a", data=np.zeros(9), compression="gzip", shuffle=True, fletcher32=True
        )
    with safe_open(path) as file:
        assert read_array(file["a"]).shape == (9,)
    with h5py.File(path, "a") as file:
        file.create_dataset("b", data=np.zeros(9), compression="lzf")
    text = _refused(path, "filter number 32000")
    assert "/b" in text and "gzip" in text


@pytest.mark.parametrize("chunks", [None, (1 << 20,)])
def test_a_header_that_declares_seventy_terabytes(path, chunks):
    with h5py.File(path, "w") as file:
        file.create_dataset("samples", (70 * 10**12,), "u1", chunks=chunks)
    assert path.stat().st_size < 10_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = _refused(path, "declares far more than it stores")
    assert "70000000000000 bytes declared, 0 bytes stored" in text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_limits_can_be_raised(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (30 << 20,), "u1", chunks=(1 << 16,))
    _refused(path, "far more than it stores")
    with safe_open(path, limits=Limits(free_bytes=1 << 30)) as file:
        assert file["x"].shape == (30 << 20,)


def test_constant_data_are_not_mistaken_for_a_bomb(path):
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "x", data=np.zeros(20 << 20, np.uint8), chunks=(20 << 20,), compression=9
        )
    assert path.stat().st_size < 40_000
    with safe_open(path) as file:
        assert not read_array(file["x"]).any()


def test_a_chunk_that_inflates_past_its_size(path):
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("x", (100,), "u1", chunks=(100,), compression="gzip")
        stored.id.write_direct_chunk((0,), zlib.compress(bytes(400 << 20), 1))
    with pytest.raises(DataError, match="holds more than a chunk"), safe_open(path) as file:
        read_array(file["x"])


def test_many_objects_and_attributes(path):
    with h5py.File(path, "w") as file:
        for i in range(20):
            file.create_group(f"g{i}")
        for i in range(9):
            file["g0"].attrs[f"a{i}"] = i
        file["g1"].attrs["long"] = np.zeros(1000)
    _refused(path, "more than 10 objects", limits=Limits(max_objects=10))
    _refused(path, "too many attributes", limits=Limits(max_attributes=8))
    assert "/g1@long" in _refused(path, "too large", limits=Limits(max_attribute_bytes=7999))


def test_all_datasets_together(path):
    with h5py.File(path, "w") as file:
        for i in range(20):
            file.create_dataset(f"x{i}", (10 << 20,), "u1")
    _refused(path, "more data than the file can hold", limits=Limits(max_bytes=100 << 20))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"0101\n" * 300])
def test_other_files(path, content):
    path.write_bytes(content)
    _refused(path, "empty|not an HDF5 file|cannot open|truncated|damaged")


def test_missing_files_and_folders(path, tmp_path):
    _refused(path, "no such file")
    with pytest.raises(DataError, match="a folder"), safe_open(tmp_path):
        pass


def test_a_truncated_file(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(10_000)
    path.write_bytes(path.read_bytes()[:-100])
    assert "copy it again" in _refused(path, "truncated")


def test_a_text_heap_that_leads_to_itself(path):
    """HDF5 2.0 reads this attribute for ever."""
    with h5py.File(path, "w") as file:
        file.attrs["a"] = "x" * 40
        file.attrs["b"] = "y" * 40
    raw = bytearray(path.read_bytes())
    heap = raw.index(b"GCOL")
    raw[heap + 24 : heap + 32] = (56).to_bytes(8, "little")
    raw[heap + 88 : heap + 104] = bytes(16)
    path.write_bytes(raw)
    assert f"byte {heap}" in _refused(path, "keeps text")


def test_the_class_of_errors_is_the_caller_s(path):
    path.write_bytes(b"nothing")
    with pytest.raises(ResultError, match="not an HDF5 file"), safe_open(path, error=ResultError):
        pass


def test_h5py_errors_in_the_block_are_converted(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(DataError, match="cannot be read") as caught, safe_open(path) as file:
        file["y"]
    assert isinstance(caught.value.__cause__, KeyError)


def test_read_array_says_what_is_wrong(path):
    with h5py.File(path, "w") as file:
        file["text"], file["x"], file["e"] = "a", np.arange(4, dtype=">i2"), h5py.Empty("f8")
        file.create_group("g")
    with safe_open(path) as file:
        for name, match in (("text", "numbers"), ("g", "a dataset is wanted"), ("e", "axes")):
            with pytest.raises(DataError, match=match) as caught:
                read_array(file[name])
            assert f"/{name}" in str(caught.value)
        with pytest.raises(DataError, match="axes"):
            read_array(file["x"], ndim=2)
        assert read_array(file["x"]).dtype == np.dtype("int16")
        np.testing.assert_array_equal(read_array(file["x"], start=1, stop=3), [1, 2])


@pytest.mark.parametrize("chunks", [None, (7, 3)])
def test_rows_in_pieces(path, chunks):
    data = np.arange(300).reshape(100, 3)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=data, chunks=chunks)
    with safe_open(path) as file:
        pieces = list(row_chunks(file["x"], nbytes=24 * 10))
    assert len(pieces) == (10 if chunks is None else 15)
    np.testing.assert_array_equal(np.concatenate([p for _, p in pieces]), data)
    assert [first for first, _ in pieces] == list(range(0, 100, 10 if chunks is None else 7))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("é", "é"), (b"abc", "abc"), (np.bytes_("abc"), "abc"), (["x", "y"], ("x", "y")),
        (np.array([b"x", b"yy"]), ("x", "yy")), (2, 2), (1.5, 1.5), (True, True),
        (h5py.Empty("S1"), ""), (np.array(["a"], dtype=object), ("a",)),
    ],
)  # fmt: skip
def test_attributes_of_every_form(path, written, read):
    with h5py.File(path, "w") as file:
        file.attrs["a"] = written
    with safe_open(path) as file:
        assert read_attribute(file, "a") == read
        assert read_attribute(file, "absent", 7) == 7


def test_an_attribute_that_is_neither_text_nor_number(path):
    with h5py.File(path, "w") as file:
        file.attrs["a"] = np.zeros(1, dtype=[("re", "f4"), ("im", "f4")])
    with pytest.raises(DataError, match="text or numbers"), safe_open(path) as file:
        read_attribute(file, "a")


@pytest.mark.parametrize("libver", [("earliest", "v110"), "latest"])
@pytest.mark.parametrize("userblock", [0, 512])
@pytest.mark.parametrize("member", ["/", "/g", "/g/x"])
def test_a_text_that_declares_two_gigabytes(path, libver, userblock, member):
    """HDF5 allocates what a damaged length states before it looks for the text."""
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        file.create_dataset("g/x", data=np.arange(3))
        for i in range(5):
            file[member].attrs[f"a{i}"] = "y" * (300 + i)
    raw = bytearray(path.read_bytes())
    at = raw.index((304).to_bytes(4, "little"), raw.index(b"a4\x00"))
    raw[at : at + 4] = (2 << 30).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(DataError) as caught, safe_open(path) as file:
        read_attribute(file[member], "a4")
    if libver != "latest":  # there a checksum notices before we do
        assert "text attribute that is too long" in str(caught.value)
        assert f"{2 << 30} bytes declared" in str(caught.value)


def test_only_the_wanted_paths_are_looked_at(path):
    """A link or an unknown type elsewhere does no harm; on the way to the path it is refused."""
    with h5py.File(path, "w") as file:
        file["run/snapshots"] = np.zeros((3, 4), np.uint8)
        ragged = np.empty(1, object)
        ragged[0] = np.array([1], np.int32)
        file["run"].attrs.create("fields", ragged, dtype=h5py.vlen_dtype(np.int32))
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")
        file["run/short"] = h5py.SoftLink("/run/snapshots")
        file.create_dataset("lzf", data=np.zeros(10), compression="lzf")
    _refused(path, "variable-length arrays|a link to another file")
    with safe_open(path, only=["/run/snapshots"]) as file:
        assert file["run/snapshots"].shape == (3, 4)
    for wanted, match in (
        ("run/short", "a soft link"), ("elsewhere/x", "a link to another file"),
        ("lzf", "filter number"), ("run/snapshot", "nothing at this path"),
        ("run/snapshots/x", "nothing at this path"),
    ):  # fmt: skip
        assert wanted.split("/")[0] in _refused(path, match, only=[wanted])
