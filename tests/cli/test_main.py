"""What every command has in common: exit codes, streams, messages, tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest

import qdisc
from qdisc.cli.main import main
from qdisc.errors import DataError


class Result:
    """What a run hands back, as far as the command line looks at it."""

    path = None

    def __init__(self, exit_code=0):
        self.exit_code = exit_code

    def table(self):
        return "the summary"


@pytest.fixture
def pipeline(monkeypatch):
    """Stand in for `qdisc.pipeline`: remembers the call, returns or raises what a test wants."""
    calls = []
    module = types.ModuleType("qdisc.pipeline")
    module.outcome = Result()

    def act(*args, **kwargs):
        calls.append((args, kwargs))
        if isinstance(module.outcome, BaseException):
            raise module.outcome
        return module.outcome

    module.run = module.demo = act
    module.calls = calls
    monkeypatch.setitem(sys.modules, "qdisc.pipeline", module)
    monkeypatch.setattr(qdisc, "pipeline", module, raising=False)
    return module


def test_a_run_hands_on_its_options_and_prints_the_summary_to_stdout(
    pipeline, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    options = ["--set", "train.epochs=3", "--set", "model.name=x", "--seed", "7", "--strict"]
    assert main(["run", "a.toml", "--quiet", "--no-figures", "--loader", "npz", *options]) == 0
    ((source,), given) = pipeline.calls[0]
    assert source == "a.toml" and str(given["out"]) == "a_result.h5"
    assert given["overrides"] == {"train.epochs": 3, "model.name": "x"}
    assert (given["seed"], given["strict"], given["figures"]) == (7, True, False)
    assert given["loader"] == "npz"
    out, err = capsys.readouterr()
    assert out == "the summary\n" and err == ""


def test_a_failed_plugin_is_exit_code_3(pipeline, capsys):
    pipeline.outcome = Result(3)
    assert main(["run", "a.toml", "-o", "/tmp/unused.h5"]) == 3
    assert capsys.readouterr().out == "the summary\n"


def test_a_mistake_is_explained_without_a_traceback(pipeline, capsys):
    pipeline.outcome = DataError("codes out of range", where="a.npz[3]", value=7, hint="use 0, 1")
    assert main(["run", "a.npz", "-o", "/tmp/unused.h5"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ("error: codes out of range\n  where: a.npz[3]\n  value: 7\n  try:   use 0, 1\n")
    assert main(["run", "a.npz", "-o", "/tmp/unused.h5", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_says_that_it_is_a_bug(pipeline, capsys):
    pipeline.outcome = ZeroDivisionError("by zero\nsecond line")
    assert main(["run", "a.npz", "-o", "/tmp/unused.h5"]) == 1
    err = capsys.readouterr().err
    assert "this is a bug in qdisc or a plugin; add --debug" in err
    assert "ZeroDivisionError: by zero" in err and "Traceback" not in err and "second" not in err
    assert main(["--debug", "run", "a.npz", "-o", "/tmp/unused.h5"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_130(pipeline, capsys):
    pipeline.outcome = KeyboardInterrupt()
    assert main(["run", "a.npz", "-o", "/tmp/unused.h5"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_messages_cannot_steer_the_terminal(pipeline, capsys):
    pipeline.outcome = DataError("bad \x1b[31m name\r")
    assert main(["run", "a.npz", "-o", "/tmp/unused.h5"]) == 2
    assert capsys.readouterr().err == "error: bad ?[31m name?\n"


@pytest.mark.parametrize("make", ["missing", "file", "read_only", "folder", "input"])
def test_an_unusable_output_is_refused_before_anything_runs(
    pipeline, capsys, tmp_path, make, monkeypatch
):
    source = tmp_path / "a.npz"
    source.write_text("x")
    (tmp_path / "locked").mkdir(mode=0o500)
    out, words = {
        "missing": (tmp_path / "no" / "r.h5", "the output folder does not exist"),
        "file": (source / "r.h5", "the output folder is not a folder"),
        "read_only": (tmp_path / "locked" / "r.h5", "the output folder cannot be written"),
        "folder": (tmp_path, "the output is a folder"),
        "input": (source, "the output would replace the input"),
    }[make]
    if make == "read_only" and os.access(tmp_path / "locked", os.W_OK):  # root may
        monkeypatch.setattr("qdisc.cli.paths.os.access", lambda path, mode: False)
    assert main(["run", str(source), "-o", str(out)]) == 2
    assert words in capsys.readouterr().err
    assert not pipeline.calls


def test_a_malformed_override_or_seed_is_refused(pipeline, capsys):
    assert main(["run", "a.toml", "-o", "/tmp/unused.h5", "--set", "epochs"]) == 2
    assert "an override reads KEY=VALUE" in capsys.readouterr().err
    assert main(["run", "a.toml", "--seed", "-3"]) == 2
    assert "a seed is a whole number >= 0" in capsys.readouterr().err
    assert main(["run", "a.toml", "--seed", "x"]) == 2
    assert "invalid whole number value: 'x'" in capsys.readouterr().err
    assert not pipeline.calls


def test_the_demo_makes_its_folder(pipeline, capsys, tmp_path):
    assert main(["demo", "-o", str(tmp_path / "d"), "--quiet"]) == 0
    assert (tmp_path / "d").is_dir() and pipeline.calls[0][0] == (tmp_path / "d",)
    assert main(["demo", "-o", str(tmp_path / "x" / "y")]) == 2
    assert "the output folder does not exist" in capsys.readouterr().err


def test_help_and_version_and_unknown_commands(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"qdisc {qdisc.__version__}\n"
    assert main([]) == 0
    assert "commands:" in capsys.readouterr().out
    assert main(["result"]) == 0
    assert "validate" in capsys.readouterr().out
    assert main(["rnu"]) == 2
    assert "invalid choice: 'rnu'" in capsys.readouterr().err


def test_python_dash_m_and_a_reader_that_leaves():
    code = [sys.executable, "-m", "qdisc"]
    done = subprocess.run([*code, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    process = subprocess.Popen(
        [*code, "plugins", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141 and error == ""
