"""The table of devices: curves are compared, a difference fails the command."""

from __future__ import annotations

from benchmarks import devices


def test_curves_that_differ_fail_the_command(monkeypatch, capsys):
    runs = {1: [4.0, 2.0], 2: [4.0, 2.0001], 4: [4.0, 2.1]}

    def child(function, n):
        assert function == "benchmarks.devices:run"
        return {"loss": runs[n], "seconds": [0.2 * n, 9.0, 0.1 * n]}

    monkeypatch.setattr(devices, "in_child", child)
    assert devices.main(["--devices", "1", "2"]) == 0
    assert "| 2 | 0.400 | 2.00 | 5.0e-05 |" in capsys.readouterr().out
    assert devices.main(["--devices", "1", "4"]) == 1
