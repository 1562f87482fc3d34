"""A damaged or hostile file gives a ResultError and a finding, nothing else."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest

from qdisc.errors import ResultError
from qdisc.results.reader import open_result_file
from qdisc.results.validate import validate

# In a child process: HDF5 is C, and what must not happen includes a crash.
_MUTATE = """
import sys, random, warnings
from pathlib import Path
from qdisc.errors import ResultError
from qdisc.results.reader import open_result_file
from qdisc.results.validate import validate
warnings.simplefilter("ignore")
source, target, seed, rounds = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:5])
content, rng = source.read_bytes(), random.Random(seed)
refused = 0
for number in range(rounds):
    data = bytearray(content)
    for _ in range(rng.choice((1, 4, 64))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    target.write_bytes(data[: rng.randrange(len(data))] if number % 10 == 0 else data)
    validate(target)
    try:
        result = open_result_file(target)
        result.tree(), result.scales(), result.points(), result.params(), result.data_spec
        result.observables, result.analyses, result.seed, result.config_toml
    except ResultError:
        refused += 1
print(refused)
"""


def test_mutated_bytes_raise_only_result_errors(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _MUTATE, path, tmp_path / "m.h5", "2", "60"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert 10 < int(done.stdout) <= 60


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_truncated_files_give_one_finding(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    findings = validate(path)
    assert [(f.code, f.severity) for f in findings] == [("QD001", "ERROR")]
    with pytest.raises(ResultError):
        open_result_file(path)


def _external(file):
    file["analyses/latent_map/out"] = h5py.ExternalLink("other.h5", "/x")


def _soft(file):
    file["soft"] = h5py.SoftLink("/dataset")


def _virtual(file):
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    file.create_virtual_dataset("dataset/virtual", layout)


def _bomb(file):
    file.create_dataset("dataset/bomb", (10**10,), "f8", chunks=(10**6,), compression="gzip")


def _outside(file):
    file.create_dataset("dataset/raw", (3,), "f4", external=[("other.bin", 0, 12)])


@pytest.mark.parametrize("attack", [_external, _soft, _virtual, _bomb, _outside])
def test_what_points_outside_or_explodes_is_refused(path, attack):
    with h5py.File(path, "r+") as file:
        attack(file)
    findings = validate(path)
    assert [f.code for f in findings] == ["QD007"] and findings[0].path != "/"
    with pytest.raises(ResultError, match="refused"):
        open_result_file(path)


def test_damaged_numbers_are_found_when_they_are_read(path):
    with h5py.File(path, "r+") as file:
        file.create_dataset(
            "dataset/noise", data=np.random.default_rng(0).normal(size=5000), compression="gzip"
        )
        offset = file["dataset/noise"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 64] = bytes(64)
    path.write_bytes(content)
    result = open_result_file(path)
    assert result.seed == 7  # the rest can still be read
    with h5py.File(path, "r+") as file:
        file["dataset/noise"].attrs["dims"] = ["n"]
    with pytest.raises(ResultError, match=r"(?s)damaged.*/dataset/noise"):
        result.variable("/dataset/noise")
