"""Real signals to the real command: nothing is lost, and --resume gives the same file."""

from __future__ import annotations

import random
import signal
import subprocess

import pytest

from benchmarks import soak
from qdisc.pipeline.keep import checkpoint_path
from qdisc.pipeline.result import Result
from qdisc.results.diff import diff


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kill")


@pytest.fixture(scope="module")
def whole(folder):
    return soak._whole(folder, epochs=400)


def test_killed_trainings_go_on_bit_by_bit(folder, whole):
    tally = soak.killed_trainings(folder, whole, 5, random.Random(1))
    assert (tally.corrupted, tally.lost) == (0, 0)
    assert tally.kills >= 5 and tally.identical == tally.resumed >= 1


@pytest.mark.parametrize("what", ["result", "analysis"])
def test_killed_writers_leave_whole_files(folder, whole, what):
    tally = soak.killed_writers(folder, whole, what, 7, random.Random(0))
    assert (tally.kills, tally.corrupted, tally.lost) == (7, 0, 0)


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_well(folder, whole, number, code):
    """Checkpoint, what exists, a clear message and code; then --resume."""
    out = folder / f"signal_{code}.h5"
    child = subprocess.Popen(
        soak._command(folder, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in child.stderr:  # it has begun to train
        if line.startswith("training"):
            break
    child.send_signal(number)
    _, told = child.communicate(timeout=60)
    assert child.returncode == code, told
    assert f"interrupted: {out} holds what existed; the same command with --resume" in told
    assert checkpoint_path(out).exists() and Result(out).exit_code == code
    subprocess.run(soak._command(folder, out), check=True, capture_output=True)
    assert diff(out, whole) == [] and not checkpoint_path(out).exists()
