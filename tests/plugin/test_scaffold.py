"""Packages that `qdisc plugins new` writes: lint, content, and names that cannot be.

That they install, and that their tests pass, is shown in an environment of their own by
`make wheel` (tests/contract/author_path.py).
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from qdisc.cli.main import main
from qdisc.errors import ConfigError, PluginError
from qdisc.plugin import KINDS
from qdisc.plugin.scaffold import LONGEST, write_package

RULES = "E,F,I,UP,B,SIM,C4,PIE,RUF,D"
NAMES = ("q", "x" * LONGEST, "config", "np", "a_1_b")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(kind, name) -> package."""
    folder = tmp_path_factory.mktemp("new")
    return {
        (kind, name): write_package(name, kind, folder / kind) for kind in KINDS for name in NAMES
    }


def test_every_package_passes_lint(written):
    folder = written["model", "q"].folder.parents[1]
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        [*ruff, "check", "--no-cache", "."],
        [*ruff, "check", "--no-cache", "--select", RULES, "--ignore", "D1", "--config",
         'lint.pydocstyle.convention="google"', "."],
        [*ruff, "format", "--no-cache", "--check", "."],
    ):  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_entry_point_leads_to_a_plugin_of_that_name(written, kind, monkeypatch):
    from importlib import import_module

    from qdisc.plugin import Registry

    package = written[kind, "config"]
    project = tomllib.loads((package.folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == package.name == "qdisc-config"
    ((group, entries),) = project["entry-points"].items()
    assert group == {"analysis": "qdisc.analyses"}.get(kind, f"qdisc.{kind}s")
    ((name, target),) = entries.items()
    monkeypatch.syspath_prepend(package.folder / "src")
    for module in [m for m in sys.modules if m.startswith("qdisc_config")]:
        monkeypatch.delitem(sys.modules, module)
    module, _, attribute = target.partition(":")
    plugin = getattr(import_module(module), attribute)
    found = Registry([(kind, plugin)]).load(kind, name)
    assert (found.state, found.name) == ("loaded", "config"), found.reason
    for module in [m for m in sys.modules if m.startswith("qdisc_config")]:
        monkeypatch.delitem(sys.modules, module)


def test_nothing_is_left_to_fill_in(written):
    for package in written.values():
        for file in package.files:
            text = (package.folder / file).read_text()
            assert "${" not in text and "demo" not in text, file


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("MyOrder", "my_order"),
        ("2nd", "nd"),
        ("a-b", "a_b"),
        ("a__b", "a_b"),
        ("_", "structure_factor"),
        ("", "structure_factor"),
        ("x" * (LONGEST + 1), "x" * LONGEST),
        ("ordnung.py", "ordnung_py"),
        ("../up", "up"),
    ],
)
def test_names_that_cannot_be(tmp_path, name, hint):
    with pytest.raises(ConfigError, match="starts with a letter") as caught:
        write_package(name, "observable", tmp_path)
    assert str(caught.value).endswith(f"try:   {hint}")
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_taken(tmp_path):
    with pytest.raises(ConfigError, match=r"qdisc \S+ has an observable of this name"):
        write_package("magnetisation", "observable", tmp_path)
    write_package("magnetisation", "loader", tmp_path)
    with pytest.raises(ConfigError, match="the folder exists; nothing was written"):
        write_package("magnetisation", "loader", tmp_path)
    with pytest.raises(ConfigError, match="a package of this name is installed"):
        write_package("formats", "loader", tmp_path)
    with pytest.raises(PluginError, match="no such kind"):
        write_package("x", "observables", tmp_path)


def test_the_command_says_what_to_do_next(tmp_path, capsys):
    assert main(["plugins", "new", "ring", "--kind", "observable", "-o", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    folder = tmp_path / "qdisc-ring"
    assert lines[0] == f"wrote {folder}"
    assert f"  pip install -e {folder}" in lines and "  qdisc plugins check ring" in lines
    assert (folder / "src/qdisc_ring/observable.py").is_file()
    assert main(["plugins", "new", "Ring", "--kind", "observable", "-o", str(tmp_path)]) == 2
    assert "try:   ring" in capsys.readouterr().err
