"""Hundreds of damaged dataset files: each is refused with a DataError, or still reads.

The seed is fixed; every mutated file is one that a disk or a network could have made.
"""

from __future__ import annotations

import faulthandler

import numpy as np
import pytest

from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.errors import DataError

KINDS = ("discrete", "continuous", "shadow")


@pytest.fixture(autouse=True)
def no_hang():
    """A loop inside HDF5 cannot be interrupted: end the run with a traceback instead."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def good(make, tmp_path):
    def bytes_of(kind):
        path = write_dataset(make(kind, 2, "ragged", shots=60), tmp_path / "good.h5")
        raw = path.read_bytes()
        path.unlink()
        return raw

    return bytes_of


def _outcome(path, raw) -> str:
    """ "ok" or the first line of a DataError that names the file; anything else fails."""
    path.write_bytes(raw)
    try:
        read_dataset(path)
    except DataError as error:
        assert str(path) in str(error), error
        return error.what
    return "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits(kind, good, tmp_path):
    rng = np.random.default_rng(2)
    raw = good(kind)
    outcomes = set()
    for _ in range(150):
        damaged = bytearray(raw)
        damaged[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        outcomes.add(_outcome(tmp_path / "damaged.h5", damaged))
    assert len(outcomes) > 1, "no flipped bit was noticed"


@pytest.mark.parametrize("kind", KINDS)
def test_truncations(kind, good, tmp_path):
    raw = good(kind)
    for length in {*range(0, len(raw), len(raw) // 40), len(raw) - 1}:
        assert _outcome(tmp_path / "damaged.h5", raw[:length]) != "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_overwritten_stretches(kind, good, tmp_path):
    rng = np.random.default_rng(3)
    raw = good(kind)
    for _ in range(60):
        damaged = bytearray(raw)
        start, length = rng.integers(len(raw)), rng.integers(1, 64)
        damaged[start : start + length] = rng.bytes(len(damaged[start : start + length]))
        _outcome(tmp_path / "damaged.h5", damaged)
