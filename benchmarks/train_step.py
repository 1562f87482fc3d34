"""One optimiser step on snapshots that do not repeat: encode, decode, gradient, update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import machine, models, naive_loss, naive_nets
from benchmarks.measure import Limit, Row, check, deviation, in_turns_warm
from qdisc.train.loop import init_state
from qdisc.train.objective import Hyper, step_loss
from qdisc.train.optimiser import FACTORIES, injected
from qdisc.train.program import make_program
from qdisc.train.rows import epoch_order, make_plan, make_tables

BASELINE = "jitted once, float64, one layer norm per branch, full square matrices times full masks"
STEPS = 8  # in one device call of ours, about a second; the naive form makes one call per step


class NaiveStep:
    """Plain step: Python loop over batches, everything in float64."""

    def __init__(self, pair: models.Pair, dataset: Any, batch: int, gamma: float = 0.0) -> None:
        self.x = np.asarray(dataset.configurations[:batch])
        self.optimizer = optax.adabelief(1e-3)

        def loss(params: Any, x: Any, noise: Any) -> Any:
            return naive_loss.loss(
                pair.encode, pair.decode, params, x, noise, dataset.data_type,
                beta=0.5, gamma=gamma, n_total=dataset.n_snapshots,
            )  # fmt: skip

        def step(params: Any, state: Any, x: Any, noise: Any) -> Any:
            value, gradient = jax.value_and_grad(loss)(params, x, noise)
            updates, state = self.optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, (value, gradient)

        self.step = jax.jit(step)
        self.rng = np.random.default_rng(1)
        with jax.enable_x64(True):
            self.params = jax.tree.map(jnp.asarray, naive_nets.plain(pair.params))
            self.state = self.optimizer.init(self.params)
        self.latents = pair.module.encoder.latent_dim

    def gradient(self, noise: np.ndarray) -> tuple[Any, Any]:
        with jax.enable_x64(True):
            noise = np.asarray(noise, np.float64)
            return jax.tree.map(np.asarray, self.step(self.params, self.state, self.x, noise)[2])

    def __call__(self) -> None:
        with jax.enable_x64(True):
            noise = self.rng.standard_normal((self.x.shape[0], self.latents))
            self.params, self.state, out = self.step(self.params, self.state, self.x, noise)
            out[0].block_until_ready()


class FastStep:
    """The compiled loop of `qdisc.train`, `STEPS` steps in one call."""

    def __init__(self, pair: models.Pair, dataset: Any, batch: int) -> None:
        self.pair, self.dataset = pair, dataset
        config = models.training(batch)
        self.plan, self.tables = make_plan(dataset, config), make_tables(dataset, "float32")
        assert self.plan.mode == "shuffled" and self.plan.steps_per_epoch >= STEPS
        optimizer = injected(FACTORIES["adabelief"])
        latents = pair.module.encoder.latent_dim
        self.program = make_program(
            pair.module, dataset.data_type, self.plan, optimizer, False, latents
        )
        key = jax.random.key(0)
        self.state = init_state(pair.module, dataset, optimizer, key)
        self.order = epoch_order(self.plan, key, 0)[:STEPS]
        self.hybrid = jnp.ones((), jnp.float32), jnp.ones((), jnp.float32)
        self.key = key

    def gradient(self) -> tuple[Any, Any, np.ndarray]:
        """Loss and gradient of the first rows, and the noise that was used."""
        hyper = Hyper(jnp.float32(0.5), jnp.float32(0.0), self.hybrid)
        order = np.arange(self.plan.n_rows, dtype=np.int32)

        def loss(params: Any) -> Any:
            return step_loss(params, self.pair.module, self.dataset.data_type, self.plan, False,
                             self.tables, jnp.asarray(order), hyper, self.key)[0]  # fmt: skip

        value, gradient = jax.jit(jax.value_and_grad(loss))(self.pair.params)
        shape = (self.plan.n_rows, self.pair.module.encoder.latent_dim)
        noise = jax.random.normal(jax.random.split(self.key)[1], shape, jnp.float32)
        return value, gradient, np.asarray(noise)

    def __call__(self) -> None:
        full = np.full(STEPS, 1e-3, np.float32)
        chunk = self.program.run(
            self.state, self.tables, self.order, full, full * 500,
            jnp.float32(0), self.hybrid, jnp.int32(STEPS), self.key,
        )  # fmt: skip
        self.state = chunk.state
        assert int(chunk.done) == STEPS, "a step was not finite"


def measured(path: str, pair: models.Pair, dataset: Any, batch: int, repeats: int, toy: bool,
             size: int | None = None) -> Row:  # fmt: skip
    """Compare one step; with `size`, also against float32 products of that size."""
    naive, ours = NaiveStep(pair, dataset, batch), FastStep(pair, dataset, batch)
    value, gradient, noise = ours.gradient()
    reference, plain_gradient = naive.gradient(noise)
    folded = naive_nets.folded(plain_gradient, pair.params)
    found = max(deviation(value, reference), _apart(gradient, folded))
    check(path, found, 1e-3)
    naive(), ours()
    work: list[Any] = [naive, ours]
    rates: list[float] = []
    if size is not None:
        product = machine.Matmul(size)
        work.append(lambda: rates.append(product.rate(1)))
    times = in_turns_warm(repeats, *work)
    seconds = [t / STEPS for t in times[1]]
    limits, details = (), {}
    if size is not None:
        needed = 6.0 * batch * multiplications(pair.params)
        share = sorted(needed / t / r for t, r in zip(seconds, rates, strict=True))
        limits = (Limit("share of matmul rate", share[len(share) // 2], 0.4, above=True),)
        details = {"gflop": needed / 1e9, "shares": share, "matmul_gflops": max(rates) / 1e9}
    return Row(path, BASELINE, times[0], seconds, target=3, deviation=found, tolerance=1e-3,
               limits=limits, toy=toy, details=details)  # fmt: skip


def _apart(gradient: Any, reference: Any) -> float:
    """Largest difference of any entry, relative to the largest gradient entry of the layer."""
    largest = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(reference))
    differences = jax.tree.map(
        lambda a, b: float(np.abs(np.asarray(a, np.float64) - b).max()), gradient, reference
    )
    return max(jax.tree.leaves(differences)) / largest


def multiplications(params: Any) -> float:
    """Unmasked multiply-adds per row of the dense decoder (its encoder is not counted)."""
    total = 0.0
    decoder = params["decoder"]
    for name, layer in decoder.items():
        if "kernel_0" not in layer:
            total += layer["kernel"].size
            continue
        n, width = layer["bias"].shape
        height = naive_nets.plain({name: layer})[name]["kernel"].shape[0] // n
        pairs = n * (n - 1) / 2 if name == "hidden_0" else n * (n + 1) / 2
        total += pairs * height * width
    return total


def rows(small: bool) -> Iterator[Row]:
    """Transformer, dense network, shadows, hybrid data."""
    batch, repeats = (16, 1) if small else (1000, 7)
    count = STEPS * batch
    sizes = (4, 4, 3, 4) if small else (16, 36, 15, 16)
    kinds = [("discrete", sizes[0]), ("shadow", sizes[2]), ("hybrid", sizes[3])]
    if small:
        kinds = kinds[1:]  # hybrid data run everything that discrete data do
    for kind, n in kinds:
        dataset = models.snapshots(kind, n, count)
        path = f"step, transformer, {kind}, N={n}, batch {batch}"
        yield measured(path, models.attentive(dataset, small), dataset, batch, repeats, small)
    dataset = models.snapshots("discrete", sizes[1], count)
    path = f"step, dense ARNN, N={sizes[1]}, batch {batch}"
    size = 128 if small else 2048
    yield measured(path, models.dense(dataset, small), dataset, batch, repeats, small, size)
