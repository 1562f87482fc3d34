"""The fuzzer at its smallest: every changed file is read or refused; an alarm that can ring."""

from __future__ import annotations

from benchmarks import fuzz


def test_changed_files_are_read_or_refused(capsys):
    assert fuzz.main(["--files", "12", "--only", "result", "--only", "loader counts"]) == 0
    (*_, result, counts, whole) = capsys.readouterr().out.splitlines()
    assert result.startswith("| result | 12 | ") and counts.startswith("| loader counts | 12 | ")
    cells = [cell.strip() for cell in whole.strip("|").split("|")]
    assert cells[:2] == ["all", "24"] and int(cells[2]) + int(cells[3]) == 24
    assert cells[4:7] == ["0", "0", "0"]


def test_what_must_not_happen_is_counted(monkeypatch, capsys):
    """A process that dies is a crash; one that does not end is a hang."""
    monkeypatch.setattr(fuzz, "BATCH_S", 0.0)
    assert fuzz.fuzz("result", 3).hangs == 1
    monkeypatch.undo()
    assert fuzz.fuzz("nonsense", 3).crashes == 1
    assert "nonsense" in capsys.readouterr().err
