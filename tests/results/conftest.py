from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from qdisc.results.schema import Group
from qdisc.results.writer import write_result

_MAKER = Path(__file__).parents[1] / "golden" / "make_golden.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", _MAKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def golden() -> ModuleType:
    """The maker of the golden file, whose tree is a complete small result."""
    return _load()


@pytest.fixture(scope="session")
def tree(golden) -> Group:
    return golden.golden_tree()


@pytest.fixture(scope="session")
def written(tree, tmp_path_factory) -> Path:
    """The tree, written once; nobody changes this file."""
    return write_result(tmp_path_factory.mktemp("written") / "result.h5", tree)


@pytest.fixture
def path(tmp_path, written) -> Path:
    """A fresh valid result file."""
    return Path(shutil.copy(written, tmp_path / "result.h5"))
