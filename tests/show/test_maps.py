"""Maps over theta show each value where its setting is, whatever the sweep looks like."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba

from qdisc.errors import ConfigError
from qdisc.show.maps import phase_map, profile, scale, triangulate
from qdisc.show.style import GREY, new_figure, styled
from qdisc.show.sweep import Sweep, edges, plane

X = np.array([0.0, 0.1, 0.3, 0.7, 1.5])  # irregular on purpose
Y = np.array([-2.0, -1.0, 3.0])


def draw(sweep, values, **options):
    with styled():
        figure = new_figure(3.4, 2.8)
        ax = figure.subplots()
        drawn = phase_map(ax, sweep, values, **options)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return ax, drawn, np.asarray(canvas.buffer_rgba())


def pixel(ax, image, x, y):
    column, row = ax.transData.transform((x, y))
    return image[image.shape[0] - 1 - int(row), int(column)] / 255


def test_edges_are_midpoints_and_half_cells_at_the_ends():
    assert edges(X) == pytest.approx([-0.05, 0.05, 0.2, 0.5, 1.1, 1.9])
    assert edges([2.0, 4.0]) == pytest.approx([1.0, 3.0, 5.0])
    assert edges([7.0]) == pytest.approx([6.5, 7.5])


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("pair", [(0, 1), (1, 0)])
def test_an_observable_equal_to_a_theta_follows_its_axis(which, pair):
    sweep = Sweep.grid([X, Y], ["delta", "omega"], ["MHz", "1"])
    values = sweep.theta[:, which].reshape(sweep.shape)
    ax, mesh, image = draw(sweep, values, pair=pair, signed=False)
    horizontal, vertical = (X, Y) if pair == (0, 1) else (Y, X)
    corners = np.asarray(mesh.get_coordinates())  # (ny + 1, nx + 1, 2)
    assert corners[0, :, 0] == pytest.approx(edges(horizontal))
    assert corners[:, 0, 1] == pytest.approx(edges(vertical))
    shown = np.asarray(mesh.get_array()).reshape(vertical.size, horizontal.size)
    along_x = pair[0] == which
    wanted = np.broadcast_to(horizontal[None, :] if along_x else vertical[:, None], shown.shape)
    assert shown == pytest.approx(wanted)
    labels = ["delta (MHz)", "omega"]
    assert ax.get_xlabel() == labels[pair[0]] and ax.get_ylabel() == labels[pair[1]]
    for i, x in enumerate(horizontal):  # what the reader sees, read back from the pixels
        for j, y in enumerate(vertical):
            colour = mesh.cmap(mesh.norm(wanted[j, i]))
            assert pixel(ax, image, x, y) == pytest.approx(colour, abs=0.02)


def test_unsorted_axes_are_drawn_in_ascending_order():
    sweep = Sweep.grid([[3.0, 1.0, 2.0], [0.0, -1.0]])
    _, mesh, _ = draw(sweep, sweep.theta[:, 0].reshape(3, 2))
    assert np.asarray(mesh.get_coordinates())[0, :, 0] == pytest.approx([0.5, 1.5, 2.5, 3.5])
    assert np.asarray(mesh.get_array()).reshape(2, 3)[0] == pytest.approx([1, 2, 3])


@pytest.mark.parametrize("nx", [1, 2, 3])
@pytest.mark.parametrize("ny", [1, 2, 3])
def test_axes_of_any_length(nx, ny):
    sweep = Sweep.grid([np.arange(nx) * 0.5, np.arange(ny) * 2.0])
    ax, mesh, _ = draw(sweep, np.arange(nx * ny).reshape(nx, ny))
    assert mesh.get_coordinates().shape == (ny + 1, nx + 1, 2)
    assert list(ax.get_xticks()) == list(np.arange(nx) * 0.5)


def test_missing_values_are_grey_and_infinities_count_as_missing():
    sweep = Sweep.grid([X, Y])
    values = np.ones(sweep.shape)
    values[3, 1], values[4, 2] = np.nan, np.inf
    ax, _, image = draw(sweep, values)
    assert pixel(ax, image, X[3], Y[1]) == pytest.approx(to_rgba(GREY), abs=0.01)
    assert pixel(ax, image, X[4], Y[2]) == pytest.approx(to_rgba(GREY), abs=0.01)
    assert pixel(ax, image, X[2], Y[1]) != pytest.approx(to_rgba(GREY), abs=0.01)
    draw(sweep, np.full(sweep.shape, np.nan))  # nothing measured at all


def test_signed_values_are_centred_at_zero_and_others_are_not():
    norm, cmap = scale(np.array([-1.0, 3.0]))
    assert (norm.vmin, norm.vmax, cmap.name) == (-3.0, 3.0, "RdBu_r")
    norm, cmap = scale(np.array([1.0, 3.0]))
    assert (norm.vmin, norm.vmax, cmap.name) == (1.0, 3.0, "viridis")
    norm, _ = scale(np.array([2.0, 2.0]))
    assert norm.vmin < 2.0 < norm.vmax
    norm, _ = scale(np.array([-4.0, -1.0]), signed=False)
    assert (norm.vmin, norm.vmax) == (-4.0, -1.0)


def test_one_theta_is_a_line_with_its_error_band():
    sweep = Sweep.grid([[2.0, 0.0, 1.0]], ["h"], ["J"])
    ax, line, _ = draw(sweep, [20.0, 0.0, np.nan], error=[1.0, 1.0, 1.0], label="m", units="T")
    assert line.get_xdata() == pytest.approx([0, 1, 2])
    assert line.get_ydata() == pytest.approx([0, np.nan, 20], nan_ok=True)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("h (J)", "m (T)")
    band = ax.collections[0].get_paths()
    corners = np.concatenate([path.vertices for path in band])
    assert corners[:, 1].max() == pytest.approx(21.0) and corners[:, 1].min() == pytest.approx(-1)
    (grey,) = ax.patches
    assert (grey.get_x(), grey.get_width()) == pytest.approx((0.5, 1.0))


def test_a_single_setting_is_a_dot():
    sweep = Sweep.grid([[4.0]], ["h"])
    ax, line, _ = draw(sweep, [2.0])
    assert line.get_marker() == "o" and ax.get_xlim() == pytest.approx((3.5, 4.5))


def test_three_thetas_say_what_the_third_is_held_at():
    sweep = Sweep.grid([X, Y, [1.0, 2.0, 4.0]], ["a", "b", "T"], ["1", "1", "K"])
    values = sweep.theta.sum(axis=1).reshape(sweep.shape)
    ax, mesh, _ = draw(sweep, values, at=[3.9], title="energy")
    assert ax.get_title() == "energy\nT = 4 K"
    wanted = X[None, :] + Y[:, None] + 4.0
    assert np.asarray(mesh.get_array()).reshape(wanted.shape) == pytest.approx(wanted)
    ax, mesh, _ = draw(sweep, values, pair=(2, 0))
    assert ax.get_title() == "b = -1" and ax.get_xlabel() == "T (K)"
    assert plane(sweep, values, (2, 0)).values[2, 4] == pytest.approx(4.0 - 1.0 + 1.5)


def test_scattered_settings_are_marked_and_the_hull_is_the_limit():
    points = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.6]], dtype=float)
    sweep = Sweep.points(points * [1, 100])
    ax, drawn, image = draw(sweep, points[:, 0])
    dots = ax.collections[-1].get_offsets()
    assert np.asarray(dots) == pytest.approx(points * [1, 100])
    assert pixel(ax, image, 0.1, 20) == pytest.approx(drawn.cmap(drawn.norm(0.0)), abs=0.02)
    assert pixel(ax, image, 0.9, 90) == pytest.approx(drawn.cmap(drawn.norm(1.0)), abs=0.02)
    assert pixel(ax, image, 0.5, 50) == pytest.approx(drawn.cmap(drawn.norm(0.5)), abs=0.02)
    assert pixel(ax, image, 1.04, 50) == pytest.approx((1, 1, 1, 1))  # outside: nothing claimed


def test_the_cell_of_a_missing_value_is_grey():
    points = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]], dtype=float)
    ax, _, image = draw(Sweep.points(points), [1, 2, 3, np.nan, 5])
    assert pixel(ax, image, 0.9, 0.8) == pytest.approx(to_rgba(GREY), abs=0.01)
    assert pixel(ax, image, 0.1, 0.2) != pytest.approx(to_rgba(GREY), abs=0.01)


@pytest.mark.parametrize(
    "points", [[[1.0, 2.0]], [[0.0, 1.0], [1.0, 0.0]], [[0, 0], [1, 2], [2, 4], [5, 10]]]
)
def test_too_few_or_collinear_points_are_only_points(points):
    points = np.array(points, dtype=float)
    assert triangulate(points[:, 0], points[:, 1]) is None
    _, dots, _ = draw(Sweep.points(points), np.arange(len(points)))
    assert np.asarray(dots.get_offsets()) == pytest.approx(points)


def test_scattered_points_in_three_thetas_are_seen_along_the_third():
    points = np.random.default_rng(0).random((20, 3))
    ax, dots, _ = draw(Sweep.points(points, ["a", "b", "c"]), points[:, 2])
    assert ax.get_title() == "seen along c" and dots.get_offsets().shape == (20, 2)


def test_hostile_names_are_drawn_as_they_are():
    name = "$\\frac{\x00 \n^_ \u4e2d 100% $"
    sweep = Sweep.grid([X, Y], [name, "$"], ["$\\", "\\mathrm{"])
    ax, _, _ = draw(sweep, np.ones(sweep.shape), label=name, units="$$", title=name * 3)
    assert ax.get_xlabel().startswith("\\$\\frac{ ^_ ? 100% \\$")
    line = Sweep.grid([X], [name])
    with styled():
        figure = new_figure(3, 2)
        profile(figure.subplots(), line, [(X, None, name), (X, None, "_x$")], label=name)
        FigureCanvasAgg(figure).draw()


def test_what_does_not_fit_is_refused_with_the_shapes():
    sweep = Sweep.grid([X, Y])
    with pytest.raises(ConfigError, match=r"shape \(3, 5\), settings \(5, 3\)"):
        draw(sweep, np.ones((3, 5)))
    with pytest.raises(ConfigError, match=r"(?s)two different ones.*two of 0\.\.1"):
        draw(sweep, np.ones((5, 3)), pair=(0, 0))
    with pytest.raises(ConfigError, match="one value is needed"):
        draw(sweep, np.ones((5, 3)), at=[1.0])
