"""Our side of the comparison with pythae, and the textbook form that both are checked against.

Started as `python -m benchmarks.hvae_ours WEIGHTS.npz OUT.npz CORE`; see `hvae_pythae.py` for the
lines it answers. One core, so that times are CPU times of one thread on either side.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from qdisc.config import TrainConfig
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.nn.hvae import HVAE
from qdisc.train.objective import Hyper, step_loss
from qdisc.train.optimiser import FACTORIES, injected
from qdisc.train.program import TrainState, make_program
from qdisc.train.rows import epoch_order, make_plan, make_tables

STEPS = 5  # optimiser steps in one device call


class Perceptrons(nn.Module):
    """Two hidden layers on either side, a Bernoulli variable per column."""

    columns: int
    width: int
    latents: int

    def setup(self) -> None:
        def dense(n: int) -> nn.Dense:
            return nn.Dense(n, param_dtype=jnp.float32)

        self.encoder = [dense(self.width), dense(self.width)]
        self.mean, self.logvar = dense(self.latents), dense(self.latents)
        self.decoder = [dense(self.width), dense(self.width), dense(self.columns)]

    def encode(self, batch: Any) -> Any:
        h = batch.astype(jnp.float32)
        for layer in self.encoder:
            h = nn.relu(layer(h))
        return self.mean(h), self.logvar(h)

    def decode(self, z: Any, batch: Any) -> Any:
        first, second, last = self.decoder
        odds = last(nn.relu(second(nn.relu(first(z)))))
        rest = jax.nn.softplus(odds)  # -log(1 - p), and log p = odds - rest: one exponential
        return jnp.stack([-rest, odds - rest], axis=-1)

    def __call__(self, batch: Any, key: Any) -> Any:
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, mean.dtype)
        return mean, logvar, z, self.decode(z, batch)


def flat(params: Any) -> dict[str, np.ndarray]:
    """Weights by place: encoder/0, encoder/1, mean, logvar, decoder/0, decoder/1, decoder/2."""
    return {
        f"{name.replace('_', '/')}/{part}": np.asarray(value)
        for name, layer in params.items()
        for part, value in layer.items()
    }


def nested(weights: dict[str, np.ndarray]) -> Any:
    """The same as flax parameters."""
    params: dict[str, Any] = {}
    for place, value in weights.items():
        *path, part = place.split("/")
        params.setdefault("_".join(path), {})[part] = jnp.asarray(value)
    return params


class Stepper:
    """`qdisc.train`, several steps per device call."""

    def __init__(self, module: Any, params: Any, x: np.ndarray) -> None:
        rows = np.concatenate([x] * STEPS)
        counts = CountMatrix.one_each(np.array([len(rows)], np.int64))
        data = Dataset.from_configurations(rows, counts, np.zeros((1, 1)), data_type="discrete")
        config = TrainConfig(epochs=1, batch_size=len(x), optimizer="adam")
        self.plan, self.tables = make_plan(data, config), make_tables(data, "float32")
        assert self.plan.mode == "shuffled" and self.plan.steps_per_epoch == STEPS
        optimizer = injected(FACTORIES["adam"])
        latents = params["vae" if "vae" in params else "mean"]
        latents = latents.get("mean", latents)["bias"].size
        self.module = module
        self.program = make_program(module, "discrete", self.plan, optimizer, False, latents)
        copy = jax.tree.map(jnp.array, params)  # the loop takes over what it is given
        self.state = TrainState(copy, optimizer.init(copy), jnp.zeros((), jnp.int32))
        self.order = epoch_order(self.plan, jax.random.key(0), 0)
        one = jnp.ones((), jnp.float32)
        self.hybrid, self.key = (one, one), jax.random.key(1)

    def run(self) -> None:
        """Take `STEPS` steps."""
        rates = np.full(STEPS, 1e-3, np.float32)
        chunk = self.program.run(
            self.state, self.tables, self.order, rates, np.ones_like(rates), jnp.float32(0),
            self.hybrid, jnp.int32(STEPS), self.key,
        )  # fmt: skip
        self.state = chunk.state
        assert int(chunk.done) == STEPS, "a step was not finite"

    def gradient(self, params: Any) -> tuple[Any, Any]:
        """Loss and gradient of the first rows with the noise of `self.key`."""
        hyper = Hyper(jnp.float32(1.0), jnp.float32(0.0), self.hybrid)
        rows = np.arange(self.plan.n_rows, dtype=np.int32)

        def loss(params: Any) -> Any:
            return step_loss(params, self.module, "discrete", self.plan, False, self.tables, rows,
                             hyper, self.key)[0]  # fmt: skip

        return jax.jit(jax.value_and_grad(loss))(params)


def textbook(params: Any, x: Any, e: Any, gamma: Any, settings: dict[str, Any]) -> Any:
    """Mean of -(log pbar - log qbar), every force computed when it is needed: 2 K of them."""

    def dense(name: str, h: Any) -> Any:
        return h @ params[name]["kernel"] + params[name]["bias"]

    def log_likelihood(z: Any) -> Any:
        h = nn.relu(dense("decoder_1", nn.relu(dense("decoder_0", z))))
        odds = dense("decoder_2", h)
        return jnp.sum(jnp.where(x > 0, nn.log_sigmoid(odds), nn.log_sigmoid(-odds)), axis=1)

    def log_normal(v: Any) -> Any:
        return -0.5 * jnp.sum(v * v + jnp.log(2 * jnp.pi), axis=1)

    def force(z: Any) -> Any:
        return -jax.grad(lambda z: jnp.sum(log_likelihood(z) + log_normal(z)))(z)

    h = nn.relu(dense("encoder_1", nn.relu(dense("encoder_0", x))))
    mean, logvar = dense("mean", h), dense("logvar", h)
    z = mean + jnp.exp(0.5 * logvar) * e
    beta0, steps, size = settings["beta0"], settings["steps"], settings["step_size"]
    log_q = -0.5 * jnp.sum(jnp.log(2 * jnp.pi) + logvar + e * e, axis=1)
    rho = gamma / jnp.sqrt(beta0)
    root = 1 / np.sqrt(beta0)
    for k in range(1, steps + 1):
        rho = rho - size / 2 * force(z)
        z = z + size * rho
        rho = rho - size / 2 * force(z)
        old, new = (root + (1 - root) * j**2 / steps**2 for j in (k - 1, k))
        rho = rho * new / old
    log_rho_0 = log_normal(gamma) + 0.5 * z.shape[1] * jnp.log(beta0)
    log_q_bar = log_q + log_rho_0 - 0.5 * z.shape[1] * jnp.log(beta0)
    return jnp.mean(log_q_bar - log_likelihood(z) - log_normal(z) - log_normal(rho))


class Textbook:
    """The textbook form with Adam, jitted, one call per step, in the given precision."""

    def __init__(self, params: Any, x: np.ndarray, settings: dict[str, Any]) -> None:
        self.x, self.settings, self.key = x, settings, jax.random.key(2)
        self.shape = len(x), params["mean"]["bias"].size
        optimizer = optax.adam(1e-3)
        self.params, self.state = params, optimizer.init(params)

        def step(params: Any, state: Any, key: Any) -> Any:
            e, gamma = (jax.random.normal(k, self.shape) for k in jax.random.split(key))
            value, gradient = jax.value_and_grad(textbook)(params, self.x, e, gamma, settings)
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, value

        self.step = jax.jit(step)

    def run(self) -> None:
        """Take `STEPS` steps."""
        for _ in range(STEPS):
            self.key, now = jax.random.split(self.key)
            self.params, self.state, value = self.step(self.params, self.state, now)
            value.block_until_ready()

    def gradient(self, key: Any) -> tuple[Any, Any]:
        """Loss and gradient in float64 with the noise that qdisc draws from the step's key."""
        latent = jax.random.split(key)[1]
        noise = [np.asarray(jax.random.normal(k, self.shape, jnp.float32))
                 for k in (latent, jax.random.fold_in(latent, 1))]  # fmt: skip
        with jax.enable_x64(True):
            wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), self.params)
            fixed = lambda p, e, g: textbook(p, self.x, e, g, self.settings)  # noqa: E731
            call = jax.jit(jax.value_and_grad(fixed))
            e, gamma = (jnp.asarray(n, jnp.float64) for n in noise)
            return jax.tree.map(np.asarray, call(wide, e, gamma))


