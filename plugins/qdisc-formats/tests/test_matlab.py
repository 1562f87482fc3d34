"""MATLAB files of four versions read alike; variables are walked before anything is allocated."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin
from scipy.io import savemat

from qdisc_formats.layout_options import ArrayConfig
from qdisc_formats.matlab import loader

DIMS = ("x", "y", "shot", "delta")


@pytest.mark.parametrize("version", ["v5", "v7", "v73"])
@pytest.mark.parametrize("prefix", ["", "data."])
def test_one_odd_site(golden, version, prefix):
    """Site (0, 1) of 2 x 3 is 1 at the second detuning."""
    theta = {"delta": f"{prefix}detuning"}
    dataset = load(golden(f"matlab_{version}.mat"), samples=f"{prefix}snapshots", dims=DIMS,
                   theta=theta)  # fmt: skip
    assert dataset.theta[:, 0].tolist() == [-1.5, 2.5] and dataset.shots.tolist() == [4, 4]
    assert dataset.average(dataset.configurations).tolist() == [[0] * 6, [0, 1, 0, 0, 0, 0]]
    assert dataset.sites.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


def test_version_4_and_the_contract(golden):
    dataset = load(golden("matlab_v4.mat"), loader="matlab", dims=["shot", "site"])
    assert dataset.samples.tolist() == [[1, 0, 0]] * 4
    config = ArrayConfig(samples="snapshots", dims=DIMS, theta={"delta": "detuning"})
    for version in ("v5", "v7", "v73"):
        check_plugin(loader, config=config, file=golden(f"matlab_{version}.mat"))


def test_nothing_says_which_array(golden):
    for version in ("v5", "v7", "v73"):
        with pytest.raises(DataError, match="which array holds the snapshots") as caught:
            load(golden(f"matlab_{version}.mat"))
        text = str(caught.value)
        assert "data.snapshots (2, 3, 4, 2)" in text and "note" not in text
        with pytest.raises(DataError) as caught:
            load(golden(f"matlab_{version}.mat"), samples="data.snapshot", dims=DIMS)
        assert "snapshot" in str(caught.value)


def matrix(code, shape, content):
    """A matrix element of version 5 called x."""

    def element(kind, raw):
        return struct.pack("<II", kind, len(raw)) + raw + bytes(-len(raw) % 8)

    body = element(6, struct.pack("<II", code, 0)) + element(
        5, struct.pack(f"<{len(shape)}i", *shape)
    )
    body += element(1, b"x") + content
    return struct.pack("<II", 14, len(body)) + body


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


@pytest.mark.parametrize(
    ("code", "shape", "content", "match"),
    [
        (4, (1 << 30, 4), struct.pack("<II", 4, 0), "numbers are declared"),  # text of 4 GiB
        (6, (1 << 30, 1 << 30), struct.pack("<II", 9, 0), "numbers are declared"),
        (1, (1 << 30, 4), b"", "elements are declared"),  # a cell of 4 G
        (9, (2, 2), struct.pack("<II", 2, 400), "ends behind its parent"),
        (5, (2, 2), b"", "class of MATLAB is not read"),
        (17, (1, 1), b"", "class of MATLAB is not read"),
    ],
)
def test_dimensions_without_content(tmp_path, code, shape, content, match):
    path = tmp_path / "declared.mat"
    path.write_bytes(HEADER + matrix(code, shape, content))
    with pytest.raises(DataError, match=match) as caught:
        load(path, samples="x", dims=["shot", "site"])
    assert "declared.mat" in str(caught.value)


def test_a_variable_that_unfolds_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("qdisc_formats.mat5.MAX_BYTES", 1 << 20)
    path = tmp_path / "bomb.mat"
    raw = zlib.compress(matrix(9, (2048, 1024), struct.pack("<II", 2, 1 << 21) + bytes(1 << 21)))
    path.write_bytes(HEADER + struct.pack("<II", 15, len(raw)) + raw)
    with pytest.raises(DataError, match="unfolds to more than is read"):
        load(path, samples="x", dims=["shot", "site"])


def test_nested_structs_and_other_classes(tmp_path):
    path = tmp_path / "nested.mat"
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.eye(2), "words"
    savemat(path, {"a": {"b": {"shots": np.eye(2, 3)}}, "cells": cells, "word": "text"})
    dataset = load(path, samples="a.b.shots", dims=["shot", "site"])
    assert dataset.samples.tolist() == [[1, 0, 0], [0, 1, 0]]
    with pytest.raises(DataError, match="no array of numbers"):
        load(path, samples="word", dims=["shot", "site"])
