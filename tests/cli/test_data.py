"""`qdisc load --dry-run` and `qdisc datasets`."""

from __future__ import annotations

import numpy as np

import qdisc
from qdisc.cli.data import description
from qdisc.cli.main import main
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import write_dataset


def make(**options):
    samples = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0]], dtype=np.uint8)
    theta = np.array([[0.5, 10.0], [0.5, 10.0], [0.5, 20.0], [0.5, 20.0]])
    return Dataset.from_samples(
        samples, theta, data_type="discrete", theta_names=("J", "h"), theta_units=("1", "MHz"),
        name="toy", source={"loader": "npz"}, **options,
    )  # fmt: skip


def test_the_description_shows_an_asymmetric_site():
    lines = description(make())
    words = dict(line.split(":", 1) for line in lines[: lines.index(
        "mean of each site over all snapshots (site: mean):")])  # fmt: skip
    words = {key.strip(): value.strip() for key, value in words.items()}
    assert words["loader"] == "npz" and words["data type"] == "discrete"
    assert words["bit order"] == "column i (the last axis) is site i"
    assert words["sites"] == "3 (no positions: a chain)"
    assert words["snapshots"] == "4, 4 stored configurations"
    assert words["shots"] == "2 per setting"
    assert words["settings"] == "2, grid 1 x 2"
    assert words["theta 0"] == "J: 0.5"
    assert words["theta 1"] == "h: 10 .. 20 MHz, 2 values"
    assert words["local states"] == "0 -> -1, 1 -> 1"
    assert lines[-1].split() == ["0:", "+1.0000", "1:", "-0.5000", "2:", "-1.0000"]


def test_positions_and_other_kinds_of_data():
    lines = description(make(sites=[[0, 0], [0, 1], [1, 0]], periodic=True))
    assert any("3 at positions in 2 dimensions, periodic" in line for line in lines)
    shadow = Dataset.from_samples(
        np.array([[2, 1, 4, 0], [3, 1, 4, 1]], np.uint8), [1.0, 2.0], data_type="shadow"
    )
    lines = description(shadow)
    assert lines[-1].split() == ["0:", "+1.0000", "1:", "+0.0000"]
    assert any("basis 2, 3, 4 = X, Y, Z" in line for line in lines)
    hybrid = Dataset.from_samples(
        np.array([[1, 0, 0.5, 2.5], [1, 1, 1.5, 3.5]]), [1.0, 2.0], data_type="hybrid"
    )
    assert description(hybrid)[-1].split() == ["0:", "+1.0000", "1:", "+0.5000"]


def test_what_a_loader_did_is_told_within_80_columns():
    source = {
        "loader": "npz", "path": "a.json", "levels": "ground, Rydberg",
        "dropped": "5 of 9 snapshots: 3 did not succeed (MissingPostSequence); "
        "2 lack an atom before the pulse",
        "notes": "theta from the metadata\n" + "a long note " * 12,
        "metadata": '{"device": "Aquila", "shots": 9, "constant": {"omega": 15.7, "who": "x"}}',
    }  # fmt: skip
    samples = np.array([[1, 0], [1, 0], [1, 1], [1, 0]], dtype=np.uint8)
    dataset = Dataset.from_samples(
        samples, [0.5, 0.5, 0.5, 1.0], data_type="discrete", theta_names=("h",),
        local_states=(0, 1), source=source,
    )  # fmt: skip
    lines = description(dataset)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "file:         a.json" in text
    assert "local states: 0 -> 0 (ground), 1 -> 1 (Rydberg)" in text
    assert (
        "dropped:      5 of 9 snapshots: 3 did not succeed (MissingPostSequence);\n"
        "              2 lack an atom before the pulse\n"
    ) in text
    assert "notes:        theta from the metadata\n              a long note" in text
    assert "\n                long note a long" in text or "\n                a long note" in text
    assert "settings:     2\n  theta 0:    h: 0.5 .. 1, 2 values\n" in text
    assert 'constant:     omega = 15.7, who = "x"' in text
    assert "metadata:     device, shots (kept with the result)" in text
    text = "\n".join(description(dataset.with_source({"metadata": "any text"})))
    assert "metadata:     text (kept with the result)" in text and "name:" not in text
    where = lines.index("shots at each setting (h: shots):")
    assert lines[where + 1].split() == ["0.5:", "3", "1:", "1"]


def test_load_prints_to_stdout_and_only_looks(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(
        qdisc, "load", lambda path, loader=None, **o: seen.append((path, loader, o)) or make(),
        raising=False,
    )  # fmt: skip
    assert main(["load", "a.npz", "--loader", "npz", "--dry-run"]) == 0
    options = ["--set", "data.theta={h=[1,2]}", "--set", "site_order=left", "--set", "loader=npz"]
    assert main(["load", "a.npz", "--dry-run", *options]) == 0
    assert seen == [
        ("a.npz", "npz", {}),
        ("a.npz", "npz", {"theta": {"h": [1, 2]}, "site_order": "left"}),
    ]
    assert capsys.readouterr().out.splitlines()[0] == "name:         toy"
    assert main(["load", "a.npz"]) == 2
    assert "qdisc load a.npz --dry-run" in capsys.readouterr().err


def test_load_reads_recipes_and_writes_datasets(capsys, tmp_path):
    data = make(sites=[[0.0], [1.0], [2.0]])
    report = {"dropped": "1 of 5 shots: 1 too dark", "notes": "seen", "metadata": '{"a": 1}'}
    write_dataset(data.with_source(report), tmp_path / "data.h5")
    (tmp_path / "recipe.toml").write_text(
        '[data]\npath = "data.h5"\nname = "from a recipe"\n[train]\nepochs = 1\n'
    )
    assert main(["load", str(tmp_path / "recipe.toml"), "--dry-run"]) == 0
    first = capsys.readouterr().out
    assert "name:         from a recipe" in first and "1 of 5 shots: 1 too dark" in first
    out = tmp_path / "copy.h5"
    assert main(["load", str(tmp_path / "recipe.toml"), "-o", str(out)]) == 0
    assert f"written to {out}" in capsys.readouterr().out
    again = qdisc.load(out)
    assert again.samples.tolist() == data.samples.tolist()
    assert {key: again.source[key] for key in report} == report
    assert main(["load", str(tmp_path / "recipe.toml"), "-o", str(out)]) == 2  # it exists
    assert main(["load", str(out), "-o", "x.h5", "--dry-run"]) == 2


def test_the_catalogue_is_listed_and_made(capsys, tmp_path):
    assert main(["datasets", "list"]) == 0
    assert "tfim_12" in capsys.readouterr().out
    out = tmp_path / "t.h5"
    assert main(["datasets", "make", "tfim_12", "--shots", "3", "-o", str(out)]) == 0
    printed, messages = capsys.readouterr()
    assert printed == f"{out}\n" and "120 snapshots at 40 settings" in messages
    assert out.exists()
    assert main(["datasets", "make", "tfim_13"]) == 2
    assert "did you mean 'tfim_12'?" in capsys.readouterr().err
