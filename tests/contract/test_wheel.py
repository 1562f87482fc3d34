"""The wheel, unpacked and used from a foreign folder; `make wheel` installs it for real."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

SMOKE = runpy.run_path(str(Path(__file__).with_name("wheel_smoke.py")), run_name="smoke")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return SMOKE["build_wheel"](tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def python(unpacked, code, cwd):
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_module_and_the_data_of_the_demo(wheel):
    assert SMOKE["missing"](SMOKE["contents"](wheel)) == []


def test_nothing_else_is_shipped(wheel):
    places = {name.split("/")[0] for name in SMOKE["contents"](wheel)}
    assert places == {"qdisc", "qdisc-0.1.0.dist-info"}
    assert not any("__pycache__" in name for name in SMOKE["contents"](wheel))


def test_every_module_is_imported_from_the_wheel(unpacked, tmp_path):
    count, version, place = python(unpacked, SMOKE["IMPORT_ALL"], tmp_path).split()
    assert Path(place).is_relative_to(unpacked)
    assert version == "0.1.0"
    assert int(count) >= 150


def test_the_shipped_dataset_is_found_without_a_checkout(unpacked, tmp_path):
    code = (
        "from qdisc.physics.catalogue import list_datasets\n"
        "from qdisc.dataset.hdf5 import read_dataset\n"
        "(entry,) = list_datasets()\n"
        "print(entry.name, read_dataset(entry.data).n_snapshots)"
    )
    assert python(unpacked, code, tmp_path) == "j1j2_3x3 420000\n"


def test_the_metadata_say_what_is_needed(unpacked):
    info = unpacked / "qdisc-0.1.0.dist-info"
    meta = message_from_string((info / "METADATA").read_text())
    lines = [line for line in meta.get_all("Requires-Dist", []) if "extra" not in line]
    needs = {line.split(">")[0] for line in lines}
    assert {"numpy", "scipy", "jax", "flax", "optax", "h5py", "matplotlib", "msgspec"} <= needs
    assert meta["Requires-Python"] == ">=3.11"
    assert meta["License-Expression"] == "Apache-2.0"
    points = (info / "entry_points.txt").read_text()
    assert "qdisc = qdisc.cli.main:main" in points
    assert all(f"\n{name} = " in points for name in SMOKE["plugins"]())


def test_the_version_is_said_once():
    import tomllib

    import qdisc

    project = tomllib.loads((SMOKE["ROOT"] / "pyproject.toml").read_text())["project"]
    assert qdisc.__version__ == project["version"]
