"""One file per schema version, kept for ever: it opens, is valid, and says what it said."""

from __future__ import annotations

from pathlib import Path

import pytest

from qdisc.results.diff import diff_trees
from qdisc.results.layout import layout
from qdisc.results.reader import open_result_file
from qdisc.results.schema import SCHEMA
from qdisc.results.validate import validate

FOLDER = Path(__file__).parents[1] / "golden"


def test_the_current_schema_has_a_golden_file(golden):
    assert golden.PATH.exists() and SCHEMA.replace(".", "_") in golden.PATH.name


@pytest.mark.parametrize("path", sorted(FOLDER.glob("result_*.h5")), ids=lambda p: p.stem)
def test_a_golden_file_opens_and_is_valid(path):
    assert path.stat().st_size < 200_000
    assert validate(path) == []
    result = open_result_file(path)
    assert result.points().shape == (6, 2) and result.seed == 7
    assert result.status("broken") == "failed"
    assert result.variable("/training/loss").data.tolist() == [0.375, 0.25, 0.125, 0.0]


def test_the_values_of_schema_1_0_have_not_changed(tree):
    found = open_result_file(FOLDER / "result_1_0.h5").tree()
    assert diff_trees(layout(tree), found) == []
    assert found.groups["provenance"].attrs["created_at"] == "2026-11-21T00:00:00+00:00"
