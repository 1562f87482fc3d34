"""A run that somebody interrupts: what exists is written, and the next run goes on from there."""

from __future__ import annotations

import errno
import shutil
import tempfile
import threading

import numpy as np
import pytest

from qdisc.errors import ResultError
from qdisc.pipeline import keep
from qdisc.pipeline.keep import Interrupted
from qdisc.pipeline.result import Result
from qdisc.results import diff
from qdisc.results.validate import validate


class Until:
    """Interrupts at the n-th time that it is asked."""

    def __init__(self, asked, words="SIGTERM"):
        self.left, self.words = asked, words

    def __call__(self):
        self.left -= 1
        return self.words if self.left <= 0 else None


def errors(path):
    return [finding for finding in validate(path) if finding.severity == "ERROR"]


def same(one, other):
    return diff.diff(one, other) == []


@pytest.fixture(scope="module")
def whole(lab, tmp_path_factory):
    return lab.quick(lab.line(), out=tmp_path_factory.mktemp("whole") / "r.h5").path


def test_interrupted_in_training(lab, tmp_path, whole):
    out = tmp_path / "r.h5"
    part = lab.quick(lab.line(), out=out, stop=Until(1))
    assert part.exit_code == 143 and errors(out) == []
    assert part.group("/training").attrs["stop_reason"] == "interrupted"
    assert part.status("latent_map") == "skipped"
    assert keep.checkpoint_path(out).exists()
    done = lab.quick(lab.line(), out=out, resume=True)
    assert done.exit_code == 0 and same(out, whole)
    assert [path.name for path in tmp_path.iterdir()] == ["r.h5"]


def test_interrupted_between_analyses(lab, tmp_path, whole):
    """The training is complete and not done again."""
    out = tmp_path / "r.h5"
    part = lab.quick(lab.line(), out=out, stop=Until(6, "Ctrl-C"))
    assert part.exit_code == 130 and errors(out) == []
    assert part.group("/training").attrs["stop_reason"] == "finished"
    states = [part.status(name) for name in ("latent_map", "reconstruction")]
    assert "skipped" in states
    lab.quick(lab.line(), out=out, resume=True)
    assert same(out, whole)


def test_a_complete_result_is_not_replaced_by_half_a_one(lab, tmp_path):
    out = tmp_path / "r.h5"
    lab.quick(lab.line(), out=out)
    before = out.read_bytes()
    with pytest.raises(Interrupted, match="left as it is") as error:
        lab.quick(lab.line(), seed=1, out=out, stop=Until(1))
    assert error.value.exit_code == 143
    assert out.read_bytes() == before
    lab.quick(lab.line(), seed=1, out=out, resume=True)  # from the checkpoint
    assert Result(out).group("/training").attrs["seed"] == 1


def test_resuming_what_is_complete_does_nothing(lab, tmp_path, whole):
    out = tmp_path / "r.h5"
    shutil.copy(whole, out)
    before = out.read_bytes()
    assert lab.quick(lab.line(), out=out, resume=True).exit_code == 0
    assert out.read_bytes() == before
    for other in ({"seed": 1}, {"set": {"train.epochs": 3}}):
        with pytest.raises(ResultError, match="another recipe"):
            lab.quick(lab.line(), out=out, resume=True, **other)
    with pytest.raises(ResultError, match="of other data"):
        lab.quick(lab.line(seed=1), out=out, resume=True)


def test_nothing_to_resume_is_a_beginning(lab, tmp_path, whole):
    lab.quick(lab.line(), out=tmp_path / "r.h5", resume=True)
    assert same(tmp_path / "r.h5", whole)


def test_a_checkpoint_that_is_forgotten_is_told(lab, tmp_path, capsys):
    from qdisc.cli.progress import LogProgress

    out, told = tmp_path / "r.h5", []
    lab.quick(lab.line(), out=out, stop=Until(1))

    class Noting(LogProgress):
        def __init__(self):
            super().__init__(self)

        def write(self, text):
            told.append(text)

        def flush(self):
            pass

    lab.quick(lab.line(), out=out, progress=Noting())
    assert any("--resume would go on" in line for line in told)
    assert not keep.checkpoint_path(out).exists()


def test_a_full_disk_at_the_end_loses_nothing(lab, tmp_path, monkeypatch, whole):
    """The result is written elsewhere, and the error says where."""
    from qdisc import publish

    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    real = publish.os.replace

    def full(source, target):
        if str(target).endswith("r.h5") and "spare" not in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(publish.os, "replace", full)
    with pytest.raises(ResultError, match=r"(?s)written elsewhere.*No space left.*move ") as error:
        lab.quick(lab.line(), out=tmp_path / "r.h5")
    (kept,) = spare.iterdir()
    assert str(kept) in str(error.value) and same(kept, whole)
    assert keep.checkpoint_path(tmp_path / "r.h5").exists()


def test_a_reader_during_writes_sees_whole_files(lab, tmp_path, whole):
    out, seen, done = tmp_path / "r.h5", [], threading.Event()
    shutil.copy(whole, out)

    def look():
        while not done.is_set():
            seen.append(np.array(Result(out).variable("/training/loss").data).size)

    reader = threading.Thread(target=look)
    reader.start()
    for seed in range(2):
        lab.quick(lab.line(), seed=seed, out=out)
    done.set()
    reader.join()
    assert set(seen) == {Result(out).variable("/training/loss").data.size}
