"""Latents, training curves, observables and snapshots, drawn from plain arrays."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.show.latent import latent_figure
from qdisc.show.observables import observable_figure, spread
from qdisc.show.snapshots import snapshot_figure
from qdisc.show.style import save
from qdisc.show.sweep import Sweep

X, Y = np.linspace(0, 1, 4), np.linspace(-1, 1, 5)
SWEEPS = {
    "k1": Sweep.grid([Y], ["h"]),
    "k2": Sweep.grid([X, Y], ["J2", "h"]),
    "k3": Sweep.grid([X, Y, [1.0, 2.0]], ["J2", "h", "T"]),
    "scattered": Sweep.points(np.random.default_rng(1).random((9, 2)), ["a", "b"]),
    "one": Sweep.points(np.ones((1, 2)), ["a", "b"]),
}


@pytest.mark.parametrize("kind", SWEEPS)
@pytest.mark.parametrize("latents", [1, 3])
def test_every_sweep_and_number_of_latents_can_be_drawn(tmp_path, kind, latents):
    sweep = SWEEPS[kind]
    values = np.random.default_rng(0).normal(size=(*sweep.shape, latents))
    maps = {"mu": values, "mu_abs": abs(values), "logvar": -abs(values), "kl": values**2}
    figure = latent_figure(sweep, maps, list(range(latents)), title="t")
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles[::4] == [f"$\\mu_{{{i}}}$" for i in range(latents)]
    assert ("T = 2" in figure.get_suptitle()) == (kind == "k3")
    save(figure, tmp_path / "a.png")


def test_a_latent_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match=r"(?s)no such latent.*latents are 0\.\.0"):
        latent_figure(SWEEPS["k1"], {"mu": np.ones((5, 1))}, [1])


@pytest.mark.parametrize("kind", SWEEPS)
def test_observables_show_the_difference(tmp_path, kind):
    sweep = SWEEPS[kind]
    data = np.random.default_rng(0).normal(size=sweep.shape)
    figure = observable_figure(sweep, data, model=data + 0.5, error=0.1 + 0 * data, name="m")
    if kind == "k1":
        lines = [ax.get_lines() for ax in figure.axes]
        assert lines[1][0].get_ydata() == pytest.approx(np.full(5, 0.5))
        assert [line.get_label() for line in lines[0]] == ["data", "model"]
    if kind == "k2":
        panel = next(ax for ax in figure.axes if ax.get_title() == "model - data")
        (mesh,) = (c for c in panel.collections if hasattr(c, "get_coordinates"))
        assert np.asarray(mesh.get_array()) == pytest.approx(0.5)
        scales = [figure.axes[i].collections[0].norm for i in range(2)]
        assert (scales[0].vmin, scales[0].vmax) == (scales[1].vmin, scales[1].vmax)
    save(figure, tmp_path / "a.png")


@pytest.mark.parametrize("extra", [(6,), (3, 3)])
def test_observables_with_axes_of_their_own(tmp_path, extra):
    sweep = SWEEPS["k2"]
    data = np.random.default_rng(0).random((*sweep.shape, *extra))
    save(observable_figure(sweep, data, model=data, name="C(r)"), tmp_path / "a.png")
    save(observable_figure(sweep, data, name="C(r)"), tmp_path / "b.png")


def test_settings_are_spread_over_the_sweep_with_both_ends():
    assert spread(10, 4) == [0, 3, 6, 9]
    assert spread(2, 6) == [0, 1] and spread(1, 6) == [0]


PLANAR = np.array([[x, y] for x in range(3) for y in range(2)], dtype=float)


@pytest.mark.parametrize("data_type", ["discrete", "continuous", "hybrid", "shadow"])
@pytest.mark.parametrize("positions", [None, PLANAR])
def test_snapshots_of_every_kind(tmp_path, data_type, positions):
    rng = np.random.default_rng(0)
    sweep = SWEEPS["k2"]
    shape = (*sweep.shape, 8, 6)
    codes, values = rng.integers(0, 2, shape).astype(np.uint8), rng.normal(size=shape)
    shadow = np.stack([rng.integers(2, 5, shape), codes], -1).reshape(*sweep.shape, 8, 12)
    examples = {
        "discrete": codes,
        "continuous": values,
        "hybrid": np.concatenate([codes, values], -1),
        "shadow": shadow,
    }[data_type]
    states = (-1.0, 1.0) if data_type == "discrete" else ()
    figure = snapshot_figure(
        sweep, examples, data_type=data_type, positions=positions, local_states=states
    )
    save(figure, tmp_path / "a.png")


def test_sites_are_drawn_at_their_positions_with_their_values():
    codes = np.zeros((5, 1, 6), np.uint8)
    codes[..., 4] = 1  # one asymmetric site
    figure = snapshot_figure(SWEEPS["k1"], codes, data_type="discrete", positions=PLANAR)
    dots = figure.subfigs[0].axes[0].collections[0]
    assert np.asarray(dots.get_offsets()) == pytest.approx(PLANAR)
    assert list(dots.get_array()) == [0, 0, 0, 0, 1, 0]


def test_settings_without_snapshots_are_left_out():
    codes = np.zeros((5, 8, 6), np.uint8)
    valid = np.array([0, 3, 100, 0, 1])
    figure = snapshot_figure(SWEEPS["k1"], codes, data_type="discrete", valid=valid)
    titles = {ax.get_title(): ax for ax in figure.subfigs[0].axes if ax.get_title()}
    assert set(titles) == {"h = -0.5", "h = 0", "h = 1"}
    assert titles["h = -0.5"].images[0].get_array().shape == (3, 6)
    with pytest.raises(ConfigError, match="no snapshot is stored"):
        snapshot_figure(SWEEPS["k1"], codes, data_type="discrete", valid=0 * valid)
    with pytest.raises(ConfigError, match="5 positions, 6 sites"):
        snapshot_figure(SWEEPS["k1"], codes, data_type="discrete", positions=PLANAR[:5])
