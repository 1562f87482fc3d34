"""The page "From laptop to cluster" of the README: its sweep file is read, its commands are run."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from qdisc.cli.main import main
from qdisc.sweep import read_sweep, run_point

README = Path(__file__).parents[2] / "README.md"


def blocks(language):
    """The code of one language on the page."""
    page = README.read_text(encoding="utf-8").split("## From laptop to cluster\n")[1]
    page = page.split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)


@pytest.fixture(scope="module")
def folder(ran, lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    for name in ("line.h5", "recipe.toml"):
        shutil.copy(ran.folder / name, folder / name)
    lab.write(folder, blocks("toml")[0])
    return folder


def test_the_commands_run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    sweep = read_sweep("sweep.toml")
    assert [p.name for p in sweep.points] == [
        "beta=0.5_seed=0", "beta=0.5_seed=1", "beta=1.0_seed=0", "beta=1.0_seed=1",
    ]  # fmt: skip
    lines = [shlex.split(line, comments=True) for line in blocks("bash")[0].splitlines()]
    assert [line[:2] for line in lines] == [["qdisc", "sweep"]] * 4
    for point in sweep.points:  # in this process, which has compiled already
        run_point(sweep, "runs", point.index)
    for line in lines:
        assert main(line[1:]) == 0, line
    told = capsys.readouterr()
    assert "4 are finished" in told.err and told.out.rstrip().endswith("4 finished")
    assert (folder / "runs" / "beta=0.5_seed=0.h5").exists()
    assert len((folder / "runs" / "table.csv").read_text().splitlines()) == 5


def test_the_lists_that_go_together_are_a_sweep(folder, lab):
    text = blocks("toml")[0].replace("# [zip]", "[zip]").replace("\n# ", "\n")
    names = [p.name for p in read_sweep(lab.write(folder, text, "zipped.toml")).points]
    assert names[:2] == ["beta=0.5_seed=0_data=small_latent_dim=2",
                         "beta=0.5_seed=0_data=large_latent_dim=5"]  # fmt: skip


def test_the_line_for_sbatch_is_that_of_the_dry_run(folder, monkeypatch, capsys):
    """`make slurm` runs these lines on a real SLURM."""
    monkeypatch.chdir(folder)
    command = ["sweep", "sweep.toml", "-o", "runs", "--dry-run", "--slurm", "time=02:00:00"]
    shutil.rmtree("runs", ignore_errors=True)
    assert main(command) == 0
    (line,) = blocks("bash")[1].splitlines()
    assert capsys.readouterr().out.splitlines()[-1].replace(" --requeue", "") == line
