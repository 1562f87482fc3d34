"""Generation: the same snapshots however the work is cut, interrupted or shared."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, DataError
from qdisc.physics import harmonic_chain
from qdisc.physics.falicov_kimball import FalicovKimball
from qdisc.physics.make import Axis, MakeConfig, make_snapshots
from qdisc.physics.make import journal as journal_module
from qdisc.physics.make.generate import journal_of, lines
from qdisc.physics.make.makers import GroundStates


def config(model="tfim", shape=(5,), axes=None, shots=30, **options):
    axes = axes or {"h": (0.2, 1.4, 20)}
    grid = {k: Axis(start=a, stop=b, num=n) for k, (a, b, n) in axes.items()}
    return MakeConfig(model=model, shape=shape, grid=grid, shots=shots, seed=7, **options)


MODELS = {
    "annni": config("annni", (5,), {"kappa": (0.1, 0.8, 2), "h": (0.2, 1.0, 3)}),
    "long_range_ising": config("long_range_ising", (5,), {"h": (0.5, 1, 2), "alpha": (1, 3, 2)}),
    "j1j2": config("j1j2", (2, 3), {"J2": (0.0, 1.0, 2), "h": (0.2, 1.0, 2)}, measure="XXYYZZ"),
    "xxz": config("xxz", (5,), {"Delta": (-1.5, 1.5, 3), "h": (0.0, 1.0, 2)}, measure="X"),
    "cluster_ising": config("cluster_ising", (5,), {"h1": (0.1, 1, 2), "h2": (-1, 1, 2)},
                            measure="shadow"),
    "rydberg": config("rydberg", (2, 2), {"R_b": (1.0, 1.5, 2), "Delta": (-1, 3, 2)}),
    "falicov_kimball": config("falicov_kimball", (2, 4), {"U": (1, 6, 2), "T": (0.1, 0.5, 2)}),
    "harmonic_chain": config("harmonic_chain", (4,), {"omega": (0.1, 1, 2), "kappa": (0, 1, 2)}),
    "phi4": config("phi4", (4, 4), {"mu2": (-2, 0, 2), "lambda": (0.5, 1, 2)}, shots=3),
}  # fmt: skip


def equal(a, b):
    np.testing.assert_array_equal(a.theta, b.theta)
    np.testing.assert_array_equal(a.samples, b.samples)
    np.testing.assert_array_equal(a.point, b.point)
    assert a.sha256 == b.sha256


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_made_with_its_axes_units_and_geometry(name):
    made = make_snapshots(MODELS[name], name)
    settings = MODELS[name]
    assert made.theta_names == tuple(settings.grid)
    assert made.theta_shape == tuple(axis.num for axis in settings.grid.values())
    assert set(made.shots) == {settings.shots}
    assert made.sites.shape == (made.n_sites, len(settings.shape))
    assert len(set(map(tuple, made.sites.tolist()))) == int(np.prod(settings.shape))
    assert all(made.theta_units) and made.name == name
    kinds = {"cluster_ising": "shadow", "falicov_kimball": "hybrid", "harmonic_chain": "continuous",
             "phi4": "continuous"}  # fmt: skip
    assert made.data_type == kinds.get(name, "discrete")
    equal(made, make_snapshots(settings, name))


class Steps:
    """A progress that can be told to interrupt."""

    def __init__(self, stop=None):
        self.stop, self.count, self.stages = stop, 0, []

    def stage(self, name, total=None):
        self.stages.append((name, total))

    def advance(self, n=1, **info):
        self.count += n
        if self.stop is not None and self.count >= self.stop:
            raise KeyboardInterrupt


@pytest.mark.parametrize("seconds", [0.0, 100.0])
@pytest.mark.parametrize("stop", [3, 17])
def test_an_interrupted_generation_goes_on_where_it_stopped(tmp_path, monkeypatch, stop, seconds):
    monkeypatch.setattr(journal_module, "SECONDS", seconds)
    parts, settings = tmp_path / "out.h5.parts", config()
    with pytest.raises(KeyboardInterrupt):
        make_snapshots(settings, "chain", parts=parts, progress=Steps(stop))
    kept = journal_of(settings, parts).open()
    assert stop - 1 <= len(kept) <= stop  # the setting being shown may not be written yet
    solved = []
    draw = GroundStates.draw
    monkeypatch.setattr(
        GroundStates, "draw",
        lambda self, theta, index, *rest: solved.extend(index) or draw(self, theta, index, *rest),
    )  # fmt: skip
    steps = Steps()
    made = make_snapshots(settings, "chain", parts=parts, progress=steps)
    assert sorted(solved) == sorted(set(range(20)) - set(kept))
    assert steps.stages == [("making chain", 20)] and steps.count == 20
    equal(made, make_snapshots(settings, "chain"))
    journal_of(settings, parts).remove()
    assert not parts.exists()


def test_parts_of_another_recipe_and_damaged_parts_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "SECONDS", 0.0)
    parts = tmp_path / "parts"
    parts.mkdir()  # an empty folder is in nobody's way
    make_snapshots(config(), parts=parts)
    assert not list(parts.glob(".tmp_*"))
    with pytest.raises(DataError, match=r"begun with another recipe\n.*parts"):
        make_snapshots(config(shots=31), parts=parts)
    part = sorted(parts.glob("part_*.npz"))[0]
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(
        DataError, match=rf"part of the dataset is damaged\n.*{part.name}(.|\n)*remove"
    ):
        make_snapshots(config(), parts=parts)
    part.unlink()
    equal(make_snapshots(config(), parts=parts), make_snapshots(config()))
    (parts / "recipe.txt").unlink()
    with pytest.raises(DataError, match="in the way"):
        make_snapshots(config(), parts=parts)


def test_processes_share_the_work_without_changing_it(tmp_path):
    settings = config("xxz", (5,), {"Delta": (-1.5, 1.5, 3), "h": (0.0, 1.0, 2)})
    steps = Steps()
    made = make_snapshots(settings, parts=tmp_path / "parts", workers=2, progress=steps)
    assert steps.count == 6
    equal(made, make_snapshots(settings))
    with pytest.raises(ConfigError, match="at least one process"):
        make_snapshots(settings, workers=0)


def test_lines_follow_the_last_axis():
    two = config("annni", axes={"kappa": (0, 1, 3), "h": (0, 1, 4)})
    assert [line.tolist() for line in lines(two)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert [len(line) for line in lines(config())] == [16, 4]


def test_hybrid_rows_are_arrangements_with_their_own_densities():
    """d is a function of f, U, T: every row must carry the densities of its own arrangement."""
    made = make_snapshots(MODELS["falicov_kimball"])
    model = FalicovKimball((2, 4))
    f, d = made.samples[:, :8].astype(int), made.samples[:, 8:]
    for point, (u, t) in enumerate(made.theta):
        here = made.point == point
        index = f[here] @ (1 << np.arange(7, -1, -1))
        expected = model.on_sites(index, model.densities(u, t))
        np.testing.assert_allclose(d[here], expected, atol=1e-6)
    assert (d[f == 1].mean() < 0.5) and (d[f == 0].mean() > 0.5)  # U > 0 repels


def test_continuous_rows_have_the_covariance_of_their_setting():
    settings = config("harmonic_chain", (3,), {"omega": (0.2, 1, 2), "kappa": (0.5, 1, 2)},
                      shots=4000)  # fmt: skip
    made = make_snapshots(settings)
    for point, theta in enumerate(made.theta):
        x = made.samples[made.point == point]
        sigma = harmonic_chain.covariance(3, theta)[0]
        error = np.sqrt((np.outer(np.diag(sigma), np.diag(sigma)) + sigma**2) / 4000)
        assert np.all(np.abs(x.T @ x / 4000 - sigma) < 4.5 * error)
    direct = harmonic_chain.snapshots(3, made.theta[2], 4000, generator(7, 2))
    np.testing.assert_array_equal(made.samples[made.point == 2], direct.astype(np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "phi4", "shape": (5, 5), "axes": {"mu2": (0, 1, 2), "lambda": (1, 1, 1)}},
         "even side"),
        ({"model": "phi4", "shape": (4, 6), "axes": {"mu2": (0, 1, 2), "lambda": (1, 1, 1)}},
         "lives on a square"),
        ({"measure": "XY"}, "one basis for all sites"),
        ({"measure": "shadows"}, "letters X, Y, Z"),
        ({"heavy": 3}, r"tfim has no option heavy\n.*make.heavy"),
        ({"model": "harmonic_chain", "measure": "X",
          "axes": {"omega": (1, 1, 1), "kappa": (1, 1, 1)}}, "no option measure"),
        ({"model": "rydberg", "pbc": True, "axes": {"R_b": (1, 1, 1), "Delta": (1, 1, 1)}},
         "open boundaries"),
        ({"shape": (2, 2)}, r"lives in 1 dimension"),
        ({"axes": {"h": (0.0, float("nan"), 3)}}, "finite start"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_any_work(change, message):
    with pytest.raises(ConfigError, match=message):
        config(**change).maker()
