from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from qdisc import publish
from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results.build import analysis_group
from qdisc.results.diff import diff_trees
from qdisc.results.layout import layout
from qdisc.results.reader import open_result_file, read_tree
from qdisc.results.schema import Group
from qdisc.results.validate import validate
from qdisc.results.writer import add_group, write_result


def _only(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_what_is_written_is_read_back(tmp_path, tree):
    path = write_result(tmp_path / "r.h5", tree)
    assert diff_trees(layout(tree), read_tree(path)) == []
    assert _only(tmp_path) == ["r.h5"]


def test_reading_and_writing_again_gives_the_same_bytes(path, tmp_path):
    again = write_result(tmp_path / "again.h5", read_tree(path))
    assert again.read_bytes() == path.read_bytes()


def test_a_second_write_replaces_the_file(path, tree, tmp_path):
    write_result(path, Group({**tree.attrs, "title": "second"}, tree.variables, tree.groups))
    assert open_result_file(path).attrs["title"] == "second"
    assert _only(tmp_path) == ["result.h5"]


def test_a_symbolic_link_keeps_pointing(path, tree, tmp_path):
    link = tmp_path / "link.h5"
    link.symlink_to(path)
    write_result(link, Group({**tree.attrs, "title": "second"}, tree.variables, tree.groups))
    assert link.is_symlink() and open_result_file(path).attrs["title"] == "second"


def test_add_group_adds_and_replaces(path, tmp_path):
    before = read_tree(path)
    new = analysis_group("new", variables={"x": Variable(np.ones(2), ("theta_J",))})
    add_group(path, "/analyses/new", new)
    result = open_result_file(path)
    assert result.analyses == ("broken", "latent_map", "new", "phases")
    assert result.variable("/analyses/new/x").data.tolist() == [1, 1]
    lines = diff_trees(before, result.tree())
    assert lines == ["/analyses/new: only in the second file"]
    add_group(path, "/analyses/new", analysis_group("new", status="failed", message="no"))
    assert open_result_file(path).status("new") == "failed"
    assert validate(path) == [] and _only(tmp_path) == ["result.h5"]


def test_add_group_to_what_is_not_there(path, tmp_path):
    before = path.read_bytes()
    with pytest.raises(ResultError, match="no such file"):
        add_group(tmp_path / "none.h5", "/analyses/x", Group())
    with pytest.raises(ResultError, match="no such group"):
        add_group(path, "/nowhere/x", Group())
    with pytest.raises(ResultError, match="no qdisc_type"):
        add_group(path, "/analyses/x", Group({"status": "ok"}))
    assert path.read_bytes() == before and _only(tmp_path) == ["result.h5"]


def test_a_tree_that_breaks_a_rule_is_not_published(path, tree, tmp_path):
    before = path.read_bytes()
    groups = {name: group for name, group in tree.groups.items() if name != "dataset"}
    with pytest.raises(ResultError, match=r"(?s)was not written.*QD005 ERROR /dataset"):
        write_result(path, Group(tree.attrs, tree.variables, groups))
    assert path.read_bytes() == before and _only(tmp_path) == ["result.h5"]


def test_places_that_cannot_be_written(tmp_path, tree):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultError, match=r"(?s)nothing was changed.*missing.*make the folder"):
        write_result(tmp_path / "missing" / "r.h5", tree)
    with pytest.raises(ResultError, match=r"(?s)nothing was changed.*taken by a file"):
        write_result(tmp_path / "file" / "r.h5", tree)
    with pytest.raises(ResultError, match="a folder is in the place"):
        write_result(tmp_path, tree)
    assert _only(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(path, tree, tmp_path, monkeypatch, step):
    before = path.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(publish.os, step, fail)
    with pytest.raises(ResultError, match=r"(?s)cannot be written.*No space left.*free some"):
        write_result(path, tree)
    monkeypatch.undo()
    assert path.read_bytes() == before and _only(tmp_path) == ["result.h5"]


def test_a_real_limit_on_file_size_leaves_the_old_file(path, tree, tmp_path):
    """The kernel refuses bytes beyond 16 kB, as a full disk would, in the middle of the write."""
    before = path.read_bytes()
    old_limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, old_limits[1]))
        with pytest.raises(ResultError, match=r"(?s)cannot be written.*File too large"):
            write_result(path, tree)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limits)
        signal.signal(signal.SIGXFSZ, old_handler)
    assert path.read_bytes() == before and _only(tmp_path) == ["result.h5"]


def test_two_writers(path, tree, tmp_path):
    before = path.read_bytes()
    with publish.locked(path):
        with pytest.raises(ResultError, match=r"(?s)another process is writing.*result\.h5"):
            write_result(path, tree)
        with pytest.raises(ResultError, match="another process is writing"):
            add_group(path, "/analyses/x", Group())
        write_result(tmp_path / "other.h5", tree)
    assert path.read_bytes() == before
    write_result(path, tree)
    assert _only(tmp_path) == ["other.h5", "result.h5"]


def test_what_a_killed_writer_left_is_used_up(path, tree, tmp_path):
    (tmp_path / ".result.h5.lock").write_bytes(b"")
    (tmp_path / ".result.h5.tmp").write_bytes(b"half")
    write_result(path, tree)
    assert _only(tmp_path) == ["result.h5"] and validate(path) == []


def test_a_lock_that_vanishes_while_waiting_is_taken_anew(tmp_path, monkeypatch):
    """Its owner removes the lock between our open and our flock: that lock is worth nothing."""
    path, lock = tmp_path / "r.h5", tmp_path / ".r.h5.lock"
    real, calls = publish.fcntl.flock, []

    def flock(handle, how):
        if not calls:
            lock.unlink()
        calls.append(how)
        real(handle, how)

    monkeypatch.setattr(publish.fcntl, "flock", flock)
    with publish.locked(path):
        assert len(calls) == 2 and lock.exists()
    assert not lock.exists()


def test_without_locks_in_the_file_system_writing_goes_on(path, tree, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(publish.fcntl, "flock", flock)
    write_result(path, tree)


def test_without_fcntl_the_lock_file_is_the_lock(path, tree, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "fcntl", None)
    write_result(path, tree)
    (tmp_path / ".result.h5.lock").write_bytes(b"")
    with pytest.raises(ResultError, match=r"(?s)another process.*delete \.result\.h5\.lock"):
        write_result(path, tree)


def test_a_kill_at_any_moment_leaves_a_valid_file(path, tree, tmp_path):
    rng, numbers = random.Random(0), []
    started = time.perf_counter()
    write_result(path, tree)
    takes = time.perf_counter() - started
    wanted = layout(tree)
    command = [sys.executable, str(Path(__file__).with_name("writers.py")), str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as writers:
        for _ in range(12):
            writers.stdin.write("\n")
            writer = int(writers.stdout.readline())
            time.sleep(rng.uniform(0.1, 3) * takes)
            os.kill(writer, signal.SIGKILL)
            assert int(writers.stdout.readline()) == -signal.SIGKILL
            assert validate(path) == []
            found = read_tree(path)
            numbers.append(found.attrs.get("number", 0))
            kept = {name: value for name, value in found.attrs.items() if name != "number"}
            assert diff_trees(wanted, Group(kept, found.variables, found.groups)) == []
        writers.stdin.close()
        assert writers.wait(10) == 0
    assert max(numbers) > 0  # some were killed after they had written
    write_result(path, tree)
    assert _only(tmp_path) == ["result.h5"]
