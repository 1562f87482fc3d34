"""NumPy archives: three layouts, what is refused, and nothing unpickled."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import load
from qdisc.dataset.loaders.npz import loader, save_npz
from qdisc.errors import ConfigError, DataError

SAMPLES = np.tile([0, 1, 0, 0], (6, 1))
THETA = np.repeat([[0.0], [1.0]], 3, axis=0)
WORD = np.array("discrete")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.npz"


def _refused(path, match, *seen, **config) -> None:
    with pytest.raises(DataError, match=match) as caught:
        load(path, loader="npz", **config)
    for part in (str(path), *seen):
        assert part in str(caught.value), str(caught.value)


def test_samples_and_theta(path, odd_site):
    np.savez(path, samples=SAMPLES, theta=THETA, data_type=WORD, theta_names=["h"], theta_units="T")
    ds = load(path)
    np.testing.assert_array_equal(ds.samples, SAMPLES)  # site 1 is the odd one
    assert ds.thetas[0].tolist() == [0, 1] and ds.theta_names == ("h",) and ds.theta_units == ("T",)
    assert ds.source["loader"] == "npz" and ds.source["path"] == "data.npz"
    assert len(ds.source["sha256"]) == 64


def test_a_grid_of_three_axes(path):
    data = np.arange(2 * 3 * 1 * 4 * 2, dtype=float).reshape(2, 3, 1, 4, 2)
    np.savez(
        path, data=data, theta_J=[1.0, 2.0], theta_h=[0.0, 0.5, 1.0], theta_T=[4.0],
        data_type="continuous",
    )  # fmt: skip
    ds = load(path)
    assert ds.theta_names == ("J", "h", "T") and ds.theta_shape == (2, 3, 1)
    np.testing.assert_array_equal(ds.data, data)
    assert load(path, theta_names=["a", "b", "c"]).theta_names == ("a", "b", "c")


def test_the_order_of_axes_can_be_stated(path):
    data = np.arange(2 * 2 * 3 * 1, dtype=float).reshape(2, 2, 3, 1)
    axes = {"theta_b": [5.0, 6.0], "theta_a": [0.0, 1.0]}
    np.savez(path, data=data, **axes, theta_names=["a", "b"], data_type="continuous")
    ds = load(path)
    assert ds.theta_names == ("a", "b") and ds.thetas[0].tolist() == [0, 1]
    np.savez(path, data=data, **axes, theta_names=["a", "c"], data_type="continuous")
    _refused(path, "disagree", "theta_b, theta_a")


def test_counts(path):
    np.savez(
        path, configurations=[[0, 1, 0], [1, 1, 1]], counts_data=[3, 1], counts_indices=[0, 1],
        counts_indptr=[0, 1, 1, 2], theta=[0.0, 1.0, 2.0], data_type="discrete",
    )  # fmt: skip
    ds = load(path)
    assert ds.shots.tolist() == [3, 0, 1] and ds.samples[0].tolist() == [0, 1, 0]


def test_round_trip(small, path, same):
    assert save_npz(small, path) == path
    same(load(path), small)
    assert load(path).name == "small"


def test_saving_keeps_an_existing_file(odd_site, path):
    save_npz(odd_site, path)
    before = path.read_bytes()
    with pytest.raises(DataError, match="exists"):
        save_npz(odd_site, path)
    save_npz(odd_site, path, overwrite=True)
    assert path.read_bytes() == before  # and equal datasets give equal bytes


def test_options_replace_what_the_file_says(path):
    np.savez(path, samples=SAMPLES, theta=THETA)
    _refused(path, "what its samples are", "pass data_type=")
    ds = load(path, data_type="discrete", local_states=[2.0, 3.0], theta_names=["h"], periodic=True)
    assert ds.local_states.tolist() == [2, 3] and ds.theta_names == ("h",)
    assert ds.periodic == (True,)
    with pytest.raises(ConfigError, match="unknown key") as caught:
        load(path, data_typ="discrete")
    assert "did you mean 'data_type'?" in str(caught.value)
    with pytest.raises(ConfigError, match="wrong type"):
        load(path, data_type=3)


def test_unknown_arrays_name_the_nearest(path):
    arrays = {"samples": SAMPLES, "theta": THETA, "data_type": WORD, "local_state": [1.0, 2.0]}
    np.savez(path, **arrays)
    _refused(path, "no meaning here", "local_state", "did you mean 'local_states'?", "ignore =")
    assert load(path, ignore=["local_state"]).local_states.tolist() == [-1, 1]


def test_missing_and_mixed_layouts(path):
    np.savez(path, samples=SAMPLES, data_type=WORD)
    _refused(path, "none of the three layouts", "samples + theta")
    np.savez(path, samples=SAMPLES, data=SAMPLES, theta=THETA, data_type=WORD)
    _refused(path, "more than one layout")
    assert not loader.guess(path)


def test_pickled_objects_are_never_loaded(path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    np.savez(path, samples=np.array([Bomb()], dtype=object), theta=THETA, data_type=WORD)
    assert loader.guess(path)
    _refused(path, "pickled objects", "samples", "one row per sample")


@pytest.mark.parametrize(
    ("arrays", "match", "seen"),
    [
        ({"samples": SAMPLES * 2 - 1}, "codes 0..d-1", "(samples + 1) // 2"),
        ({"theta": THETA[:4]}, "does not match", "4 rows of theta, 6 wanted"),
        ({"data_type": np.array(3)}, "text", "data_type"),
        ({"data_type": np.array("discreet")}, "unknown data_type", "'discrete'"),
        ({"local_states": np.array(["a", "b"])}, "numbers", "local_states"),
        ({"samples": SAMPLES.astype("U1")}, "real numbers", "samples"),
        ({"samples": SAMPLES[0]}, "one row per snapshot", "(4,)"),
        ({"sites": np.zeros((4, 2))}, "share a position", "sites"),
    ],
)
def test_wrong_content(path, arrays, match, seen):
    np.savez(path, **({"samples": SAMPLES, "theta": THETA, "data_type": WORD} | arrays))
    _refused(path, match, seen)


def _header(shape, descr="|u1") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(70 * 10**12, 1), (5,), (-1, 4), (2**40, 2**40)])
def test_a_header_that_declares_what_is_not_there(path, shape):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samples.npy", _header(shape) + bytes(8))
        archive.writestr("theta.npy", _header((1,), "<f8") + bytes(8))
    _refused(path, "does not match its size|damaged", "samples")


def test_a_member_that_inflates_without_end(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:  # far denser than deflate
        archive.writestr("samples.npy", _header((200 << 20, 1)) + bytes(200 << 20))
    _refused(path, "declares far more than it stores", "samples", "bytes declared")


def test_members_that_are_not_arrays(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samples.npy", _header((4, 1)) + bytes(4))
        archive.writestr("../evil.sh", "true")
    assert not loader.guess(path)
    _refused(path, "only arrays")


def test_damaged_archives(make, path):
    """A fixed seed; every mutation is refused or reads."""
    save_npz(make("discrete", 2, "ragged"), path)
    raw, rng = path.read_bytes(), np.random.default_rng(0)
    outcomes = []
    for i in range(300):
        damaged = bytearray(raw)
        if i % 3 == 0:
            damaged = damaged[: rng.integers(1, len(raw))]
        else:
            damaged[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loader.guess(path)
            loader.load(path, loader.Config())
            outcomes.append(True)
        except DataError as error:
            assert str(path) in str(error)
            outcomes.append(False)
    assert 0 < sum(outcomes) < 200


def test_other_files_are_not_claimed(tmp_path):
    for content in (b"\x89HDF\r\n\x1a\n" + bytes(100), b"0101\n", bytes(64), b"PK\x03\x04"):
        path = tmp_path / "other"
        path.write_bytes(content)
        assert loader.guess(path) is False


def test_the_result_is_a_dataset_like_any_other(path, odd_site):
    np.savez(path, samples=SAMPLES, theta=THETA, data_type=WORD)
    direct = Dataset.from_samples(SAMPLES, THETA, data_type="discrete")
    assert load(path).sha256 == direct.sha256
