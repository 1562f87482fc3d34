"""What was compiled once is kept for the next command, unless the user says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qdisc.cli.compiled import SETTINGS, keep_compiled


@pytest.fixture
def clean(monkeypatch, tmp_path):
    for name in ("JAX_COMPILATION_CACHE_DIR", *SETTINGS):
        monkeypatch.setenv(name, "")  # so that what is set below is undone afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="the folder of Unix-like systems")
def test_the_users_cache_folder_is_used(clean, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    keep_compiled()
    assert Path(os.environ["JAX_COMPILATION_CACHE_DIR"]) == clean / "qdisc" / "jax"
    assert {name: os.environ[name] for name in SETTINGS} == SETTINGS


def test_a_choice_that_was_made_stays(clean, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    keep_compiled()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "elsewhere"
