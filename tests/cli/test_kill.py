"""Real signals to the real command: nothing is lost, and --resume gives the same file."""

from __future__ import annotations

import random
import signal
import subprocess

import numpy as np
import pytest

from benchmarks import soak
from qdisc.cli.main import main
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import write_dataset
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


def test_a_result_repeats_itself(folder, whole, capsys):
    again = folder / "again.h5"
    assert main(["run", "--from", str(whole), "-o", str(again), "--no-figures", "--quiet"]) == 0
    assert diff(again, whole) == []
    assert (
        main(["run", "--from", str(whole), "-o", str(again), "--set", "data.path=nowhere.h5"]) == 2
    )
    assert "nowhere.h5" in capsys.readouterr().err
    assert main(["run", str(whole), "--from", str(whole), "-o", str(again)]) == 2
    assert main(["run", "-o", str(again)]) == 2


def test_a_result_does_not_repeat_itself_on_other_data(folder, whole, capsys):
    rows = np.zeros((5, 40, 4), np.uint8)
    rows[:, ::3] = 1
    write_dataset(Dataset(rows, [np.arange(5.0)], "discrete"), folder / "other.h5")
    other = f"data.path={folder / 'other.h5'}"
    assert main(["run", "--from", str(whole), "-o", str(folder / "x.h5"), "--set", other]) == 2
    assert "the data are not those of the result" in capsys.readouterr().err
