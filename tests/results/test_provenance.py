from __future__ import annotations

import subprocess
import sys
from datetime import datetime

import pytest

from qdisc.results import provenance
from qdisc.results.provenance import collect, environment, git_describe
from qdisc.results.writer import write_result


def test_environment_names_versions_and_what_is_missing():
    found = environment(["no-such-package-here", "bad name"])
    assert found["python"] == sys.version.split(" ")[0]
    assert found["numpy"] and found["qdisc"] and found["platform"]
    assert found["no-such-package-here"] == "not installed" and "bad name" not in found


def test_nothing_heavy_is_imported():
    code = (
        "import sys, qdisc.results.provenance as p; p.environment();"
        "print([m for m in ('jax', 'flax', 'netket', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_git_is_asked_only_in_a_repository(tmp_path, monkeypatch):
    assert git_describe(tmp_path) == ""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    assert git_describe(tmp_path) == ""  # no commit yet
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    short = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=tmp_path, capture_output=True, text=True,
        check=True,
    ).stdout.strip()  # fmt: skip
    assert git_describe(tmp_path) == short

    def slow(*_, **__):
        raise subprocess.TimeoutExpired("git", 2)

    monkeypatch.setattr(provenance.subprocess, "run", slow)
    assert git_describe(tmp_path) == ""


def test_collect_fits_into_a_result(tmp_path, tree):
    group = collect(
        seed=3, config_toml="seed = 3\n", duration_s=1.25, device="cpu", command="qdisc run",
        tracebacks={"clusters": "x" * 300_000 + "\x00\ud800"},
    )  # fmt: skip
    assert datetime.fromisoformat(group.attrs["created_at"]).utcoffset().total_seconds() == 0
    assert group.attrs["command"] == "qdisc run" and group.attrs["device"] == "cpu"
    kept = group.groups["tracebacks"].attrs["clusters"]
    assert "characters left out" in kept and len(kept) < 201_000
    write_result(tmp_path / "r.h5", tree.with_group("/provenance", group))


def test_the_command_line_is_kept_by_default(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["qdisc", "run", "my recipe.toml"])
    group = collect(seed=0, config_toml="", duration_s=0, device="")
    assert group.attrs["command"] == "qdisc run 'my recipe.toml'"


@pytest.mark.parametrize("name", ["python", "platform", "jax", "h5py"])
def test_the_usual_packages_are_listed(name):
    assert name in environment()
