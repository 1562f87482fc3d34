"""Fault 14 of the published library: the installed package lacked its subpackages.

It also needed a package that it did not declare.
"""

from __future__ import annotations

import ast
import runpy
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMOKE = runpy.run_path(str(ROOT / "tests" / "contract" / "wheel_smoke.py"), run_name="smoke")
OPTIONAL = {"IPython", "xarray"}  # imported inside functions, when somebody has them
OPTIONAL |= {"pytest"}  # the module that needs it is loaded by pytest alone
PROVIDED = {"tomli_w": "tomli-w", "jaxlib": "jax", "sklearn": "scikit-learn"}


def check_every_package_is_there(names):
    missing = SMOKE["missing"](names)
    assert missing == [], f"not in the wheel: {missing}"


def test_the_wheel_holds_every_package(tmp_path):
    names = SMOKE["contents"](SMOKE["build_wheel"](tmp_path))
    check_every_package_is_there(names)


def test_the_check_sees_a_wheel_without_subpackages():
    """The fault: only the modules of the top package were packed."""
    top = {f.relative_to(ROOT).as_posix() for f in (ROOT / "qdisc").glob("*")}
    with pytest.raises(AssertionError, match=r"not in the wheel: .*qdisc/vae/trainer.py"):
        check_every_package_is_there(top)


def foreign(source: str) -> set[str]:
    """Top-level names that a module imports from elsewhere."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).split(".")[0])
    return names - {"qdisc"} - set(sys.stdlib_module_names)


def check_needs_are_declared(declared):
    used = set().union(*(foreign(f.read_text()) for f in (ROOT / "qdisc").rglob("*.py")))
    undeclared = {PROVIDED.get(name, name) for name in used - OPTIONAL} - declared
    assert not undeclared, f"used but not declared: {sorted(undeclared)}"


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [needs for name, needs in project["optional-dependencies"].items() if name != "dev"]
    return {need.split(">")[0] for needs in (project["dependencies"], *extras) for need in needs}


def test_everything_imported_is_declared():
    check_needs_are_declared(declared())


def test_the_check_sees_an_undeclared_need():
    with pytest.raises(AssertionError, match=r"used but not declared: \['msgspec'\]"):
        check_needs_are_declared(declared() - {"msgspec"})
