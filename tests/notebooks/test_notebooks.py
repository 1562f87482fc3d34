"""Every notebook runs from start to end, and is stored without what running left in it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
FULL = os.environ.get("QDISC_FULL") == "1"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_stored_without_outputs_and_places(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    book = json.loads(text)
    for cell in book["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None, cell["id"]
    assert set(book["metadata"]) == {"kernelspec", "language_info"}
    assert not re.search(r"/(home|Users|tmp|work|root)/|[A-Z]:\\\\", text)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs(name, tmp_path, monkeypatch):
    """At reduced size; at full size with QDISC_FULL=1 (`make full`)."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("QDISC_SMALL", "0" if FULL else "1")
    book = nbformat.read(FOLDER / name, as_version=4)
    nbformat.validate(book)
    NotebookClient(
        book, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [out for cell in book.cells for out in cell.get("outputs", ())]
    assert any("image/png" in out.get("data", {}) for out in shown)  # it drew its figures
    words = [out.text for out in shown if out.output_type == "stream" and out.name == "stderr"]
    assert not words, words  # and warned of nothing
