"""Folders: theta from names, from inside the files, from a table; files that are not one sweep."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from qdisc import load
from qdisc.errors import ConfigError, DataError

from qdisc_formats.name_pattern import Pattern

OPTIONS = {"options": {"site_order": "left_to_right"}}


@pytest.fixture
def runs(tmp_path):
    """L=4/delta=-1.5MHz/run_1.txt ...: site 1 is 1 at delta = 2e0, no site at -1.5."""
    folder = tmp_path / "runs"
    for delta, text in (("-1.5", "0000"), ("2e0", "0100")):
        place = folder / "L=4" / f"delta={delta}MHz"
        place.mkdir(parents=True)
        for run in (1, 2):
            (place / f"run_{run}.txt").write_text(f"{text}\n" * 3)
    (folder / "L=4" / "delta=2e0MHz" / "notes.md").write_text("a note")
    return folder


def test_theta_from_the_names(runs):
    pattern = "L={L:int}/delta={delta:float:MHz}MHz/run_*.txt"
    dataset = load(runs, pattern=pattern, **OPTIONS)
    assert dataset.theta_names == ("delta",) and dataset.theta_units == ("MHz",)
    assert dataset.theta[:, 0].tolist() == [-1.5, 2.0] and dataset.shots.tolist() == [6, 6]
    assert dataset.average(dataset.configurations).tolist() == [[0, 0, 0, 0], [0, 1, 0, 0]]
    assert dataset.name == "runs" and dataset.source["loader"] == "folder"
    assert json.loads(dataset.source["metadata"])["constant"] == {"L": 4.0}
    notes = dataset.source["notes"]
    assert "leaves out: L=4/delta=2e0MHz/notes.md" in notes
    assert "theta from the names of the files: delta" in notes
    assert "4 jobs merged into 2 settings" in notes
    assert len(dataset.source["sha256"]) == 64 and "csv" in dataset.source["bit_order"]
    (runs / "L=4" / "delta=2e0MHz" / "run_2.txt").write_text("0000\n")
    again = load(runs, pattern=pattern, **OPTIONS)
    assert again.source["sha256"] != dataset.source["sha256"]


def test_theta_from_inside_the_files(golden, tmp_path):
    """One task in each file: what is constant in each varies over the folder."""
    document = json.loads(golden("bloqade_remote.json").read_text())
    (batch,) = document.values()
    tasks = batch["tasks"]
    for n in (0, 1):
        batch["tasks"] = [tasks[n]]
        (tmp_path / f"job{n}.json").write_text(json.dumps(document))
    dataset = load(tmp_path)
    assert dataset.theta_names == ("delta",) and dataset.theta[:, 0].tolist() == [0.05, 0.1]
    assert dataset.shots.tolist() == [6, 8] and dataset.sites.shape == (10, 1)
    assert dataset.source["dropped"].startswith("5 of 19 snapshots: 1 with status")
    assert dataset.source["levels"].startswith("ground, Rydberg")
    third = load(tmp_path, options={"atom_loss": "third_state"})
    assert third.local_states.tolist() == [0, 1, 2] and third.shots.tolist() == [8, 8]


def test_files_that_are_sweeps_themselves(golden, tmp_path):
    for n in (0, 1):
        shutil.copy(golden("cirq_sweep.json"), tmp_path / f"noise_{n}.json")
    dataset = load(tmp_path, pattern="noise_{noise:int}.json")
    assert dataset.is_grid and dataset.theta_shape == (2, 3)
    assert set(dataset.theta_names) == {"noise", "theta"}
    with pytest.raises(DataError, match="both name an axis"):
        load(tmp_path, pattern="noise_{theta:int}.json")


def test_theta_from_a_table_and_from_the_recipe(runs):
    pattern = "L={L:int}/*/run_1.txt"
    with pytest.raises(DataError, match="at which setting each was taken") as caught:
        load(runs, pattern=pattern, **OPTIONS)
    assert "L=4/delta=-1.5MHz/run_1.txt" in str(caught.value)
    given = load(runs, pattern=pattern, theta={"h": [5, 7]}, **OPTIONS)
    assert given.theta[:, 0].tolist() == [5, 7]
    (runs / "settings.csv").write_text(
        "file,h (T)\nL=4/delta=2e0MHz/run_1.txt,1\nL=4/delta=-1.5MHz/run_1.txt,2\n"
    )
    table = load(runs, pattern=pattern, theta="settings.csv", **OPTIONS)
    assert table.theta_units == ("T",) and table.theta[:, 0].tolist() == [1.0, 2.0]
    assert table.average(table.configurations)[:, 1].tolist() == [1.0, 0.0]


def test_files_that_do_not_fit_together(tmp_path):
    (tmp_path / "h=1.txt").write_text("010\n")
    (tmp_path / "h=2.txt").write_text("0100\n")
    with pytest.raises(DataError, match="different numbers of sites") as caught:
        load(tmp_path, pattern="h={h}.txt", **OPTIONS)
    assert "h=1.txt and h=2.txt" in str(caught.value) and "3 and 4" in str(caught.value)
    (tmp_path / "h=2.txt").write_text("-1 1 1\n")
    with pytest.raises(DataError, match="different local states"):
        load(tmp_path, pattern="h={h}.txt", **OPTIONS)
    with pytest.raises(DataError, match="which end of the strings is site 0") as caught:
        load(tmp_path, pattern="h={h}.txt")
    assert str(caught.value).endswith("stand in a table: options = {key = ...}")
    (tmp_path / "h=2.txt").write_text("0a0\n010\n")
    with pytest.raises(DataError) as caught:
        load(tmp_path, pattern="h={h}.txt", files="csv", **OPTIONS)
    assert "h=2.txt" in str(caught.value)


def test_folders_and_files_are_told_apart(runs, golden):
    with pytest.raises(DataError, match="this is a folder, not a file"):
        load(runs, loader="csv")
    with pytest.raises(DataError, match="this is a file, not a folder"):
        load(golden("cirq_sweep.json"), loader="folder")
    with pytest.raises(DataError, match="no file in it matches") as caught:
        load(runs)
    assert "L=4/" in str(caught.value)
    with pytest.raises(ConfigError, match="options of the files"):
        load(runs, pattern="*/*/run_*.txt", options={"site_oder": "left_to_right"})


@pytest.mark.parametrize(
    ("pattern", "path", "numbers"),
    [
        ("h={h}.csv", "h=-1.5e-3.csv", {"h": -1.5e-3}),
        ("h={h:float:MHz}_{n:int}.csv", "h=.5_12.csv", {"h": 0.5, "n": 12}),
        ("{n:int}.csv", "1.5.csv", None),
        ("*_{n:int}.csv", "a/b_1.csv", None),
        ("a.{n:int}", "ab1", None),
        ("*_{h}.csv", "a_1_2.5.csv", {"h": 2.5}),
        ("h={h}*.csv", "h=12.5MHz.csv", {"h": 12.5}),
        ("h={h}*", "h=1.csv", {"h": 1.0}),
        ("h={h}5.csv", "h=15.csv", None),  # no part of a number
        ("*a*b*", "xaxxbx", {}),
    ],
)
def test_patterns(pattern, path, numbers):
    assert Pattern(pattern).match(path) == numbers


@pytest.mark.parametrize("pattern", ["{h", "{h:word}", "{1}", "{h}{h}", "", "*{h}", "{h}{k}",
                                     "*a*b*c*"])  # fmt: skip
def test_patterns_that_are_none(pattern):
    with pytest.raises(ConfigError, match=r"pattern|twice"):
        Pattern(pattern)


def test_a_unit_may_hold_a_slash():
    pattern = Pattern("rate={rate:float:MHz/us}.csv")
    assert pattern.depth == 0 and pattern.units == {"rate": "MHz/us"}


@pytest.mark.parametrize("path", ["a_1_2.csv", "a-_1e-_5"])
def test_a_name_that_reads_in_two_ways(path):
    with pytest.raises(DataError, match="in two ways"):
        Pattern("*_{h}*").match(path)


def test_a_link_to_a_folder_is_not_followed(runs, tmp_path):
    (runs / "L=5").symlink_to(runs / "L=4")
    dataset = load(runs, pattern="*/delta={delta}MHz/run_*.txt", **OPTIONS)
    assert dataset.n_snapshots == 12
    assert np.isfinite(dataset.theta).all()
