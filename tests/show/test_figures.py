"""Every figure of a run is drawn from its file alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.plugin import Variable
from qdisc.results.reader import open_result_file, read_tree
from qdisc.results.schema import Group
from qdisc.results.writer import write_result
from qdisc.show.figures import draw_all, figure_names, plot, sweep_of

GOLDEN = Path(__file__).parents[1] / "golden" / "result_1_0.h5"


def test_the_golden_file_has_five_figures(tmp_path):
    result = open_result_file(GOLDEN)
    names = ("latent_map", "training", "snapshots", "magnetisation", "phases")
    assert figure_names(result) == names
    written = draw_all(result, tmp_path, "run", ending="svg")
    assert [path.name for path in written] == [f"run_{name}.svg" for name in names]
    again = draw_all(result, tmp_path, "more", ending="svg")
    assert [p.read_bytes() for p in written] == [p.read_bytes() for p in again]


def test_the_sweep_and_its_units_come_from_the_file():
    sweep = sweep_of(open_result_file(GOLDEN))
    assert (sweep.names, sweep.units) == (("J", "h"), ("1", "MHz"))
    assert sweep.axes[1] == pytest.approx([-1, 0, 2]) and sweep.shape == (2, 3)


def test_the_map_shows_the_stored_numbers_at_their_settings():
    figure = plot(open_result_file(GOLDEN), "magnetisation", pair=(1, 0))
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("h (MHz)", "J")
    shown = np.ma.filled(ax.collections[0].get_array().astype(float), np.nan).reshape(2, 3)
    stored = open_result_file(GOLDEN).variable("/observables/magnetisation/value").data
    assert shown == pytest.approx(stored.astype(float), nan_ok=True)  # rows are J, columns are h


def test_terms_are_named_and_active_latents_are_drawn():
    result = open_result_file(GOLDEN)
    figure = plot(result, "training")
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert labels == ["loss", "reconstruction", "kl", "tc"]
    titles = [ax.get_title() for ax in plot(result, "latent_map", latents=[1]).axes]
    assert titles[:2] == ["$\\mu_{1}$", "KL$_{1}$ (nat)"]


def test_categories_keep_their_names(tmp_path):
    figure = plot(open_result_file(GOLDEN), "phases")
    bar = figure.axes[-1]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["para", "ferro"]


def test_a_variable_with_named_panels_has_a_map_for_each(tmp_path):
    tree = read_tree(GOLDEN)
    group = tree.groups["analyses"].groups["phases"]
    label = group.variables["label"]
    values = np.stack([label.data, -1.0 * label.data], axis=-1)
    for words, titles in (("1|0 2|rest", ["value 1|0", "value 2|rest"]), ("one", [])):
        value = Variable(values, (*label.dims, "target"), attrs={"panels": words})
        changed = tree.with_group(
            "/analyses/phases", Group(group.attrs, {"label": label, "value": value})
        )
        result = open_result_file(write_result(tmp_path / f"{len(titles)}.h5", changed))
        found = [ax.get_title() for ax in plot(result, "phases").axes]
        assert [title for title in found if title.startswith("value")] == titles


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'latent_map'"):
        plot(open_result_file(GOLDEN), "latentmap")


def test_hostile_words_in_a_file_are_drawn(tmp_path):
    tree = read_tree(GOLDEN)
    group = tree.groups["observables"].groups["magnetisation"]
    value = group.variables["value"]
    bad = Variable(value.data, value.dims, "$\\frac{", "$\\sqrt{ \x07 $$ x_{")
    tree = tree.with_group(
        "/observables/magnetisation", Group(group.attrs, {**group.variables, "value": bad})
    )
    result = open_result_file(write_result(tmp_path / "bad.h5", tree))
    draw_all(result, tmp_path, "bad", ending="svg")
