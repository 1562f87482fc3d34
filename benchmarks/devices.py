"""`python -m benchmarks devices`: loss curve and step time against the number of devices.

One processor is divided into several devices, as XLA can, so that sharding is exercised anywhere:
the curves must agree, and the time shows what sharing costs, not what more hardware gains. With
real accelerators the same command shows that (`--devices 1 2 4`).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import in_child

SITES, BATCH, EPOCHS, SHOTS = 32, 1024, 4, 16 * 1024
TOLERANCE = 1e-4  # of the loss: sums over rows are taken in another order


def run(devices: int) -> dict[str, Any]:
    """One training in a process of its own; seconds per step of the epochs after the first."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    import time

    import numpy as np

    from qdisc.config import TrainConfig
    from qdisc.dataset.dataset import Dataset
    from qdisc.nn.arnn import ARNNDense
    from qdisc.nn.encoders_cnn import EncoderCNNcirc1D
    from qdisc.nn.vae import VAEmodel
    from qdisc.train.loop import fit

    rng, theta = np.random.default_rng(0), np.linspace(0.2, 0.8, 4)
    spins = rng.random((4, SHOTS // 4, SITES)) < theta[:, None, None]
    dataset = Dataset(spins.astype(np.uint8), [theta], "discrete")
    model = VAEmodel(EncoderCNNcirc1D(latent_dim=2), ARNNDense())
    ends: list[float] = []
    config = TrainConfig(
        epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-3, beta=0.5, devices=devices
    )
    found = fit(model, dataset, config, callbacks=[lambda epoch: ends.append(time.perf_counter())])
    steps = len(found.steps) // EPOCHS
    return {"loss": found.steps[:, 0].tolist(), "seconds": (np.diff(ends) / steps).tolist()}


def table(found: dict[int, dict[str, Any]]) -> str:
    """Markdown, and whether the curves agree."""
    one = found[min(found)]["loss"]
    lines = ["| devices | s per step | against one | largest deviation of the loss |",
             "|---|---|---|---|"]  # fmt: skip
    base = statistics.median(found[min(found)]["seconds"])
    for n, run in found.items():
        seconds = statistics.median(run["seconds"])
        lines.append(f"| {n} | {seconds:.3f} | {seconds / base:.2f} | {deviation(run, one):.1e} |")
    return "\n".join(lines)


def deviation(run: dict[str, Any], one: Sequence[float]) -> float:
    """Largest relative difference of two loss curves."""
    return max(abs(a - b) / abs(b) for a, b in zip(run["loss"], one, strict=True))


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 if a curve differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks devices", description=__doc__)
    parser.add_argument("--devices", type=int, nargs="+", default=(1, 2, 4, 8), metavar="N")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    options = parser.parse_args(arguments)
    found = {}
    for n in options.devices:
        found[n] = in_child(f"{__name__}:run", n)
        print(f"  {n} devices", file=sys.stderr, flush=True)
    print(table(found))
    if options.write:
        from benchmarks.machine import describe
        from benchmarks.pages import PAGE, replace

        about = describe()
        where = f"Measured on: {about['processor']}, {about['cores']} cores, jax {about['jax']}."
        replace(PAGE, "devices", f"{table(found)}\n\n{where}")
    one = found[min(found)]["loss"]
    return int(any(deviation(run, one) > TOLERANCE for run in found.values()))
