"""Fault 10 of the published library: figures that did not show what they said."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.show.maps import phase_map
from qdisc.show.style import new_figure, styled
from qdisc.show.sweep import Sweep
from qdisc.show.training import training_figure


@pytest.mark.parametrize("latents", [1, 2, 5, 9])
def test_training_curves_show_each_latent_exactly_once(latents):
    curves = np.outer(np.arange(4.0), 1 + np.arange(latents))
    figure = training_figure(np.ones(4), kl=curves, logvar=-curves, active=range(latents))
    for ax, sign in zip(figure.axes[1:], (1, -1), strict=True):
        ends = [line.get_ydata()[-1] for line in ax.get_lines()]
        assert sorted(np.abs(ends)) == pytest.approx(3 * (1.0 + np.arange(latents)))
        assert np.sign(ends).tolist() == [sign] * latents
        labels = [line.get_label() for line in ax.get_lines()]
        assert labels == [f"latent {n}" for n in range(latents)]


def test_latents_without_information_are_drawn_but_not_named():
    figure = training_figure(np.ones(3), kl=np.ones((3, 4)), active=[2])
    labels = [line.get_label() for line in figure.axes[1].get_lines()]
    assert len(labels) == 4 and [name for name in labels if name[0] != "_"] == ["latent 2"]


def test_a_single_record_is_a_visible_dot_and_an_early_stop_is_drawn_from_the_start():
    figure = training_figure(np.ones(1), {"kl": np.ones(1)}, kl=np.ones((1, 1)), active=[0])
    assert {line.get_marker() for ax in figure.axes for line in ax.get_lines()} == {"o"}
    figure = training_figure(np.ones(5), validation=np.ones(3), step=10 * np.arange(5))
    assert figure.axes[0].get_lines()[1].get_xdata() == pytest.approx([0, 10, 20])


@pytest.mark.parametrize("pair", [(0, 1), (1, 0), (0, 2), (2, 1)])
def test_axis_labels_follow_the_values_that_are_drawn(pair):
    axes = [np.array([0.0, 1.0]), np.array([10.0, 20.0, 30.0]), np.array([5.0, 6.0, 7.0, 8.0])]
    sweep = Sweep.grid(axes, ["a", "b", "c"])
    other = ({0, 1, 2} - set(pair)).pop()
    weights = np.array([1.0, 1e3, 1e6])
    values = (sweep.theta @ weights).reshape(sweep.shape)
    with styled():
        ax = new_figure(3, 3).subplots()
        mesh = phase_map(ax, sweep, values, pair=pair, at=[axes[other][0]])
    x, y = axes[pair[0]], axes[pair[1]]
    wanted = x[None] * weights[pair[0]] + y[:, None] * weights[pair[1]]
    shown = np.asarray(mesh.get_array()).reshape(wanted.shape)
    assert shown == pytest.approx(wanted + axes[other][0] * weights[other])
    assert (ax.get_xlabel(), ax.get_ylabel()) == (sweep.names[pair[0]], sweep.names[pair[1]])
