"""What may import what, what nobody may use, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "qdisc").rglob("*.py"))
LIMIT = 300
HOMES = {"matplotlib": {"show"}, "netket": {"physics"}, "h5py": {"dataset", "train", "results"}}


def test_import_linter_keeps_every_contract():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()",
         "--no-cache"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "One way: each layer imports only layers below it KEPT" in done.stdout
    assert "0 broken" in done.stdout


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all imports that are run, inside functions too."""
    names: set[str] = set()
    typing = [n for n in ast.walk(tree) if isinstance(n, ast.If)
              and isinstance(n.test, ast.Name) and n.test.id == "TYPE_CHECKING"]  # fmt: skip
    never = {id(n) for block in typing for child in block.body for n in ast.walk(child)}
    for node in ast.walk(tree):
        if id(node) in never:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).split(".")[0])
    return names


def misused(source: str) -> set[str]:
    """Forbidden ways to run what a file says: unpickling, eval, exec."""
    tree = ast.parse(source)
    found = imported(tree) & {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec", "compile"):
                found.add(node.func.id)
            for word in node.keywords:
                allowed = isinstance(word.value, ast.Constant) and word.value.value is False
                if word.arg == "allow_pickle" and not allowed:
                    found.add("allow_pickle")
    return found


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from pickle import load", "def f():\n    import dill.source", "eval('1')",
     "exec(code)", "np.load(f, allow_pickle=True)"],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(source):
    assert misused(source)


def test_nothing_is_unpickled_and_nothing_is_evaluated():
    found = {str(f.relative_to(ROOT)): misused(f.read_text()) for f in FILES}
    assert {name: uses for name, uses in found.items() if uses} == {}


@pytest.mark.parametrize("library", sorted(HOMES))
def test_heavy_libraries_have_a_home(library):
    homes = {
        f.relative_to(ROOT / "qdisc").parts[0]
        for f in FILES
        if library in imported(ast.parse(f.read_text()))
    }
    assert homes <= HOMES[library]


def test_netket_is_imported_inside_functions_only():
    """Importing it takes seconds and switches jax to 64 bit."""
    for file in FILES:
        tree = ast.parse(file.read_text())
        top = ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], [])
        assert "netket" not in imported(top), file


@pytest.mark.parametrize("module", ["qdisc.dataset.dataset", "qdisc.dataset.hdf5"])
def test_data_are_read_without_jax(module):
    code = f"import sys, {module}; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_file_holds_one_idea():
    """Longer files say in their first line why they are long."""
    long = {}
    for file in FILES:
        lines = file.read_text().splitlines()
        if len(lines) > LIMIT and "(long: " not in lines[0]:
            long[str(file.relative_to(ROOT))] = len(lines)
    assert long == {}


def test_core_files_only_re_export():
    for core in (ROOT / "qdisc").rglob("core.py"):
        kinds = {type(node).__name__ for node in ast.parse(core.read_text()).body}
        assert kinds <= {"Expr", "ImportFrom", "Assign"}, core
