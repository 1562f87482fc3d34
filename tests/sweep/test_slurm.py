"""Sweeps on a real SLURM of one node (`make slurm`): the same files, requeued and resumed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qdisc import pipeline
from qdisc.results.diff import diff
from qdisc.sweep import collect, read_sweep
from qdisc.sweep import record as records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("QDISC_SLURM" not in os.environ, reason="QDISC_SLURM=1 starts a SLURM"),
]
TWO = 'recipe = "recipe.toml"\n[grid]\nseed = [0, 1]\n'
LONG = 'recipe = "long.toml"\n[grid]\nseed = [5]\n'


def _load():
    path = Path(__file__).with_name("slurm_node.py")
    spec = importlib.util.spec_from_file_location("slurm_node", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


slurm_node = _load()


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in slurm_node.PROGRAMS if not shutil.which(name, path=path)]
    assert not missing, f"apt-get install slurmctld slurmd slurm-client munge; missing: {missing}"
    with slurm_node.node(tmp_path_factory.mktemp("slurm")) as env:
        bin_folder = Path(sys.executable).parent
        yield {**env, "PATH": f"{bin_folder}:{env['PATH']}"}


@pytest.fixture(scope="module")
def folder(lab, tmp_path_factory):
    folder = lab.make(tmp_path_factory.mktemp("cluster"))
    text = (folder / "recipe.toml").read_text()
    (folder / "long.toml").write_text(text.replace("epochs = 3", "epochs = 400"))
    lab.write(folder, TWO, "two.toml")
    lab.write(folder, LONG, "long_sweep.toml")
    return folder


@pytest.fixture(scope="module")
def whole(folder):
    """Results without a sweep, without SLURM, without interruptions."""
    made = {}
    for recipe, seed in (("recipe", 0), ("recipe", 1), ("long", 5)):
        out = folder / f"whole_{seed}.h5"
        with contextlib.chdir(folder):  # paths are stored as they are written
            made[seed] = pipeline.run(f"{recipe}.toml", out, seed=seed).path
    return made


def call(line, folder, env):
    done = subprocess.run(line, shell=isinstance(line, str), cwd=folder, env=env,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(folder, out, whole):
    rows = collect(folder / out).rows
    assert [row["state"] for row in rows] == ["finished"] * len(rows), rows
    for row in rows:
        assert diff(folder / out / f"{row['point']}.h5", whole[row["seed"]]) == []
    return rows


def test_the_line_of_the_dry_run_is_an_array(folder, env, whole):
    told = call(["qdisc", "sweep", "two.toml", "-o", "array", "--dry-run"], folder, env)
    line = told.splitlines()[-1]
    assert line.startswith("sbatch --array=0-1 ")
    call(line, folder, env)
    slurm_node.ended(env)
    check(folder, "array", whole)


def test_submitit_submits_an_array(folder, env, whole):
    line = ["qdisc", "sweep", "two.toml", "-o", "submitted", "--slurm", "time=00:10:00"]
    assert call(line, folder, env).startswith("2 jobs: ")
    slurm_node.ended(env)
    check(folder, "submitted", whole)
    assert call(line, folder, env) == ""  # nothing is left to submit


def test_the_lines_of_the_readme(folder, lab, env):
    """Each on results of its own; the page's laptop commands are in test_readme.py."""
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    page = page.split("## From laptop to cluster\n")[1].split("\n## ")[0]
    lab.write(folder, re.findall(r"```toml\n(.*?)```", page, re.S)[0])
    _, bare, submitit = re.findall(r"```bash\n(.*?)```", page, re.S)
    for number, text in enumerate((bare, submitit)):
        out = f"readme_{number}"
        call(text.replace("runs", out), folder, env)
        slurm_node.ended(env)
        assert collect(folder / out).count() == {"finished": 4}


def _under_way(folder, out):
    """Wait for the checkpoint of the long point."""
    point = read_sweep(folder / "long_sweep.toml").points[0]
    until = time.monotonic() + 120
    while not records.files(folder / out, point).checkpoint.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_warning_before_the_end_is_an_end_well(folder, env, whole, number):
    """USR1 as of --signal=B:USR1@120, or scancel; the same line again goes on."""
    out = f"warned_{number.name}"
    told = call(["qdisc", "sweep", "long_sweep.toml", "-o", out, "--dry-run"], folder, env)
    line = told.splitlines()[-1].replace("sbatch", "sbatch --parsable", 1)
    job = call(line, folder, env).strip()
    _under_way(folder, out)
    call(["scancel", "--batch", f"--signal={number.name[3:]}", job], folder, env)
    slurm_node.ended(env)
    assert collect(folder / out).rows[0]["state"] == "interrupted"
    call(line, folder, env)
    slurm_node.ended(env)
    (row,) = check(folder, out, whole)
    assert row["attempts"] == 2


def test_a_job_out_of_time_is_requeued_and_goes_on(folder, env, whole):
    """USR2 is what submitit asks SLURM to send before the time limit."""
    line = ["qdisc", "sweep", "long_sweep.toml", "-o", "requeued", "--slurm", "time=00:10:00"]
    job = call(line, folder, env).split()[-1]
    _under_way(folder, "requeued")
    call(["scancel", "--signal=USR2", job], folder, env)
    slurm_node.ended(env)
    (row,) = check(folder, "requeued", whole)
    assert row["attempts"] == 2
