"""Train on the devices of this process (or of several) and print the loss curves as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.train.checkpoint import Checkpoint
from qdisc.train.loop import fit


class Small(nn.Module):
    """Two latents and four sites, all linear: it compiles in no time."""

    real: bool

    def setup(self):
        self.mean, self.odds = nn.Dense(2), nn.Dense(8)

    def encode(self, batch):
        mean = self.mean(batch.astype(jnp.float32))
        return mean, 0.1 * mean - 1.0

    def decode(self, z, batch):
        out = self.odds(z).reshape(-1, 4, 2)
        return 0.3 * out if self.real else jax.nn.log_softmax(out)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)
        return mean, logvar, z, self.decode(z, batch)


def data(kind: str, folder: Path) -> Dataset:
    """Values that do not repeat, the same from their file, or spins that do."""
    rng, theta = np.random.default_rng(0), np.linspace(0, 1, 3)
    if kind == "counts":
        ups = (0.2 + 0.6 * theta)[:, None, None]
        return Dataset((rng.random((3, 200, 4)) < ups).astype(np.uint8), [theta], "discrete")
    values = Dataset(rng.normal(theta[:, None, None], 1, (3, 67, 4)), [theta], "continuous")
    if kind == "rows":
        return values
    file = folder / "data.h5"
    if not file.exists():
        write_dataset(values, file)
    return read_dataset(file, stream=True)


def curves(kind: str, devices: int | str, folder: Path) -> dict[str, object]:
    """Steps, validation losses and the sum of the parameters of one training."""
    dataset = data(kind, folder)
    config = TrainConfig(
        epochs=3, batch_size=30, learning_rate=1e-2, gamma=1.0, devices=devices,
        validation_fraction=0.2 if kind == "counts" else 0.0,
    )  # fmt: skip
    model = Small(dataset.data_type == "continuous")
    keep = Checkpoint(folder / "kept.h5") if devices == "all" else None
    run = fit(model, dataset, config, checkpoint=keep, stop=lambda: None)
    shares = {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(run.state.params)}
    held = run.validation_loss
    return {
        "steps": run.steps.tolist(), "devices": sorted(shares), "compiled": run.n_compilations,
        "validation": None if held is None else held.tolist(),
        "params": [float(np.abs(leaf).sum()) for leaf in jax.tree.leaves(run.variables)],
    }  # fmt: skip


if __name__ == "__main__":
    folder, wanted = Path(sys.argv[1]), json.loads(sys.argv[2])
    if len(sys.argv) > 3:  # one of two processes on this machine
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"localhost:{sys.argv[3]}", 2, int(sys.argv[4]))
    print(json.dumps({f"{k} {n}": curves(k, n, folder) for k, n in wanted}))
