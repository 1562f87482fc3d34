"""Sweeps that run: skipped, retried, resumed, side by side, and the table of what came out."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from qdisc import pipeline
from qdisc.cli.main import main
from qdisc.errors import ConfigError
from qdisc.pipeline.chain import Silent
from qdisc.pipeline.result import Result
from qdisc.plugin import Variable
from qdisc.publish import locked
from qdisc.results.build import analysis_group
from qdisc.results.diff import diff
from qdisc.results.reader import read_tree
from qdisc.results.writer import write_result
from qdisc.sweep import collect, read_sweep, run_point, slurm
from qdisc.sweep import record as records
from qdisc.sweep.executors import _child, sbatch
from qdisc.sweep.table import findings
from qdisc.sweep.work import Busy

LONG = 'recipe = "long.toml"\nretries = 1\n[grid]\nseed = [5]\n'


@pytest.fixture
def copy(ran, tmp_path):
    """The sweep that ran, to be changed."""
    shutil.copytree(ran.folder, tmp_path / "copy")
    return tmp_path / "copy"


def names(folder):
    return [p.name for p in read_sweep(folder / "sweep.toml").points]


def test_a_failing_point_costs_the_others_nothing(ran, capsys):
    assert ran.code == 3
    table = collect(ran.out)
    assert [row["state"] for row in table.rows] == ["finished", "finished", "failed"]
    assert "later.h5" in table.rows[2]["reason"] and "no such" in table.rows[2]["reason"].lower()
    assert [row["attempts"] for row in table.rows] == [1, 1, 1]  # a mistake is tried once
    assert main(["sweep", "collect", str(ran.out)]) == 0
    out = capsys.readouterr().out
    assert "2 finished, 1 failed" in out and "failed: seed=2_data=later: " in out
    assert records.valid(ran.out / "seed=1_data=line.h5")


def test_the_table_holds_what_the_files_hold(ran, capsys):
    assert main(["sweep", "collect", str(ran.out)]) == 0
    told = json.loads((ran.out / "table.json").read_text())
    with (ran.out / "table.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == len(told["rows"]) == 3 and list(lines[0]) == told["columns"]
    assert told["keys"] == ["seed", "data.path"]
    for line, row in zip(lines[:2], told["rows"], strict=False):
        result = Result(ran.out / f"{row['point']}.h5")
        attrs = result.group("/training").attrs
        assert row["loss"] == float(result.variable("/training/loss").data[-1])
        assert row["seed"] == attrs["seed"] and row["data.path"] == "line.h5"
        for name in ("reconstruction", "rate", "active_latents", "log_evidence"):
            assert row[name] == attrs[name] and float(line[name]) == attrs[name], name
    assert lines[2]["loss"] == "" and told["rows"][2]["loss"] is None


def test_phases_are_a_column_where_they_are_found(ran, tmp_path):
    tree = read_tree(ran.out / "seed=0_data=line.h5")
    group = analysis_group("clusters", variables={"n_phases": Variable(np.int32(3), ())})
    path = write_result(tmp_path / "phases.h5", tree.with_group("/analyses/clusters", group))
    assert findings(Result(path))["clusters.n_phases"] == 3


def test_finished_points_are_skipped_and_failed_ones_tried_again(copy, capsys):
    out = copy / "out"
    before = {name: (out / f"{name}.h5").stat() for name in names(copy)[:2]}
    shutil.copy(copy / "line.h5", copy / "later.h5")
    sweep = read_sweep(copy / "sweep.toml")
    for index in range(3):
        run_point(sweep, out, index)
    for name, stat in before.items():
        now = (out / f"{name}.h5").stat()
        assert (now.st_ino, now.st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)
    record = msgspec.json.decode((out / "seed=2_data=later.json").read_bytes(), type=records.Record)
    assert record.attempts == 2 and len(record.failures) == 1 and record.ended == "finished"
    assert "later.h5" in record.failures[0].reason
    assert main(["sweep", str(copy / "sweep.toml"), "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert "3 points" in told.err and "3 are finished" in told.err and "3 finished" in told.out


def test_one_point_is_that_of_the_serial_run_bit_by_bit(ran, tmp_path, monkeypatch, capsys):
    """`--index` in this process, the sweep in others, and a plain run with the same settings."""
    out = tmp_path / "by_index"
    assert main(["sweep", str(ran.path), "-o", str(out), "--index", "1"]) == 0
    name = "seed=1_data=line.h5"
    assert diff(out / name, ran.out / name) == []
    plain = pipeline.run(ran.folder / "recipe.toml", tmp_path / "plain.h5", seed=1)
    assert diff(plain.path, out / name) == []
    assert diff(out / name, ran.out / "seed=0_data=line.h5") != []
    assert main(["sweep", str(ran.path), "-o", str(out), "--index", "3"]) == 2
    assert "0 to 2" in capsys.readouterr().err


def test_jobs_of_submitit_and_two_workers_at_one_point(ran, tmp_path):
    """submitit's executor of this machine; a point submitted twice is done once."""
    sweep, out = read_sweep(ran.path), tmp_path / "out"
    *jobs, failing = slurm(sweep, out, [0, 0, 2], cluster="local")
    assert [job.result() for job in jobs] == [0, 0]
    assert diff(out / "seed=0_data=line.h5", ran.out / "seed=0_data=line.h5") == []
    assert records.read(out, sweep.points[0]).attempts == 1
    assert "exit code 2" in str(failing.exception())