def steppers(params: Any, x: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
    """All that can be timed, by name."""
    module = Perceptrons(x.shape[1], *params["mean"]["kernel"].shape)
    options = {"learn_step_size": False, "learn_beta0": False, "data_type": "discrete"}

    def hvae(method: str) -> Stepper:
        around = HVAE(module, **settings, **options, grad_method=method)
        return Stepper(around, {"vae": params}, x)

    return {
        "vae": Stepper(module, params, x),
        "stopped": hvae("autodiff_stop"),
        "exact": hvae("autodiff"),
        "textbook": Textbook(params, x.astype(np.float32), settings),
    }


def read(source: str) -> tuple[Any, np.ndarray, dict[str, Any]]:
    """Weights, data and settings of the path."""
    with np.load(source) as file:
        arrays = dict(file)
    x = arrays.pop("x").astype(np.uint8)
    settings = {name: float(arrays.pop(name)) for name in ("step_size", "beta0")}
    return nested({k: v for k, v in arrays.items() if k != "steps"}), x, {
        "steps": int(arrays["steps"]), **settings,
    }  # fmt: skip


def main() -> None:
    """Answer lines `NAME STEPS` with CPU seconds per step."""
    source, out, core = sys.argv[1:4]
    os.sched_setaffinity(0, {int(core)})
    params, x, settings = read(source)
    made = steppers(params, x, settings)
    module = made["vae"].module
    mean, logvar = module.apply({"params": params}, x, method="encode")
    cp = module.apply({"params": params}, mean, x, method="decode")
    np.savez(out, mean=mean, logvar=logvar, image=np.exp(cp[..., 1]))
    print("ready", flush=True)
    for line in sys.stdin:
        name, count = line.split()
        calls = max(1, round(int(count) / STEPS))
        start = time.process_time()
        for _ in range(calls):
            made[name].run()
        print((time.process_time() - start) / (calls * STEPS), flush=True)


if __name__ == "__main__":
    main()
