"""Maps over a sweep: a Python loop over theta against weighted configurations in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import models, naive_nets
from benchmarks.measure import Row, check, deviation, in_turns_warm
from qdisc.analysis.encode import latent_table
from qdisc.analysis.latent_map import LatentMapConfig, latent_map
from qdisc.analysis.model import Model
from qdisc.analysis.reconstruction import conditional_means
from qdisc.dataset.dataset import Dataset
from qdisc.nn.models import cnn2d_arnn

SIDE = 3
MAPS = ("mu", "mu_abs", "logvar", "kl")
BASELINE = "Python loop over theta, float64: all shots of a point through the network, jitted once"


def sweep(grid: tuple[int, int], shots: int) -> Dataset:
    """Spins on 3 x 3 sites whose magnetisation and staggered order grow along the two axes."""
    rng = np.random.default_rng(0)
    a, b = np.meshgrid(np.linspace(0, 1, grid[0]), np.linspace(0, 1, grid[1]), indexing="ij")
    theta = np.stack([a.ravel(), b.ravel()], 1)
    sites = np.stack(np.divmod(np.arange(SIDE**2), SIDE), 1).astype(float)
    sign = 1 - 2 * (sites.sum(1) % 2)
    up = 0.5 + 0.2 * theta[:, :1] + 0.25 * theta[:, 1:] * sign
    x = rng.random((len(theta), shots, SIDE**2)) < up[:, None]
    return Dataset.from_samples(
        x.reshape(-1, SIDE**2).astype(np.uint8), np.repeat(theta, shots, 0),
        data_type="discrete", theta_names=["a", "b"], sites=sites,
    )  # fmt: skip


class Naive:
    """What a first implementation does at every point of the sweep."""

    def __init__(self, dataset: Dataset, params: Any, topology: np.ndarray) -> None:
        self.shots = [np.asarray(dataset.samples[dataset.point == p], np.float64)
                      for p in range(dataset.n_points)]  # fmt: skip
        self.encode = jax.jit(lambda p, x: naive_nets.cnn(p, x, topology))
        self.decode = jax.jit(naive_nets.arnn)
        with jax.enable_x64(True):
            self.params = jax.tree.map(jnp.asarray, naive_nets.plain(params))

    def latent_map(self) -> dict[str, np.ndarray]:
        out: dict[str, list[np.ndarray]] = {name: [] for name in MAPS}
        with jax.enable_x64(True):
            for x in self.shots:
                mu, logvar = map(np.asarray, self.encode(self.params["encoder"], x))
                kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
                for name, values in zip(MAPS, (mu, np.abs(mu), logvar, kl), strict=True):
                    out[name].append(values.mean(0))
        return {name: np.array(values) for name, values in out.items()}

    def reconstruction(self) -> np.ndarray:
        out = []
        with jax.enable_x64(True):
            for x in self.shots:
                mu, _ = self.encode(self.params["encoder"], x)
                log_p = self.decode(self.params["decoder"], mu, x)
                out.append(np.exp(np.asarray(log_p)).mean(0))
        return np.array(out)


def rows(small: bool) -> Iterator[Row]:
    """Latent map, conditional probabilities, and both together."""
    grid, shots, repeats = ((2, 3), 20, 1) if small else ((21, 20), 1000, 5)
    dataset = sweep(grid, shots)
    layers = {"conv_layers": 1, "decoder_layers": 1} if small else {}
    module = cnn2d_arnn.model.build(dataset.spec, cnn2d_arnn.Config(**layers))
    params = models.initial(module, dataset, 1.4)
    model = Model(module, {"params": params}, dataset.spec)
    naive = Naive(dataset, params, np.asarray(dataset.spec.lattice))
    config, key = LatentMapConfig(), jax.random.key(0)

    def fast_map() -> Any:
        table = latent_table(model, dataset)
        context = SimpleNamespace(dataset=dataset, latent=table, model=None)
        return table, latent_map.run(context, config, key=key)

    def fast_reconstruction() -> Any:
        return conditional_means(model, dataset, latent_table(model, dataset), key)

    table, found = fast_map()
    reference = naive.latent_map()
    flat = {name: found[name].data.reshape(dataset.n_points, -1) for name in MAPS}
    ordered = {name: values[:, table.order] for name, values in reference.items()}
    first = check("latent map", deviation(flat, ordered), 1e-4)
    cp = fast_reconstruction()["cp"][0]
    second = check("reconstruction", deviation(cp, naive.reconstruction()), 1e-4)
    work = (naive.latent_map, fast_map, naive.reconstruction, fast_reconstruction)
    times = in_turns_warm(repeats, *work)
    size = f"{dataset.n_points} points x {shots} shots"
    both = [[a + b for a, b in zip(times[i], times[i + 2], strict=True)] for i in (0, 1)]
    yield Row(f"latent map, {size}", BASELINE, *times[:2], deviation=first, tolerance=1e-4,
              note="ours adds histograms and spread", toy=small)  # fmt: skip
    yield Row(f"conditional probabilities, {size}", BASELINE, *times[2:], deviation=second,
              tolerance=1e-4, note="ours adds the likelihood", toy=small)  # fmt: skip
    yield Row(f"both maps, {size}", BASELINE, *both, target=50, tolerance=1e-4,
              deviation=max(first, second), toy=small)  # fmt: skip