def test_a_point_that_somebody_works_on_is_left_to_them(ran, tmp_path):
    sweep = read_sweep(ran.path)
    with locked(records.files(tmp_path, sweep.points[0]).record):
        with pytest.raises(Busy, match="another worker has this point: seed=0_data=line") as busy:
            run_point(sweep, tmp_path, 0)
        assert busy.value.exit_code == 0
    assert list(tmp_path.glob("*.h5")) == []


def test_results_of_another_recipe_are_neither_skipped_nor_replaced(copy):
    recipe = copy / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("epochs = 3", "epochs = 4"))
    sweep, path = read_sweep(copy / "sweep.toml"), copy / "out" / "seed=0_data=line.h5"
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"(?s)finished result of another recipe.*another folder"):
        run_point(sweep, copy / "out", 0)
    assert path.read_bytes() == before


def test_a_damaged_result_is_kept_aside_and_made_again(copy, ran):
    path = copy / "out" / "seed=0_data=line.h5"
    path.write_bytes(path.read_bytes()[:3000])
    sweep = read_sweep(copy / "sweep.toml")
    assert collect(copy / "out").rows[0]["state"] == "waiting"
    run_point(sweep, copy / "out", 0)
    other = [line for line in diff(path, ran.out / path.name) if "config" not in line]
    assert other == [] and path.with_suffix(".damaged.h5").stat().st_size == 3000


def _worker(out, point, gone=()):
    """Process id of who works on a point, once there is a checkpoint."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        worker = records.read(out, point).worker
        if worker and worker.pid not in gone and records.files(out, point).checkpoint.exists():
            return worker.pid
        time.sleep(0.02)
    raise AssertionError("no worker has begun")


class Noting(Silent):
    def __init__(self):
        self.told = []

    def message(self, text):
        self.told.append(text)


def test_a_killed_worker_is_retried_and_the_point_goes_on(lab, tmp_path, ran):
    """SIGKILL twice, as often as the sweep tries; the next call ends it, bit by bit the same."""
    folder = lab.make(tmp_path, epochs=200)
    (folder / "recipe.toml").rename(folder / "long.toml")
    sweep, out = read_sweep(lab.write(folder, LONG)), folder / "out"
    parent = subprocess.Popen(
        [sys.executable, "-m", "qdisc", "sweep", str(sweep.path), "-o", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    gone = []
    for _ in range(2):
        gone.append(_worker(out, sweep.points[0], gone))
        os.kill(gone[-1], signal.SIGKILL)
    told = "".join(parent.communicate(timeout=60))
    assert parent.returncode == 3 and "seed=5: failed at attempt 2: killed: process" in told, told
    noting = Noting()
    done = run_point(sweep, out, 0, progress=noting)
    assert any(line.startswith("going on from") for line in noting.told)
    record = records.read(out, sweep.points[0])
    assert record.attempts == 3 and len(record.failures) == 2 and done.exit_code == 0
    whole = pipeline.run(folder / "long.toml", tmp_path / "whole.h5", seed=5)
    assert diff(whole.path, done.path) == []
    assert not records.files(out, sweep.points[0]).checkpoint.exists()


def test_who_interrupts_the_sweep_interrupts_its_workers_once(tmp_path):
    code = (
        "import time\nfrom qdisc.signals import CODES, Signals\nwith Signals() as stop:\n"
        "    while not stop(): time.sleep(0.01)\nraise SystemExit(CODES[stop()])"
    )
    begun = time.monotonic()
    asked = lambda: "Ctrl-C" if time.monotonic() > begun + 1 else None  # noqa: E731
    log = tmp_path / "log"
    assert _child([sys.executable, "-c", code], log, asked, set()) == 143
    assert log.read_text().count("ending well") == 1


def test_a_dry_run_runs_nothing(ran, capsys):
    options = ["--dry-run", "--slurm", "time=02:00:00", "cpus_per_task=2"]
    assert main(["sweep", str(ran.path), "-o", str(ran.out), *options]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].split() == ["0", "finished", "seed=0_data=line"]
    assert out[-1] == (
        "sbatch --array=2 --time=02:00:00 --cpus-per-task=2 --signal=B:USR1@120 --requeue --wrap "
        f"'exec qdisc sweep {ran.path} -o {ran.out} --index $SLURM_ARRAY_TASK_ID'"
    )
    assert main(["sweep", str(ran.path), "-o", str(ran.folder / "new"), "--dry-run"]) == 0
    assert not (ran.folder / "new").exists()


def test_a_shell_takes_the_line_as_it_was_meant(tmp_path):
    """Blanks and quotes in paths, read back by the rules of the shell, twice as sbatch does."""
    sweep = SimpleNamespace(path=tmp_path / "it's mine" / "sweep.toml")
    line = sbatch(sweep, Path("my runs"), [0, 1, 3], {"job_name": "two words"})
    words = shlex.split(line)
    assert words[:3] == ["sbatch", "--array=0-1,3", "--job-name=two words"]
    assert words[-2] == "--wrap"
    assert shlex.split(words[-1]) == [
        "exec", "qdisc", "sweep", str(sweep.path), "-o", "my runs", "--index",
        "$SLURM_ARRAY_TASK_ID",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["collect"], "name the folder"),
        (["collect", "{nowhere}"], "no sweep wrote here"),
        (["{path}", "again"], "one sweep at a time"),
        (["{path}", "-o", "{nowhere}/deep/er"], "the output folder does not exist"),
        (["{path}", "-o", "{nowhere}", "--dry-run", "--slurm", "gpu"], "KEY=VALUE"),
    ],
)
def test_what_the_command_refuses(ran, tmp_path, capsys, arguments, words):
    where = {"path": ran.path, "nowhere": tmp_path / "nowhere"}
    assert main(["sweep", *(a.format(**where) for a in arguments)]) == 2
    assert words in capsys.readouterr().err
