"""Golden files, and the folder of hardware files that is not part of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
AQUILA = Path(__file__).resolve().parents[4] / "shared" / "data" / "aquila"


@pytest.fixture(scope="session")
def golden():
    return lambda name: GOLDEN / name


@pytest.fixture
def aquila():
    def find(name):
        path = AQUILA / name
        if not path.exists():
            pytest.skip(f"hardware file {name} is not there (looked in {AQUILA})")
        return path

    return find
