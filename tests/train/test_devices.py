"""Devices that share the rows of a step train the model that one device trains."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.errors import ConfigError
from qdisc.train.rows import make_plan

SCRIPT = Path(__file__).with_name("on_devices.py")
KINDS, MANY = ("rows", "counts", "stream"), (2, 4, 8)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Trainings on 1, 2, 4 and 8 devices that one processor is divided into."""
    wanted = [(kind, n) for kind in KINDS for n in (1, *MANY)]
    wanted = [(k, n) for k, n in wanted if k == "rows" or n == 4 or (k, n) == ("counts", 1)]
    env = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }  # compiles in half the time
    command = [sys.executable, str(SCRIPT), str(tmp_path_factory.mktemp("devices"))]
    done = subprocess.run(
        [*command, json.dumps(wanted)], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("kind", "n"), [*(("rows", n) for n in MANY), ("counts", 4), ("stream", 4)]
)
def test_the_loss_curve_is_that_of_one_device(found, kind, n):
    """Same keys, same rows, batches of 30 (that 4 and 8 do not divide), TC included.

    Sums over rows are taken in another order: float32 keeps 1e-7 of them, and training multiplies
    that by at most some hundred here.
    """
    one, many = found["counts 1" if kind == "counts" else "rows 1"], found[f"{kind} {n}"]
    assert (one["devices"], many["devices"]) == ([1], [n])
    assert many["compiled"] == 1
    assert len(many["steps"]) == len(one["steps"]) >= 3 * 7
    assert np.allclose(many["steps"], one["steps"], rtol=2e-5, atol=2e-5)
    assert np.allclose(many["params"], one["params"], rtol=1e-4)
    if kind == "counts":
        assert np.allclose(many["validation"], one["validation"], rtol=2e-5)


def test_two_processes_are_one_training(found, tmp_path):
    """Over the collectives of the processor (gloo); both end with the curve of one device."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    (tmp_path / "0").mkdir(), (tmp_path / "1").mkdir()
    both = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(tmp_path / rank), '[["rows", "all"]]', port, rank],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
        )
        for rank in "01"
    ]  # fmt: skip
    told = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    first, second = (json.loads(out.splitlines()[-1])["rows all"] for out, _ in told)
    assert first == second and first["devices"] == [2]
    assert np.allclose(first["steps"], found["rows 1"]["steps"], rtol=2e-5, atol=2e-5)
    assert [(tmp_path / rank / "kept.h5").exists() for rank in "01"] == [True, False]


def test_devices_that_are_not_there(toy):
    with pytest.raises(ConfigError, match=r"not so many devices[\s\S]*train.devices[\s\S]*up to"):
        make_plan(toy.values(), TrainConfig(devices=999))
    with pytest.raises(ConfigError, match=r"train.devices has no meaning"):
        TrainConfig(devices=0)
