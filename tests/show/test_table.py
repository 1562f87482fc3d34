"""The summary takes its numbers from the file, and leaves out what the file does not hold."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from qdisc.plugin import Variable
from qdisc.results.reader import open_result_file, read_tree
from qdisc.results.schema import Group
from qdisc.results.writer import write_result
from qdisc.show.table import print_summary, sections, summary_text

GOLDEN = Path(__file__).parents[1] / "golden" / "result_1_0.h5"


@pytest.fixture
def full(tmp_path):
    """The golden result with the numbers that a complete run stores."""
    tree = read_tree(GOLDEN)
    training = tree.groups["training"]
    numbers = {"reconstruction": 1.5, "rate": 0.75, "entropy_x": 2.25, "active_latents": 1}
    numbers["entropy_x_given_theta"] = 1.25
    tree = tree.with_group(
        "/training", Group({**training.attrs, **numbers}, training.variables, training.groups)
    )
    latent = tree.groups["analyses"].groups["latent_map"]
    more = {
        "rate": Variable(np.array([0.7, 0.05], np.float32), ("latent",), "nat", "mean KL"),
        "active": Variable(np.array([1, 0], np.uint8), ("latent",), long_name="used"),
    }
    tree = tree.with_group(
        "/analyses/latent_map", Group(latent.attrs, {**latent.variables, **more})
    )
    observable = tree.groups["observables"].groups["magnetisation"]
    value = observable.variables["value"]
    ones = Variable(np.ones_like(value.data), value.dims, "1", "error")
    model = Variable(value.data + np.float32(0.125), value.dims, "1", "model")
    changed = {"std_error": ones, "model_std_error": ones, "model_value": model}
    tree = tree.with_group(
        "/observables/magnetisation",
        Group(observable.attrs, {**observable.variables, **changed}),
    )
    return open_result_file(write_result(tmp_path / "full.h5", tree))


def test_the_numbers_are_those_of_the_file(full):
    text = summary_text(full, ["out/a.png", "out/b.png"])
    lines = text.splitlines()
    assert "Latents: 1 of 2 active, rate 0.750 nat" in lines
    assert "0       0.700     active" in lines and "1       0.050" in lines
    assert "reconstruction loss  1.500  -log p(x|z), model" in lines
    assert "their sum            2.250  never below H(x), but for noise" in lines
    assert "H(x|theta)           1.250  entropy of the data, plug-in" in lines
    assert "H(x)                 2.250  entropy of the data, all settings" in lines
    # |difference| 1/8 over a range of 4/8; 1/8 / sqrt(2) as z
    row = next(line for line in lines if line.startswith("magnetisation"))
    assert row.split() == ["magnetisation", "1", "0", "..", "0.5", "25.0", "%", "0.1"]
    assert "figures  2 in out" in lines
    assert all(len(line) <= 80 for line in lines if not line.startswith("result "))


def test_findings_of_analyses_are_printed(tmp_path):
    tree = read_tree(GOLDEN)
    line = "two phases; " + "the border is steep " * 5
    label = Variable(np.zeros(3, np.int32), ("n",), attrs={"finding": f"{line}\nnot \x1b[2J three"})
    attrs = tree.groups["analyses"].groups["latent_map"].attrs
    drawn = ("signal", "axes", "NX_class")  # of another variable
    group = Group({k: v for k, v in attrs.items() if k not in drawn}, {"label": label})
    tree = tree.with_group("/analyses/phases", group)
    lines = summary_text(open_result_file(write_result(tmp_path / "f.h5", tree))).splitlines()
    at = lines.index("Findings") + 2
    assert lines[at].startswith("phases  two phases; the border") and lines[at + 1][:8].isspace()
    assert " ".join(" ".join(lines[at : at + 2]).split()[1:]) == line.strip()
    assert lines[at + 2].strip() == "not ?[2J three"
    assert all(len(text) <= 80 for text in lines[at : at + 3])


def test_what_is_not_there_is_left_out(tmp_path):
    tree = read_tree(GOLDEN)
    kept = {name: tree.groups[name] for name in ("dataset", "provenance")}
    bare = {k: v for k, v in tree.attrs.items() if k != "default"}
    small = Group({**bare, "default": "dataset"}, tree.variables, kept)
    result = open_result_file(write_result(tmp_path / "small.h5", small))
    assert [section.title for section in sections(result)] == ["Run", "Files"]


def test_a_failed_plugin_is_named_with_its_reason_on_one_short_line():
    lines = summary_text(open_result_file(GOLDEN)).splitlines()
    assert "broken  failed  ValueError: π is not rational" in lines


def test_a_terminal_gets_the_same_numbers_and_no_markup_from_names(full):
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    out = Terminal()
    print_summary(full, out)
    assert "0.700" in out.getvalue() and "\x1b[" in out.getvalue()
    plain = io.StringIO()
    print_summary(full, plain)
    assert plain.getvalue() == summary_text(full) + "\n"
